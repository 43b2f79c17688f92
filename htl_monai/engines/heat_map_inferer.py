"""Infers heat maps where another inferer returns the network's output."""

from __future__ import annotations

from collections.abc import Sequence

from monai.inferers import Inferer
from torch import Tensor, nn

from htl_monai.engines.precision import PrecisionInferer
from htl_monai.localization.heat_maps import HeatMaps


class HeatMapInferer(Inferer):
    """Infer where the network looks instead of what it says, so that mining and evaluation can score heat maps.

    Args:
        precision: ``fp32`` or ``bf16``, of the network; the arithmetic of the maps is fp32.
        channels_last: bring 4-dimensional inputs to channels-last.
        method: a method of the grad-cam package, see :func:`~htl_monai.localization.cam_methods.cam_method`.
        layer: its dotted name in the network; None for the last convolution.

    Raises:
        ValueError: ``precision`` or ``method`` is none that works.
    """

    looks_inside = True  # needs the layers and gradients of the network itself

    def __init__(
        self,
        precision: str = "fp32",
        channels_last: bool = True,
        method: str = "GradCAMPlusPlus",
        layer: str | None = None,
    ) -> None:
        super().__init__()
        self.heat_maps = HeatMaps(method, layer, forward=PrecisionInferer(precision, channels_last))

    def __call__(
        self, inputs: Tensor, network: nn.Module, class_index: int | Sequence[int] | Tensor | None = None
    ) -> Tensor:
        """Return the heat maps ``(N, 1, H, W)``, see :class:`~htl_monai.localization.heat_maps.HeatMaps`."""
        return self.heat_maps(inputs, network, class_index)
