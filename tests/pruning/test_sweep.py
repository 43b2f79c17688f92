"""Tests of the sweep over sparsities."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.pruning import GlobalMagnitude, Random, StructuredMagnitude, Sweep, prunable_parameters

SPARSITIES = (0.7, 0.0, 0.25, 0.5, 0.99)
PRUNERS = (GlobalMagnitude(), Random(seed=2), StructuredMagnitude())


def bits(network):
    return [value.contiguous().numpy().tobytes() for value in network.state_dict().values()]


@pytest.mark.parametrize("pruner", PRUNERS, ids=lambda pruner: type(pruner).__name__)
@pytest.mark.parametrize("channels_last", [False, True])
def test_at_applies_the_masks_of_the_pruner_at_that_amount(network, pruner, channels_last):
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    before, dense = bits(network), copy.deepcopy(network.state_dict())
    sweep = Sweep(network, pruner, SPARSITIES)
    for sparsity in SPARSITIES * 2:
        options = {"seed": pruner.seed} if isinstance(pruner, Random) else {}
        expected = type(pruner)(amount=sparsity, **options).masks(network)
        with sweep.at(sparsity) as inside:
            assert inside is network
            for name, weight in prunable_parameters(network).items():
                assert torch.equal(sweep.masks(sparsity)[name], expected[name])
                assert torch.equal(weight, dense[name] * expected[name])
                assert weight.stride() == dense[name].stride()
        assert bits(network) == before


@settings(max_examples=25, deadline=None)
@given(
    pruner=st.sampled_from(PRUNERS),
    sparsities=st.lists(st.floats(0, 0.999), min_size=2, max_size=8, unique=True),
    seed=st.integers(0, 100),
)
def test_masks_are_nested(build_network, pruner, sparsities, seed):
    sweep = Sweep(build_network(seed), pruner, sparsities)
    ascending = sorted(sparsities)
    for lower, higher in zip(ascending, ascending[1:], strict=False):
        at_lower, at_higher = sweep.masks(lower), sweep.masks(higher)
        assert all((at_lower[name] | ~at_higher[name]).all() for name in at_lower)


def test_the_weights_are_ranked_once(network):
    calls = []

    class Counting(GlobalMagnitude):
        def ranks(self, network):
            calls.append(1)
            return super().ranks(network)

    sweep = Sweep(network, Counting(), SPARSITIES)
    for sparsity in SPARSITIES:
        with sweep.at(sparsity):
            pass
    sweep.report()
    assert calls == [1]


def test_sparsity_zero_touches_nothing(network):
    sweep = Sweep(network, GlobalMagnitude(), [0, 0.5])
    before = bits(network)
    versions = [parameter._version for parameter in network.parameters()]
    with sweep.at(0):
        assert bits(network) == before
    assert versions == [parameter._version for parameter in network.parameters()]


def test_weights_come_back_after_an_exception(network):
    sweep = Sweep(network, GlobalMagnitude(), [0.5, 0.7])
    before = bits(network)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        with sweep.at(0.7):
            assert bits(network) != before
            raise KeyboardInterrupt("stop")
    assert bits(network) == before
    with sweep.at(0.5):
        assert bits(network) != before
    assert bits(network) == before


def test_weights_keep_their_storage(network):
    pointers = [weight.data_ptr() for weight in network.parameters()]
    with Sweep(network, GlobalMagnitude(), [0.7]).at(0.7):
        assert pointers == [weight.data_ptr() for weight in network.parameters()]
    assert pointers == [weight.data_ptr() for weight in network.parameters()]


def test_pruned_outputs_do_not_depend_on_the_order_of_the_sparsities(network):
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def outputs(sparsities):
        sweep = Sweep(network, GlobalMagnitude(), sparsities)
        results = {}
        with torch.inference_mode():
            for sparsity in sparsities:
                with sweep.at(sparsity):
                    results[sparsity] = network(images)
        return results

    forward, backward = outputs([0.0, 0.3, 0.6, 0.9]), outputs([0.9, 0.6, 0.3, 0.0])
    assert all(torch.equal(forward[sparsity], backward[sparsity]) for sparsity in forward)
    assert torch.equal(forward[0.0], network(images))


def test_autocast_sees_the_pruned_weights(network):
    images = torch.ones(1, 3, 4, 4)
    sweep = Sweep(network, GlobalMagnitude(), [0.9])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        dense = network(images)
        with sweep.at(0.9):
            assert not torch.equal(network(images), dense)
        assert torch.equal(network(images), dense)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_of_the_weights(network, dtype):
    network = network.to(dtype)
    sweep = Sweep(network, GlobalMagnitude(), [i / 256 for i in range(255)])
    dense = {name: weight.detach().clone() for name, weight in prunable_parameters(network).items()}
    for sparsity in (1 / 256, 0.5, 254 / 256):
        with sweep.at(sparsity):
            for name, weight in prunable_parameters(network).items():
                assert torch.equal(weight, dense[name] * sweep.masks(sparsity)[name])


def test_report_lists_real_sparsity_of_every_layer_at_every_sparsity(network):
    report = Sweep(network, StructuredMagnitude(), [0.5, 0.25]).report()
    assert list(report.columns) == ["amount", "layer", "n_weights", "n_removed", "sparsity"]
    assert report["amount"].tolist() == [0.5] * 5 + [0.25] * 5
    masks = StructuredMagnitude(0.25).masks(network)
    assert report["layer"].iloc[5:].tolist() == [*masks, "all"]
    removed = [int((~mask).sum()) for mask in masks.values()]
    assert report["n_removed"].iloc[5:].tolist() == [*removed, sum(removed)]


def test_changed_weights_are_refused_instead_of_overwritten(network):
    sweep = Sweep(network, GlobalMagnitude(), [0.0, 0.5])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.ones(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    trained = bits(network)
    for sparsity in sweep.sparsities:
        with pytest.raises(
            RuntimeError,
            match=r"^network must be as it was when the sweep was built, got changed weights in \['0\.weight', "
            r"'3\.weight', '4\.weight'\] \(4 in all\); build a new Sweep",
        ):
            with sweep.at(sparsity):
                pass
    assert bits(network) == trained


def test_a_loaded_checkpoint_is_noticed(network, build_network):
    sweep = Sweep(network, GlobalMagnitude(), [0.5])
    network.load_state_dict(build_network(seed=1).state_dict())
    with pytest.raises(RuntimeError, match="build a new Sweep after training or loading"):
        with sweep.at(0.5):
            pass


def test_blocks_of_one_sweep_are_not_nested(network):
    sweep = Sweep(network, GlobalMagnitude(), [0.5, 0.7])
    before = bits(network)
    with pytest.raises(RuntimeError, match="^network must be compressed by one block at a time, got a second one in "):
        with sweep.at(0.5), sweep.at(0.7):
            pass
    assert bits(network) == before


def test_an_unknown_sparsity_is_refused(network):
    sweep = Sweep(network, GlobalMagnitude(), [0.5, 0.7])
    with pytest.raises(ValueError, match=r"^sparsity must be one of the sweep's \[0.5, 0.7\], got 0.6; name it when"):
        with sweep.at(0.6):
            pass


def test_bad_sparsities_are_refused(network):
    with pytest.raises(ValueError, match=r"^sparsities must be in \[0, 1\), got 1.0; pass the fraction"):
        Sweep(network, GlobalMagnitude(), [0.5, 1.0])
    with pytest.raises(ValueError, match=r"^sparsities must be 1 to 255 different fractions, got \[\]; name each"):
        Sweep(network, GlobalMagnitude(), [])
    with pytest.raises(ValueError, match=r"^sparsities must be 1 to 255 different fractions, got \[0.5, 0.5\]; name"):
        Sweep(network, GlobalMagnitude(), [0.5, 0.5])
    with pytest.raises(ValueError, match="^sparsities must be 1 to 255 different fractions"):
        Sweep(network, GlobalMagnitude(), [i / 256 for i in range(256)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_sweep_on_the_gpu(network):
    on_cpu = Sweep(copy.deepcopy(network), GlobalMagnitude(), [0.7]).masks(0.7)
    network = network.cuda().to(memory_format=torch.channels_last)
    dense = {name: weight.detach().clone() for name, weight in prunable_parameters(network).items()}
    sweep = Sweep(network, GlobalMagnitude(), [0.7])
    with sweep.at(0.7):
        for name, weight in prunable_parameters(network).items():
            assert torch.equal(weight.cpu(), dense[name].cpu() * on_cpu[name])
    assert all(torch.equal(weight, dense[name]) for name, weight in prunable_parameters(network).items())
