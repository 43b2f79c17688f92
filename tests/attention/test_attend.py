"""How many images, and so optimizer steps, a training with attention takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from htl_monai.attention.attend import attended_items, attending_sampler
from htl_monai.attention.policy import policies
from htl_monai.data.images.loaders import training_loader

DATA = [{"id": f"image_{number}"} for number in range(10)]


@pytest.fixture
def selection(tmp_path: Path) -> Path:
    hardness = {item["id"]: 0.1 * place for place, item in enumerate(DATA)}
    (tmp_path / "htl.json").write_text(json.dumps({"data": [DATA[7], DATA[2]], "hardness": hardness}))
    return tmp_path / "htl.json"


def shown(policy: str, selection: Path, budget: str, batch_size: int = 4) -> tuple[int, int]:
    """Return how many images, and how many batches, an epoch has."""
    items = attended_items(DATA, policy, selection)
    sampler = attending_sampler(items, items, policy, selection, None, budget, DATA, n_epochs=3)
    loader = training_loader(items, batch_size, sampler=sampler)
    return len(items if sampler is None else sampler), len(loader)


@pytest.mark.parametrize("policy", policies())
@pytest.mark.parametrize("batch_size", [4, 16])
def test_of_equal_budget_every_policy_takes_the_steps_of_training_on(
    policy: str, batch_size: int, selection: Path
) -> None:
    assert shown(policy, selection, "steps", batch_size) == shown("everything", selection, "epochs", batch_size)


def test_of_epochs_each_image_is_shown_once(selection: Path) -> None:
    found = {policy: shown(policy, selection, "epochs")[0] for policy in policies()}
    assert found == {
        **dict.fromkeys(("curriculum", "everything", "remine", "weighted"), 10),
        **{"finetune": 2, "remove": 8, "replay": 4, "train_on": 16, "upweight": 16},
    }


def test_a_training_that_draws_nothing_by_itself_keeps_its_sampler(selection: Path) -> None:
    items = attended_items(DATA, "everything", selection)
    plain = list(range(10))
    assert attending_sampler(items, items, "everything", selection, plain, "steps", DATA, 3) is plain
    with pytest.raises(ValueError, match="budget must be one of epochs, steps, got 'time'"):
        attending_sampler(items, items, "everything", selection, None, "time", DATA, 3)
