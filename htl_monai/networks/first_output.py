"""Keeps what a network says while something else runs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from htl_monai.networks.wrapping import unwrapped


@contextmanager
def first_output(network: nn.Module) -> Iterator[list[Any]]:
    """Yield a list that gets the output of a network's first forward pass in the block.

    An inferer of heat maps runs the network and returns the maps alone; this tells the class without a second pass.
    The first is the picture's own: a method such as ScoreCAM runs the network again, on masked pictures.

    Args:
        network: wrapped for several processes or not; it has a hook in the meantime.

    Example:
        >>> network = nn.Linear(3, 2)
        >>> with first_output(network) as outputs:
        ...     _ = network(Tensor(5, 3)), network(Tensor(1, 3))
        >>> [output.shape for output in outputs]
        [torch.Size([5, 2])]
    """
    outputs: list[Any] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        if not outputs:
            outputs.append(output.detach() if isinstance(output, Tensor) else output)

    handle = unwrapped(network).register_forward_hook(keep)
    try:
        yield outputs
    finally:
        handle.remove()
