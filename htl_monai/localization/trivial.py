"""Localizations that need no network; whatever a heat map is worth, it must be worth more than these."""

from __future__ import annotations

import torch
from skimage.color import rgb2gray
from skimage.filters import threshold_otsu
from torch import Tensor


def whole_image(inputs: Tensor) -> Tensor:
    """Return a map of ones for each image, ``(N, 1, H, W)`` float32."""
    return _blank(inputs).fill_(1)


def centre_box(inputs: Tensor, fraction: float = 0.5) -> Tensor:
    """Return a map of each image that is 1 in a box around the centre and 0 elsewhere.

    Args:
        fraction: the sides of the box as a share of the image's, in (0, 1]; they are rounded to whole pixels, to one
            at least. A box that cannot be in the middle lies one pixel nearer to the top and the left.

    Raises:
        ValueError: ``fraction`` is not in (0, 1].

    Example:
        >>> centre_box(torch.zeros(1, 3, 2, 4), 0.5)[0, 0].tolist()
        [[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1], got {fraction}; give the share of each side that the box covers")
    maps = _blank(inputs)
    rows, columns = (max(1, round(fraction * side)) for side in maps.shape[2:])
    top, left = (maps.shape[2] - rows) // 2, (maps.shape[3] - columns) // 2
    maps[:, :, top : top + rows, left : left + columns] = 1
    return maps


def dark_side(inputs: Tensor) -> Tensor:
    """Return a map of each image that is 1 where it is as dark as Otsu's threshold or darker.

    Args:
        inputs: RGB in [0, 1], ``(N, 3, H, W)``; grey is scikit-image's ``rgb2gray``.

    Returns:
        ``(N, 1, H, W)`` float32; all 0 for an image of one grey, which has no dark side.

    Raises:
        ValueError: ``inputs`` are not RGB, or leave [0, 1].
    """
    maps = _blank(inputs)
    if inputs.shape[1] != 3:
        raise ValueError(f"inputs must be RGB (N, 3, H, W), got {tuple(inputs.shape)}; pass three channels")
    # The negation refuses NaN as well.
    if not bool(((inputs >= 0) & (inputs <= 1)).all()):
        raise ValueError(
            f"inputs must be in [0, 1], got {float(inputs.min()):g} to {float(inputs.max()):g}; scale the images first"
        )
    for image, one in zip(inputs.detach().cpu().numpy(), maps, strict=True):
        grey = rgb2gray(image, channel_axis=0)
        if grey.min() < grey.max():
            one[0] = torch.from_numpy(grey <= threshold_otsu(grey))
    return maps


def _blank(inputs: Tensor) -> Tensor:
    if inputs.ndim != 4:
        raise ValueError(f"inputs must be (N, C, H, W), got {tuple(inputs.shape)}; pass a batch of 2D images")
    count, _, height, width = inputs.shape
    return torch.zeros(count, 1, height, width, device=inputs.device)
