"""Keeps what a network says while something else runs it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from htl_monai.networks.wrapping import unwrapped


class FirstOutput:
    """Keep the output of a network's first forward pass between ``start`` and ``stop``, or in a ``with`` block.

    An inferer of heat maps runs the network and returns the maps alone; this tells the class without a second pass.
    The first is the picture's own: a method such as ScoreCAM runs the network again, on masked pictures.

    Args:
        network: wrapped for several processes or not; it has a hook in the meantime.

    Example:
        >>> network = nn.Linear(3, 2)
        >>> with FirstOutput(network) as first:
        ...     _ = network(Tensor(5, 3)), network(Tensor(1, 3))
        >>> first.output.shape
        torch.Size([5, 2])
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.output: Any = None
        self._handle: Any = None

    def start(self) -> None:
        """Forget what was kept and wait for the next pass."""
        self.stop()
        self.output = None
        self._handle = unwrapped(self.network).register_forward_hook(self._keep)

    def stop(self) -> None:
        """Take the hook away; a second call changes nothing."""
        if self._handle is not None:
            self._handle.remove()
        self._handle = None

    def __enter__(self) -> FirstOutput:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if self.output is None:
            self.output = output.detach() if isinstance(output, Tensor) else output
