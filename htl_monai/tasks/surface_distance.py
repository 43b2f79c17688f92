"""How far the surfaces of two masks are apart."""

from __future__ import annotations

import warnings

import torch
from monai.data import MetaTensor
from monai.metrics import compute_average_surface_distance
from torch import Tensor

__all__ = ["surface_distance"]


def surface_distance(drawn: Tensor, actual: Tensor, like: Tensor) -> Tensor:
    """Return MONAI's symmetric average surface distance of each sample and class.

    Args:
        drawn: bool ``(N, C, H, W)`` or ``(N, C, H, W, D)``.
        actual: the same of the label.
        like: the label itself: where MONAI keeps its affine, distances are in its unit (mm), else in pixels.

    Returns:
        float64 ``(N, C)``, lower = better; NaN where one of the masks is empty: it has no surface.
    """
    pairs = zip(drawn.float().split(1), actual.float().split(1), _spacings(like, drawn.ndim - 2), strict=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*nan/inf distance")
        warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)
        rows = [
            compute_average_surface_distance(*masks, include_background=True, symmetric=True, spacing=spacing)
            for *masks, spacing in pairs
        ]
    distances = torch.cat(rows).double()
    return distances.where(torch.isfinite(distances), torch.nan)


def _spacings(label: Tensor, n_dims: int) -> list[list[float] | None]:
    if not isinstance(label, MetaTensor):
        return [None] * len(label)
    affines = torch.as_tensor(label.affine).double().cpu()
    affines = affines if affines.ndim == 3 else affines[None].expand(len(label), -1, -1)
    return [affine[:n_dims, :n_dims].norm(dim=0).tolist() for affine in affines]
