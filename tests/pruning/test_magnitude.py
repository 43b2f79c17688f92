"""Tests of global magnitude pruning."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets import BasicUNet
from torch import nn
from torch.nn.utils import prune

from htl_monai.pruning import GlobalMagnitude, prunable_parameters


def reference_masks(network: nn.Module, amount: float) -> dict[str, torch.Tensor]:
    network = copy.deepcopy(network)
    names = list(prunable_parameters(network))
    layers = {name: network.get_submodule(name.rpartition(".")[0]) for name in names}
    targets = [(layer, "weight") for layer in layers.values()]
    prune.global_unstructured(targets, pruning_method=prune.L1Unstructured, amount=amount)
    return {name: layer.weight_mask.bool() for name, layer in layers.items()}


def assert_same(masks, reference):
    assert masks.keys() == reference.keys()
    for name in masks:
        assert masks[name].dtype == torch.bool
        assert torch.equal(masks[name], reference[name]), name


@pytest.mark.parametrize("amount", [0, 0.05, 0.25, 0.5, 0.7, 0.75, 0.9, 0.99, 0.9999])
def test_masks_equal_those_of_torch(network, amount):
    assert_same(GlobalMagnitude(amount).masks(network), reference_masks(network, amount))


def test_masks_of_a_unet_equal_those_of_torch():
    torch.manual_seed(1)
    network = BasicUNet(spatial_dims=2, in_channels=3, out_channels=2, features=(8, 8, 16, 32, 32, 8))
    weights = torch.cat([weight.detach().abs().flatten() for weight in prunable_parameters(network).values()])
    kth = weights.sort().values[round(0.7 * len(weights)) - 1]
    assert (weights == kth).sum() == 1, "the seed must give no tie at the threshold, where torch is free to choose"
    assert_same(GlobalMagnitude(0.7).masks(network), reference_masks(network, 0.7))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), amount=st.floats(0, 0.999))
def test_masks_equal_those_of_torch_whatever_seed_and_amount(build_network, seed, amount):
    network = build_network(seed)
    assert_same(GlobalMagnitude(amount).masks(network), reference_masks(network, amount))


def test_ties_go_by_position():
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    for weight in prunable_parameters(network).values():
        nn.init.constant_(weight, -0.5)
    masks = GlobalMagnitude(0.7).masks(network)
    assert torch.equal(torch.cat([mask.flatten() for mask in masks.values()]), torch.arange(10) >= 7)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), rounded=st.booleans())
def test_channels_last_changes_no_mask_and_masks_share_the_format(build_network, seed, rounded):
    network = build_network(seed)
    if rounded:  # many ties
        for weight in prunable_parameters(network).values():
            weight.data.copy_((weight.data * 8).round())
    masks = GlobalMagnitude(0.6).masks(network)
    network = network.to(memory_format=torch.channels_last)
    assert any(not weight.is_contiguous() for weight in prunable_parameters(network).values())
    last = GlobalMagnitude(0.6).masks(network)
    assert_same(last, masks)
    for name, weight in prunable_parameters(network).items():
        assert last[name].stride() == weight.stride()


def test_ranks_are_a_permutation_in_int32(network):
    ranks = GlobalMagnitude().ranks(network)
    assert all(rank.dtype == torch.int32 for rank in ranks.values())
    flat = torch.cat([rank.flatten() for rank in ranks.values()])
    assert torch.equal(flat.sort().values, torch.arange(len(flat), dtype=torch.int32))


def test_the_network_is_not_touched(network):
    before = copy.deepcopy(network.state_dict())
    versions = [parameter._version for parameter in network.parameters()]
    GlobalMagnitude(0.5).masks(network)
    assert versions == [parameter._version for parameter in network.parameters()]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_half_precision_weights(network):
    network = network.to(torch.bfloat16)
    masks = GlobalMagnitude(0.7).masks(network)
    n_weights = sum(mask.numel() for mask in masks.values())
    assert sum(int(mask.sum()) for mask in masks.values()) == n_weights - round(0.7 * n_weights)


def test_a_pruner_is_a_value():
    assert GlobalMagnitude(0.7) == GlobalMagnitude() != GlobalMagnitude(0.5)
    assert repr(GlobalMagnitude(amount=0.7)) == "GlobalMagnitude(amount=0.7)"


@pytest.mark.parametrize("amount", [-0.01, 1, 1.5, float("nan")])
def test_amount_outside_its_range_is_refused(amount):
    with pytest.raises(ValueError, match=rf"^amount must be in \[0, 1\), got {amount}; pass the fraction"):
        GlobalMagnitude(amount)


def test_amount_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="^amount must be a number, got '0.7'; pass the fraction"):
        GlobalMagnitude("0.7")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_not_finite_is_refused(network, value):
    network[3].weight.data[0, 0, 0, 0] = value
    with pytest.raises(ValueError, match=r"^network must have finite weights, got NaN or infinity in 3\.weight; load"):
        GlobalMagnitude().masks(network)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_masks_are_the_same_on_the_gpu(network):
    masks = GlobalMagnitude(0.7).masks(network)
    on_gpu = GlobalMagnitude(0.7).masks(network.cuda())
    assert all(mask.is_cuda for mask in on_gpu.values())
    assert_same({name: mask.cpu() for name, mask in on_gpu.items()}, masks)
