"""What each arm chooses, and the files that say so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from htl_monai.attention.attend import attended_items
from htl_monai.attention.choice import Choice
from htl_monai.attention.pool import pool_of
from htl_monai.attention.selection import read_selection, write_selections
from htl_monai.ranking.relative_forgetting import RelativeForgetting
from htl_monai.ranking.selection import select, select_random
from htl_monai.scores import make_scores, write_scores

# Of the dense and of the pruned network: "e" has nothing to measure, "f" was never learned.
IOU = {"a": (0.8, 0.4), "b": (0.5, 0.3), "c": (0.6, 0.7), "d": (0.9, 0.6), "e": (np.nan, np.nan), "f": (0.0, 0.0)}
LOSS = [0.1, 0.2, 0.9, 0.3, np.nan, 0.8]
DATA = [{"id": id_, "image": f"{id_}.jpg", "age": None} for id_ in IOU]
ARMS = {
    "htl": {},
    "random": {"ranking": "random"},
    "loss": {"ranking": "loss"},
    "others": {"ranking": "random", "beside": True},
    "unlearned": {"never_learned": "only", "rule": "top", "amount": 1.0},
}


@pytest.fixture
def scores(mined: Callable[..., Path]) -> Path:
    return mined("mining", IOU, DATA, loss=LOSS)


def chosen(folder: Path, arm: str) -> list[str]:
    return [item["id"] for item in read_selection(folder / f"{arm}.json").data]


def test_arms_of_one_size_choose_by_what_they_say(scores: Path, tmp_path: Path) -> None:
    counts = write_selections(pool_of(DATA, [scores]), ARMS, tmp_path, Choice(level=0.7, seed=1))
    assert chosen(tmp_path, "htl") == ["a", "b"]  # of relative forgetting 0.5 and 0.4
    assert chosen(tmp_path, "loss") == ["c", "f"]
    assert chosen(tmp_path, "unlearned") == ["f"]
    assert len(set(chosen(tmp_path, "random"))) == 2
    assert len(set(chosen(tmp_path, "others"))) == 2 and not {"a", "b"} & set(chosen(tmp_path, "others"))
    assert counts["htl"] == {"n_selected": 2, "n_total": 6, "n_never_learned": 1, "n_unmeasured": 1}


def test_files_hold_the_lists_their_rule_and_their_scores(scores: Path, tmp_path: Path) -> None:
    write_selections(pool_of(DATA, [scores]), ARMS, tmp_path, Choice(level=0.7, seed=1))
    content = json.loads((tmp_path / "loss.json").read_text())
    assert content["data"] == [DATA[2], DATA[5]] and content["n_selected"] == 2
    assert content["rule"]["ranking"] == "loss" and content["rule"]["count_as"] == "relative_forgetting"
    assert content["scores_sha256"] == [hashlib.sha256(scores.read_bytes()).hexdigest()]
    assert json.loads((tmp_path / "random.json").read_text())["rule"]["options"]["seed"] == 1
    found = read_selection(tmp_path / "htl.json").hardness
    assert found == pytest.approx({"a": 0.5, "b": 0.4, "c": -1 / 6, "d": 1 / 3, "f": np.inf})


def test_an_arm_that_joins_leaves_the_files_of_the_others_as_they_are(scores: Path, tmp_path: Path) -> None:
    pool = pool_of(DATA, [scores])
    write_selections(pool, {"htl": {}}, tmp_path / "few", Choice(level=0.7))
    write_selections(pool, ARMS, tmp_path / "many", Choice(level=0.7))
    assert (tmp_path / "few" / "htl.json").read_bytes() == (tmp_path / "many" / "htl.json").read_bytes()


def test_of_several_rankings_the_first_that_can_be_made_counts(scores: Path, tmp_path: Path) -> None:
    pool = pool_of(DATA, [scores])
    choice = Choice(ranking=["pie_spearman", "loss"], rule="count", amount=1)
    write_selections(pool, {"htl": {}}, tmp_path, choice)
    assert chosen(tmp_path, "htl") == ["c"]
    with pytest.raises(ValueError, match="scores must do for the ranking pie_spearman, got none that do: It needs"):
        write_selections(pool, {"htl": {}}, tmp_path / "none", Choice(ranking=["pie_spearman"]))
    assert not (tmp_path / "none").exists()


def test_seeds_are_chosen_from_together(mined: Callable[..., Path], tmp_path: Path) -> None:
    first = mined("seed_0", {"a": (0.9, 0.1), "b": (0.8, 0.7)})
    second = mined("seed_1", {"b": (0.8, 0.1), "a": (0.9, 0.6)}, [{"id": "b"}, {"id": "a"}])
    write_selections(
        pool_of([{"id": "b"}, {"id": "a"}], [first, second]), {"htl": {}}, tmp_path, Choice(rule="count", amount=1)
    )
    assert chosen(tmp_path, "htl") == ["a"]  # it loses 0.55 on average, the other one 0.4


def test_arms_rank_by_what_the_trainings_recorded(mined: Callable[..., Path], tmp_path: Path) -> None:
    files = [mined(f"seed_{seed}", IOU, DATA) for seed in (0, 1)]
    recorded = []
    for seed, errors in enumerate(([0.1, 0.2, 0.9, 0.3, np.nan, 0.4], [0.1, 0.2, 0.3, 0.8, np.nan, 0.9])):
        found = make_scores(DATA, list(IOU), {}, [0.0], ["lesion"], primary="dynamics_error")
        found = found.assign(dynamics_error=(("epoch", "sample"), [errors]))
        recorded.append(write_scores(tmp_path / f"dynamics_{seed}.nc", found))
    arms = {"el2n": {"ranking": "el2n"}}
    for several, expected in ((slice(1), ["c", "f"]), (slice(2), ["f", "c"])):
        write_selections(pool_of(DATA, files[several], recorded[several]), arms, tmp_path, Choice(level=0.7))
        assert chosen(tmp_path, "el2n") == expected
    sums = json.loads((tmp_path / "el2n.json").read_text())["dynamics_sha256"]
    assert sums == [hashlib.sha256(path.read_bytes()).hexdigest() for path in recorded]
    with pytest.raises(ValueError, match="ranking el2n, .*: It needs what the training of these samples recorded"):
        write_selections(pool_of(DATA, files), arms, tmp_path, Choice(level=0.7))


def test_fewer_than_asked_for_are_said(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = pool_of(DATA, [scores]).scores
    assert len(Choice(level=0.7, rule="count", amount=4).ids(found)) == 4 and not capsys.readouterr().err
    assert len(Choice(level=0.7, rule="count", amount=6).ids(found)) == 4
    said = "warning: relative_forgetting chooses 4 images instead of 6: of no more it can say how hard they are"
    assert said in capsys.readouterr().err
    assert len(Choice("loss", "random", rule="count", amount=6).ids(found)) == 5
    assert "loss chooses 5 images instead of 6" in capsys.readouterr().err


def test_a_rule_says_how_many_every_ranking_chooses(scores: Path) -> None:
    found, ids = pool_of(DATA, [scores]).scores, list(IOU)
    hard = Choice(level=0.7).ids(found)
    assert hard == select(RelativeForgetting(level=0.7)(found), ids, "threshold", 0.4) == ["a", "b"]
    assert Choice("random", "relative_forgetting", level=0.7).ids(found) == select_random(ids, 2, 0)
    assert Choice("random", rule="count", amount=5).ids(found) == select_random(ids, 5, 0)
    assert Choice("loss", rule="top", amount=0.4).ids(found) == Choice("loss", rule="count", amount=2).ids(found)


def test_scores_of_other_images_are_refused(scores: Path) -> None:
    with pytest.raises(ValueError, match=r"must be of this data list, got 1 images that only one of them has \(f\)"):
        pool_of(DATA[:5], [scores])
    with pytest.raises(ValueError, match="id must be unique"):
        pool_of([*DATA, DATA[0]], [scores])


def test_a_selection_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="htl.json does not exist; run the stage selecting"):
        read_selection(tmp_path / "htl.json")
    for content, words in (
        ("[]", r"list.json must hold an object \{…\}, got list; run the stage selecting again"),
        ('{"data": [', r"list.json must hold JSON, got .*; run the stage selecting again"),
        ('{"data": {}}', "list.json must hold a data list under 'data'; give a file"),
        ('{"data": [1]}', "list.json must hold a data list under 'data'; give a file"),
    ):
        (tmp_path / "list.json").write_text(content)
        with pytest.raises(ValueError, match=words):
            read_selection(tmp_path / "list.json")


def test_a_relative_mask_path_is_one_from_the_folder_of_the_file(tmp_path: Path) -> None:
    items = [{"id": "a", "label": "../masks/a.png"}, {"id": "b", "label": "/else/b.png"}, {"id": "c"}]
    (tmp_path / "selecting").mkdir()
    (tmp_path / "selecting" / "htl.json").write_text(json.dumps({"data": items}))
    found = read_selection(tmp_path / "selecting" / "htl.json").data
    assert found == [{"id": "a", "label": str(tmp_path / "masks" / "a.png")}, *items[1:]]


def test_the_training_takes_the_paths_of_now(scores: Path, tmp_path: Path) -> None:
    write_selections(pool_of(DATA, [scores]), ARMS, tmp_path, Choice(level=0.7))
    moved = [{**item, "image": f"/new/{item['image']}"} for item in DATA]
    assert attended_items(moved, "finetune", tmp_path / "htl.json")[0]["image"] == "/new/a.jpg"
    assert attended_items(DATA, "everything", tmp_path / "nowhere.json") == DATA


def test_selections_that_do_not_fit_are_refused(scores: Path, tmp_path: Path) -> None:
    write_selections(pool_of(DATA, [scores]), ARMS, tmp_path, Choice(level=0.7))
    with pytest.raises(ValueError, match="must name images of the training list, got 2 of which 1 are unknown"):
        attended_items(DATA[1:], "finetune", tmp_path / "htl.json")
    (tmp_path / "empty.json").write_text('{"data": []}')
    with pytest.raises(ValueError, match="got 0 of which 0 are unknown; run the stage selecting"):
        attended_items(DATA, "finetune", tmp_path / "empty.json")
