"""What a person may get wrong: each time one clear sentence, nothing half-written, earlier results untouched."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import htl_monai.data.files
from htl_monai.data.phantom import write_phantom
from htl_monai.networks.weights import save_weights
from htl_monai.workflow import run_setting


class Stop(Exception):
    """Ends a run before its next stage."""


def run(data: Path, out: Path, settings: dict, until: str | None = None) -> list[str]:
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if until and text.startswith(until):
            raise Stop

    try:
        run_setting("supervised", data, out, settings=settings, progress=False, say=say)
    except Stop:
        pass
    return said


def results(run: Path) -> dict[Path, bytes]:
    """All result files by path; notes and logs may change."""
    return {
        path: path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("started.json", "log.txt")
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A phantom of its own, to be spoiled."""
    counts = {"training": 3, "validation": 1, "test": 1}
    return write_phantom(tmp_path / "phantom", counts, size=(48, 64), seed=3, hard_fraction=0.0)


def spoil(data: Path, how: str) -> None:
    image, mask = data / "images" / "training_00001.jpg", data / "masks" / "training_00001.png"
    if how == "missing image":
        image.unlink()
    elif how == "missing mask":
        mask.unlink()
    elif how == "mask of another size":
        Image.open(mask).resize((20, 30)).save(mask)
    elif how == "empty mask":
        Image.fromarray(np.zeros((48, 64), dtype=np.uint8)).save(mask)
    elif how == "mask of ones":
        Image.fromarray((np.asarray(Image.open(mask)) > 0).astype(np.uint8)).save(mask)
    elif how == "unreadable JPEG":
        image.write_bytes(image.read_bytes()[:300])
    elif how == "duplicate id":
        table = pd.read_csv(data / "data.csv")
        table.loc[1, "id"] = "training_00000"
        table.to_csv(data / "data.csv", index=False)


WORDS = {
    "missing image": "every image must have its image in .*got 1 of 3 without: training_00001",
    "missing mask": "every image must have its mask in .*got 1 of 3 without: training_00001",
    "mask of another size": r"training must hold usable images only.*size mismatch: .* is 30×20, the image 48×64",
    "empty mask": r"training must hold usable images only, got 1 .*training_00001: empty mask: .* is 0 at most",
    "mask of ones": r"empty mask: .* is 1 at most; foreground is above 127, so write it as 255",
    "unreadable JPEG": r"training must hold usable images only, got 1 .*training_00001: unreadable image",
    "duplicate id": "id must be unique over all splits, got 1 repeated: training_00000",
}


@pytest.mark.parametrize("how", WORDS)
def test_spoiled_data_stops_the_run_before_anything_is_written(
    data: Path, tmp_path: Path, tiny: dict, how: str
) -> None:
    spoil(data, how)
    with pytest.raises(ValueError, match=WORDS[how]):
        run(data, tmp_path / "run", tiny)
    assert not results(tmp_path / "run")


@pytest.mark.parametrize("how", ["missing image", "missing mask", "empty mask", "unreadable JPEG"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_spoiled_images_can_be_left_out_and_are_named(data: Path, tmp_path: Path, tiny: dict, how: str) -> None:
    spoil(data, how)
    run(data, tmp_path / "run", {**tiny, "skip_unusable": True}, until="training")
    skipped = pd.read_csv(tmp_path / "run" / "preparing" / "skipped.csv")
    assert skipped["id"].tolist() == ["training_00001"] and skipped["split"].tolist() == ["training"]
    assert len(skipped["reason"][0]) > 10
    assert "training_00001" not in (tmp_path / "run" / "preparing" / "data.json").read_text()


def test_a_missing_folder_is_named(tmp_path: Path, tiny: dict) -> None:
    with pytest.raises(FileNotFoundError, match="dataset_dir must be a folder or a .csv file, got .*nowhere"):
        run(tmp_path / "nowhere", tmp_path / "run", tiny)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="dataset_dir must hold data.csv or the folders ISIC-2017"):
        run(tmp_path / "empty", tmp_path / "run", tiny)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_images_of_other_modes_train(data: Path, tmp_path: Path, tiny: dict, mode: str) -> None:
    table = pd.read_csv(data / "data.csv")
    for row in table.itertuples():
        image = Image.open(data / row.image).convert(mode)
        image.save(data / row.image.replace(".jpg", ".png"))
    table["image"] = table["image"].str.replace(".jpg", ".png")
    table.to_csv(data / "data.csv", index=False)
    run(data, tmp_path / "run", {**tiny, "max_epochs": 1}, until="selecting")
    forgetting = pd.read_csv(tmp_path / "run" / "mining" / "forgetting.csv")
    assert len(forgetting) == 3 * 2 and forgetting["foreground_iou_dense"].notna().all()


def test_a_bad_loss_stops_the_training(tiny_phantom: Path, tmp_path: Path, tiny: dict) -> None:
    with pytest.raises(FloatingPointError, match="loss is nan in epoch .*; lower learning_rate"):
        run(tiny_phantom, tmp_path / "run", {**tiny, "learning_rate": 1e30})
    assert {path.parent.name for path in results(tmp_path / "run")} <= {"preparing", "training"}
    assert not (tmp_path / "run" / "training" / "provenance.json").exists()


@pytest.mark.parametrize("sparsities", [[0.5, 1.0], [-0.1]])
def test_a_sparsity_out_of_range_leaves_earlier_results(
    tiny_phantom: Path, tiny_run: Path, tiny: dict, sparsities: list[float]
) -> None:
    before = results(tiny_run)
    with pytest.raises(ValueError, match=r"sparsities must be in \[0, 1\), got"):
        run(tiny_phantom, tiny_run, {**tiny, "sparsities": sparsities})
    assert results(tiny_run) == before
    assert set(run(tiny_phantom, tiny_run, tiny)[:2]) == {"preparing: done already", "training: done already"}


def test_a_checkpoint_of_another_network_is_named(tiny_phantom: Path, tiny_run: Path, tiny: dict) -> None:
    other = save_weights(nn.Linear(2, 2), tiny_run / "other.pt")
    before = results(tiny_run)
    with pytest.raises(ValueError, match="other.pt is of another network than BasicUNet: .*network_size"):
        run(tiny_phantom, tiny_run, {**tiny, "initial_weights": str(other)})
    assert results(tiny_run) == before


def test_a_full_disk_leaves_earlier_results(
    tiny_phantom: Path, tiny_run: Path, tiny: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = results(tiny_run)
    plain = pd.DataFrame.to_csv

    def full(table: pd.DataFrame, path: Path, **arguments) -> None:
        plain(table.head(1), path, **arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match=r"\.csv could not be written \(No space left on device\) and is as it was"):
        run(tiny_phantom, tiny_run, {**tiny, "sparsities": [0.7]})
    monkeypatch.undo()
    assert results(tiny_run) == before
    assert htl_monai.data.files.sha256(tiny_run / "mining" / "forgetting.csv")


def test_words_that_no_config_knows_are_refused(tiny_phantom: Path, tmp_path: Path, tiny: dict) -> None:
    with pytest.raises(KeyError, match="max_epoch must be an entry of the configs.* max_epochs"):
        run(tiny_phantom, tmp_path / "run", {**tiny, "max_epoch": 1})
    with pytest.raises(KeyError, match="setting must be one of supervised, got 'weekly'"):
        run_setting("weekly", tiny_phantom, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="overlay must be a JSON file or one of .*settings/cpu.json"):
        run_setting("supervised", tiny_phantom, tmp_path / "run", overlays=["settings/gpu.json"])
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, got 'fp8'"):
        run(tiny_phantom, tmp_path / "run", {**tiny, "precision": "fp8"})
    assert torch.is_grad_enabled()  # nothing of the broken stage stays behind
