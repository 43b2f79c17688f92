"""Choosing hard-to-learn images and random ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.attention.selection import read_selection, rows_at, write_selections


@pytest.fixture
def table() -> pd.DataFrame:
    """Five images at one sparsity; ``e`` has nothing to measure."""
    return pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e"],
            "sparsity": 0.7,
            "forgetting": [0.1, 0.3, -0.2, 0.3, np.nan],
            "forgetting_relative": [0.5, 0.4, -0.3, 0.35, np.nan],
        }
    )


@pytest.fixture
def data() -> list[dict]:
    return [{"id": id_, "image": f"{id_}.jpg", "age": None} for id_ in "abcde"]


def test_files_hold_the_lists_their_rule_and_their_table(table: pd.DataFrame, data: list[dict], tmp_path: Path) -> None:
    both = pd.concat([table.assign(sparsity=0.5, forgetting_relative=0.9), table])
    both.to_csv(tmp_path / "forgetting.csv", index=False)
    counts = write_selections(data, tmp_path / "forgetting.csv", tmp_path, sparsity=0.7, seed=1)
    assert counts == {"n_selected": 2, "n_total": 5, "n_never_learned": 0, "n_unmeasured": 1}
    hard, random = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("htl", "random"))
    assert hard["data"] == [data[0], data[1]] == read_selection(tmp_path / "htl.json")
    kind = {"kind": "threshold", "amount": 0.4, "relative": True, "sparsity": 0.7, "never_learned": "exclude"}
    assert hard["rule"] == kind
    assert hard["n_selected"] == 2 and hard["n_total"] == 5 and hard["n_unmeasured"] == 1
    assert random["rule"] == {"kind": "random", "count": 2, "seed": 1} and len(random["data"]) == 2
    digest = hashlib.sha256((tmp_path / "forgetting.csv").read_bytes()).hexdigest()
    assert hard["table_sha256"] == random["table_sha256"] == digest


def test_a_selection_counts_the_images_never_learned(table: pd.DataFrame, data: list[dict], tmp_path: Path) -> None:
    table.assign(never_learned=[False, False, True, False, False]).to_csv(tmp_path / "forgetting.csv", index=False)
    counts = write_selections(data, tmp_path / "forgetting.csv", tmp_path, never_learned="include")
    assert counts == {"n_selected": 3, "n_total": 5, "n_never_learned": 1, "n_unmeasured": 1}
    content = json.loads((tmp_path / "htl.json").read_text())
    assert content["n_never_learned"] == 1 and content["rule"]["never_learned"] == "include"
    assert [item["id"] for item in content["data"]] == ["c", "a", "b"]


def test_ids_that_look_like_numbers_stay_as_they_are(table: pd.DataFrame, tmp_path: Path) -> None:
    names = dict(zip("abcde", ["0001", "0002", "0003", "0004", "0005"], strict=True))
    table.assign(id=table["id"].map(names)).to_csv(tmp_path / "forgetting.csv", index=False)
    write_selections([{"id": id_} for id_ in names.values()], tmp_path / "forgetting.csv", tmp_path)
    assert [item["id"] for item in read_selection(tmp_path / "htl.json")] == ["0001", "0002"]


def test_a_table_of_something_else_is_refused(table: pd.DataFrame, data: list[dict], tmp_path: Path) -> None:
    table.to_csv(tmp_path / "forgetting.csv", index=False)
    with pytest.raises(ValueError, match="sparsity must be one of .*forgetting.csv: 0.7, got 0.8; mine it"):
        write_selections(data, tmp_path / "forgetting.csv", tmp_path, sparsity=0.8)
    with pytest.raises(ValueError, match="must be of this data list, got 1 unknown ids, first e; mine it again"):
        write_selections(data[:4], tmp_path / "forgetting.csv", tmp_path)
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


@pytest.mark.parametrize("text", ["id,sparcity\n1,0.5\n", "sparsity\n0.5\n", "id,sparsity\n1,0.5\n1,half\n"])
def test_a_table_that_is_no_forgetting_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "forgetting.csv").write_text(text)
    with pytest.raises(ValueError, match=r"forgetting.csv must have the columns id and sparsity, .*; mine it again"):
        rows_at(tmp_path / "forgetting.csv", 0.5, [{"id": "1"}])
