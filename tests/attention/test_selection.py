"""Choosing hard-to-learn images and random ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from htl_monai.attention.selection import read_selection, write_selections
from htl_monai.scores import make_scores, write_scores

DENSE, PRUNED = [0.2, 0.5, 0.6, 0.8, np.nan], [0.1, 0.3, 0.8, 0.52, np.nan]
Mined = Callable[..., Path]


@pytest.fixture
def mined(tmp_path: Path) -> Mined:
    """Write the scores of five images: at 0.7 they lose 50, 40, -33 and 35 %; ``e`` has nothing to measure."""

    def write(ids: Sequence[str] = "abcde", **changed: float) -> Path:
        dense = [changed.get(letter, value) for letter, value in zip("abcde", DENSE, strict=True)]
        values = np.stack([dense, 0.1 * np.array(dense), PRUNED], axis=1)
        scores = make_scores([{"id": id_} for id_ in ids], list(ids), {"iou": values}, [0, 0.5, 0.7], ["all"])
        return write_scores(tmp_path / "scores.nc", scores)

    return write


@pytest.fixture
def data() -> list[dict]:
    return [{"id": id_, "image": f"{id_}.jpg", "age": None} for id_ in "abcde"]


def test_files_hold_the_lists_their_rule_and_their_scores(mined: Mined, data: list[dict], tmp_path: Path) -> None:
    counts = write_selections(data, mined(), tmp_path, sparsity=0.7, seed=1)
    assert counts == {"n_selected": 2, "n_total": 5, "n_never_learned": 0, "n_unmeasured": 1}
    hard, random = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("htl", "random"))
    assert hard["data"] == [data[0], data[1]] == read_selection(tmp_path / "htl.json")
    kind = {"kind": "threshold", "amount": 0.4, "relative": True, "sparsity": 0.7, "never_learned": "exclude"}
    assert hard["rule"] == kind
    assert hard["n_selected"] == 2 and hard["n_total"] == 5 and hard["n_unmeasured"] == 1
    assert random["rule"] == {"kind": "random", "count": 2, "seed": 1} and len(random["data"]) == 2
    digest = hashlib.sha256((tmp_path / "scores.nc").read_bytes()).hexdigest()
    assert hard["scores_sha256"] == random["scores_sha256"] == digest


def test_a_selection_counts_the_images_never_learned(mined: Mined, data: list[dict], tmp_path: Path) -> None:
    counts = write_selections(data, mined(c=0.0), tmp_path, never_learned="include")
    assert counts == {"n_selected": 3, "n_total": 5, "n_never_learned": 1, "n_unmeasured": 1}
    content = json.loads((tmp_path / "htl.json").read_text())
    assert content["n_never_learned"] == 1 and content["rule"]["never_learned"] == "include"
    assert [item["id"] for item in content["data"]] == ["c", "a", "b"]


def test_ids_that_look_like_numbers_stay_as_they_are(mined: Mined, tmp_path: Path) -> None:
    names = ["0001", "0002", "0003", "0004", "0005"]
    write_selections([{"id": id_} for id_ in names], mined(names), tmp_path)
    assert [item["id"] for item in read_selection(tmp_path / "htl.json")] == ["0001", "0002"]


def test_scores_of_something_else_are_refused(mined: Mined, data: list[dict], tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, 0.7, got 0.8; mine at it"):
        write_selections(data, mined(), tmp_path, sparsity=0.8)
    with pytest.raises(ValueError, match="scores.nc must be of this data list, got 1 unknown ids, first e; mine it"):
        write_selections(data[:4], mined(), tmp_path)
    assert not (tmp_path / "htl.json").exists()


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
    found = read_selection(tmp_path / "selecting" / "htl.json")
    assert found == [{"id": "a", "label": str(tmp_path / "masks" / "a.png")}, *items[1:]]
