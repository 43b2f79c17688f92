"""The first output is kept, later ones are not, and no hook stays behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from htl_monai.networks.first_output import FirstOutput


def test_the_first_of_several_passes_is_kept_off_the_graph() -> None:
    network = nn.Linear(3, 2)
    first_input = torch.rand(5, 3)
    with FirstOutput(network) as first:
        expected = network(first_input)
        network(torch.rand(1, 3))
    assert torch.equal(first.output, expected) and not first.output.requires_grad
    assert not network._forward_hooks


def test_a_wrapper_of_several_processes_is_looked_through() -> None:
    network = nn.Linear(3, 2)
    with FirstOutput(nn.DataParallel(network)) as first:
        network(torch.rand(4, 3))
    assert first.output.shape == (4, 2)


def test_starting_again_forgets_and_hooks_once() -> None:
    network = nn.Linear(3, 2)
    first = FirstOutput(network)
    first.start()
    network(torch.rand(4, 3))
    first.start()
    assert first.output is None and len(network._forward_hooks) == 1
    first.stop()
    first.stop()
    assert not network._forward_hooks


def test_the_hook_goes_when_the_network_fails() -> None:
    network = nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), FirstOutput(network):
        network(torch.rand(4, 5))
    assert not network._forward_hooks
