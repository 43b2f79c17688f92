"""What is printed at the end of a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.console import print_left_out, print_never_learned, print_notes, print_tables, print_written
from htl_monai.scores import make_scores, write_scores


def test_left_out_pseudo_labels_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"n_left_out": 12, "n_empty": 3, "n_total": 100}
    (tmp_path / "htl.json").write_text(json.dumps({"min_confidence": 0.8, **counts, "data": []}))
    print_left_out(tmp_path / "htl.json")
    assert capsys.readouterr().out == (
        "pseudo-labels left out: 12 below confidence 0.8 and 3 without a lesion, of 100\n"
    )
    (tmp_path / "htl.json").write_text(json.dumps({"rule": {}, "n_total": 9, "data": []}))
    print_left_out(tmp_path / "htl.json")
    assert capsys.readouterr().out == ""


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, as one line: a title is broken to the width of its table."""
    return " ".join(capsys.readouterr().out.split())


def test_titles_say_which_images_the_groups_are_of(capsys: pytest.CaptureFixture[str]) -> None:
    tables = {"groups": pd.DataFrame({"group": ["male"], "mean": [0.5]})}
    print_tables(tables)
    assert "share of the score that is lost" in printed(capsys)
    print_tables({"impact_unlabelled": pd.DataFrame({"sparsity": [0.7]}), **tables})
    assert "drop of the box, images without mask" in printed(capsys)


def test_tables_of_boxes_have_titles_and_columns_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"sparsity": [0.7], "n": [9], "box_iou": [0.75], "box_drop": [0.25], "box_forgotten": [0.125]}
    detection = pd.DataFrame({"ranking": ["forgetting"], "auroc": [0.9]})
    print_tables({"impact": pd.DataFrame(row | {"foreground_n": [8]}), "detection": detection})
    text = printed(capsys)
    assert "How far pruning moves the boxes (mined images)" in text and "0.125" in text
    assert "foreground n" not in text and "plain error" not in text


def test_images_never_learned_are_named_in_the_closing_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_never_learned(tmp_path / "scores.nc")
    data = [{"id": id_} for id_ in "abc"]
    found, edge = np.array([[0, 0], [0, 0], [1.0, 0.5]]), np.array([[np.nan] * 2, [np.nan] * 2, [0, 0]])
    write_scores(tmp_path / "scores.nc", make_scores(data, list("abc"), {"iou": found}, [0, 0.7], ["all"]))
    print_never_learned(tmp_path / "scores.nc")
    boxes = {"box_agreement": (("sample", "level"), np.ones((3, 2))), "x_min_px": (("sample", "level"), edge)}
    write_scores(tmp_path / "scores.nc", make_scores(data, list("abc"), boxes, [0, 0.7], ["all"]))
    print_never_learned(tmp_path / "scores.nc")
    assert capsys.readouterr().out == (
        "never learned: the dense network finds nothing of the lesion in 2 of 3 mined images, which rank first: a, b\n"
        "no box: the dense network finds no region in 2 of 3 mined images, which rank first: a, b\n"
    )


def test_notes_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"about": ["a", "b"], "note": ["One.", "Two, of three."]}).to_csv(tmp_path / "notes.csv", index=False)
    print_notes(tmp_path / "notes.csv")
    print_notes(tmp_path / "nowhere.csv")
    pd.DataFrame(columns=["about", "note"]).to_csv(tmp_path / "notes.csv", index=False)
    print_notes(tmp_path / "notes.csv")
    assert capsys.readouterr().out == "note: One.\nnote: Two, of three.\n"


def test_the_screen_shows_the_main_sweep_and_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    sparsities = [round(0.05 * step, 2) for step in range(20)]
    overall = pd.DataFrame(
        [
            {"compression": name, "sparsity": sparsity, "ap_mean": level - sparsity}
            for name, level in (("global_magnitude", 1.12), ("random", 2.12))
            for sparsity in sparsities
        ]
    )
    ratios = pd.DataFrame(
        {"definition": ["spearman", "modal"], "group": ["Hernia", "Mass"], "n": 3, "n_pie": 1}
        | dict.fromkeys(["ratio", "low", "high", "p_holm"], 1.5)
    )
    pies = pd.DataFrame(
        {"id": [f"{i:04d}" for i in range(20)], "is_pie": [True] * 12 + [False] * 8, "labels": "Edema"}
        | dict.fromkeys(["spearman", "taxicab", "label_quality"], 0.25)
    )
    print_tables(
        {"overall": overall, "pies": pies, "pie_ratios": ratios, "notes": pd.DataFrame({"note": ["one seed only"]})}
    )
    shown = capsys.readouterr().out
    assert "1.12" in shown and "0.32" in shown and "2.12" not in shown and "1.07" not in shown  # every fourth
    assert "0009" in shown and "0010" not in shown  # ten of the twelve
    assert "Hernia" in shown and "Mass" not in shown
    assert shown.rstrip().endswith("note: one seed only")


def test_what_is_not_there_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables({})
    assert capsys.readouterr().out == ""


def test_files_are_named_that_a_person_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("reporting/scores.csv", "mining/started.json", "mining/mlflow.json", "mlruns/1/artifacts/scores.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    print_written(tmp_path)
    assert capsys.readouterr().out.split("\n") == ["", f"Written to {tmp_path}:", "  reporting/scores.csv", ""]
