"""One block a network: a second one is refused, in another thread or inside the first, and the weights come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest
import torch
from torch import nn

from htl_monai.pruning import GlobalMagnitude, LowRank, Quantization, StructuredMagnitude, pruned
from htl_monai.pruning.applied import one_block

Opener = Callable[[nn.Module], AbstractContextManager[nn.Module]]
WORDS = "^network must be compressed by one block at a time, got a second one in .* while .* has 0.weight; leave that"

OPENERS: dict[str, Opener] = {
    "pruned": lambda network: pruned(network, GlobalMagnitude(0.9).masks(network)),
    "sweep": lambda network: GlobalMagnitude().sweep(network, [0.9]).at(0.9),
    "structured": lambda network: StructuredMagnitude().sweep(network, [0.5]).at(0.5),
    "dense": lambda network: GlobalMagnitude().sweep(network, [0.0]).at(0.0),
    "low rank": lambda network: LowRank().sweep(network, [0.9]).at(0.9),
    "quantised": lambda network: Quantization().sweep(network, [0.75]).at(0.75),
}


def bits(network: nn.Module) -> list[bytes]:
    return [value.contiguous().numpy().tobytes() for value in network.state_dict().values()]


@pytest.mark.parametrize("first", OPENERS)
@pytest.mark.parametrize("second", OPENERS)
def test_another_thread_is_refused_until_the_block_ends(network: nn.Module, first: str, second: str) -> None:
    before = bits(network)
    is_open, may_leave = threading.Event(), threading.Event()
    later = OPENERS[second](network)  # made of the dense network, as the first one

    def hold() -> None:
        with OPENERS[first](network):
            is_open.set()
            may_leave.wait()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        is_open.wait()
        try:
            with pytest.raises(RuntimeError, match=WORDS):
                later.__enter__()
        finally:
            may_leave.set()
        holding.result()
    assert bits(network) == before
    with OPENERS[second](network):
        pass
    assert bits(network) == before


@pytest.mark.parametrize("first", OPENERS)
@pytest.mark.parametrize("second", OPENERS)
def test_a_block_inside_another_is_refused(network: nn.Module, first: str, second: str) -> None:
    before, inner = bits(network), OPENERS[second](network)
    with pytest.raises(RuntimeError, match=WORDS):
        with OPENERS[first](network), inner:
            pass
    assert bits(network) == before


@pytest.mark.parametrize("kind", [GlobalMagnitude(), LowRank(), Quantization(0.75)], ids=["pruner", "low rank", "bits"])
def test_a_sweep_of_weights_that_are_pruned_at_the_moment_is_refused(network: nn.Module, kind) -> None:
    with pytest.raises(RuntimeError, match=WORDS):
        with pruned(network, GlobalMagnitude(0.5).masks(network)):
            kind.sweep(network, [0.75])


def test_many_threads_at_once_leave_the_weights_as_they_were(network: nn.Module) -> None:
    before, count, refused = bits(network), 8, []
    masks, start = GlobalMagnitude(0.9).masks(network), threading.Barrier(count)

    def prune() -> None:
        start.wait()
        for _ in range(20):
            try:
                with pruned(network, masks):
                    assert (network[0].weight == 0).any()
            except RuntimeError as error:
                refused.append(str(error))

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(prune) for _ in range(count)]:
            done.result()
    assert bits(network) == before
    assert all("compressed by one block at a time" in words for words in refused)


def test_networks_that_share_a_weight_share_the_block(network: nn.Module) -> None:
    other = nn.Sequential(network[0], nn.Conv2d(network[0].out_channels, 2, 1))
    with pytest.raises(RuntimeError, match=WORDS), OPENERS["pruned"](network), OPENERS["pruned"](other):
        pass
    with OPENERS["pruned"](network), OPENERS["pruned"](nn.Sequential(nn.Linear(3, 3))):
        pass


def test_a_refused_block_takes_nothing_and_an_error_gives_all_back() -> None:
    a, b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    with one_block({"b": b}):
        with pytest.raises(RuntimeError, match="has b; leave that"):
            with one_block({"a": a, "b": b}):
                pass
        with one_block({"a": a}):
            pass
    with pytest.raises(KeyboardInterrupt), one_block({"a": a, "b": b}):
        raise KeyboardInterrupt
    with one_block({"a": a, "b": b}):
        pass
