"""Finds the batch normalisations and ReLUs that see what one convolution returns, and nothing else does."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple, cast

from torch import fx, nn

__all__ = ["Chain", "layer_chains"]

# Exactly these: a subclass may compute something else.
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)  # in eval mode


class Chain(NamedTuple):
    """The names of a convolution and of what follows it; "" where nothing does."""

    conv: str
    norm: str
    relu: str


def layer_chains(network: nn.Module) -> list[Chain]:
    """Return the layers that can be computed as one convolution, with or without a ReLU at its end.

    The network is traced with torch.fx; where a part cannot be traced (its way depends on the input), its children are,
    each by itself. A chain must be seen in a trace: each layer takes the output of the one before, nothing else does,
    each is called once, and neither it nor a weight of it has a second place in the network. A normalisation in
    training mode or without running statistics ends a chain, and so does one after a transposed convolution of several
    groups.

    Tracing runs the code of the network; give it a copy if that has side effects.

    Example:
        >>> layer_chains(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval())
        [Chain(conv='0', norm='1', relu='2')]
    """
    single, after = _in_one_place(network), dict(_adjacent(network, ""))

    def next_layer(name: str) -> str:
        name = after.get(name, "")
        while name in single and isinstance(single[name], _NOTHING) and not single[name].training:
            name = after.get(name, "")
        return name if name in single else ""

    chains = []
    for conv in after:
        if type(single.get(conv)) in _CONVOLUTIONS:
            following = next_layer(conv)
            norm = following if following and _can_be_folded(single[conv], single[following]) else ""
            relu = next_layer(norm) if norm else following
            chains.append(Chain(conv, norm, relu if relu and type(single[relu]) is nn.ReLU else ""))
    return [chain for chain in chains if chain.norm or chain.relu]


def _can_be_folded(conv: nn.Module, norm: nn.Module) -> bool:
    if type(norm) not in _NORMS or norm.training or norm.running_mean is None:
        return False
    conv = cast(nn.Conv2d, conv)
    return not (conv.transposed and conv.groups > 1)  # its weight has a row a group, not a row an output channel


def _in_one_place(network: nn.Module) -> dict[str, nn.Module]:
    """Return by name the modules that are registered once, and of which each weight is."""
    places = Counter(id(module) for _, module in network.named_modules(remove_duplicate=False))
    owners = Counter(id(weight) for module in network.modules() for weight in module.parameters(recurse=False))
    return {
        name: module
        for name, module in network.named_modules()
        if places[id(module)] == 1 and all(owners[id(weight)] == 1 for weight in module.parameters(recurse=False))
    }


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
