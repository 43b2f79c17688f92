"""Rounds what goes into the layers of a network while hooks are in place, and observes its range beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from monai.data import DataLoader
from monai.networks import eval_mode
from torch import Tensor, nn
from torch.utils.data import Dataset, Subset
from torch.utils.hooks import RemovableHandle

from htl_monai.pruning.fake_quantization import rounded_images
from htl_monai.pruning.prunable import PRUNABLE_LAYERS

__all__ = ["calibration_loader", "check_not_compiled", "observed_ranges", "round_inputs"]

Ranges = Mapping[str, tuple[float, float]]


def calibration_loader(
    dataset: Dataset[Any], count: int, batch_size: int, activations: str = "static"
) -> DataLoader | None:
    """Return batches of about ``count`` images, spread over a dataset; None for activations that are not static."""
    if activations != "static":
        return None
    chosen = range(0, len(dataset), max(1, len(dataset) // count))  # type: ignore[arg-type]
    return DataLoader(Subset(dataset, chosen), batch_size=batch_size)


def round_inputs(network: nn.Module, bits: int, ranges: Ranges | None = None) -> list[RemovableHandle]:
    """Round the input of every convolution and linear layer from now on, until the returned handles are removed.

    Args:
        network: the network, which must not be compiled.
        bits: width of the integers, 2 to 16.
        ranges: lowest and highest input by layer, as :func:`observed_ranges` returns them: an input outside is brought
            to the nearest bound; a layer that is not named keeps its input. None: the range of each image by itself.
    """
    return [
        layer.register_forward_pre_hook(_rounding(bits, ranges[name] if ranges else None), with_kwargs=True)
        for name, layer in _layers(network).items()
        if ranges is None or name in ranges
    ]


def observed_ranges(
    network: nn.Module, batches: Iterable[Any], prepare_batch: Callable[..., Any] | None = None
) -> dict[str, tuple[float, float]]:
    """Run ``network`` on batches and return the lowest and the highest input of each layer.

    Args:
        network: the dense network; its mode is the same afterwards.
        batches: see :class:`~htl_monai.pruning.Quantization`.
        prepare_batch: see there.

    Returns:
        ``(low, high)`` by the name of the layer; layers that the network never calls are left out.

    Raises:
        ValueError: there is no batch, or an input is not finite.
    """
    ranges: dict[str, tuple[float, float]] = {}
    handles = [
        layer.register_forward_pre_hook(_observing(name, ranges), with_kwargs=True)
        for name, layer in _layers(network).items()
    ]
    device = next(network.parameters()).device
    try:
        with eval_mode(network):
            for batch in batches:
                image, args, kwargs = _prepared(batch, device, prepare_batch)
                network(image, *args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    if not ranges:
        raise ValueError("calibration must hold at least one batch, got none; pass batches of training images")
    return ranges


def check_not_compiled(network: nn.Module) -> None:
    """Refuse a network that ``torch.compile`` has compiled, in whole or in part: its code passes new hooks by."""
    for name, module in network.named_modules():
        if getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod"):
            raise ValueError(
                f"network must not be compiled where activations are quantised, got {name or 'the whole network'} "
                "compiled; prepare it with compiled=False, or choose activations none"
            )


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """Return all layers of the kinds that are pruned; of those that share a weight each has an input of its own."""
    return {name: module for name, module in network.named_modules() if isinstance(module, PRUNABLE_LAYERS)}


def _rounding(bits: int, observed: tuple[float, float] | None) -> Callable[..., Any]:
    def hook(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        images: Tensor = args[0] if args else kwargs["input"]
        low, high = images.amin(tuple(range(1, images.ndim))), images.amax(tuple(range(1, images.ndim)))
        if observed is not None:
            # Times 0, so that an image with NaN or infinity in it stays recognisable: rounding would hide it.
            low, high = 0 * low.float() + observed[0], 0 * high.float() + observed[1]
        rounded = rounded_images(images, low, high, bits)
        return ((rounded, *args[1:]), kwargs) if args else (args, {**kwargs, "input": rounded})

    return hook


def _observing(name: str, ranges: dict[str, tuple[float, float]]) -> Callable[..., None]:
    def hook(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        images: Tensor = args[0] if args else kwargs["input"]
        if not torch.isfinite(images).all():
            raise ValueError(
                f"calibration must lead to finite inputs of every layer, got NaN or infinity in that of {name}; "
                "check the images and the weights"
            )
        low, high = ranges.get(name, (torch.inf, -torch.inf))
        ranges[name] = (min(low, float(images.min())), max(high, float(images.max())))

    return hook


def _prepared(
    batch: Any, device: torch.device, prepare_batch: Callable[..., Any] | None
) -> tuple[Tensor, tuple[Any, ...], dict[str, Any]]:
    if prepare_batch is None:
        image = batch if isinstance(batch, Tensor) else batch["image"]
        return image.to(device), (), {}
    image, _, *more = prepare_batch(batch, device, False)
    args, kwargs = more or ((), {})
    return image, args, kwargs
