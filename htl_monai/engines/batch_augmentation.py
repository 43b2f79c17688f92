"""Augments a whole batch on its device: flips, rotation and zoom in a single resampling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from monai.engines import default_prepare_batch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


class BatchAugmentation:
    """Flip, rotate and zoom each image of a batch by chance, and its mask alike: the ``prepare_batch`` of a trainer.

    Transforms that augment image by image in a loader's workers take the processor time of a small network's training
    step again, on a CPU from the training itself. Here a batch takes one resampling, on the GPU where there is one.

    Args:
        horizontal_flip_prob: probability of swapping left and right, in [0, 1].
        vertical_flip_prob: probability of swapping top and bottom, in [0, 1]; 0 where up and down have a meaning, as in
            a chest X-ray.
        affine_prob: probability of a rotation with a zoom, in [0, 1].
        rotate_range: largest rotation either way in radians.
        scale_range: largest zoom either way along each axis, in [0, 1).

    Raises:
        ValueError: a probability or range is outside its bounds.
    """

    def __init__(
        self,
        horizontal_flip_prob: float = 0.5,
        vertical_flip_prob: float = 0.5,
        affine_prob: float = 0.5,
        rotate_range: float = math.pi,
        scale_range: float = 0.1,
    ) -> None:
        names = ("horizontal_flip_prob", "vertical_flip_prob", "affine_prob")
        for name, value in zip(names, (horizontal_flip_prob, vertical_flip_prob, affine_prob), strict=True):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {value}; 0 switches it off")
        if not 0 <= scale_range < 1 or rotate_range < 0:
            raise ValueError(
                f"scale_range must be in [0, 1) and rotate_range at least 0, got {scale_range} and {rotate_range}; "
                "0 switches them off"
            )
        self.flip_probs = (horizontal_flip_prob, vertical_flip_prob)
        self.affine_prob, self.rotate_range, self.scale_range = affine_prob, rotate_range, scale_range

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Any]:
        """Return images ``(N, C, H, W)`` and labels on ``device``, augmented.

        Labels that are masks of the same ``(H, W)`` go with the images; anything else stays as it is.
        """
        image, label = default_prepare_batch(batchdata, device, non_blocking, **kwargs)
        affines = random_affines(len(image), self.flip_probs, self.affine_prob, self.rotate_range, self.scale_range)
        if isinstance(label, Tensor) and label.shape[2:] == image.shape[2:] and label.ndim == image.ndim:
            label = resampled(label, affines, "nearest")
        return resampled(image, affines, "bilinear"), label


def random_affines(
    count: int, flip_probs: tuple[float, float], affine_prob: float, rotate_range: float, scale_range: float
) -> Tensor:
    """Draw matrices ``(count, 2, 2)`` that map (x, y) of the new image to the old one, in pixels from the centre.

    ``flip_probs`` are those of a flip along x and along y. All numbers come from torch's global generator on the CPU,
    so that every device augments alike.
    """
    flips = 1 - 2 * (torch.rand(count, 2) < torch.tensor(flip_probs)).float()
    moved = (torch.rand(count) < affine_prob).float()
    angles = moved * rotate_range * (2 * torch.rand(count) - 1)
    scales = 1 + moved[:, None] * scale_range * (2 * torch.rand(count, 2) - 1)
    cos, sin = torch.cos(angles), torch.sin(angles)
    rotations = torch.stack([torch.stack([cos, -sin], dim=-1), torch.stack([sin, cos], dim=-1)], dim=-2)
    return rotations * (flips * scales)[:, None, :]


def resampled(images: Tensor, affines: Tensor, mode: str) -> Tensor:
    """Return the images at the places that the matrices name; beyond the border they are mirrored.

    Args:
        images: ``(N, C, H, W)``.
        affines: ``(N, 2, 2)``, see :func:`random_affines`.
        mode: ``bilinear``, or ``nearest`` for masks.

    Example:
        >>> row = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
        >>> resampled(row, torch.diag(torch.tensor([-1.0, 1.0]))[None], "nearest").flatten().tolist()
        [3.0, 2.0, 1.0]
    """
    height, width = images.shape[2:]
    # affine_grid counts each axis from -1 to 1: a matrix in pixels is stretched by the ratio of the sides.
    sides = torch.tensor([width, height], dtype=affines.dtype)
    stretched = affines * sides[None, None, :] / sides[None, :, None]
    theta = torch.cat([stretched, torch.zeros(len(affines), 2, 1)], dim=2).to(images.device, images.dtype)
    grid = affine_grid(theta, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode=mode, padding_mode="reflection", align_corners=False)
