"""Numbers subjects: images of one patient, or of one lesion, are one draw, not several."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray


def subject_numbers(subjects: Iterable[Hashable] | None, n_images: int) -> NDArray[np.intp]:
    """Return the number of each image's subject.

    Args:
        subjects: ``(N,)``, whom each image shows; None or NaN for an image = unknown, and a subject of its own. None
            in all = every image is a subject of its own.
        n_images: N.

    Returns:
        ``(N,)`` from 0.

    Raises:
        ValueError: ``subjects`` has another length.

    Example:
        >>> subject_numbers(["anna", "bert", None, "anna", None], 5).tolist()
        [0, 1, 2, 0, 3]
    """
    if subjects is None:
        return np.arange(n_images)
    if isinstance(subjects, np.ndarray) and subjects.dtype.kind in "iu" and len(subjects) == n_images:
        return np.unique(subjects, return_inverse=True)[1]
    names = list(subjects)
    if len(names) != n_images:
        raise ValueError(
            f"subjects must have one entry for each of {n_images} images, got {len(names)}; pass None for an image "
            "whose subject is unknown"
        )
    number: dict[Hashable, int] = {}
    places = []
    for image, name in enumerate(names):
        known = name is not None and name == name
        places.append(number.setdefault(("subject", name) if known else ("image", image), len(number)))
    return np.array(places, dtype=np.intp)
