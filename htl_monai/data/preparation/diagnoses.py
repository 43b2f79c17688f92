"""Diagnoses as classes: their names, their numbers, their weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from htl_monai.data.readers.listing import Item, name_first


def class_names(items: Sequence[Item]) -> list[str]:
    """Return the diagnoses that occur, sorted: the classes of a network and their order.

    Raises:
        ValueError: fewer than two occur.

    Example:
        >>> class_names([{"diagnosis": "NV"}, {"diagnosis": "MEL"}, {"diagnosis": "NV"}, {"diagnosis": None}])
        ['MEL', 'NV']
    """
    names = sorted({item["diagnosis"] for item in items if item.get("diagnosis") is not None})
    if len(names) < 2:
        raise ValueError(
            f"diagnosis must have at least two values, got {names} in {len(items)} images; "
            "give images of several diagnoses"
        )
    return names


def with_class_labels(items: Sequence[Item], classes: Sequence[str]) -> list[Item]:
    """Return copies of the items whose ``label`` is the number of their diagnosis in ``classes``.

    Raises:
        ValueError: a diagnosis is missing or none of ``classes``.

    Example:
        >>> with_class_labels([{"id": "1", "diagnosis": "NV"}], ["MEL", "NV"])
        [{'id': '1', 'diagnosis': 'NV', 'label': 1}]
    """
    numbers = {name: number for number, name in enumerate(classes)}
    wrong = [str(item["id"]) for item in items if item.get("diagnosis") not in numbers]
    if wrong:
        raise ValueError(
            f"diagnosis must be one of {', '.join(classes)}, got another or none for {name_first(wrong)}; "
            "correct the data list, or leave these images out"
        )
    return [{**item, "label": numbers[item["diagnosis"]]} for item in items]


def diagnosis_weights(items: Sequence[Item], classes: Sequence[str], power: float = 1.0) -> Tensor:
    """Return the weights of the classes for the cross-entropy of Attend Who is Weak, equation (3).

    A class weighs the inverse of its number of images, ``n / (C n_c)``, so that each class weighs the same in sum; a
    power below 1 brings the weights nearer to each other, for classes so rare that theirs would drown the others.

    Args:
        items: the training list; images of no class do not count.
        classes: the C classes in the order of the network's outputs.
        power: of each weight, in [0, 1]; 0 weighs all images alike.

    Raises:
        ValueError: a class has no image, or ``power`` is outside [0, 1].

    Example:
        >>> diagnosis_weights([{"diagnosis": "MEL"}, *[{"diagnosis": "NV"}] * 3], ["MEL", "NV"])
        tensor([2.0000, 0.6667])
    """
    if not 0 <= power <= 1:
        raise ValueError(f"power must be in [0, 1], got {power}; 1 weighs by the inverse frequency")
    counts = Counter(item.get("diagnosis") for item in items)
    absent = [name for name in classes if not counts[name]]
    if absent:
        raise ValueError(
            f"every class must have an image to train on, got none of {', '.join(absent)}; "
            "add images, or leave these classes out"
        )
    numbers = torch.tensor([counts[name] for name in classes], dtype=torch.float64)
    return ((numbers.sum() / (len(classes) * numbers)) ** power).float()
