"""What a stage's log holds: our words, losses and errors, and not what libraries report of themselves."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

from htl_monai.data.preparation.left_out import Sieve, write_lists
from htl_monai.runs.stage_log import stage_log


def test_libraries_say_nothing_and_we_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "training" / "log.txt"
    chatty = logging.getLogger("monai.chatty")
    chatty.addHandler(logging.StreamHandler(sys.stdout))
    with warnings.catch_warnings(), stage_log(path):
        warnings.simplefilter("always")
        logging.getLogger("ignite.engine").info("Engine run resuming")
        chatty.warning("nvImageCodec is not available")
        warnings.warn("of another file", stacklevel=1)
        logging.getLogger("htl_monai.handlers").info("epoch 1 of 2: loss 0.5")
        logging.getLogger("htl_monai.handlers").warning("the network is of no use")
        logging.getLogger("ignite.engine").error("CUDA error")
        sieve = Sieve()
        sieve.without([{"id": "a"}], "test", {"a": "unreadable"})
        write_lists(tmp_path / "data.json", {}, sieve)
        print("2026-11-24 00:00:00 PRINTED by an expression of the user")
    lines = [line.split(" ", 2)[2] for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        "INFO epoch 1 of 2: loss 0.5",
        "WARNING the network is of no use",
        "ERROR CUDA error",
        "WARNING 1 images are left out; skipped.csv names them",
        "PRINTED by an expression of the user",
    ]
    shown = capsys.readouterr()
    assert shown.out == shown.err == ""


def test_an_error_leaves_its_traceback_and_an_interrupt_does_not(tmp_path: Path) -> None:
    path, level, show = tmp_path / "log.txt", logging.getLogger("htl_monai").level, warnings.showwarning
    with pytest.raises(ValueError, match="odd"), stage_log(path):
        raise ValueError("odd")
    assert "Traceback" in path.read_text(encoding="utf-8") and "ValueError: odd" in path.read_text(encoding="utf-8")
    path.unlink()
    with pytest.raises(KeyboardInterrupt), stage_log(path):
        logging.getLogger("ignite.engine").error("Engine run is terminating due to exception: ")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == ""
    assert logging.getLogger("htl_monai").level == level and warnings.showwarning is show


def test_the_log_of_a_run_holds_loss_and_score_of_every_epoch(finished_run: Path) -> None:
    lines = (finished_run / "training" / "log.txt").read_text(encoding="utf-8").splitlines()
    words = [line.split(" ", 2)[2] for line in lines]
    assert words[0] == "INFO training begins on cpu" and words[-1] == "INFO training is done"
    table = pd.read_csv(finished_run / "training" / "epochs.csv")
    for row in table.to_dict("records"):
        figures = f"loss {row['loss']:.4g}, learning_rate {row['learning_rate']:.4g}"
        score = f"val_foreground_iou {row['val_foreground_iou']:.4g}"
        assert words[int(row["epoch"])] == f"INFO epoch {row['epoch']:.0f} of 4: {figures}, {score}"
    assert len(words) == 2 + len(table)
