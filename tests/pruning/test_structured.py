"""Tests of structured magnitude pruning."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from htl_monai.pruning import StructuredMagnitude


def channel_dim(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), amount=st.floats(0, 0.85))
def test_masks_equal_ln_structured_layer_by_layer(build_network, seed, amount):
    network = build_network(seed)
    masks = StructuredMagnitude(amount).masks(network)
    for name, mask in masks.items():
        layer = copy.deepcopy(network.get_submodule(name.rpartition(".")[0]))
        n_channels = layer.weight.shape[channel_dim(layer)]
        if round(amount * n_channels) == n_channels:  # torch would remove all, we keep one
            continue
        prune.ln_structured(layer, "weight", amount, n=2, dim=channel_dim(layer))
        assert torch.equal(mask, layer.weight_mask.bool()), name


@pytest.mark.parametrize("amount", [0.9, 0.99, 0.9999])
def test_one_channel_always_stays(network, amount):
    for name, mask in StructuredMagnitude(amount).masks(network).items():
        layer = network.get_submodule(name.rpartition(".")[0])
        channels = mask.transpose(0, channel_dim(layer)).flatten(1)
        assert torch.equal(channels.any(1), channels.all(1)), "channels must go as a whole"
        assert channels.any(1).sum() == 1, name


def test_the_channel_that_stays_has_the_largest_norm():
    layer = nn.ConvTranspose2d(2, 3, 1, groups=1)
    layer.weight.data.copy_(torch.tensor([[1.0, 3.0, 2.0], [1.0, 0.0, 2.5]]).view(2, 3, 1, 1))
    mask = StructuredMagnitude(0.66).masks(layer)["weight"]
    assert mask[:, :, 0, 0].tolist() == [[False, False, True], [False, False, True]]


def test_channels_last_keeps_the_masks_and_their_format(network):
    masks = StructuredMagnitude(0.5).masks(network)
    network = network.to(memory_format=torch.channels_last)
    for name, mask in StructuredMagnitude(0.5).masks(network).items():
        assert torch.equal(mask, masks[name])
        assert mask.stride() == network.get_parameter(name).stride()


def test_a_weight_that_is_nan_is_refused(network):
    network[0].weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"got NaN or infinity in 0\.weight"):
        StructuredMagnitude().masks(network)


def test_amount_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"^amount must be in \[0, 1\), got -0.1; "):
        StructuredMagnitude(-0.1)
