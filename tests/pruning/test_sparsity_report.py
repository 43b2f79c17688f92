"""Tests of the report of real sparsity."""

from __future__ import annotations

import pytest
from torch import nn

from htl_monai.pruning import GlobalMagnitude, StructuredMagnitude, Sweep


def test_counts_by_hand():
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 1))
    network[0].weight.data.fill_(1.0)
    network[1].weight.data.fill_(0.5)
    report = Sweep(network, GlobalMagnitude(), [0.25]).report().drop(columns="amount")
    assert list(report.columns) == ["layer", "n_weights", "n_removed", "sparsity"]
    assert report.values.tolist() == [["0.weight", 16, 1, 0.0625], ["1.weight", 4, 4, 1.0], ["all", 20, 5, 0.25]]


def test_structured_sparsity_is_rounded_to_whole_channels_and_reported():
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Conv2d(5, 2, 1))
    report = Sweep(network, StructuredMagnitude(), [0.7]).report().set_index("layer")
    assert report.loc["0.weight", "sparsity"] == pytest.approx(4 / 5)
    assert report.loc["1.weight", "sparsity"] == pytest.approx(1 / 2)
    assert report.loc["all", "sparsity"] == pytest.approx((4 * 27 + 5) / (5 * 27 + 10))
