"""Device, memory format and compilation of a network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from htl_monai.networks.prepare import prepare_network


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_format_changes_no_value(network: nn.Module, channels_last: bool) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    prepared = prepare_network(network, "cpu", channels_last)
    assert prepared is network
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last) == channels_last
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_volumes_are_channels_last_too() -> None:
    network = nn.Sequential(nn.Conv3d(2, 4, 3), nn.Conv2d(2, 4, 3), nn.Linear(2, 2))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    prepared = prepare_network(network, "cpu")
    assert prepared[0].weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert prepared[1].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(tensor, before[name]) for name, tensor in prepared.state_dict().items())


def test_compiling_keeps_the_names_of_the_weights(network: nn.Module) -> None:
    names = list(network.state_dict())
    prepared = prepare_network(network, torch.device("cpu"), compiled=True)
    assert prepared is network and list(prepared.state_dict()) == names
    assert prepared._compiled_call_impl is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_network_moves_to_the_gpu(network: nn.Module) -> None:
    assert prepare_network(network, "cuda")[0].weight.is_cuda
