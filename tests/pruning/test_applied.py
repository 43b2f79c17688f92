"""Tests of applying masks for the length of a block."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from htl_monai.pruning import GlobalMagnitude, Random, StructuredMagnitude, pruned


def assert_bitwise(network, before):
    state = network.state_dict()
    assert state.keys() == before.keys()
    for name, value in state.items():
        assert value.stride() == before[name].stride()
        assert value.contiguous().numpy().tobytes() == before[name].contiguous().numpy().tobytes(), name


@settings(max_examples=30, deadline=None)
@given(
    pruner=st.builds(GlobalMagnitude, st.floats(0, 0.99))
    | st.builds(Random, st.floats(0, 0.99), st.integers(0, 99))
    | st.builds(StructuredMagnitude, st.floats(0, 0.99)),
    channels_last=st.booleans(),
    fails=st.booleans(),
)
def test_weights_are_masked_inside_and_restored_bit_for_bit(build_network, pruner, channels_last, fails):
    network = build_network()
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    before = copy.deepcopy(network.state_dict())
    masks = pruner.masks(network)
    try:
        with pruned(network, masks) as inside:
            assert inside is network
            for name, value in network.state_dict().items():
                expected = before[name] * masks[name] if name in masks else before[name]
                assert torch.equal(value, expected), name
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert_bitwise(network, before)


def test_output_is_that_of_a_network_with_masked_weights(network):
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    masks = GlobalMagnitude(0.5).masks(network)
    masked = copy.deepcopy(network)
    for name, mask in masks.items():
        masked.get_parameter(name).data.mul_(mask)
    with torch.no_grad():
        dense = network(images)
        with pruned(network, masks):
            assert torch.equal(network(images), masked(images))
        assert torch.equal(network(images), dense) and not torch.equal(dense, masked(images))


def test_training_inside_the_block_is_undone(network):
    before = copy.deepcopy(network.state_dict())
    with pruned(network, GlobalMagnitude(0.5).masks(network)):
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.data.add_(1)
    assert_bitwise(network, before)


def test_nothing_leaks_into_a_checkpoint_and_the_pruned_network_can_be_copied(network):
    keys = list(network.state_dict())
    with pruned(network, GlobalMagnitude(0.5).masks(network)):
        copied = pickle.loads(pickle.dumps(copy.deepcopy(network)))
    assert list(network.state_dict()) == list(copied.state_dict()) == keys
    assert (copied[0].weight == 0).any() and not (network[0].weight == 0).any()


def test_autograd_notices_the_change(network):
    loss = network(torch.ones(1, 3, 4, 4)).square().sum()
    with pruned(network, GlobalMagnitude(0.5).masks(network)):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_autocast_sees_the_pruned_and_then_the_dense_weights(network):
    images = torch.ones(1, 3, 4, 4)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        dense = network(images)
        with pruned(network, GlobalMagnitude(0.9).masks(network)):
            inside = network(images)
        assert not torch.equal(inside, dense)
        assert torch.equal(network(images), dense)


def test_masks_of_another_network_are_refused(network):
    masks = GlobalMagnitude().masks(network)
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(4, 5))
    with pytest.raises(
        ValueError,
        match=r"^masks must name the prunable weights of the network, got 1 missing \['1\.weight'\] and "
        r"3 unexpected \['3\.weight', '4\.weight', '7\.weight'\]; make them with",
    ):
        with pruned(other, masks):
            pass


def test_masks_of_another_shape_are_refused(network):
    masks = GlobalMagnitude().masks(network)
    masks["7.weight"] = masks["7.weight"][:2]
    with pytest.raises(
        ValueError,
        match=r"^masks must have the shapes of the weights, got \(2, 4\) for 7\.weight of shape \(5, 4\); make",
    ):
        with pruned(network, masks):
            pass


def test_masks_that_are_not_boolean_are_refused(network):
    masks = {name: mask.float() for name, mask in GlobalMagnitude().masks(network).items()}
    with pytest.raises(TypeError, match=r"^masks must be boolean, got torch\.float32 for 0\.weight; True keeps"):
        with pruned(network, masks):
            pass
