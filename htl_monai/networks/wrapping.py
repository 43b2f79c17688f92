"""Looks through what wraps a network: several processes, several devices, a compiled form."""

from __future__ import annotations

from torch import nn


def unwrapped(network: nn.Module) -> nn.Module:
    """Return the network inside ``DistributedDataParallel``, ``DataParallel`` and ``torch.compile``, else itself."""
    while True:
        parallel = isinstance(network, (nn.DataParallel, nn.parallel.DistributedDataParallel))
        inner = getattr(network, "module" if parallel else "_orig_mod", None)  # `_orig_mod`: torch.compile
        if not isinstance(inner, nn.Module):
            return network
        network = inner
