"""Tests of random pruning."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from torch import nn

from htl_monai.pruning import Random


def flat(masks):
    return torch.cat([mask.flatten() for mask in masks.values()])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), amount=st.floats(0, 0.999))
def test_count_is_that_of_torch_over_the_whole_network(build_network, seed, amount):
    mask = flat(Random(amount, seed).masks(build_network()))
    assert int((~mask).sum()) == round(amount * len(mask))


def test_the_seed_decides_and_the_weights_play_no_part(network, build_network):
    mask = flat(Random(0.5, seed=3).masks(network))
    assert torch.equal(mask, flat(Random(0.5, seed=3).masks(build_network(seed=9))))
    assert not torch.equal(mask, flat(Random(0.5, seed=4).masks(network)))


def test_the_global_generator_is_left_alone(network):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Random(0.5).masks(network)
    assert torch.equal(torch.rand(3), expected)


def test_every_layer_loses_about_the_same_share():
    network = nn.Sequential(nn.Linear(100, 100), nn.Linear(100, 20))
    for mask in Random(0.7, seed=1).masks(network).values():
        assert binomtest(int((~mask).sum()), mask.numel(), 0.7).pvalue > 0.01


def test_channels_last_changes_no_mask(network):
    masks = Random(0.5).masks(network)
    last = Random(0.5).masks(network.to(memory_format=torch.channels_last))
    assert all(torch.equal(masks[name], last[name]) for name in masks)


def test_amount_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"^amount must be in \[0, 1\), got 1; "):
        Random(1)
