"""Puts what was found in a picture into numbers that JSON holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from htl_monai.localization.boxes import mask_to_box


def found_lesion(mask: np.ndarray) -> dict[str, Any]:
    """Return size, box and area of a mask ``(H, W)`` in pixels.

    ``size`` is (width, height); ``box`` half-open, of the largest 8-connected region, None where the mask is empty;
    ``area_px`` of the whole mask.

    Example:
        >>> found_lesion(np.array([[0, 1, 1], [0, 0, 0]]))
        {'size': [3, 2], 'box': {'x_min': 1, 'y_min': 0, 'x_max': 3, 'y_max': 1}, 'area_px': 2}
    """
    box = mask_to_box(mask)
    return {
        "size": [*mask.shape[::-1]],
        "box": box._asdict() if box else None,
        "area_px": int(np.count_nonzero(mask)),
    }


def found_class(class_prob: Tensor, classes: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the most probable of C classes; its name is None where the names are not known.

    Raises:
        ValueError: there are not as many names as classes.

    Example:
        >>> found_class(Tensor([0.25, 0.75]), ["MEL", "NV"])
        {'class_index': 1, 'class_name': 'NV', 'class_prob': 0.75}
    """
    if classes is not None and len(classes) != len(class_prob):
        raise ValueError(
            f"classes must be the names of {len(class_prob)} classes, got {', '.join(classes)}; give one per class"
        )
    index = int(class_prob.argmax())
    return {
        "class_index": index,
        "class_name": classes[index] if classes is not None else None,
        "class_prob": float(class_prob[index]),
    }
