"""The inferer of heat maps, and mining with it."""

from __future__ import annotations

import pytest
import torch
from monai.data import DataLoader
from torch import Tensor, nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.engines.heat_map_inferer import HeatMapInferer
from htl_monai.localization.heat_maps import HeatMaps
from htl_monai.networks.prepare import prepare_network
from htl_monai.pruning import GlobalMagnitude, pruned
from htl_monai.tasks.heat_map_localization import HeatMapLocalization

LAYER = "upcat_1.convs.conv_1"


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def test_fp32_is_the_plain_heat_map(tiny_unet: nn.Module, images: Tensor) -> None:
    maps = HeatMapInferer(channels_last=False, layer=LAYER)(images, tiny_unet)
    assert torch.equal(maps, HeatMaps(layer=LAYER)(images, tiny_unet))


@pytest.mark.parametrize("method", ["GradCAMPlusPlus", "LayerCAM", "ScoreCAM"])
def test_bf16_stays_close_to_fp32(method: str, tiny_unet: nn.Module, images: Tensor) -> None:
    plain = HeatMaps(method, LAYER)(images, tiny_unet)
    dtypes = []
    tiny_unet.get_submodule(LAYER).register_forward_hook(lambda module, given, output: dtypes.append(output.dtype))
    network = prepare_network(tiny_unet, "cpu", channels_last=True)
    maps = HeatMapInferer("bf16", method=method, layer=LAYER)(images, network)
    assert set(dtypes) == {torch.bfloat16} and maps.dtype == torch.float32
    assert not torch.equal(maps, plain)
    assert (maps - plain).abs().mean() < 0.02


def test_a_class_can_be_asked_for(images: Tensor) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    inferer = HeatMapInferer(channels_last=False)
    assert torch.equal(inferer(images, network, 1), HeatMaps()(images, network, 1))
    assert not torch.equal(inferer(images, network, 1), inferer(images, network, class_index=0))


def test_mining_prunes_the_maps_and_leaves_the_network(tiny_unet: nn.Module, images: Tensor) -> None:
    label = torch.zeros(3, 1, 48, 64)
    label[:, :, 10:30, 20:40] = 1
    items = [{"id": str(i), "image": images[i], "label": label[i]} for i in range(3)]
    before = {name: tensor.clone() for name, tensor in tiny_unet.state_dict().items()}
    inferer, task = HeatMapInferer(layer=LAYER), HeatMapLocalization(threshold=100)
    evaluator = ForgettingEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(items, batch_size=3),
        network=tiny_unet,
        pruner=GlobalMagnitude(),
        sparsities=[0.0, 0.5],
        task=task,
        inferer=inferer,
    )
    evaluator.run()
    output = evaluator.state.output
    dense = task.scores({"pred": inferer(images, tiny_unet), "label": label})
    with pruned(tiny_unet, GlobalMagnitude(amount=0.5).masks(tiny_unet)):
        after = task.scores({"pred": inferer(images, tiny_unet), "label": label})
    for name in dense:
        expected = torch.stack([dense[name], after[name]], dim=1)
        torch.testing.assert_close(output["dense"][name], dense[name], rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(output["pruned"][name], expected, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(dense["iou"], after["iou"])
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_unet.state_dict().items())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="^precision must be one of fp32, bf16, got 'fp16'"):
        HeatMapInferer("fp16")
    with pytest.raises(ValueError, match="^method must be one of GradCAMPlusPlus, .*, got 'CAM'; choose one"):
        HeatMapInferer(method="CAM")
