"""The inferer that runs a forward pass in fp32 or bf16."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from htl_monai.engines.precision import PrecisionInferer, fastest_precision


class Spy(nn.Conv2d):
    """Remembers what it was given and made."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.given = inputs
        self.made = super().forward(inputs)
        return self.made


@pytest.fixture
def network() -> Spy:
    torch.manual_seed(0)
    return Spy(3, 4, 3)


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_fp32_is_the_plain_forward_pass(network: Spy, inputs: torch.Tensor) -> None:
    output = PrecisionInferer("fp32", channels_last=False)(inputs, network)
    assert torch.equal(output, network(inputs))
    assert network.made.dtype == torch.float32


def test_bf16_computes_in_bf16_and_returns_float32(network: Spy, inputs: torch.Tensor) -> None:
    output = PrecisionInferer("bf16")(inputs, network)
    assert network.made.dtype == torch.bfloat16 and output.dtype == torch.float32
    torch.testing.assert_close(output, network(inputs), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_format_of_the_input(network: Spy, inputs: torch.Tensor, channels_last: bool) -> None:
    PrecisionInferer("fp32", channels_last)(inputs, network)
    assert network.given.is_contiguous(memory_format=torch.channels_last) == channels_last


def test_volumes_are_brought_to_channels_last() -> None:
    given: list[torch.Tensor] = []
    volume = torch.rand(1, 2, 3, 4, 5)
    PrecisionInferer()(volume, lambda images: given.append(images) or images)
    assert given[0].is_contiguous(memory_format=torch.channels_last_3d) and torch.equal(given[0], volume)


def test_other_shapes_pass_as_they_are() -> None:
    torch.manual_seed(0)
    linear, inputs = nn.Linear(3, 2), torch.ones(5, 3)
    assert torch.equal(PrecisionInferer()(inputs, linear), linear(inputs))


def test_weights_changed_between_two_passes_are_seen(network: Spy, inputs: torch.Tensor) -> None:
    inferer = PrecisionInferer("bf16")
    with torch.no_grad():
        first = inferer(inputs, network)
        network.weight.zero_()
        second = inferer(inputs, network)
    assert not torch.equal(first, second)
    torch.testing.assert_close(second, network.bias.bfloat16().float().view(1, -1, 1, 1).expand_as(second))


def test_gradients_reach_the_weights_in_float32(network: Spy, inputs: torch.Tensor) -> None:
    PrecisionInferer("bf16")(inputs, network).sum().backward()
    assert network.weight.grad.dtype == torch.float32 and network.weight.grad.abs().sum() > 0


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, got 'fp16'"):
        PrecisionInferer("fp16")


def test_a_cpu_takes_bf16_only_where_it_has_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert fastest_precision("cpu") == "fp32"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert fastest_precision(torch.device("cpu")) == "bf16"


def test_a_gpu_takes_bf16_where_it_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert fastest_precision("cuda") == "bf16"
