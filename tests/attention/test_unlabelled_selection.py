"""Choosing hard-to-learn images among those without mask."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.attention.htl import finetuning_list
from htl_monai.attention.selection import read_selection
from htl_monai.attention.unlabelled_selection import write_unlabelled_selections
from htl_monai.scores import make_scores, write_scores

# Confidence and box drop of the images without mask: "empty" has no pseudo-label, "vague" an unsure one.
UNLABELLED = {"u0": (0.9, 0.5), "u1": (0.95, 0.7), "vague": (0.79, 1.0), "u3": (0.8, 0.1), "empty": (0.0, 1.0)}
TRAINING = {"t0": 0.2, "t1": 0.6, "t2": 0.9}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run after pseudo-labelling and mining."""
    masks = tmp_path / "run" / "pseudo_labelling" / "masks"
    masks.mkdir(parents=True)
    for id_ in UNLABELLED:
        (masks / f"{id_}.png").touch()
    labels = [{"id": id_, "label": f"masks/{id_}.png", "confidence": sure} for id_, (sure, _) in UNLABELLED.items()]
    pd.DataFrame(labels).to_csv(masks.parent / "pseudo_labels.csv", index=False)
    for name, drops in (
        ("mining", TRAINING),
        ("mining_unlabelled", {id_: drop for id_, (_, drop) in UNLABELLED.items()}),
    ):
        values = np.array([[1.0, 1 - drop] for drop in drops.values()])
        scores = make_scores([{"id": id_} for id_ in drops], list(drops), {"box_iou": values}, [0, 0.7], ["all"])
        write_scores(tmp_path / "run" / name / "scores.nc", scores)
    return tmp_path / "run"


@pytest.fixture
def unlabelled() -> list[dict]:
    return [{"id": id_, "image": f"/images/{id_}.jpg"} for id_ in UNLABELLED]


@pytest.fixture
def training() -> list[dict]:
    return [{"id": id_, "image": f"/images/{id_}.jpg", "label": f"/masks/{id_}.png"} for id_ in TRAINING]


def select(run: Path, unlabelled: list[dict], training: list[dict], **settings) -> dict[str, int]:
    return write_unlabelled_selections(
        unlabelled,
        training,
        run / "mining_unlabelled" / "scores.nc",
        run / "pseudo_labelling" / "pseudo_labels.csv",
        run / "selecting",
        labelled_mined_path=run / "mining" / "scores.nc",
        **settings,
    )


def ids(run: Path, arm: str) -> list[str]:
    return [item["id"] for item in read_selection(run / "selecting" / f"{arm}.json")]


def test_images_never_learned_are_chosen_among_the_labelled_alone(
    run: Path, unlabelled: list[dict], training: list[dict]
) -> None:
    with pytest.raises(
        ValueError, match="^never_learned must be exclude where no labelled images are chosen, got 'incl"
    ):
        select(run, unlabelled, training, never_learned="include")


def test_the_boxes_that_moved_most_of_images_with_a_sure_label(
    run: Path, unlabelled: list[dict], training: list[dict]
) -> None:
    counts = select(run, unlabelled, training, seed=1)
    assert counts == {
        "n_selected": 2,
        "n_labelled": 0,
        "n_total": 5,
        "n_never_learned": 0,
        "n_unmeasured": 0,
        "n_left_out": 1,
        "n_empty": 1,
    }
    assert ids(run, "htl") == ["u1", "u0"]
    assert len(set(ids(run, "random"))) == 2 and set(ids(run, "random")) <= {"u0", "u1", "u3"}
    content = json.loads((run / "selecting" / "htl.json").read_text())
    assert content["data"][0] == {
        "id": "u1",
        "image": "/images/u1.jpg",
        "label": "../pseudo_labelling/masks/u1.png",
        "confidence": 0.95,
        "pseudo": True,
    }
    assert content["rule"] == {
        "kind": "threshold",
        "amount": 0.4,
        "relative": False,
        "sparsity": 0.7,
        "min_confidence": 0.8,
        "labelled": "none",
    }
    assert content["n_left_out"] == 1 and len(content["scores_sha256"]) == 64


def test_a_share_is_one_of_the_sure_ones(run: Path, unlabelled: list[dict], training: list[dict]) -> None:
    assert select(run, unlabelled, training, rule="top", amount=1.0)["n_selected"] == 3
    assert select(run, unlabelled, training, rule="top", amount=1.0, min_confidence=0.0)["n_left_out"] == 0
    assert ids(run, "htl") == ["vague", "u1", "u0", "u3"]


@pytest.mark.parametrize(("labelled", "in_htl", "n_random"), [("htl", ["t2", "t1"], 2), ("all", ["t0", "t1", "t2"], 3)])
def test_labelled_images_can_be_mixed_in(
    run: Path, unlabelled: list[dict], training: list[dict], labelled: str, in_htl: list[str], n_random: int
) -> None:
    counts = select(run, unlabelled, training, labelled=labelled)
    assert counts["n_labelled"] == n_random and counts["n_selected"] == 2
    assert ids(run, "htl") == ["u1", "u0", *in_htl]
    added = ids(run, "random")[2:]
    assert len(added) == len(set(added)) == n_random and set(added) <= set(TRAINING)
    data = json.loads((run / "selecting" / "htl.json").read_text())["data"]
    assert [item["pseudo"] for item in data] == [True, True, *[False] * n_random]
    assert data[2]["label"] == f"/masks/{in_htl[0]}.png"


def test_a_moved_run_keeps_its_labels(run: Path, unlabelled: list[dict], training: list[dict], tmp_path: Path) -> None:
    select(run, unlabelled, training, labelled="htl")
    moved = Path(shutil.move(run, tmp_path / "moved"))
    items = finetuning_list(training, moved / "selecting" / "htl.json", unlabelled=unlabelled)
    assert [item["id"] for item in items] == ["u1", "u0", "t2", "t1"]
    assert items[0]["label"] == str(moved / "pseudo_labelling" / "masks" / "u1.png")
    assert items[2] == training[2]


def test_replay_draws_labelled_images(run: Path, unlabelled: list[dict], training: list[dict]) -> None:
    select(run, unlabelled, training)
    items = finetuning_list(training, run / "selecting" / "htl.json", 1.0, unlabelled=unlabelled)
    assert [item["id"] for item in items[:2]] == ["u1", "u0"]
    assert len(items) == 4 and {item["id"] for item in items[2:]} <= set(TRAINING)


def test_what_does_not_fit_is_refused(run: Path, unlabelled: list[dict], training: list[dict]) -> None:
    with pytest.raises(ValueError, match="labelled must be one of none, htl, all, got 'some'"):
        select(run, unlabelled, training, labelled="some")
    with pytest.raises(ValueError, match=r"got 0.99 while the largest confidence of 5 is 0.950; lower it"):
        select(run, unlabelled, training, min_confidence=0.99)
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.7, got 0.5; mine at it"):
        select(run, unlabelled, training, sparsity=0.5)
    with pytest.raises(ValueError, match="must be of this data list, got 1 unknown ids, first u1"):
        select(run, [item for item in unlabelled if item["id"] != "u1"], training)
    assert not (run / "selecting").exists()


def test_fine_tuning_refuses_what_it_cannot_use(run: Path, unlabelled: list[dict], training: list[dict]) -> None:
    select(run, unlabelled, training)
    path = run / "selecting" / "htl.json"
    with pytest.raises(ValueError, match="sampling must be selected where images without mask take part, got 'weigh"):
        finetuning_list(training, path, unlabelled=unlabelled, sampling="weighted")
    with pytest.raises(ValueError, match="training list or unlabelled ones, got 2 of which 1 are unknown"):
        finetuning_list(training, path, unlabelled=unlabelled[:1])
    (run / "pseudo_labelling" / "masks" / "u1.png").unlink()
    with pytest.raises(FileNotFoundError, match="the pseudo-label of u1 must be there, got .*u1.png; delete pseudo_la"):
        finetuning_list(training, path, unlabelled=unlabelled)
