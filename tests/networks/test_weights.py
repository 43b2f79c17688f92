"""Saving and loading weights, and the words for a file of another network."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from htl_monai.networks.tensor_file import save_tensors
from htl_monai.networks.weights import load_weights, save_weights


def network(width: int = 4, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))


def same(state_a: dict, state_b: dict) -> bool:
    return state_a.keys() == state_b.keys() and all(torch.equal(state_a[key], state_b[key]) for key in state_a)


def test_weights_come_back_bit_for_bit(tmp_path: Path) -> None:
    saved, loaded = network(seed=0), network(seed=1)
    load_weights(loaded, save_weights(saved, tmp_path / "deep" / "dense.pt"))
    assert same(saved.state_dict(), loaded.state_dict())


def test_a_wrapped_network_saves_and_loads_plain_names(tmp_path: Path) -> None:
    saved, loaded = nn.DataParallel(network(seed=0)), nn.DataParallel(network(seed=1))
    path = save_weights(saved, tmp_path / "dense.pt")
    assert set(torch.load(path, weights_only=True)) == set(saved.module.state_dict())
    load_weights(loaded, path)
    assert same(saved.module.state_dict(), loaded.module.state_dict())


def test_channels_last_weights_are_saved_contiguous(tmp_path: Path) -> None:
    path = save_weights(network().to(memory_format=torch.channels_last), tmp_path / "dense.pt")
    assert torch.load(path, weights_only=True)["0.weight"].is_contiguous()


def test_a_monai_checkpoint_with_model_inside_is_taken(tmp_path: Path) -> None:
    saved, loaded = network(seed=0), network(seed=1)
    load_weights(loaded, save_tensors({"model": saved.state_dict()}, tmp_path / "model.pt"))
    assert same(saved.state_dict(), loaded.state_dict())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (network(width=5), r"of another network than Sequential: 0.weight has shape \(5, 3, 3, 3\) instead of \(4,"),
        (nn.Linear(2, 2), r"7 weights are missing and 2 are unexpected \(first: 0.weight is missing\)"),
        (nn.Sequential(*network(), nn.ReLU(), nn.Linear(1, 1)), r"2 are unexpected \(first: 3.weight is not known\)"),
    ],
)
def test_weights_of_another_network_are_refused_and_change_nothing(
    tmp_path: Path, other: nn.Module, words: str
) -> None:
    target = network()
    before = copy.deepcopy(target.state_dict())
    with pytest.raises(ValueError, match=words):
        load_weights(target, save_weights(other, tmp_path / "other.pt"))
    assert same(before, target.state_dict())


def test_a_full_disk_leaves_the_earlier_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_weights(network(seed=0), tmp_path / "dense.pt")
    before = path.read_bytes()
    monkeypatch.setattr(Path, "open", lambda self, mode="r": open("/dev/full", mode))
    with pytest.raises(OSError, match=r"dense.pt could not be written \(No space left on device\) and is as it was"):
        save_weights(network(seed=1), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["0.weight", "0.bias", "1.running_mean", "1.running_var"])
def test_weights_and_statistics_that_are_not_finite_are_refused_and_change_nothing(
    tmp_path: Path, name: str, value: float
) -> None:
    broken, target = network(seed=1), network()
    broken.state_dict()[name].flatten()[1] = value
    before = copy.deepcopy(target.state_dict())
    words = rf"dense.pt must hold finite numbers, got NaN or infinity in {name}; give one of a training that converged"
    with pytest.raises(ValueError, match=words):
        load_weights(target, save_weights(broken, tmp_path / "dense.pt"))
    assert same(before, target.state_dict())


@pytest.mark.parametrize(
    ("name", "tensor", "words"),
    [
        ("1.running_var", torch.tensor([1.0, 0, -1, 1]), "variances of at least 0, got a negative one"),
        ("0.bias", torch.ones(4, dtype=torch.int64), "numbers like float32, got int64"),
        ("0.bias", torch.ones(4, dtype=torch.complex64), "numbers like float32, got complex64"),
        ("0.bias", torch.full((4,), 1e300, dtype=torch.float64), "numbers that float32 can hold, got larger ones"),
    ],
)
def test_numbers_that_no_training_leaves_are_refused_and_change_nothing(
    tmp_path: Path, name: str, tensor: torch.Tensor, words: str
) -> None:
    target = network()
    before = copy.deepcopy(target.state_dict())
    path = save_tensors({**network(seed=1).state_dict(), name: tensor}, tmp_path / "dense.pt")
    with pytest.raises(ValueError, match=f"dense.pt must hold {words} in {name}; give one of a training"):
        load_weights(target, path)
    assert same(before, target.state_dict())


def test_half_precision_weights_are_taken(tmp_path: Path) -> None:
    target = network()
    load_weights(target, save_weights(network(seed=1).half(), tmp_path / "half.pt"))
    assert torch.equal(target[0].weight, network(seed=1)[0].weight.half().float())
