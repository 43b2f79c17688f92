"""Which batch normalisations are proved to follow one convolution and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from htl_monai.networks.conv_bn_pairs import conv_bn_pairs


class Wired(nn.Module):
    """A convolution and two normalisations, called as ``wire`` says."""

    def __init__(self, wire: Callable[[Wired, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.first, self.second = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.wire = wire

    def forward(self, images: Tensor) -> Tensor:
        return self.wire(self, images)


@pytest.mark.parametrize(
    "wire, expected",
    [
        (lambda own, x: own.second(own.first(own.conv(x))), [("conv", "first")]),
        (lambda own, x: own.second(torch.relu(own.conv(x))), []),
        (lambda own, x: own.first(own.conv(x)) + own.second(own.conv(x)), []),  # the convolution is called twice
        (lambda own, x: own.first(own.first(own.conv(x))), []),
        (lambda own, x: own.conv(x).add(own.first(own.conv(x))), []),
        (lambda own, x: (lambda y: own.first(y) + y)(own.conv(x)), []),  # its output is used twice
        (lambda own, x: own.first(own.conv(x)) * own.conv.weight.sum(), []),
        (lambda own, x: own.first(own.conv(x)) if x.sum() > 0 else x, []),  # cannot be traced
    ],
)
def test_only_what_a_trace_proves_is_a_pair(wire: Callable[[Wired, Tensor], Tensor], expected: list) -> None:
    assert conv_bn_pairs(Wired(wire).eval()) == expected


def test_the_children_of_a_network_that_cannot_be_traced_are_traced() -> None:
    network = BasicUNet(2, 3, 2, (8, 8, 16, 16, 32, 8), norm="batch").eval()
    norms = [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    pairs = conv_bn_pairs(network)
    assert sorted(norm for _, norm in pairs) == sorted(norms)
    assert all(conv == norm.replace("adn.N", "conv") for conv, norm in pairs)


def test_what_has_two_places_is_no_pair() -> None:
    conv, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    assert conv_bn_pairs(nn.Sequential(conv, norm).eval()) == [("0", "1")]
    shared_norm = nn.Sequential(nn.Sequential(conv, norm), nn.Sequential(nn.Conv2d(3, 3, 1), norm)).eval()
    assert conv_bn_pairs(shared_norm) == []
    shared_weight = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)).eval()
    shared_weight[2].weight = shared_weight[0].weight
    assert conv_bn_pairs(shared_weight) == []


@pytest.mark.parametrize(
    "layers, n_pairs",
    [
        ([nn.Conv2d(4, 4, 3, dilation=2, padding=2, groups=2), nn.BatchNorm2d(4)], 1),
        ([nn.ConvTranspose2d(4, 6, 2, stride=2), nn.BatchNorm2d(6)], 1),
        ([nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6)], 0),
        ([nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4).train()], 0),
        ([nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)], 0),
        ([nn.Conv2d(4, 4, 1), nn.InstanceNorm2d(4, affine=True, track_running_stats=True)], 0),
    ],
)
def test_kinds_of_layers(layers: list[nn.Module], n_pairs: int) -> None:
    training = layers[1].training and n_pairs == 0 and layers[1].running_mean is not None
    network = nn.Sequential(*layers).eval()
    layers[1].train(training and isinstance(layers[1], nn.BatchNorm2d))
    assert len(conv_bn_pairs(network)) == n_pairs
