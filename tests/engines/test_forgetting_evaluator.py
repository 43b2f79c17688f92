"""The forgetting evaluator against a plain loop, and its laws."""

from __future__ import annotations

from contextlib import nullcontext

import pandas as pd
import pytest
import torch
from monai.data import DataLoader
from torch import nn

from htl_monai.engines.diagnosis_batch import explain_diagnosis
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.engines.precision import PrecisionInferer
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.networks.prepare import prepare_network
from htl_monai.pruning import Compressor, GlobalMagnitude, LowRank, Quantization, StructuredMagnitude, pruned
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.tasks.binary_segmentation import BinarySegmentation
from htl_monai.tasks.heat_map_localization import HeatMapLocalization

SPARSITIES = (0.3, 0.6)
MASKS, BOXES = BinarySegmentation(), HeatMapLocalization()


@pytest.fixture
def items() -> list[dict]:
    generator = torch.Generator().manual_seed(3)
    return [
        {
            "id": f"image_{number}",
            "image": torch.rand(3, 48, 64, generator=generator),
            "label": (torch.rand(1, 48, 64, generator=generator) > 0.6).float(),
        }
        for number in range(5)
    ]


def mine(network: nn.Module, items: list[dict], batch_size: int = 2, **settings) -> ForgettingEvaluator:
    settings = {"pruner": GlobalMagnitude(), "sparsities": SPARSITIES, "task": MASKS, **settings}
    evaluator = ForgettingEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader([dict(item) for item in items], batch_size=batch_size),
        network=network,
        val_handlers=settings.pop("handlers", [ScoresWriter(items)]),
        **settings,
    )
    evaluator.run()
    return evaluator


def columns(pred: torch.Tensor, label: torch.Tensor) -> dict[str, torch.Tensor]:
    scores = MASKS.scores({"pred": pred, "label": label})
    return {f"{class_}_{name}": of[:, i] for name, of in scores.items() for i, class_ in enumerate(MASKS.classes)}


def lost(evaluator: ForgettingEvaluator) -> pd.DataFrame:
    return forgetting_table(evaluator.state.scores)


@pytest.mark.parametrize("pruner", [GlobalMagnitude, StructuredMagnitude])
def test_scores_equal_a_loop_that_prunes_for_each_image(tiny_unet: nn.Module, items: list[dict], pruner: type) -> None:
    table = lost(mine(tiny_unet, items, batch_size=1, pruner=pruner())).set_index(["id", "sparsity"])
    for item in items:
        image, label = item["image"][None], item["label"][None]
        with torch.no_grad():
            dense = columns(tiny_unet(image), label)
        for sparsity in SPARSITIES:
            with torch.no_grad(), pruned(tiny_unet, pruner(amount=sparsity).masks(tiny_unet)):
                after = columns(tiny_unet(image), label)
            row = table.loc[(item["id"], sparsity)]
            for name in dense:
                assert row[f"{name}_dense"] == dense[name].item()
                assert row[f"{name}_pruned"] == after[name].item()
            assert row["forgetting"] == dense["foreground_iou"].item() - after["foreground_iou"].item()


@pytest.mark.parametrize("compressor", [LowRank(), Quantization()], ids=["low rank", "quantisation"])
def test_other_compressors_are_mined_as_pruners_are(
    tiny_unet: nn.Module, items: list[dict], compressor: Compressor
) -> None:
    amounts = (0.75, 0.875)
    table = lost(mine(tiny_unet, items, batch_size=1, pruner=compressor, sparsities=amounts))
    sweep = compressor.sweep(tiny_unet.eval(), amounts)
    for item in items:
        for amount in amounts:
            with torch.no_grad(), sweep.at(amount):
                expected = columns(tiny_unet(item["image"][None]), item["label"][None])
            row = table.set_index(["id", "sparsity"]).loc[(item["id"], amount)]
            assert row["foreground_iou_pruned"] == expected["foreground_iou"].item()
    assert (table["forgetting"] != 0).any()


def test_output_holds_scores_by_image_and_sparsity(tiny_unet: nn.Module, items: list[dict]) -> None:
    output = mine(tiny_unet, items, batch_size=5).state.output
    assert output["pred"].shape == (5, 2, 48, 64)
    assert output["dense"]["dice"].shape == (5, 2) and output["pruned"]["dice"].shape == (5, 2, 2)
    assert output["pruned"]["iou"].dtype == torch.float64
    assert output["agreement"]["mask_agreement"].shape == (5, 2) and output["doubt"]["entropy"].shape == (5,)
    quality = MASKS.plausibility(output["pred"], output["label"])["label_quality"]
    torch.testing.assert_close(output["doubt"]["label_quality"], quality)
    bare = [{key: value for key, value in item.items() if key != "label"} for item in items]
    unlabelled = mine(tiny_unet, bare, prepare_batch=lambda batch, *_, **__: (batch["image"], None)).state.output
    assert "entropy" in unlabelled["doubt"] and "label_quality" not in unlabelled["doubt"]


def test_sparsity_zero_forgets_nothing(tiny_unet: nn.Module, items: list[dict]) -> None:
    output = mine(tiny_unet, items, sparsities=(0.0, 0.9)).state.output
    drop = (output["dense"]["iou"][:, None] - output["pruned"]["iou"])[..., 1]
    assert (drop[:, 0] == 0).all() and (drop[:, 1] != 0).any()


def test_weights_and_mode_are_the_same_after_a_run(tiny_unet: nn.Module, items: list[dict]) -> None:
    tiny_unet.train()
    before = {name: tensor.clone() for name, tensor in tiny_unet.state_dict().items()}
    mine(tiny_unet, items)
    after = tiny_unet.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert tiny_unet.training


def test_the_order_of_images_plays_no_part(tiny_unet: nn.Module, items: list[dict]) -> None:
    straight = lost(mine(tiny_unet, items, batch_size=1))
    turned = lost(mine(tiny_unet, items[::-1], batch_size=1))
    order = ["id", "sparsity"]
    assert straight.sort_values(order).reset_index(drop=True).equals(turned.sort_values(order).reset_index(drop=True))


def test_each_run_sorts_the_weights_anew(tiny_unet: nn.Module, items: list[dict]) -> None:
    evaluator = mine(tiny_unet, items)
    first, old_sweep = evaluator.state.scores, evaluator.sweep
    with torch.no_grad():
        for parameter in tiny_unet.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    evaluator.run()
    assert evaluator.sweep is not old_sweep
    assert not evaluator.state.scores.equals(first)
    assert evaluator.state.scores.equals(mine(tiny_unet, items).state.scores)


def test_images_without_label_are_compared_with_the_dense_prediction(tiny_unet: nn.Module, items: list[dict]) -> None:
    unlabelled = [{key: value for key, value in item.items() if key != "label"} for item in items]
    evaluator = mine(tiny_unet, unlabelled, task=BOXES, sparsities=(0.0, 0.6), handlers=[])
    output = evaluator.state.output
    assert output["label"] is None
    assert (output["agreement"]["box_agreement"][:, 0] == 1).all()
    image = items[-1]["image"][None]
    with torch.no_grad(), pruned(tiny_unet, GlobalMagnitude(amount=0.6).masks(tiny_unet)):
        changed = tiny_unet.eval()(image)
    with torch.no_grad():
        expected = BOXES.agreement(changed, tiny_unet(image))
    assert expected["mask_agreement"] < 1
    for name, agreement in expected.items():
        torch.testing.assert_close(output["agreement"][name][-1:, 1], agreement)
    for name, edge in BOXES.scores({"pred": changed}).items():
        torch.testing.assert_close(output["pruned"][name][-1:, 1], edge, equal_nan=True)


def test_what_prepare_batch_adds_reaches_the_inferer_dense_and_pruned(tiny_unet: nn.Module, items: list[dict]) -> None:
    seen = []

    class Notes(PrecisionInferer):
        def __call__(self, inputs, network, *args, **kwargs):
            seen.append((args, {name: value.tolist() for name, value in kwargs.items()}))
            return super().__call__(inputs, network)

    diagnosed = [{**item, "label": number % 3} for number, item in enumerate(items)]
    settings = {"task": BOXES, "inferer": Notes(), "prepare_batch": explain_diagnosis}
    evaluator = mine(tiny_unet, diagnosed, **settings, handlers=[])
    assert seen == [((), {"class_index": classes}) for classes in ([0, 1], [2, 0], [1]) for _ in range(3)]
    assert (
        evaluator.state.output["label"] is None and evaluator.state.output["agreement"]["box_agreement"].shape[1] == 2
    )


def test_bf16_and_channels_last_stay_close_to_fp32(tiny_unet: nn.Module, items: list[dict]) -> None:
    plain = lost(mine(tiny_unet, items))
    network = prepare_network(tiny_unet, "cpu", channels_last=True)
    fast = lost(mine(network, items, inferer=PrecisionInferer("bf16")))
    assert not fast["foreground_iou_pruned"].equals(plain["foreground_iou_pruned"])  # bf16 it was
    assert (fast["foreground_iou_pruned"] - plain["foreground_iou_pruned"]).abs().max() < 0.05
    assert (
        fast.loc[fast["sparsity"] == 0.6, "foreground_iou_pruned"]
        .ne(fast.loc[fast["sparsity"] == 0.6, "foreground_iou_dense"])
        .any()
    )


def test_weights_come_back_when_a_batch_fails(tiny_unet: nn.Module, items: list[dict]) -> None:
    class FailsWhenPruned(PrecisionInferer):
        def __call__(self, inputs, network, *args, **kwargs):
            if (network.final_conv.weight == 0).any():
                raise RuntimeError("no memory left")
            return super().__call__(inputs, network)

    before = {name: tensor.clone() for name, tensor in tiny_unet.state_dict().items()}
    with pytest.raises(RuntimeError, match="no memory left"):
        mine(tiny_unet, items, inferer=FailsWhenPruned(), sparsities=[0.95])
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_unet.state_dict().items())


@pytest.mark.parametrize("sparsity", [1.0, -0.1, 1.5])
def test_a_sparsity_outside_its_range_is_refused(tiny_unet: nn.Module, items: list[dict], sparsity: float) -> None:
    with pytest.raises(ValueError, match=r"sparsities must be in \[0, 1\), got"):
        mine(tiny_unet, items, sparsities=[sparsity])


def test_a_batch_before_run_is_refused(tiny_unet: nn.Module, items: list[dict]) -> None:
    evaluator = ForgettingEvaluator(
        torch.device("cpu"), DataLoader(items), tiny_unet, GlobalMagnitude(), SPARSITIES, MASKS
    )
    with pytest.raises(RuntimeError, match="start the evaluator with run"):
        evaluator._iteration(evaluator, items[0])


class FailsWhenSparse(nn.Module):
    """A network whose output for bright images is infinite once most of its weights are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        dense_enough = self.conv.weight.count_nonzero() > self.conv.weight.numel() / 2
        bright = images.amax(dim=(1, 2, 3), keepdim=True) > 1
        return self.conv(images) / (dense_enough | ~bright)


def test_images_that_lead_to_no_numbers_are_named_with_the_sparsity(items: list[dict]) -> None:
    for number in (1, 3):
        items[number]["image"] = items[number]["image"] + 1
    table = lost(mine(FailsWhenSparse(), items, sparsities=(0.3,), batch_size=5))
    assert table["foreground_iou_pruned"].notna().all()
    words = r"the output at sparsity 0.6 must be finite, got NaN or infinity for image_1, image_3; use precision"
    with pytest.raises(FloatingPointError, match=words):
        mine(FailsWhenSparse(), items, sparsities=(0.3, 0.6), batch_size=5)
    items[2]["image"][0, 0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="the output of the dense network must be .* for image_2; .* check"):
        mine(FailsWhenSparse(), items, sparsities=(0.3,), batch_size=5)


def test_a_folded_copy_scores_as_the_network_does(tiny_unet: nn.Module, items: list[dict]) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_unet.state_dict().items()}
    plain = lost(mine(tiny_unet, items))
    evaluator = mine(tiny_unet, items, folded=True)
    assert len(evaluator.sweep._form.folded.norms) == 18
    found = lost(evaluator)
    numbers = plain.select_dtypes("float").columns
    torch.testing.assert_close(
        torch.tensor(found[numbers].to_numpy()), torch.tensor(plain[numbers].to_numpy()), atol=1e-3, rtol=0
    )
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_unet.state_dict().items())


def test_an_inferer_that_looks_inside_gets_the_network(tiny_unet: nn.Module, items: list[dict]) -> None:
    inferer = PrecisionInferer("fp32")
    inferer.looks_inside = True
    assert mine(tiny_unet, items, folded=True, inferer=inferer).sweep._form is None


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_mixed_precision_is_for_every_pass_on_a_gpu(
    tiny_unet: nn.Module, items: list[dict], monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    asked: list[tuple[str, bool]] = []

    def autocast(device_type: str, enabled: bool = True) -> nullcontext:
        asked.append((device_type, enabled))
        return nullcontext()

    monkeypatch.setattr(torch, "autocast", autocast)
    evaluator = ForgettingEvaluator(
        torch.device(device),
        DataLoader(items[:2], batch_size=2),
        tiny_unet,
        GlobalMagnitude(),
        (0.5,),
        MASKS,
        prepare_batch=lambda batch, *_: (batch["image"], batch["label"]),  # no GPU is needed to see what is asked for
        amp=True,
    )
    evaluator.run()
    assert asked == [("cuda", device == "cuda")]
