"""Finds the batch normalisations that do nothing but rescale what one convolution returns."""

from __future__ import annotations

from collections import Counter
from typing import Any

from torch import fx, nn

__all__ = ["conv_bn_pairs"]

# Exactly these: a subclass may compute something else.
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def conv_bn_pairs(network: nn.Module) -> list[tuple[str, str]]:
    """Return the names of the convolutions and batch normalisations that can be computed as one convolution.

    The network is traced with torch.fx; where a part cannot be traced (its way depends on the input), its children are,
    each by itself. A pair must be seen in a trace: the normalisation takes the output of the convolution, nothing else
    does, each is called once, and neither it nor a weight of it has a second place in the network. A normalisation in
    training mode or without running statistics is left out, and so is a transposed convolution of several groups.

    Tracing runs the code of the network; give it a copy if that has side effects.

    Example:
        >>> conv_bn_pairs(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval())
        [('0', '1')]
    """
    places = Counter(id(module) for _, module in network.named_modules(remove_duplicate=False))
    owners = Counter(id(weight) for module in network.modules() for weight in module.parameters(recurse=False))
    single = {
        name: module
        for name, module in network.named_modules()
        if places[id(module)] == 1 and all(owners[id(weight)] == 1 for weight in module.parameters(recurse=False))
    }
    return [
        (conv, norm)
        for conv, norm in _adjacent(network, "")
        if conv in single and norm in single and _can_be_folded(single[conv], single[norm])
    ]


def _can_be_folded(conv: nn.Module, norm: nn.Module) -> bool:
    if type(conv) not in _CONVOLUTIONS or type(norm) not in _NORMS or norm.training or norm.running_mean is None:
        return False
    return not (conv.transposed and conv.groups > 1)  # its weight has a row a group, not a row an output channel


def _adjacent(module: nn.Module, prefix: str) -> list[tuple[str, str]]:
    """Return the names of modules of which the second takes what the first returns, and nothing else does."""
    try:
        graph = fx.Tracer().trace(module)
    except Exception:  # whatever the network's code raises when its input is no tensor
        return [pair for name, child in module.named_children() for pair in _adjacent(child, f"{prefix}{name}.")]
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    read = [str(node.target) for node in graph.nodes if node.op == "get_attr"]

    def only_here(node: Any) -> bool:
        used = any(name.startswith(f"{node.target}.") for name in read)
        return node.op == "call_module" and calls[node.target] == 1 and not used

    return [
        (f"{prefix}{node.args[0].target}", f"{prefix}{node.target}")
        for node in graph.nodes
        if only_here(node) and len(node.args) == 1 and isinstance(node.args[0], fx.Node)
        if only_here(node.args[0]) and len(node.args[0].users) == 1
    ]
