"""Tests of the choice of prunable weights."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import distributed, nn
from torch.nn.utils import parametrizations, prune

from htl_monai.pruning import prunable_parameters


def test_takes_weights_of_every_prunable_kind_and_nothing_else():
    kinds = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]
    layers = [kind(2, 3, 1) for kind in kinds] + [nn.Linear(2, 3)]
    others = [nn.BatchNorm2d(3), nn.GroupNorm(1, 3), nn.Embedding(4, 3), nn.PReLU(), nn.LSTM(2, 3)]
    network = nn.Sequential(*layers, *others)
    assert list(prunable_parameters(network)) == [f"{i}.weight" for i in range(7)]


def test_names_are_those_of_the_state_dict_and_values_the_parameters_themselves(network):
    parameters = prunable_parameters(network)
    own = dict(network.named_parameters())
    assert list(parameters) == ["0.weight", "3.weight", "4.weight", "7.weight"]
    assert all(parameters[name] is own[name] for name in parameters)


def test_a_network_that_is_one_layer():
    assert list(prunable_parameters(nn.Linear(2, 2))) == ["weight"]


def test_basic_unet_includes_the_up_convolutions():
    network = BasicUNet(spatial_dims=2, in_channels=3, out_channels=2, features=(4, 4, 8, 8, 16, 4))
    parameters = prunable_parameters(network)
    assert "upcat_1.upsample.deconv.weight" in parameters and "final_conv.weight" in parameters
    assert len(parameters) == 23
    assert sum(weight.ndim == 4 for weight in network.parameters()) == len(parameters)


def test_shared_weights_are_listed_once():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    assert list(prunable_parameters(nn.Sequential(first, second, first))) == ["0.weight"]


def test_wrappers_are_looked_through(network):
    names = list(prunable_parameters(network))
    assert list(prunable_parameters(torch.compile(network))) == names
    assert list(prunable_parameters(nn.DataParallel(network))) == names
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(network)
        assert list(prunable_parameters(torch.compile(wrapped))) == names
    finally:
        distributed.destroy_process_group()


def test_a_submodule_called_module_is_no_wrapper():
    network = nn.Module()
    network.module = nn.Linear(2, 2)
    assert list(prunable_parameters(network)) == ["module.weight"]


def test_a_network_without_prunable_weights_is_refused():
    with pytest.raises(ValueError, match="network must have a convolution or linear layer, got none in BatchNorm2d; "):
        prunable_parameters(nn.BatchNorm2d(3))


def test_computed_weights_are_refused(network):
    prune.l1_unstructured(network[3], "weight", 0.5)
    with pytest.raises(ValueError, match=r"plain parameters, got the computed weight 3\.weight; remove"):
        prunable_parameters(network)
    with pytest.raises(ValueError, match="got the computed weight weight; remove"):
        prunable_parameters(parametrizations.weight_norm(nn.Linear(2, 2)))
