"""Choosing hard-to-learn images among those without mask."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from htl_monai.attention.attend import attended_items
from htl_monai.attention.choice import Choice
from htl_monai.attention.pool import pool_of, pool_of_pseudo_labels
from htl_monai.attention.selection import read_selection, write_selections

# Confidence and box drop of the images without mask: "empty" has no pseudo-label, "vague" an unsure one.
UNLABELLED = {"u0": (0.9, 0.5), "u1": (0.95, 0.7), "vague": (0.79, 1.0), "u3": (0.8, 0.1), "empty": (0.0, 1.0)}
TRAINING = {"t0": 0.2, "t1": 0.6, "t2": 0.9}
ITEMS = [{"id": id_, "image": f"/images/{id_}.jpg"} for id_ in UNLABELLED]
LABELLED = [{"id": id_, "image": f"/images/{id_}.jpg", "label": f"/masks/{id_}.png"} for id_ in TRAINING]
ARMS = {"htl": {}, "random": {"ranking": "random"}}


@pytest.fixture
def run(tmp_path: Path, mined: Callable[..., Path]) -> Path:
    """The folder of a run after pseudo-labelling and mining."""
    masks = tmp_path / "run" / "pseudo_labelling" / "masks"
    masks.mkdir(parents=True)
    for id_ in UNLABELLED:
        (masks / f"{id_}.png").touch()
    labels = [{"id": id_, "label": f"masks/{id_}.png", "confidence": sure} for id_, (sure, _) in UNLABELLED.items()]
    pd.DataFrame(labels).to_csv(masks.parent / "pseudo_labels.csv", index=False)
    mined("run/mining", {id_: (1.0, 1 - drop) for id_, drop in TRAINING.items()}, LABELLED)
    mined("run/mining_unlabelled", {id_: (1.0, 1 - drop) for id_, (_, drop) in UNLABELLED.items()}, ITEMS)
    return tmp_path / "run"


def select(run: Path, labelled: str = "none", min_confidence: float = 0.8, items=ITEMS, **how) -> dict[str, int]:
    pool = pool_of_pseudo_labels(
        items, [run / "mining_unlabelled" / "scores.nc"], run / "pseudo_labelling" / "pseudo_labels.csv", min_confidence
    )
    choice = Choice(**{"ranking": "forgetting", "level": 0.7, **how})
    return write_selections(
        pool,
        ARMS,
        run / "selecting",
        choice,
        labelled,
        pool_of(LABELLED, [run / "mining" / "scores.nc"]),
        Choice(level=0.7),
    )["htl"]


def ids(run: Path, arm: str) -> list[str]:
    return [item["id"] for item in read_selection(run / "selecting" / f"{arm}.json").data]


def test_images_never_learned_are_chosen_among_the_labelled_alone(run: Path) -> None:
    with pytest.raises(
        ValueError, match="^never_learned must be exclude where no labelled images are chosen, got 'inc"
    ):
        select(run, never_learned="include")


def test_the_boxes_that_moved_most_of_images_with_a_sure_label(run: Path) -> None:
    counts = {"n_selected": 2, "n_total": 5, "n_never_learned": 0, "n_unmeasured": 0}
    assert select(run, seed=1) == counts | {"n_left_out": 1, "n_empty": 1, "n_labelled": 0}
    assert ids(run, "htl") == ["u1", "u0"]
    assert len(set(ids(run, "random"))) == 2 and set(ids(run, "random")) <= {"u0", "u1", "u3"}
    content = json.loads((run / "selecting" / "htl.json").read_text())
    label = "../pseudo_labelling/masks/u1.png"
    assert content["data"][0] == {**ITEMS[1], "label": label, "confidence": 0.95, "pseudo": True}
    assert content["min_confidence"] == 0.8 and len(content["pseudo_labels_sha256"]) == 64


def test_a_share_is_one_of_the_sure_ones(run: Path) -> None:
    assert select(run, rule="top", amount=1.0)["n_selected"] == 3
    assert select(run, min_confidence=0.0, rule="top", amount=1.0)["n_left_out"] == 0
    assert ids(run, "htl") == ["vague", "u1", "u0", "u3"]


@pytest.mark.parametrize(("labelled", "in_htl", "n_random"), [("htl", ["t2", "t1"], 2), ("all", ["t0", "t1", "t2"], 3)])
def test_labelled_images_can_be_mixed_in(run: Path, labelled: str, in_htl: list[str], n_random: int) -> None:
    counts = select(run, labelled)
    assert counts["n_labelled"] == n_random and counts["n_selected"] == 2
    assert ids(run, "htl") == ["u1", "u0", *in_htl]
    added = ids(run, "random")[2:]
    assert len(added) == len(set(added)) == n_random and set(added) <= set(TRAINING)
    data = json.loads((run / "selecting" / "htl.json").read_text())["data"]
    assert [item["pseudo"] for item in data] == [True, True, *[False] * n_random]
    assert data[2]["label"] == f"/masks/{in_htl[0]}.png"


def test_a_moved_run_keeps_its_labels(run: Path, tmp_path: Path) -> None:
    select(run, "htl")
    moved = Path(shutil.move(run, tmp_path / "moved"))
    items = attended_items(LABELLED, "finetune", moved / "selecting" / "htl.json", ITEMS)
    assert [item["id"] for item in items] == ["u1", "u0", "t2", "t1"]
    assert items[0]["label"] == str(moved / "pseudo_labelling" / "masks" / "u1.png")
    assert items[2] == LABELLED[2]


def test_replay_draws_labelled_images(run: Path) -> None:
    select(run)
    items = attended_items(LABELLED, "replay", run / "selecting" / "htl.json", ITEMS)
    assert [item["id"] for item in items[:2]] == ["u1", "u0"]
    assert len(items) == 4 and {item["id"] for item in items[2:]} <= set(TRAINING)


def test_what_does_not_fit_is_refused(run: Path) -> None:
    with pytest.raises(ValueError, match="labelled must be one of none, htl, all, got 'some'"):
        select(run, "some")
    with pytest.raises(ValueError, match=r"got 0.99 while the largest confidence of 5 is 0.950; lower it"):
        select(run, min_confidence=0.99)
    with pytest.raises(ValueError, match=r"must be of this data list, got 1 images .* \(u1\)"):
        select(run, items=[item for item in ITEMS if item["id"] != "u1"])
    assert not (run / "selecting").exists()


def test_fine_tuning_refuses_what_it_cannot_use(run: Path) -> None:
    select(run)
    path = run / "selecting" / "htl.json"
    with pytest.raises(ValueError, match="training list or unlabelled ones, got 2 of which 1 are unknown"):
        attended_items(LABELLED, "finetune", path, ITEMS[:1])
    (run / "pseudo_labelling" / "masks" / "u1.png").unlink()
    with pytest.raises(FileNotFoundError, match="the pseudo-label of u1 must be there, got .*u1.png; delete pseudo_la"):
        attended_items(LABELLED, "finetune", path, ITEMS)
