"""Applies masks to a network for the length of a ``with`` block, one block at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from htl_monai.pruning.prunable import prunable_parameters

__all__ = ["one_block", "pruned", "restore_weights"]

_lock = threading.Lock()
# Which thread has a block open on a weight, by the weight's id: the block holds the weight, so ids are not used again.
_owners: dict[int, str] = {}


@contextmanager
def pruned(network: nn.Module, masks: Mapping[str, Tensor]) -> Iterator[nn.Module]:
    """Prune ``network`` in place inside a ``with`` block and restore its weights bit for bit after it.

    Nothing is registered on the network: its ``state_dict`` keeps its keys, it can be copied, scripted and compiled.
    The weights come back also when the block raises, and whatever the block did to them. For many sparsities on many
    batches :class:`htl_monai.pruning.Sweep` is cheaper.

    Args:
        network: the dense network.
        masks: True = keep, by parameter name, as a pruner's ``masks(network)`` yields them.

    Yields:
        ``network``, pruned.

    Raises:
        TypeError: a mask is not boolean.
        ValueError: the masks are of another network (missing or unexpected names, another shape).
        RuntimeError: another block is open on the network, in this thread or another.

    Example:
        >>> from htl_monai.pruning import GlobalMagnitude
        >>> layer = nn.Linear(10, 1)
        >>> with pruned(layer, GlobalMagnitude(0.7).masks(layer)):
        ...     int(layer.weight.count_nonzero())
        3
    """
    parameters = _checked(network, masks)
    with one_block(parameters):
        dense = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        try:
            for name, parameter in parameters.items():
                # `detach`, not `data`: it shares the version counter, so that autograd notices the change.
                parameter.detach().copy_(masks[name]).mul_(dense[name])
            torch.clear_autocast_cache()  # autocast keeps low-precision copies of weights, which are stale now
            yield network
        finally:
            restore_weights(parameters, dense)


def restore_weights(parameters: Mapping[str, nn.Parameter], dense: Mapping[str, Tensor]) -> None:
    """Copy the dense weights back into the parameters."""
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(dense[name])
    torch.clear_autocast_cache()


@contextmanager
def one_block(parameters: Mapping[str, nn.Parameter]) -> Iterator[None]:
    """Own some weights inside a ``with`` block; a second block that wants one of them is refused.

    Of two blocks that overlap, in two threads or inside each other, the one that ends last would restore what the other
    had made of the weights.

    Raises:
        RuntimeError: another block is open on one of them.
    """
    here = threading.current_thread().name
    keys = {id(parameter): name for name, parameter in parameters.items()}
    with _lock:
        taken = next((key for key in keys if key in _owners), None)
        if taken is not None:
            raise RuntimeError(
                f"network must be compressed by one block at a time, got a second one in {here} while {_owners[taken]} "
                f"has {keys[taken]}; leave that block first, or give each thread a copy.deepcopy of the network"
            )
        _owners.update(dict.fromkeys(keys, here))
    try:
        yield
    finally:
        with _lock:
            for key in keys:
                del _owners[key]


def _checked(network: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    """Return the prunable parameters of ``network`` after a check that ``masks`` are boolean and fit them."""
    parameters = prunable_parameters(network)
    missing, unexpected = sorted(parameters.keys() - masks.keys()), sorted(masks.keys() - parameters.keys())
    if missing or unexpected:
        raise ValueError(
            f"masks must name the prunable weights of the network, got {len(missing)} missing {missing[:3]} and "
            f"{len(unexpected)} unexpected {unexpected[:3]}; make them with pruner.masks(network) on this network"
        )
    for name, parameter in parameters.items():
        if masks[name].dtype != torch.bool:
            raise TypeError(f"masks must be boolean, got {masks[name].dtype} for {name}; True keeps a weight")
        if masks[name].shape != parameter.shape:
            raise ValueError(
                f"masks must have the shapes of the weights, got {tuple(masks[name].shape)} for {name} of shape "
                f"{tuple(parameter.shape)}; make them with pruner.masks(network) on this network"
            )
    return parameters
