"""One evaluator for every task: what it says of samples equals the task's own arithmetic, dense and pruned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import DataLoader
from torch import Tensor, nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.pruning import GlobalMagnitude, pruned
from htl_monai.ranking.rank_all import rank_all
from htl_monai.scores import of_samples
from htl_monai.tasks.multiclass_segmentation import MulticlassSegmentation
from htl_monai.tasks.multilabel_classification import MultilabelClassification
from htl_monai.tasks.task import Task

ORGANS = MulticlassSegmentation(("background", "liver", "spleen"), selector="logits")
FINDINGS = MultilabelClassification(("mass", "edema", "hernia"))


class Volumes(nn.Module):
    """A network of volumes whose output is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 3, 3, padding=1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.conv(images), "aside": images}


def make(task: Task, labelled: bool = True) -> tuple[nn.Module, list[dict[str, Any]]]:
    torch.manual_seed(0)
    network: nn.Module = Volumes()
    items = [{"image": torch.randn(1, 5, 6, 7), "label": torch.randint(0, 3, (1, 5, 6, 7)).float()} for _ in range(4)]
    if task is FINDINGS:
        network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
        items = [{"image": torch.randn(3, 2, 2), "label": torch.tensor([1.0, 0.0, torch.nan])} for _ in range(4)]
    for number, item in enumerate(items):
        item["id"] = f"case_{number}"
        if not labelled:
            del item["label"]
    return network.eval(), items


def mine(network: nn.Module, items: list[dict[str, Any]], task: Task, **settings: Any) -> ForgettingEvaluator:
    loader = DataLoader([dict(item) for item in items], batch_size=4)
    evaluator = ForgettingEvaluator(
        torch.device("cpu"), loader, network, GlobalMagnitude(), (0.5, 0.8), task, **settings
    )
    evaluator.run()
    return evaluator


@pytest.mark.parametrize("task", [ORGANS, FINDINGS], ids=lambda task: task.name)
def test_the_output_is_the_tasks_own_arithmetic(task: Task) -> None:
    network, items = make(task)
    found = mine(network, items, task).state.output
    image, label = (torch.stack([item[key] for item in items]) for key in ("image", "label"))
    with torch.no_grad():
        dense = task.select(network(image))
        assert torch.equal(found["pred"], dense)
        of_dense = task.doubt(dense) | task.plausibility(dense, label)
        torch.testing.assert_close(found["doubt"], of_dense, equal_nan=True)
        torch.testing.assert_close(found["dense"], task.scores({"pred": dense, "label": label}), equal_nan=True)
        for place, amount in enumerate((0.5, 0.8)):
            with pruned(network, GlobalMagnitude(amount=amount).masks(network)):
                after = task.select(network(image))
            for part, expected in (
                ("pruned", task.scores({"pred": after, "label": label})),
                ("agreement", task.agreement(after, dense)),
            ):
                assert found[part].keys() == expected.keys()
                for name, values in expected.items():
                    torch.testing.assert_close(found[part][name][:, place], values, equal_nan=True)


@pytest.mark.parametrize("task", [ORGANS, FINDINGS], ids=lambda task: task.name)
def test_one_pass_yields_every_ranking_that_needs_no_training(task: Task) -> None:
    network, items = make(task)
    writer = ScoresWriter(items)
    scores = mine(network, items, task, val_handlers=[writer]).state.scores
    assert scores.attrs["task"] == task.name and scores.attrs["primary"] == task.primary
    assert scores.attrs["foreground"] == list(task.foreground)
    assert set(scores.data_vars) == {*task.says, *task.says_of_labels}
    wanted = {"forgetting", "entropy", "expected_error", "dense_error", "never_learned", "random"}
    wanted |= {"mask_change", "entropy_per_area"} if task is ORGANS else {"loss", "pie_spearman", "pie_taxicab"}
    assert wanted <= set(rank_all(scores))


@pytest.mark.parametrize("task", [ORGANS, FINDINGS], ids=lambda task: task.name)
def test_without_labels_the_agreement_counts_first(task: Task) -> None:
    network, items = make(task, labelled=False)
    scores = mine(network, items, task, val_handlers=[ScoresWriter(items)]).state.scores
    assert scores.attrs["primary"] == task.primary_agreement and set(scores.data_vars) == set(task.says)
    agreement = of_samples(scores)
    assert agreement.sel(level=0.0).values == pytest.approx(1.0) and (agreement.sel(level=0.8) < 1).any()


def test_a_label_outside_the_classes_stops_before_anything_is_pruned() -> None:
    network, items = make(ORGANS)
    items[2]["label"][0, 0, 0, 0] = 9
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ValueError, match="label must hold the classes 0 to 2 only, got 9 in sample 2 of the batch"):
        mine(network, items, ORGANS)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_network_that_returns_masks_has_scores_and_no_doubt() -> None:
    class Masks(Volumes):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            return {"logits": self.conv(images).argmax(dim=1, keepdim=True)}

    _, items = make(ORGANS)
    output = mine(Masks().eval(), items, ORGANS).state.output
    assert output["doubt"] == {} and output["pruned"]["iou"].shape == (4, 2, 3)
