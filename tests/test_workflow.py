"""What a stage may go on from, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.settings import Stage
from htl_monai.workflow import _claim

FILE = Stage("training", "training", (), (), (), checkpoint="checkpoint.pt")
FOLDER = Stage("pseudo_labelling", "pseudo_labelling", (), (), (), checkpoint="masks")


@pytest.mark.parametrize("stage", [FILE, FOLDER])
def test_only_what_was_made_from_the_same_is_gone_on_from(stage: Stage, tmp_path: Path) -> None:
    checkpoint = tmp_path / stage.checkpoint
    made = checkpoint / "a.png" if stage is FOLDER else checkpoint
    assert _claim(tmp_path, stage, "one") == "running"
    made.parent.mkdir(exist_ok=True)
    made.write_bytes(b"made")
    assert _claim(tmp_path, stage, "one") == "going on from its last checkpoint"
    assert made.read_bytes() == b"made"
    assert _claim(tmp_path, stage, "two") == "running"
    assert not checkpoint.exists()


def test_half_written_files_go_and_whole_ones_stay(tmp_path: Path) -> None:
    _claim(tmp_path, FOLDER, "one")
    (tmp_path / "masks").mkdir()
    for name in (".table.csv", "masks/.a.png", "masks/a.png", "table.csv"):
        (tmp_path / name).touch()
    _claim(tmp_path, FOLDER, "one")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"masks/a.png", "table.csv", "started.json"}
