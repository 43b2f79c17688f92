"""The images of a user's own are opened before a stage alone uses them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.runs.single_stage import evaluate_with, mine_with

QUICK = {"num_workers": 0, "batch_size": 4, "device": "cpu", "precision": "fp32"}


@pytest.fixture
def damaged(tiny_phantom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom whose first test image is cut off in the middle."""
    folder = shutil.copytree(tiny_phantom, tmp_path / "damaged")
    image = Path(load_datalists(folder)["test"][0]["image"])
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    return folder


@pytest.mark.parametrize("command", [mine_with, evaluate_with])
def test_images_that_cannot_be_used_stop_a_stage_or_are_left_out(
    command: Callable[..., Path], finished_run: Path, damaged: Path, tmp_path: Path
) -> None:
    settings = {**QUICK, **({"sparsities": [0.7]} if command is mine_with else {})}
    out, said = tmp_path / "out", list[str]()
    quiet = {"split": "test", "progress": False, "say": said.append}
    with pytest.raises(
        ValueError, match="test must hold usable images only, got 1 .*test_00000: unreadable image: .*skip"
    ):
        command(finished_run, damaged, out, settings=settings, **quiet)
    assert not out.exists() or not list(out.glob("*.csv"))
    command(finished_run, damaged, out, settings={**settings, "skip_unusable": True}, **quiet)
    table = pd.read_csv(out / ("ranking.csv" if command is mine_with else "scores.csv"))
    assert sorted(table["id"]) == ["test_00001", "test_00002", "test_00003"]
    assert pd.read_csv(out / "skipped.csv")["id"].tolist() == ["test_00000"]
    assert said[0] == "1 images are left out: test_00000; see skipped.csv" and "3 test images" in said[1]


def test_all_images_of_a_table_without_splits(finished_run: Path, tiny_phantom: Path, tmp_path: Path) -> None:
    table = pd.read_csv(tiny_phantom / "data.csv", dtype=str).drop(columns="split").rename(columns={"id": "case_no"})
    for name in ("image", "label"):
        table[name] = str(tiny_phantom) + "/" + table[name]
    table.to_csv(tmp_path / "table.csv", index=False)
    said: list[str] = []
    settings = {**QUICK, "columns": {"id": "case_no"}}
    out = evaluate_with(finished_run, tmp_path / "table.csv", tmp_path / "out", "all", (), settings, False, said.append)
    assert sorted(pd.read_csv(out / "scores.csv")["id"]) == sorted(table["case_no"])
    assert said[0].startswith(f"split: {tmp_path / 'table.csv'} names none, so its images are dealt out")
    assert said[0].endswith("; --split all takes every image") and "evaluating: 16 images with" in said[1]
    with pytest.raises(ValueError, match="columns must be left out for .*data.json, got .*case_no"):
        evaluate_with(finished_run, out / "data.json", tmp_path / "b", settings=settings, progress=False, say=str)
