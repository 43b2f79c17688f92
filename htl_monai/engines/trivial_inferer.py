"""Stands in for a network with the plain baselines of localization."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from monai.inferers import Inferer
from torch import Tensor, nn

from htl_monai.localization.trivial import centre_box, dark_side, whole_image

KINDS = ("whole", "centre_box", "otsu")


class TrivialInferer(Inferer):
    """Infer a heat map of zeros and ones from the image alone; the network is not looked at.

    Args:
        kind: ``whole`` is the whole image, ``centre_box`` a box around its centre, ``otsu`` the dark side of Otsu's
            threshold on the grey image.
        fraction: the sides of the centre box as a share of the image's, in (0, 1]; the other kinds take no notice.

    Raises:
        ValueError: ``kind`` is another word, or ``fraction`` is not in (0, 1].
    """

    def __init__(self, kind: str = "whole", fraction: float = 0.5) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}; choose one of them")
        if not 0 < fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1], got {fraction}; give the share of each side of the image")
        self.kind = kind
        self.fraction = fraction

    def __call__(self, inputs: Tensor, network: nn.Module | None = None, *args: Any, **kwargs: Any) -> Tensor:
        """Return heat maps ``(N, 1, H, W)`` of 0 and 1 for images ``(N, C, H, W)``; for ``otsu`` RGB in [0, 1]."""
        if self.kind == "centre_box":
            return centre_box(inputs, self.fraction)
        return whole_image(inputs) if self.kind == "whole" else dark_side(inputs)


def inferer_of_arm(arm: str, network: Inferer, baselines: Collection[str] = KINDS, fraction: float = 0.5) -> Inferer:
    """Return the inferer of an arm: a :class:`TrivialInferer` for one of the baselines, else that of the network."""
    return TrivialInferer(arm, fraction) if arm in baselines else network
