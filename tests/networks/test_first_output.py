"""The first output is kept, later ones are not, and no hook stays behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from htl_monai.networks.first_output import first_output


def test_the_first_of_several_passes_is_kept_off_the_graph() -> None:
    network = nn.Linear(3, 2)
    first_input = torch.rand(5, 3)
    with first_output(network) as outputs:
        expected = network(first_input)
        network(torch.rand(1, 3))
    (first,) = outputs
    assert torch.equal(first, expected) and not first.requires_grad
    assert not network._forward_hooks


def test_a_wrapper_of_several_processes_is_looked_through() -> None:
    network = nn.Linear(3, 2)
    with first_output(nn.DataParallel(network)) as outputs:
        network(torch.rand(4, 3))
    assert outputs[0].shape == (4, 2)


def test_the_hook_goes_when_the_network_fails() -> None:
    network = nn.Linear(3, 2)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), first_output(network):
        network(torch.rand(4, 5))
    assert not network._forward_hooks
