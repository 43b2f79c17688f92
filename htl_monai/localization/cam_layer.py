"""Finds a layer of a network by its name, and keeps what it puts out during a forward pass."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


class LayerOutput:
    """The output of a layer in one forward pass: the start of the graph that the rest of the network records."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.activations: list[Tensor] = []

    def cut(self, module: nn.Module, inputs: Any, output: Any) -> Tensor:
        """Forward hook: hand on the output detached, so that nothing before the layer is part of the graph."""
        if not isinstance(output, Tensor) or output.ndim != 4:
            got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f"layer must put out (N, K, h, w), got {got} of {self.name!r}; name a convolution")
        self.activations.append(output.detach().requires_grad_())
        return self.activations[-1]

    def require_one(self) -> None:
        """Refuse a layer that did not run once in the forward pass."""
        if len(self.activations) != 1:
            raise ValueError(
                f"layer must run once in a forward pass, got {len(self.activations)} runs of {self.name!r}; "
                "name another layer"
            )

    def refuse_in_place(self, other: str, module: nn.Module, inputs: Any) -> None:
        """Forward pre-hook: refuse to run a module in place on what is kept."""
        kept = {output.untyped_storage().data_ptr() for output in self.activations}
        if any(isinstance(given, Tensor) and given.untyped_storage().data_ptr() in kept for given in inputs):
            raise ValueError(self.in_place(f"{other} ({type(module).__name__})"))

    def in_place(self, culprit: str) -> str:
        """Say who modifies the output."""
        return (
            f"layer must keep its output, got {self.name!r}, which {culprit} modifies in place; "
            "build the network with inplace=False, or name the layer after that"
        )


def find_layer(network: nn.Module, name: str | None) -> tuple[str, nn.Module]:
    """Return the name of a layer, dotted as in ``named_modules``, and the layer.

    Without a name it is the convolution that is registered last, which of a network built from input to output is the
    last one.

    Raises:
        TypeError: the network is scripted or traced.
        ValueError: there is no such layer, or no convolution at all.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in network.modules()):
        raise TypeError(
            f"network must be a plain module for heat maps, got the scripted or traced {type(network).__name__}; "
            "build it from its class and load its weights"
        )
    layers = {key: layer for key, layer in network.named_modules(remove_duplicate=False) if key}
    convolutions = [key for key, layer in network.named_modules() if isinstance(layer, CONVOLUTIONS)]
    if name is None:
        if not convolutions:
            raise ValueError(
                f"network must have a convolution for heat maps, got none in {type(network).__name__}; "
                "name the layer to look at"
            )
        return convolutions[-1], network.get_submodule(convolutions[-1])
    if name not in layers:
        nearest = difflib.get_close_matches(name, layers, n=3, cutoff=0.4)
        raise ValueError(
            f"layer must be the name of a layer of {type(network).__name__}, got {name!r}; "
            + (f"the nearest are {', '.join(nearest)}; " if nearest else "")
            + f"its convolutions are {', '.join(convolutions) or 'none'}"
        )
    return name, layers[name]


@contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Run a block with the network in eval mode, its parameters off the graph and gradients on; then restore it all.

    It opens in any context: an evaluator's ``no_grad`` or ``inference_mode`` ends inside. A compiled network runs
    uncompiled, since its compiled code would not see the hooks.
    """
    modes = [(module, module.training) for module in network.modules()]
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # Nothing is compiled before dynamo is imported, and importing it takes seconds.
    eager = torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
    try:
        network.eval()
        for parameter in learning:
            parameter.requires_grad_(False)
        with eager, torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
        for module, training in modes:
            module.training = training


@contextmanager
def kept_output(network: nn.Module, name: str, layer: nn.Module) -> Iterator[LayerOutput]:
    """Cut the graph at a layer and keep its output while the block runs the network once; nobody may modify it.

    Raises:
        ValueError: something modifies the output of the layer in place; a module that does so is named.
    """
    kept = LayerOutput(name)
    with ExitStack() as hooks:
        hooks.callback(layer.register_forward_hook(kept.cut).remove)
        for other, module in network.named_modules():
            if getattr(module, "inplace", False) and module is not layer:
                hooks.callback(module.register_forward_pre_hook(partial(kept.refuse_in_place, other)).remove)
        try:
            yield kept
        except RuntimeError as error:
            if "in-place operation" not in str(error):
                raise
            raise ValueError(kept.in_place("the network's forward")) from error
