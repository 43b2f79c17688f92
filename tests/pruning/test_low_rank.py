"""Tests of low-rank factorisation in the sweep."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d

from htl_monai.pruning import LowRank, Sweep, WeightSweep, prunable_parameters
from htl_monai.pruning.low_rank import factor_rank

AMOUNTS = (0.7, 0.0, 0.3, 0.9)


def bits(network: nn.Module) -> dict[str, bytes]:
    return {name: value.contiguous().numpy().tobytes() for name, value in network.state_dict().items()}


def images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(7))


def test_a_diagonal_matrix_keeps_its_largest_entries() -> None:
    layer = nn.Linear(8, 8, bias=False)
    values = torch.tensor([1.0, -5.0, 2.0, 8.0, 0.5, 3.0, 0.25, 4.0])
    layer.weight.data.copy_(torch.diag(values))
    sweep = LowRank().sweep(layer, [0.5, 0.75])
    with sweep.at(0.5):  # rank floor(0.5 * 64 / 16) = 2
        expected = torch.diag(torch.tensor([0.0, -5.0, 0.0, 8.0, 0.0, 0.0, 0.0, 0.0]))
        torch.testing.assert_close(layer.weight, expected, check_layout=False, atol=1e-5, rtol=0)
    with sweep.at(0.75):
        assert int(torch.linalg.matrix_rank(layer.weight)) == 1
    report = sweep.report()
    energy = float(values.square().sum())
    assert report.columns.tolist() == ["amount", "layer", "n_weights", "rank", "n_stored", "saved", "relative_error"]
    assert report["rank"].tolist()[::2] == [2, 1] and report["n_stored"].tolist() == [32, 32, 16, 16]
    assert report["saved"].tolist() == [0.5, 0.5, 0.75, 0.75]
    assert report["relative_error"].to_numpy() == pytest.approx(
        np.sqrt(np.array([energy - 89, energy - 89, energy - 64, energy - 64]) / energy)
    )


def test_the_weights_equal_the_truncated_decomposition_of_numpy(network: nn.Module) -> None:
    weight = network[3].weight.detach().numpy().copy()  # of a transposed convolution, (in, out, 2, 2) = (8, 6, 2, 2)
    matrix = weight.transpose(1, 0, 2, 3).reshape(6, 32)
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    rank = math.floor(0.4 * 6 * 32 / 38)
    assert rank == 2
    expected = ((left[:, :rank] * values[:rank]) @ right[:rank]).reshape(6, 8, 2, 2).transpose(1, 0, 2, 3)
    sweep = LowRank().sweep(network, [0.6])
    with sweep.at(0.6):
        np.testing.assert_allclose(network[3].weight.detach().numpy(), expected, atol=1e-6)
    row = sweep.report().set_index("layer").loc["3.weight"]
    assert row["relative_error"] == pytest.approx(np.linalg.norm(weight - expected) / np.linalg.norm(weight), rel=1e-5)
    assert row["saved"] == pytest.approx(1 - 2 * 38 / 192)


@pytest.mark.parametrize("groups", [1, 2])
def test_the_product_computes_what_two_thin_convolutions_do(groups: int) -> None:
    torch.manual_seed(1)
    layer = nn.Conv2d(8, 12, 3, padding=1, groups=groups)
    sweep = LowRank().sweep(layer, [0.5])
    factors = sweep._factors["weight"]
    rank = factors.ranks[0.5]
    first = factors.right[:, :rank].reshape(groups * rank, 8 // groups, 3, 3)
    second = factors.left[..., :rank].reshape(12, rank, 1, 1)
    with torch.no_grad(), sweep.at(0.5):
        thin = conv2d(conv2d(images(2, 8, 6, 6), first, padding=1, groups=groups), second, layer.bias, groups=groups)
        torch.testing.assert_close(layer(images(2, 8, 6, 6)), thin, atol=1e-5, rtol=1e-4)
    assert sweep.report()["n_stored"].iloc[0] == first.numel() + second.numel()


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_factorises_into_one_and_a_pointwise_one(groups: int) -> None:
    torch.manual_seed(1)
    layer = nn.ConvTranspose2d(8, 12, 2, stride=2, groups=groups)
    sweep = LowRank().sweep(layer, [0.5])
    factors = sweep._factors["weight"]
    rank = factors.ranks[0.5]
    first = factors.right[:, :rank].reshape(groups, rank, 8 // groups, 2, 2).transpose(1, 2).reshape(8, rank, 2, 2)
    second = factors.left[..., :rank].reshape(12, rank, 1, 1)
    with torch.no_grad(), sweep.at(0.5):
        thin = conv_transpose2d(images(2, 8, 6, 6), first, stride=2, groups=groups)
        thin = conv2d(thin, second, layer.bias, groups=groups)
        torch.testing.assert_close(layer(images(2, 8, 6, 6)), thin, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("m", "n", "amount", "rank"),
    [
        (10, 10, 0.0, None),  # dense
        (20, 20, 0.9, 1),  # (1 - 0.9) * 10 falls just short of 1 in floating point
        (40, 40, 0.9, 2),
        (4, 4, 0.99, 1),  # less than one rank is asked for: it saves 1 / 2 only
        (2, 2, 0.5, None),  # 4 numbers either way
        (1, 100, 0.5, None),
    ],
)
def test_ranks(m: int, n: int, amount: float, rank: int | None) -> None:
    assert factor_rank(m, n, amount) == rank


def test_where_factors_would_not_be_smaller_the_weight_stays_and_the_report_says_so() -> None:
    network = nn.Sequential(nn.Conv2d(6, 6, 3, groups=6), nn.Linear(30, 30))
    sweep, dense = LowRank().sweep(network, [0.9]), network[0].weight.detach().clone()
    with sweep.at(0.9):
        assert torch.equal(network[0].weight, dense)
    report = sweep.report().set_index("layer")
    assert math.isnan(report.loc["0.weight", "rank"]) and math.isnan(report.loc["all", "rank"])
    assert report.loc["0.weight", ["saved", "relative_error"]].tolist() == [0, 0]
    assert report.loc["1.weight", "saved"] == pytest.approx(1 - 60 / 900)
    assert report.loc["all", "saved"] == pytest.approx(1 - (54 + 60) / 954)
    assert report.loc["all", "n_weights"] == 954


def test_amount_zero_touches_nothing(network: nn.Module) -> None:
    sweep = LowRank().sweep(network, AMOUNTS)
    before, versions = bits(network), [weight._version for weight in network.parameters()]
    with sweep.at(0.0):
        assert bits(network) == before
    assert versions == [weight._version for weight in network.parameters()]
    report = sweep.report()
    assert (report.loc[report["amount"] == 0, ["saved", "relative_error"]] == 0).all(axis=None)


@pytest.mark.parametrize("channels_last", [False, True])
def test_weights_and_keys_come_back_also_after_an_exception(network: nn.Module, channels_last: bool) -> None:
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    before, strides = bits(network), [weight.stride() for weight in network.parameters()]
    sweep = LowRank().sweep(network, AMOUNTS)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        with sweep.at(0.9):
            assert bits(network) != before and bits(network).keys() == before.keys()
            raise KeyboardInterrupt("stop")
    assert bits(network) == before
    assert [weight.stride() for weight in network.parameters()] == strides


def test_the_error_grows_with_the_amount_and_is_that_of_the_weights(network: nn.Module) -> None:
    ascending = [round(0.05 * step, 2) for step in range(20)]
    dense = {name: weight.detach().clone() for name, weight in prunable_parameters(network).items()}
    sweep = LowRank().sweep(network, ascending)
    report = sweep.report().set_index(["layer", "amount"])["relative_error"]
    for name in [*dense, "all"]:
        assert report[name].is_monotonic_increasing
    assert report["all"].iloc[-1] > 0.5
    with torch.no_grad(), sweep.at(0.8):
        for name, weight in prunable_parameters(network).items():
            error = float((weight - dense[name]).norm() / dense[name].norm())
            assert report[name, 0.8] == pytest.approx(error, abs=1e-6)


def test_autocast_sees_the_factorised_weights_at_full_precision(network: nn.Module) -> None:
    sweep = LowRank().sweep(network, [0.8])
    with sweep.at(0.8):
        plain = copy.deepcopy(network.state_dict())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        dense = network(images(1, 3, 4, 4))
        with sweep.at(0.8):
            assert not torch.equal(network(images(1, 3, 4, 4)), dense)
            assert all(torch.equal(value, plain[name]) for name, value in network.state_dict().items())
        assert torch.equal(network(images(1, 3, 4, 4)), dense)


def test_only_the_singular_vectors_that_are_needed_are_kept() -> None:
    sweep = LowRank().sweep(nn.Linear(64, 64), [0.9])
    factors = sweep._factors["weight"]
    stored = factors.left.untyped_storage().nbytes() + factors.right.untyped_storage().nbytes()
    assert stored == 3 * 128 * 4


def test_it_enters_the_sweep_as_pruners_do(network: nn.Module) -> None:
    sweep = LowRank().sweep(network, [0.5])
    assert isinstance(sweep, WeightSweep) and issubclass(Sweep, WeightSweep)
    with pytest.raises(ValueError, match=r"^sparsity must be one of the sweep's \[0.5\], got 0.6; name it when"):
        with sweep.at(0.6):
            pass
    with torch.no_grad():
        network[0].weight.mul_(2)
    with pytest.raises(RuntimeError, match="build a new Sweep after training or loading"):
        with sweep.at(0.5):
            pass


def test_bad_values_are_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"^amount must be in \[0, 1\), got 1.0; pass the fraction"):
        LowRank(1.0)
    with pytest.raises(ValueError, match=r"^sparsities must be 1 to 255 different fractions, got \[\]; name each"):
        LowRank().sweep(network, [])
    network[0].weight.data[0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="^network must have finite weights, got NaN or infinity in 0.weight; load a"):
        LowRank().sweep(network, [0.5])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_gets_the_same_weights(network: nn.Module) -> None:
    with LowRank().sweep(network, [0.6]).at(0.6):
        expected = {name: weight.detach().clone() for name, weight in prunable_parameters(network).items()}
    network = network.cuda().to(memory_format=torch.channels_last)
    with LowRank().sweep(network, [0.6]).at(0.6):
        for name, weight in prunable_parameters(network).items():
            torch.testing.assert_close(weight.detach().cpu(), expected[name], atol=1e-6, rtol=1e-5)
