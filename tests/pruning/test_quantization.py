"""Tests of quantisation in the sweep."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from htl_monai.pruning import Quantization, prunable_parameters
from htl_monai.pruning.quantization import bits_of

AMOUNTS = [1 - bits / 32 for bits in (16, 8, 6, 5, 4, 3, 2)]


def bits(network: nn.Module) -> dict[str, bytes]:
    return {name: value.contiguous().numpy().tobytes() for name, value in network.state_dict().items()}


def images(*shape: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def settings_of(activations: str) -> dict:
    return {"activations": activations, "calibration": [images(4, 3, 8, 8)] if activations == "static" else None}


def integer_layer(inputs: np.ndarray, weight: np.ndarray, bias: np.ndarray, low: float, high: float) -> np.ndarray:
    """Compute a linear layer in 8-bit integers, as a processor would: the sums are integers until the last step."""
    scale, weight_scale = (high - low) / 255, np.abs(weight).max(axis=1, keepdims=True) / 127
    zero = round(-low / scale)
    integers = np.clip(np.rint(inputs / scale) + zero, 0, 255).astype(np.int64) - zero
    weights = np.rint(weight / weight_scale).astype(np.int64)
    return integers @ weights.T * (scale * weight_scale[:, 0]) + bias


def test_dynamic_int8_equals_integer_arithmetic_for_each_image() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 4))
    batch = images(5, 12) * torch.tensor([1.0, 3, 0.2, 1, 9]).view(5, 1)
    with torch.no_grad(), Quantization().sweep(network, [0.75]).at(0.75):
        ours = network(batch).numpy()
    parameters = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    for image, scores in zip(batch.double().numpy(), ours, strict=True):
        for name in ("0", "2"):
            low, high = min(image.min(), 0), max(image.max(), 0)
            image = integer_layer(image, parameters[f"{name}.weight"], parameters[f"{name}.bias"], low, high)
            image = np.maximum(image, 0) if name == "0" else image
        np.testing.assert_allclose(scores, image, rtol=1e-4, atol=1e-5)


def test_static_int8_equals_integer_arithmetic_with_the_observed_range() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(12, 4)
    calibration = [images(3, 12, seed=1).clamp(-1, 2), images(2, 12, seed=2).clamp(-1.5, 1)]
    calibration[0][1, 3], calibration[1][0, 5] = 2.0, -1.5
    low, high = -1.5, 2.0
    batch = 2 * images(6, 12)  # reaches beyond what was observed
    assert batch.min() < low and batch.max() > high
    with torch.no_grad(), Quantization(activations="static", calibration=calibration).sweep(layer, [0.75]).at(0.75):
        ours = layer(batch).numpy()
    expected = integer_layer(
        batch.double().numpy(), layer.weight.detach().double().numpy(), layer.bias.detach().numpy(), low, high
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not hasattr(torch, "quantize_per_channel"), reason="this torch has no quantised tensors")
@pytest.mark.filterwarnings("ignore:torch.quantize_per")
def test_weights_equal_the_quantised_tensors_of_pytorch(network: nn.Module) -> None:
    dense = {name: weight.detach().clone() for name, weight in prunable_parameters(network).items()}
    with Quantization(activations="none").sweep(network, [0.75]).at(0.75):
        for name, weight in prunable_parameters(network).items():
            axis = 1 if name == "3.weight" else 0  # the transposed convolution
            scales = dense[name].transpose(0, axis).flatten(1).abs().amax(1).double() / 127
            reference = torch.quantize_per_channel(dense[name], scales, torch.zeros(len(scales)), axis, torch.qint8)
            torch.testing.assert_close(weight.detach(), reference.dequantize())


def test_two_bits_leave_three_values_a_channel() -> None:
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data.copy_(torch.tensor([[1.0, 0.4, -0.6], [0.0, 0.0, 0.0]]))
    sweep = Quantization(activations="none").sweep(layer, [0.9375])
    with sweep.at(0.9375):
        assert layer.weight.tolist() == [[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]]
    report = sweep.report()
    assert report.columns.tolist() == ["amount", "layer", "n_weights", "bits", "n_stored", "saved", "relative_error"]
    assert report["layer"].tolist() == ["weight", "all"] and report["bits"].tolist() == [2, 2]
    assert report["n_stored"].tolist() == [6 * 2 / 32 + 2] * 2  # a scale for each of two channels
    assert report["saved"].iloc[1] == pytest.approx(1 - (12 + 64) / 192)
    assert report["relative_error"].to_numpy() == pytest.approx(np.sqrt((0.4**2 + 0.4**2) / 1.52))


@pytest.mark.parametrize(("amount", "expected"), [(0, 32), (0.5, 16), (0.75, 8), (0.84375, 5), (0.9375, 2)])
def test_bits(amount: float, expected: int) -> None:
    assert bits_of(amount) == expected


@pytest.mark.parametrize("activations", ["dynamic", "static", "none"])
def test_amount_zero_touches_nothing(network: nn.Module, activations: str) -> None:
    sweep = Quantization(**settings_of(activations)).sweep(network, [0.0, 0.75])
    before, versions = bits(network), [weight._version for weight in network.parameters()]
    dense = network(images(2, 3, 8, 8))
    with sweep.at(0.0):
        assert torch.equal(network(images(2, 3, 8, 8)), dense)
    assert bits(network) == before and versions == [weight._version for weight in network.parameters()]
    assert sweep.report().query("amount == 0")[["saved", "relative_error"]].eq(0).all(axis=None)


@pytest.mark.parametrize("activations", ["dynamic", "static", "none"])
def test_weights_keys_and_hooks_come_back_also_after_an_exception(network: nn.Module, activations: str) -> None:
    sweep = Quantization(**settings_of(activations)).sweep(network, [0.875])
    before, dense = bits(network), network(images(2, 3, 8, 8))
    assert not any(module._forward_pre_hooks for module in network.modules())
    with pytest.raises(KeyboardInterrupt, match="stop"):
        with sweep.at(0.875):
            assert bits(network) != before and bits(network).keys() == before.keys()
            hooked = [name for name, module in network.named_modules() if module._forward_pre_hooks]
            assert hooked == ([] if activations == "none" else ["0", "3", "4", "7"])
            raise KeyboardInterrupt("stop")
    assert bits(network) == before
    assert not any(module._forward_pre_hooks or module._forward_pre_hooks_with_kwargs for module in network.modules())
    assert torch.equal(network(images(2, 3, 8, 8)), dense)


@pytest.mark.parametrize("activations", ["dynamic", "static", "none"])
def test_the_error_grows_as_bits_go(network: nn.Module, activations: str) -> None:
    sweep = Quantization(**settings_of(activations)).sweep(network, AMOUNTS)
    errors = sweep.report().query("layer == 'all'")["relative_error"]
    assert errors.is_monotonic_increasing and errors.iloc[0] < 1e-4 and errors.iloc[-1] > 0.2
    batch, outputs = images(16, 3, 8, 8), []
    with torch.no_grad():
        dense = network(batch)
        for amount in (0.5, 0.75, 0.875):
            with sweep.at(amount):
                outputs.append(float((network(batch) - dense).abs().mean()))
    assert 0 < outputs[0] < outputs[1] < outputs[2]


@pytest.mark.parametrize("channels_last", [False, True])
def test_what_is_said_of_an_image_does_not_depend_on_the_images_beside_it(
    network: nn.Module, channels_last: bool
) -> None:
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    image, calm, loud = images(1, 3, 8, 8), images(3, 3, 8, 8, seed=1), 100 * images(3, 3, 8, 8, seed=2)
    with torch.no_grad(), Quantization().sweep(network, [0.875]).at(0.875):
        with_calm, with_loud = network(torch.cat([image, calm]))[0], network(torch.cat([image, loud]))[0]
        alone = network(image)[0]
    assert torch.equal(with_calm, with_loud)
    torch.testing.assert_close(alone, with_calm)


def test_more_than_the_weights_is_quantised_unless_activations_are_none(network: nn.Module) -> None:
    outputs = []
    with torch.no_grad():
        for activations in ("dynamic", "static", "none"):
            with Quantization(**settings_of(activations)).sweep(network, [0.875]).at(0.875):
                outputs.append(network(images(2, 3, 8, 8)))
    assert not any(torch.equal(outputs[one], outputs[other]) for one, other in ((0, 1), (0, 2), (1, 2)))


def test_channels_last_and_bf16_autocast(network: nn.Module) -> None:
    network, batch = network.to(memory_format=torch.channels_last), images(4, 3, 8, 8)
    sweep = Quantization().sweep(network, [0.75])
    with torch.no_grad():
        with sweep.at(0.75):
            plain = network(batch)
        with torch.autocast("cpu", torch.bfloat16):
            dense = network(batch)
            with sweep.at(0.75):
                fast = network(batch)
            assert torch.equal(network(batch), dense)
    assert fast.dtype == torch.bfloat16 and not torch.equal(fast, dense)
    assert (fast.float() - plain).abs().max() < 0.05


@pytest.mark.parametrize("activations", ["dynamic", "static"])
def test_nan_in_an_image_is_not_rounded_away(network: nn.Module, activations: str) -> None:
    batch = images(3, 3, 8, 8)
    batch[1, 0, 0, 0] = torch.nan
    with torch.no_grad(), Quantization(**settings_of(activations)).sweep(network, [0.75]).at(0.75):
        assert network(batch).isnan().all(dim=1).tolist() == [False, True, False]


def test_calibration_reads_what_a_loader_and_prepare_batch_give(network: nn.Module) -> None:
    batch = images(4, 3, 8, 8)
    seen = []

    def prepare(loaded: dict, device: torch.device, non_blocking: bool) -> tuple:
        seen.append((device, non_blocking))
        return loaded["picture"].to(device) / 2, None

    ways = (
        Quantization(activations="static", calibration=[batch]),
        Quantization(activations="static", calibration=[{"image": batch[:1]}, {"image": batch[1:]}]),
        Quantization(activations="static", calibration=[{"picture": 2 * batch}], prepare_batch=prepare),
    )
    outputs = []
    for way in ways:
        network.train()
        sweep = way.sweep(network, [0.75])
        assert network.training
        with torch.no_grad(), sweep.at(0.75):
            outputs.append(network.eval()(images(2, 3, 8, 8, seed=3)))
    assert seen == [(torch.device("cpu"), False)]
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], outputs[2])


def test_a_layer_called_with_named_inputs_is_rounded_too() -> None:
    layer = nn.ConvTranspose2d(2, 2, 2)
    with torch.no_grad(), Quantization().sweep(layer, [0.875]).at(0.875):
        named = layer(input=images(1, 2, 4, 4), output_size=(5, 5))
        assert torch.equal(named, layer(images(1, 2, 4, 4), (5, 5)))


def test_each_layer_that_shares_a_weight_has_its_inputs_rounded() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    network = nn.Sequential(first, second)
    with Quantization().sweep(network, [0.875]).at(0.875):
        assert all(layer._forward_pre_hooks for layer in network)


def test_bad_values_are_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"^amount must leave a whole number of bits from 2 to 16, got 0.7 \(9.6 bits"):
        Quantization(0.7)
    with pytest.raises(ValueError, match=r"^amount must leave a whole number of bits from 2 to 16, got 0.25 \(24 bits"):
        Quantization(0.25)
    with pytest.raises(ValueError, match=r"^amount must leave .* got 0.96875 \(1 bits"):
        Quantization(0.96875)
    with pytest.raises(TypeError, match="^amount must be a number, got '8'"):
        Quantization("8")
    with pytest.raises(ValueError, match="^activations must be one of dynamic, static, none, got 'int8'; choose one"):
        Quantization(activations="int8")
    with pytest.raises(ValueError, match="^calibration must be given with static .* got none with static ones"):
        Quantization(activations="static")
    with pytest.raises(ValueError, match="^calibration must be given with static .* got a list with dynamic ones"):
        Quantization(calibration=[images(1, 3, 8, 8)])
    with pytest.raises(ValueError, match="^sparsities must leave a whole number of bits from 2 to 16, got 0.3"):
        Quantization().sweep(network, [0.75, 0.3])
    with pytest.raises(ValueError, match="^calibration must hold at least one batch, got none; pass batches"):
        Quantization(activations="static", calibration=[]).sweep(network, [0.75])
    with pytest.raises(ValueError, match="^calibration must lead to finite inputs of every layer, got NaN or inf.* 0;"):
        batch = torch.full((1, 3, 8, 8), torch.nan)
        Quantization(activations="static", calibration=[batch]).sweep(network, [0.75])
    assert not any(module._forward_pre_hooks for module in network.modules())
    network[4].weight.data[0, 0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match="^network must have finite weights, got NaN or infinity in 4.weight; load"):
        Quantization().sweep(network, [0.75])


def test_a_compiled_network_is_refused_where_its_code_would_pass_the_hooks_by(network: nn.Module) -> None:
    compiled = copy.deepcopy(network)
    compiled.compile()
    for module in (compiled, torch.compile(network)):
        with pytest.raises(ValueError, match="^network must not be compiled where activations are quantised"):
            Quantization().sweep(module, [0.75])
        Quantization(activations="none").sweep(module, [0.75])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("activations", ["dynamic", "static"])
def test_the_gpu_says_the_same(network: nn.Module, activations: str) -> None:
    batch = images(4, 3, 8, 8)
    with torch.no_grad(), Quantization(**settings_of(activations)).sweep(network, [0.75]).at(0.75):
        expected = network(batch)
    network = network.cuda().to(memory_format=torch.channels_last)
    with torch.no_grad(), Quantization(**settings_of(activations)).sweep(network, [0.75]).at(0.75):
        torch.testing.assert_close(network(batch.cuda()).cpu(), expected, atol=5e-3, rtol=0)
