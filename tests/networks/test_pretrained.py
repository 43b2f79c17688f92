"""Pretrained weights: all but a head of another shape, and nothing else that does not fit."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from monai.networks.nets import DenseNet121
from torch import nn
from torchvision.models import resnet18

from htl_monai.networks.pretrained import load_pretrained


def build(classes: int, width: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, classes))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save(build(1000).state_dict(), tmp_path / "imagenet.pt")
    return tmp_path / "imagenet.pt"


def test_no_file_leaves_the_network_as_it_is() -> None:
    network = build(3)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    assert load_pretrained(network, None) is network
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())


def test_a_head_of_other_classes_stays_fresh_and_is_named(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    network, loaded = build(3), torch.load(weights, weights_only=True)
    head = network[3].weight.clone()
    with caplog.at_level(logging.INFO, "htl_monai"):
        load_pretrained(network, weights)
    assert torch.equal(network[3].weight, head)
    state = network.state_dict()
    assert all(torch.equal(state[key], loaded[key]) for key in state if not key.startswith("3."))
    assert [record.args or record.message for record in caplog.records] == [
        f"3.weight of {weights} does not fit and keeps its fresh weights of shape (3, 4).",
        f"3.bias of {weights} does not fit and keeps its fresh weights of shape (3,).",
    ]


def test_a_head_that_fits_is_taken(weights: Path) -> None:
    network = load_pretrained(build(1000), weights)
    assert torch.equal(network.state_dict()["3.weight"], torch.load(weights, weights_only=True)["3.weight"])


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_weights_may_lie_under_a_key_and_lack_the_counts_of_batch_norm(tmp_path: Path, key: str) -> None:
    state = build(3).state_dict()
    state.pop("1.num_batches_tracked")
    torch.save({key: dict(state)}, tmp_path / "old.pt")
    assert torch.equal(load_pretrained(build(3), tmp_path / "old.pt").state_dict()["0.weight"], state["0.weight"])


@pytest.mark.parametrize("network_class", [resnet18, lambda num_classes: DenseNet121(2, 3, num_classes)])
def test_classifiers_of_torchvision_and_monai(tmp_path: Path, network_class) -> None:
    source, target = network_class(num_classes=5), network_class(num_classes=2)
    torch.save(source.state_dict(), tmp_path / "source.pt")
    load_pretrained(target, tmp_path / "source.pt")
    different = [
        key for key, tensor in target.state_dict().items() if not torch.equal(tensor, source.state_dict()[key])
    ]
    assert len(different) == 2


def test_another_network_is_refused_and_nothing_changes(weights: Path) -> None:
    network = build(3, width=8)
    before = network[0].weight.clone()
    with pytest.raises(ValueError, match=r"0.weight has shape \(4, 1, 3, 3\) instead of \(8, 1, 3, 3\)"):
        load_pretrained(network, weights)
    assert torch.equal(network[0].weight, before)


def test_a_layer_that_is_missing_elsewhere_is_refused(tmp_path: Path) -> None:
    state = build(3).state_dict()
    state.pop("0.bias")
    torch.save(state, tmp_path / "torn.pt")
    with pytest.raises(ValueError, match="0.bias is missing"):
        load_pretrained(build(3), tmp_path / "torn.pt")


@pytest.mark.parametrize(
    ("network", "head", "words"),
    [
        (build(3), "fc", "head must be a layer of Sequential with weights, got fc"),
        (nn.Conv2d(1, 1, 1), None, "head must be named, Conv2d has no linear layer"),
    ],
)
def test_a_head_that_is_not_there_is_refused(weights: Path, network: nn.Module, head: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load_pretrained(network, weights, head)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.pt does not exist"):
        load_pretrained(build(3), tmp_path / "nowhere.pt")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = build(1000).state_dict()
    state["1.running_var"][0] = torch.nan
    torch.save({"state_dict": state}, tmp_path / "broken.pt")
    with pytest.raises(ValueError, match=r"broken.pt must hold finite .* in state_dict.1.running_var; give one"):
        load_pretrained(build(3), tmp_path / "broken.pt")
