"""Reads images that have no mask through the transforms of those that have one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TypeVar

from monai.transforms import Compose, MapTransform

from htl_monai.data.readers.listing import UNLABELLED, Item, without_masks

T = TypeVar("T")


def unlabelled_images(datalists: Mapping[str, Sequence[Item]]) -> list[Item]:
    """Return the images without mask of some data lists, at least one; a mask that one has all the same is left out.

    Raises:
        ValueError: there is none.
    """
    images = without_masks(datalists.get(UNLABELLED, ()))
    if not images:
        raise ValueError(
            f"the data must hold images in the list {UNLABELLED}, got none; add images without mask, or run the "
            "setting supervised"
        )
    return images


def image_only(transforms: Sequence[MapTransform]) -> Compose:
    """Return the same transforms for items without mask: what they do to a key that is not there is left out.

    A training must stop at a missing mask, so its own transforms do not allow one; these are copies.

    Example:
        >>> import torch
        >>> from monai.transforms import ScaleIntensityd
        >>> image_only([ScaleIntensityd(["image", "label"])])({"image": torch.tensor([0.0, 2.0])})["image"].tolist()
        [0.0, 1.0]
    """
    return allow_missing_keys(Compose([copy.copy(transform) for transform in transforms]))


def allow_missing_keys(transform: T) -> T:
    """Let transforms of image and label, composed or not, take samples without label; return them."""
    if isinstance(transform, Compose):
        for step in transform.transforms:
            allow_missing_keys(step)
    elif isinstance(transform, MapTransform):
        transform.allow_missing_keys = True
    return transform
