"""Which layers are proved to follow one convolution and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from monai.networks.nets import BasicUNet
from torch import Tensor, nn

from htl_monai.networks.layer_chains import Chain, layer_chains


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
    assert [chain[:2] for chain in layer_chains(Wired(wire).eval())] == expected


def test_the_children_of_a_network_that_cannot_be_traced_are_traced() -> None:
    network = BasicUNet(2, 3, 2, (8, 8, 16, 16, 32, 8), norm="batch").eval()
    norms = [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    # BasicUNet's activation is a LeakyReLU after a dropout.
    expected = sorted(Chain(norm.replace("adn.N", "conv"), norm, "") for norm in norms)
    assert sorted(layer_chains(network)) == expected
    network = BasicUNet(2, 3, 2, (8, 8, 16, 16, 32, 8), norm="batch", act="relu").eval()
    expected = sorted(Chain(norm.replace("adn.N", "conv"), norm, norm.replace("adn.N", "adn.A")) for norm in norms)
    assert sorted(layer_chains(network)) == expected
    network.conv_0.conv_0.adn.D.train()
    assert sorted(layer_chains(network)) == sorted([expected[0]._replace(relu=""), *expected[1:]])


def test_what_has_two_places_is_no_pair() -> None:
    conv, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    assert layer_chains(nn.Sequential(conv, norm).eval()) == [Chain("0", "1", "")]
    shared_norm = nn.Sequential(nn.Sequential(conv, norm), nn.Sequential(nn.Conv2d(3, 3, 1), norm)).eval()
    assert layer_chains(shared_norm) == []
    shared_weight = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)).eval()
    shared_weight[2].weight = shared_weight[0].weight
    assert layer_chains(shared_weight) == []


@pytest.mark.parametrize(
    "layers, expected",
    [
        ([nn.Conv2d(4, 4, 3, dilation=2, padding=2, groups=2), nn.BatchNorm2d(4)], [Chain("0", "1", "")]),
        ([nn.ConvTranspose2d(4, 6, 2, stride=2), nn.BatchNorm2d(6), nn.ReLU()], [Chain("0", "1", "2")]),
        ([nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6)], []),
        ([nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)], []),
        ([nn.Conv2d(4, 4, 1), nn.InstanceNorm2d(4, affine=True, track_running_stats=True)], []),
        ([nn.Conv2d(4, 4, 1), nn.Dropout(), nn.ReLU(inplace=True), nn.BatchNorm2d(4)], [Chain("0", "", "2")]),
        ([nn.Conv2d(4, 4, 1), nn.ReLU6()], []),
        ([nn.Linear(4, 4), nn.BatchNorm1d(4)], []),
    ],
)
def test_kinds_of_layers(layers: list[nn.Module], expected: list[Chain]) -> None:
    assert layer_chains(nn.Sequential(*layers).eval()) == expected


def test_a_normalisation_in_training_mode_ends_a_chain() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)).eval()
    assert layer_chains(network) == [Chain("0", "1", "")]
    network[1].train()
    assert layer_chains(network) == []
