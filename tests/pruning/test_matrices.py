"""Tests of the matrices behind the weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from htl_monai.pruning.matrices import matrices_to_weight, weight_to_matrices

LAYERS = {
    "linear": nn.Linear(4, 6),
    "convolution": nn.Conv2d(4, 6, (3, 2)),
    "grouped": nn.Conv2d(4, 6, 3, groups=2),
    "line": nn.Conv1d(4, 4, 3, groups=2),
    "volume": nn.Conv3d(2, 3, 2),
    "transposed": nn.ConvTranspose2d(4, 6, (3, 2)),
    "grouped transposed": nn.ConvTranspose2d(4, 6, 3, groups=2),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_the_way_back_gives_the_same_weight(layer: nn.Module) -> None:
    matrices = weight_to_matrices(layer.weight, layer)
    assert matrices.numel() == layer.weight.numel()
    assert torch.equal(matrices_to_weight(matrices, layer.weight, layer), layer.weight)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_a_row_holds_all_that_one_output_channel_computes_with(layer: nn.Module) -> None:
    layer = copy.deepcopy(layer)
    shape = (2, layer.in_features) if isinstance(layer, nn.Linear) else (2, layer.in_channels, 5, 5, 5)
    inputs = torch.randn(shape[: max(2, layer.weight.ndim)], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.bias.zero_()
        before = layer(inputs)
        matrices = weight_to_matrices(layer.weight, layer).clone()
        matrices[-1, -2] = 0
        layer.weight.copy_(matrices_to_weight(matrices, layer.weight, layer))
        after = layer(inputs)
    # The last group ends with the last channel; the last row but one is the last channel but one.
    others = [channel for channel in range(before.shape[1]) if channel != before.shape[1] - 2]
    assert (after[:, -2] == 0).all() and (before[:, -2] != 0).any()
    torch.testing.assert_close(after[:, others], before[:, others])
