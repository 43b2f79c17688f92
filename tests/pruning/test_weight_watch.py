"""A change of any number is found, however it was made and however the weight lies in memory."""

from __future__ import annotations

import copy

import pytest
import torch

from htl_monai.pruning import GlobalMagnitude, LowRank, Quantization, prunable_parameters
from htl_monai.pruning.weight_watch import WeightWatch


@pytest.fixture(params=["plain", "channels last", "half", "odd", "slice", "transposed"])
def weights(request: pytest.FixtureRequest) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (3, 5, 3, 3) if request.param == "odd" else (4, 6, 3, 3)
    weight = torch.randn(shape, generator=generator)
    if request.param == "channels last":
        weight = weight.to(memory_format=torch.channels_last)
    elif request.param == "half":
        weight = weight.half()
    elif request.param == "slice":
        weight = torch.randn(217, generator=generator)[1:].view(shape)
    elif request.param == "transposed":
        weight = torch.randn(6, 4, 3, 3, generator=generator).transpose(0, 1)
    return {"a": torch.nn.Parameter(weight), "b": torch.nn.Parameter(torch.randn(8, generator=generator))}


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together, as on a GPU"])
def test_each_number_counts(weights: dict[str, torch.Tensor], together: bool) -> None:
    copies = {name: weight.detach().clone() for name, weight in weights.items()}
    watch = WeightWatch(weights, copies)
    if together:
        watch._on_cpu, watch._copies = False, list(copies.values())
        watch._weights = [weight.detach() for weight in weights.values()]
    assert watch.changed() == []
    data = weights["a"].data
    for position in (0, data.numel() // 2, data.numel() - 1):
        index = tuple(int(i) for i in torch.unravel_index(torch.tensor(position), data.shape))
        kept = data[index].clone()
        data[index] = kept * 1.01
        assert watch.changed() == ["a"]
        data[index] = kept
    data.mul_(-1)
    assert watch.changed() == ["a"]
    weights["b"].data.zero_()
    assert watch.changed() == ["a", "b"]


@pytest.mark.parametrize("kind", [GlobalMagnitude(), LowRank(), Quantization(0.75)], ids=["pruner", "low rank", "bits"])
@pytest.mark.parametrize("sparsity", [0.0, 0.75])
def test_a_change_through_data_is_refused_and_stays(network, kind, sparsity: float) -> None:
    sweep = kind.sweep(network, [0.0, 0.75])
    with sweep.at(0.75):
        pass
    weights = prunable_parameters(network)
    versions = {name: weight._version for name, weight in weights.items()}
    weights["3.weight"].data.mul_(2)
    changed = {name: weight.detach().clone() for name, weight in weights.items()}
    assert versions == {name: weight._version for name, weight in weights.items()}  # torch itself does not tell
    words = r"^network must be as it was when the sweep was built, got changed weights in \['3\.weight'\] \(1 in all\)"
    with pytest.raises(RuntimeError, match=words), sweep.at(sparsity):
        pass
    assert all(torch.equal(weight, changed[name]) for name, weight in weights.items())


@pytest.mark.parametrize("kind", [GlobalMagnitude(), LowRank(), Quantization(0.75)], ids=["pruner", "low rank", "bits"])
@pytest.mark.parametrize("whole_layer", [True, False])
def test_a_replaced_weight_is_refused(network, kind, whole_layer: bool) -> None:
    sweep = kind.sweep(network, [0.75])
    if whole_layer:
        network[3] = copy.deepcopy(network[3])
    else:
        network[3].weight = torch.nn.Parameter(network[3].weight.detach().clone())
    words = r"got changed weights in \['3\.weight'\] \(1 in all\); build a new Sweep"
    with pytest.raises(RuntimeError, match=words), sweep.at(0.75):
        pass
