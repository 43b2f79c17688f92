"""The content of a report: of whatever there is in a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from htl_monai.report.content.read_content import read_content
from tests.report.content.conftest import WriteAudit

STRANGE = ["<img src=x onerror=alert(1)>", "ملف 7", "🫁 \u2028 'quoted' \"twice\"", "x" * 300, "</script><!--", "=1+1"]


def column(content: dict[str, Any], name: str) -> list[Any]:
    return content["cases"]["values"][name]


def kinds(content: dict[str, Any]) -> dict[str, str]:
    return {c["name"]: c["kind"] for c in content["cases"]["columns"]}


def is_json(content: dict[str, Any]) -> bool:
    return json.loads(json.dumps(content, allow_nan=False)) == content


def test_a_run_is_read_whole(finished_run: Path) -> None:
    content = read_content(finished_run, hardest=3)
    assert content["kind"] == "run" and content["unfinished"] == [] and is_json(content)
    assert content["cases"]["n"] == 13 and column(content, "split").count("training") == 9
    assert [arm["name"] for arm in content["arms"]] == ["dense", "htl", "random"]
    assert all(arm["meaning"] and 0 <= arm["foreground_iou"] <= 1 for arm in content["arms"])
    test = [i for i, split in enumerate(column(content, "split")) if split == "test"]
    assert all(column(content, "iou_htl")[i] is not None and column(content, "rank")[i] is None for i in test)
    hard = [content["cases"]["values"]["rank"][case["case"]] for case in content["hardest"]]
    assert hard == [1, 2, 3] and all(
        dict(map(tuple, case["facts"]))["split"] == "training" for case in content["hardest"]
    )
    assert [curve["points"][0]["sparsity"] for curve in content["curves"]] == [0, 0.5]
    assert "One seed cannot say" in content["words"]["verdict"][0]
    assert ["mining/scores.nc"] == [name for name, _ in content["files"] if name == "mining/scores.nc"]


def test_more_forgetting_is_worse_and_more_of_a_score_better(finished_run: Path) -> None:
    better = {row["measure"]: row["higher_is_better"] for row in read_content(finished_run)["groups"]}
    assert not better.pop("forgetting_relative") and better and all(better.values())


def test_a_run_that_stopped_half_way_says_so(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(
        finished_run, run, ignore=shutil.ignore_patterns("selecting", "fine*", "eval*", "reporting", "*.pt")
    )
    content = read_content(run)
    assert content["unfinished"][0] == "selecting" and len(content["unfinished"]) == 6
    assert content["cases"]["n"] == 9 and content["comparison"] == content["rankings"] == []
    assert content["words"]["next"][0].startswith("Finish the run, 6 stages of 10 to go: the command")
    shutil.rmtree(run / "mining")
    nothing = read_content(run)
    assert nothing["cases"]["n"] == 0 and nothing["hardest"] == nothing["curves"] == [] and is_json(nothing)


def test_an_order_is_refused_where_nothing_is_mined(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run / "training", tmp_path / "training")
    shutil.copytree(finished_run / "preparing", tmp_path / "preparing")
    assert read_content(tmp_path)["hardest"] == []
    with pytest.raises(ValueError, match="by must be left out of .*, got entropy; nothing is mined there"):
        read_content(tmp_path, by="entropy")
    with pytest.raises(KeyError, match="got 'entropi'; did you mean entropy"):
        read_content(tmp_path, by="entropi")


def test_images_of_every_list_name_theirs(tiny_run: Path) -> None:
    path = tiny_run / "preparing" / "data.json"
    lists = json.loads(path.read_text())
    lists["unlabelled"] = [lists["training"].pop()]
    path.write_text(json.dumps(lists))
    assert column(read_content(tiny_run), "split").count("unlabelled") == 1


def test_a_run_without_its_note_is_read_by_its_folders(tiny_run: Path) -> None:
    (tiny_run / "run.json").unlink()
    content = read_content(tiny_run)
    assert content["cases"]["n"] == 13 and {arm["name"] for arm in content["arms"]} == {"dense", "htl", "random"}


def test_an_audit_is_read(write_audit: WriteAudit) -> None:
    content = read_content(write_audit(metadata={"sex": ["f", "m"] * 20, "age": list(range(40))}), hardest=2)
    assert content["title"] == "Audit of spleen" and content["below"] == 0.7 and is_json(content)
    assert content["primary"] == {"name": "iou", "label": "IoU", "higher_is_better": True}
    assert column(content, "id")[0] == "case_00039" and column(content, "rank")[0] == 1
    assert column(content, "iou")[0] == pytest.approx(0.5) and column(content, "iou_pruned")[0] == pytest.approx(0.1)
    assert kinds(content)["sex"] == "group" and kinds(content)["age"] == "number"
    assert content["quadrants"]["x"] == "relative_forgetting" and content["quadrants"]["y"] == "label_quality"
    said = " ".join(content["words"]["next"])
    assert "2 cases" in said and "case_00039 and case_00038" in said and "--by expected_error" in said
    assert [case["title"] for case in content["hardest"]] == ["case_00039", "case_00038"]


def test_the_order_is_that_of_a_ranking(write_audit: WriteAudit) -> None:
    folder = write_audit()
    assert column(read_content(folder, by="label_quality"), "id")[0] == "case_00038"
    with pytest.raises(KeyError, match="ranking must be one of .*, got 'hardest'"):
        read_content(folder, by="hardest")
    with pytest.raises(ValueError, match="scores must do for the ranking box_change"):
        read_content(folder, by="box_change")
    with pytest.raises(ValueError, match="hardest must be at least 0, got -1"):
        read_content(folder, hardest=-1)


def test_without_labels_scores_are_agreement(write_audit: WriteAudit) -> None:
    content = read_content(write_audit(labelled=False))
    assert content["primary"]["name"] == "mask_agreement_pruned" and content["quadrants"] == {}
    assert any("have no label" in sentence for sentence in content["words"]["done"])
    assert not any("mean mask agreement is" in sentence for sentence in content["words"]["verdict"])


def test_one_case_without_metadata_and_a_score_of_nothing(write_audit: WriteAudit) -> None:
    one = read_content(write_audit(n=1))
    assert one["cases"]["n"] == 1 and one["curves"][0]["points"][0]["low"] is None and is_json(one)
    nothing = read_content(write_audit(n=2, nan=(0, 1)))
    assert column(nothing, "iou") == [None, None] and nothing["hardest"] == [] and is_json(nothing)
    assert any("2 cases could not be ranked" in sentence for sentence in nothing["words"]["warnings"])


def test_strange_names_survive(write_audit: WriteAudit) -> None:
    content = read_content(write_audit(n=6, ids=STRANGE, metadata={"<b>": STRANGE, "group": [*STRANGE[:3]] * 2}))
    assert sorted(column(content, "id")) == sorted(STRANGE) and sorted(column(content, "<b>")) == sorted(STRANGE)
    assert kinds(content)["group"] == "group" and kinds(content)["<b>"] == "text" and is_json(content)
    assert max(len(sentence) for sentence in content["words"]["next"]) < 600


def test_a_column_of_many_values_is_no_group(write_audit: WriteAudit) -> None:
    n = 5000
    content = read_content(
        write_audit(n=n, metadata={"hospital": [f"h{i}" for i in range(n)], "mixed": [1, "a"] * (n // 2)})
    )
    assert kinds(content)["hospital"] == "text" and kinds(content)["mixed"] == "group"
    assert not next(c for c in content["cases"]["columns"] if c["name"] == "hospital")["show"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "groups.csv",
            "measure,column,group,n,mean\niou,sex,f,many,0.5\n",
            "must have numbers in the column n, got 'many'",
        ),
        (
            "groups.csv",
            "column,group\nsex,f\n",
            "must have the columns measure, .*, got none called measure, n, mean",
        ),
        ("rankings.csv", "\x00\x01", "must have the columns|must be a table"),
    ],
)
def test_a_damaged_table_is_named(write_audit: WriteAudit, name: str, text: str, said: str) -> None:
    folder = write_audit()
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name} {said}"):
        read_content(folder)


def test_a_damaged_note_is_named(tiny_run: Path) -> None:
    for content, said in (("{", "must hold JSON"), ('{"stages": [1], "arms": {}, "mined": []}', "got in stages/0")):
        (tiny_run / "run.json").write_text(content)
        with pytest.raises(ValueError, match=f"run.json .*{said}"):
            read_content(tiny_run)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="folder must be that of a run or an audit"):
            read_content(folder)


def test_classes_get_curves_of_their_own_and_labels_in_words(write_run: Any) -> None:
    run = write_run(seeds=(3, 10), stages=("mining",), n=40)
    content = read_content(run)
    assert content["cases"]["n"] == 40 and "Mass" in {
        part for labels in column(content, "labels") for part in labels.split(", ")
    }
    assert is_json(content) and content["words"]["done"][0].endswith("2 times with another seed each.")
    assert pd.Series(column(content, "true_prob")).between(0, 1).all()
