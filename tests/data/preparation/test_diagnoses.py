"""Diagnoses become classes with numbers and weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from htl_monai.data.preparation.diagnoses import class_names, diagnosis_weights, with_class_labels


def items(*names: str | None) -> list[dict[str, str | None]]:
    return [{"id": f"image{number}", "diagnosis": name} for number, name in enumerate(names)]


def test_classes_are_the_sorted_diagnoses() -> None:
    assert class_names(items("NV", "MEL", None, "BCC", "MEL")) == ["BCC", "MEL", "NV"]


@pytest.mark.parametrize("names", [[], [None], ["NV", "NV", None]])
def test_one_diagnosis_is_no_task(names: list[str | None]) -> None:
    with pytest.raises(ValueError, match=r"diagnosis must have at least two values, got \[.*\] in \d images; give"):
        class_names(items(*names))


def test_labels_are_numbers_in_the_order_of_the_classes() -> None:
    given = items("NV", "MEL", "NV")
    given[0]["label"] = "mask.png"
    labelled = with_class_labels(given, ["MEL", "NV"])
    assert [item["label"] for item in labelled] == [1, 0, 1] and given[0]["label"] == "mask.png"
    assert [item["id"] for item in labelled] == ["image0", "image1", "image2"]


def test_unknown_and_missing_diagnoses_are_named() -> None:
    with pytest.raises(ValueError, match="diagnosis must be one of MEL, NV, got another or none for image1, image2;"):
        with_class_labels([*items("NV", None, "BCC"), {"id": "image3", "diagnosis": "MEL"}], ["MEL", "NV"])
    with pytest.raises(ValueError, match="got another or none for x"):
        with_class_labels([{"id": "x"}], ["MEL", "NV"])


def test_weights_are_those_of_scikit_learn() -> None:
    names = ["NV"] * 13 + ["MEL"] * 4 + ["BCC"]
    classes = ["BCC", "MEL", "NV"]
    weights = diagnosis_weights(items(*names, None), classes)
    expected = compute_class_weight("balanced", classes=np.array(classes), y=names)
    assert weights.dtype == torch.float32 and weights.shape == (3,)
    torch.testing.assert_close(weights, torch.tensor(expected, dtype=torch.float32))


def test_a_class_without_images_is_named() -> None:
    with pytest.raises(ValueError, match="every class must have an image to train on, got none of BCC, DF; add"):
        diagnosis_weights(items("MEL", "NV"), ["BCC", "DF", "MEL", "NV"])


def test_a_power_brings_the_weights_nearer() -> None:
    items = [{"diagnosis": "MEL"}, *[{"diagnosis": "NV"}] * 3]
    assert diagnosis_weights(items, ["MEL", "NV"], power=0.5).tolist() == pytest.approx([2**0.5, (2 / 3) ** 0.5])
    assert diagnosis_weights(items, ["MEL", "NV"], power=0).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"power must be in \[0, 1\], got 2"):
        diagnosis_weights(items, ["MEL", "NV"], power=2)
