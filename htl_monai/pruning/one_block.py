"""Lets one block at a time change the weights of a network, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import nn

__all__ = ["one_block"]

_lock = threading.Lock()
# Which thread has a block open on a weight, by the weight's id: the block holds the weight, so ids are not used again.
_owners: dict[int, str] = {}


@contextmanager
def one_block(parameters: Mapping[str, nn.Parameter]) -> Iterator[None]:
    """Own some weights inside a ``with`` block; a second block that wants one of them is refused.

    Every way to compress a network changes it in place and restores what it found. Of two blocks that overlap, in two
    threads or inside each other, the one that ends last would restore what the other had made of the weights.

    Args:
        parameters: by name, as :func:`~htl_monai.pruning.prunable_parameters` returns them.

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
