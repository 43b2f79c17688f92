"""The folded copy of a network says what the network says, and leaves the network alone."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.data import MetaTensor
from torch import Tensor, nn

from htl_monai.pruning import Compressor, GlobalMagnitude, LowRank, Quantization, StructuredMagnitude
from htl_monai.pruning.weight_sweep import WeightSweep

LEVELS = (0.75, 0.5, 0.875)


class Branching(nn.Module):
    """Every kind of pair, and a way that depends on the input, so that the whole cannot be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 6, 2, stride=2), nn.BatchNorm2d(6, affine=False))
        self.grouped_up = nn.Sequential(nn.ConvTranspose2d(6, 6, 2, groups=2), nn.BatchNorm2d(6))
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, images: Tensor) -> dict[str, list[Tensor]]:
        found = self.grouped(images)
        if found.mean() < 100:
            found = self.grouped_up(self.up(found))
        return {"out": [self.head(found)]}


@pytest.fixture
def branching() -> nn.Module:
    torch.manual_seed(0)
    network = Branching()
    with torch.no_grad():
        for _ in range(30):
            network(1 + 2 * torch.randn(4, 4, 9, 9))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.affine:
                module.weight.uniform_(0.5, 2)
                module.bias.normal_()
    return network.eval()


def images(seed: int = 1) -> Tensor:
    return 1 + 2 * torch.randn(2, 4, 9, 9, generator=torch.Generator().manual_seed(seed))


def folded(network: nn.Module, compressor: Compressor | None = None) -> WeightSweep:
    sweep = (compressor or GlobalMagnitude()).sweep(network, LEVELS)
    sweep.folded = True
    return sweep


def outputs(sweep: WeightSweep, batch: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [output["out"][0] for output in sweep.outputs(lambda network: network(batch))]


def bits(network: nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in network.state_dict().values()]


@pytest.mark.parametrize(
    "compressor", [GlobalMagnitude(), StructuredMagnitude(), LowRank(), Quantization(activations="none")]
)
def test_every_level_says_what_the_network_says(branching: nn.Module, compressor: Compressor) -> None:
    before = bits(branching)
    sweep = folded(copy.deepcopy(branching), compressor)
    for batch in (images(1), images(2)):
        found, expected = outputs(sweep, batch), outputs(compressor.sweep(branching, LEVELS), batch)
        assert len(found) == 4
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        assert not torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])
    assert len(sweep._form.folded.norms) == 2
    assert bits(sweep.network) == bits(branching) == before


def test_inside_autocast_it_computes_in_its_precision(branching: nn.Module) -> None:
    sweep = folded(branching)
    exact = outputs(sweep, images())
    with torch.autocast("cpu", torch.bfloat16):
        rounded = outputs(sweep, images())
    assert sweep._form.folded.dtype == torch.bfloat16
    assert {weight.dtype for weight in sweep._form.folded.network.grouped_up[0].parameters()} == {torch.bfloat16}
    for one, other in zip(rounded, exact, strict=True):
        assert one.dtype == torch.bfloat16
        assert 0 < (one - other).norm() < 0.03 * other.norm()
    assert torch.equal(outputs(sweep, images())[2], exact[2])  # and back to the precision of before


def test_levels_whose_weights_are_not_kept_are_folded_anew(
    branching: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [outputs(folded(branching), batch) for batch in (images(1), images(2))]
    monkeypatch.setattr("htl_monai.pruning.inference_form._KEPT_BYTES", 0)
    sweep = folded(branching)
    for expected, batch in zip(kept, (images(1), images(2)), strict=True):
        assert all(map(torch.equal, outputs(sweep, batch), expected))
    assert sweep._form._kept == {}


def test_the_network_is_dense_while_its_copy_runs(branching: nn.Module) -> None:
    before = bits(branching)
    sweep = folded(branching)
    with torch.inference_mode():
        for level in LEVELS * 2:
            with sweep.at(level) as network:
                network(images())
                assert bits(branching) == before
                assert network is not branching
    assert bits(branching) == before
    with pytest.raises(RuntimeError, match="must be called inside its block, got a call after it"):
        network(images())


def hooked(network: nn.Module) -> None:
    network.head.register_forward_pre_hook(lambda module, args: (args[0] + 1,))


def in_training(network: nn.Module) -> None:
    network.up[1].train()


class Lying(Branching):
    """Uses a convolution twice, which no trace of its parts shows."""

    def forward(self, batch: Tensor) -> dict[str, list[Tensor]]:
        found = self.grouped(batch) if batch.mean() < 100 else batch
        return {"out": [found + self.grouped[0](batch)]}


def lying(network: nn.Module) -> None:
    network.__class__ = Lying


def closed_over(network: nn.Module) -> None:
    call = network.forward
    network.forward = lambda batch: call(batch)  # a copy of the network calls this with the weights of the first


@pytest.mark.parametrize(
    "change, reason",
    [
        (hooked, "head has hooks"),
        (in_training, "up.1 is in training mode"),
        (lying, "returns something else"),
        (closed_over, "returns something else"),
        (lambda network: network.compile(backend="eager"), "it is compiled"),
    ],
)
def test_a_network_that_cannot_be_folded_is_run_as_it_is(branching: nn.Module, change, reason: str) -> None:
    change(branching)
    expected = outputs(GlobalMagnitude().sweep(branching, LEVELS), images())
    found = outputs(sweep := folded(branching), images())
    assert reason in sweep._form.reason
    assert all(map(torch.equal, found, expected))


def test_a_copy_that_fails_in_another_precision_is_not_used(branching: nn.Module, caplog) -> None:
    class Constant(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            return nn.functional.linear(batch, torch.eye(batch.shape[-1]))

    branching.grouped.append(Constant().eval())
    sweep = folded(branching)
    with torch.autocast("cpu", torch.bfloat16):
        found = outputs(sweep, images())
        expected = outputs(GlobalMagnitude().sweep(copy.deepcopy(branching), LEVELS), images())
    assert "fails with RuntimeError" in sweep._form.reason and "the network runs unfolded" in caplog.text
    assert all(map(torch.equal, found, expected))


def test_metadata_of_an_image_reach_the_output(branching: nn.Module) -> None:
    image = MetaTensor(images(), meta={"name": "x"})
    sweep = folded(branching)
    with torch.no_grad():
        for output in sweep.outputs(lambda network: network(image)):
            assert output["out"][0].meta["name"] == "x"
    assert sweep._form.reason == ""


def test_changed_statistics_are_folded_anew(branching: nn.Module) -> None:
    sweep = folded(branching)
    before = outputs(sweep, images())
    branching.up[1].running_mean += 1
    after = outputs(sweep, images())
    expected = outputs(GlobalMagnitude().sweep(copy.deepcopy(branching), LEVELS), images())
    assert not torch.allclose(before[1], after[1], atol=1e-2)
    torch.testing.assert_close(after, expected, atol=1e-5, rtol=1e-5)


def test_rounded_inputs_are_not_lost(branching: nn.Module) -> None:
    found = outputs(sweep := folded(branching, Quantization()), images())
    plain = outputs(Quantization().sweep(copy.deepcopy(branching), LEVELS), images())
    assert sweep._form is None and all(map(torch.equal, found, plain))


@pytest.mark.parametrize("use_folded", [False, True])
def test_levels_at_which_nothing_changed_are_not_run(network: nn.Module, use_folded: bool) -> None:
    levels = (1e-6, 0.0, 0.3, 0.300001, 0.6, 1e-7)
    sweep = GlobalMagnitude().sweep(network, levels)
    sweep.folded = use_folded
    calls: list[int] = []

    def run(network: nn.Module) -> Tensor:
        calls.append(1)
        return network(torch.ones(1, 3, 4, 4))

    with torch.no_grad():
        found = list(sweep.outputs(run))
        assert len(calls) == 3  # dense, 0.3, 0.6
        for level, output in zip((0.0, *levels), found, strict=True):
            with sweep.at(level) as network:
                assert torch.equal(network(torch.ones(1, 3, 4, 4)), output)
    low_rank = LowRank().sweep(nn.Linear(1, 9), (0.5, 0.9))
    assert len({id(output) for output in low_rank.outputs(lambda network: object())}) == 1
