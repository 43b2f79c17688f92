"""Tells which images a network says nothing usable of: its output for them is NaN or infinite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from htl_monai.data.readers.listing import name_first

__all__ = ["are_finite", "require_finite"]


def are_finite(output: Tensor) -> Tensor:
    """Tell of each image whether all of its output is finite.

    Args:
        output: ``(N, ...)``, floating point.

    Returns:
        bool ``(N,)``, on the device of ``output``.

    Example:
        >>> are_finite(torch.tensor([[0.0, 1.0], [0.0, torch.nan], [torch.inf, 0.0]])).tolist()
        [True, False, False]
    """
    values = output.detach().as_subclass(Tensor)  # type: ignore[attr-defined]
    rest = tuple(range(1, values.ndim))
    # One number per image instead of one per pixel: NaN goes through minimum and maximum, infinity is one of them.
    return torch.isfinite(values.amin(rest)) & torch.isfinite(values.amax(rest)) if rest else torch.isfinite(values)


def require_finite(finite: Tensor, ids: Sequence[str], sparsities: Sequence[float] = (0.0,)) -> None:
    """Stop at images whose output is not finite: as a mask or a score it would pass for "no lesion".

    Args:
        finite: bool ``(N, S)``, from :func:`are_finite` of each network.
        ids: of the ``N`` images.
        sparsities: of the ``S`` networks; 0 is the dense one.

    Raises:
        FloatingPointError: names the images, and the first sparsity at which it happens.
    """
    if bool(finite.all()):
        return
    column = int((~finite).any(dim=0).nonzero()[0])
    wrong = [str(id_) for id_, good in zip(ids, finite[:, column].tolist(), strict=True) if not good]
    at = f"at sparsity {sparsities[column]:g}" if sparsities[column] else "of the dense network"
    raise FloatingPointError(
        f"the output {at} must be finite, got NaN or infinity for {name_first(wrong)}; use precision fp32, look at "
        f"these images, and {'leave this sparsity out' if sparsities[column] else 'check the weights'}"
    )
