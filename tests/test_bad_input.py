"""What a person may get wrong: each time one clear sentence, nothing half-written, earlier results untouched."""

from __future__ import annotations

import errno
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

import htl_monai.data.files
from htl_monai.cli import main
from htl_monai.models.bundles import find_bundle
from htl_monai.networks.weights import save_weights
from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.report.console import print_never_learned
from htl_monai.runs.graph import stages_of
from htl_monai.runs.output_folder import LOCK, NOTE
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.setting import read_setting
from htl_monai.runs.workflow import run_plan, run_stage
from htl_monai.scores import read_scores


class Stop(Exception):
    """Ends a run before its next stage."""


def run(data: Path, out: Path, settings: dict, until: str | None = None, setting: str = "supervised") -> list[str]:
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if until and text.startswith(until):
            raise Stop

    try:
        run_plan(plan_setting(setting, data, out, settings=settings, progress=False), say)
    except Stop:
        pass
    return said


def results(run: Path) -> dict[Path, bytes]:
    """All result files by path; notes and logs may change."""
    return {
        path: path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name not in ("started.json", "run.json", "log.txt", LOCK, NOTE)
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
@pytest.mark.filterwarnings("always::UserWarning")
def test_spoiled_images_can_be_left_out_and_are_named(data: Path, tmp_path: Path, tiny: dict, how: str) -> None:
    spoil(data, how)
    run(data, tmp_path / "run", {**tiny, "skip_unusable": True}, until="training")
    skipped = pd.read_csv(tmp_path / "run" / "preparing" / "skipped.csv")
    assert skipped["id"].tolist() == ["training_00001"] and skipped["split"].tolist() == ["training"]
    assert len(skipped["reason"][0]) > 10
    assert "training_00001" not in (tmp_path / "run" / "preparing" / "data.json").read_text()
    log = (tmp_path / "run" / "preparing" / "log.txt").read_text()
    assert "images are left out" in log and "training_00001" not in log and str(data) not in log


def test_a_missing_folder_is_named(tmp_path: Path, tiny: dict) -> None:
    with pytest.raises(FileNotFoundError, match="data must be a folder, a .csv or a .json file, got .*nowhere"):
        run(tmp_path / "nowhere", tmp_path / "run", tiny)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match="data must hold data.csv, or the folders images and masks, or dataset.json, or the",
    ):
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
    forgetting = forgetting_table(read_scores(tmp_path / "run" / "mining" / "scores.nc"))
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
    with pytest.raises(ValueError, match=r"sparsities must be a list of numbers in \[0, 1\), got"):
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
    assert htl_monai.data.files.sha256(tiny_run / "mining" / "scores.nc")


def test_words_that_no_config_knows_are_refused(tiny_phantom: Path, tmp_path: Path, tiny: dict) -> None:
    with pytest.raises(KeyError, match="max_epoch must be an entry of the configs.* max_epochs"):
        run(tiny_phantom, tmp_path / "run", {**tiny, "max_epoch": 1})
    with pytest.raises(
        FileNotFoundError, match="setting must be one of chest_xray, semi_supervised, .* got 'weekly'; check it"
    ):
        run_plan(plan_setting("weekly", tiny_phantom, tmp_path / "run"))
    with pytest.raises(FileNotFoundError, match="overlay must be one of .*sizes/cpu.json"):
        run_plan(plan_setting("supervised", tiny_phantom, tmp_path / "run", overlays=["settings/gpu.json"]))
    with pytest.raises(FileNotFoundError, match=r"got 'settings/cpu.json'; did you mean sizes/cpu.json\?$"):
        run_plan(plan_setting("supervised", tiny_phantom, tmp_path / "run", overlays=["settings/cpu.json"]))
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, got 'fp8'"):
        run(tiny_phantom, tmp_path / "run", {**tiny, "precision": "fp8"})
    assert torch.is_grad_enabled()  # nothing of the broken stage stays behind


def test_semi_supervised_needs_images_without_mask(
    data: Path, tmp_path: Path, tiny: dict, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    words = "unlabelled must hold at least one usable image, got no unlabelled images in .*; name some unlabelled in"
    with pytest.raises(ValueError, match=words):
        run(data, out, tiny, setting="semi_supervised")
    assert not results(out)
    monkeypatch.setattr(sys, "argv", ["htl", "run", "semi_supervised", "--data", str(data), "--out", str(out)])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 1 and "htl: unlabelled must hold at least one" in error and "Traceback" not in error


ROWS = {
    "ISIC_1,1,0\nISIC_2,0,0\n": "each row of .*csv must name one class, got no class for ISIC_2; correct the csv",
    "ISIC_1,1,0\nISIC_2,1,1\n": "each row of .*csv must name one class, got several for ISIC_2; correct the csv",
    "ISIC_1,1,0\nISIC_2,0,NV\n": "classes must be 0 or 1 in .*csv, got other values for ISIC_2; correct the csv",
}


@pytest.mark.parametrize("rows", ROWS)
def test_a_csv_of_diagnoses_names_one_class_a_row(tmp_path: Path, weak: dict, rows: str) -> None:
    folders = [tmp_path / "data" / f"ISIC2018_Task3_Training_{name}" for name in ("Input", "GroundTruth")]
    for folder in folders:
        folder.mkdir(parents=True)
    for id_ in ("ISIC_1", "ISIC_2"):
        Image.new("RGB", (64, 48)).save(folders[0] / f"{id_}.jpg")
    (folders[1] / "diagnoses.csv").write_text(f"image,MEL,NV\n{rows}")
    with pytest.raises(ValueError, match=ROWS[rows]):
        run(tmp_path / "data", tmp_path / "run", weak, setting="weakly_supervised")
    assert not (tmp_path / "run").exists()


def test_every_class_must_have_images_to_train_on(data: Path, tmp_path: Path, weak: dict) -> None:
    table = pd.read_csv(data / "data.csv")
    table["diagnosis"] = ["nevus", "nevus", "melanoma", "naevus", "nevus"]
    table.to_csv(data / "data.csv", index=False)
    with pytest.raises(ValueError, match="every diagnosis must have images in training, got none of naevus; add some"):
        run(data, tmp_path / "run", weak, setting="weakly_supervised")
    assert not results(tmp_path / "run")


@pytest.fixture(scope="module")
def weak(tiny_settings: dict) -> dict:
    """Settings of a weakly supervised run that takes seconds; to be read only."""
    plain = {name: value for name, value in tiny_settings.items() if not name.startswith("network_def")}
    return {**plain, "max_epochs": 1, "batch_size": 4, "spatial_size": [32, 48], "sparsities": [0.7]}


@pytest.fixture(scope="module")
def trained(weak: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom with diagnoses, and a run that ended before mining; to be read only."""
    folder = tmp_path_factory.mktemp("weak")
    write_phantom(folder / "phantom", {"training": 8, "validation": 2, "test": 2}, (48, 64), seed=3, hard_fraction=0.0)
    run(folder / "phantom", folder / "run", weak, until="mining", setting="weakly_supervised")
    return folder


@pytest.fixture
def weak_stage(weak: dict, trained: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that runs one stage after the training, with some entries replaced."""
    stages = {stage.name: stage for stage in stages_of(read_setting("weakly_supervised"))}

    def run_one(name: str, **entries: object) -> Path:
        out = tmp_path / "run"
        shutil.copytree(trained / "run", out, dirs_exist_ok=True)
        bundle, stage = find_bundle("lesion_weak_localization"), stages[name]
        places = {"output_dir": str(out)} | {entry: str(out / path) for entry, path in stage.paths.items()}
        run_stage(bundle, stage, {**weak, **stage.settings, **places, **entries}, out / name / "log.txt")
        return out / name

    return run_one


def test_a_layer_that_does_not_exist_stops_mining_and_names_those_that_do(
    weak: dict, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    shutil.copytree(trained / "run", out)
    before = results(out)
    words = "layer must be the name of a layer of Sequential, got 'nonsense'; .*backbone.final_conv"
    with pytest.raises(ValueError, match=words):
        run(trained / "phantom", out, {**weak, "cam_layer": "nonsense"}, setting="weakly_supervised")
    assert results(out) == before
    said = run(trained / "phantom", out, {**weak, "cam_layer": "nonsense"}, "mining", "weakly_supervised")
    assert said[:2] == ["preparing: done already", "training: done already"]


def test_a_layer_that_is_modified_in_place_is_named(weak_stage: Callable[..., Path], tmp_path: Path) -> None:
    layer = "backbone.upcat_1.convs.conv_1.adn.N"
    words = f"layer must keep its output, got '{layer}', which .*adn.A .ReLU. modifies in place; build .*inplace=False"
    act = ["relu", {"inplace": True}]
    with pytest.raises(ValueError, match=words):
        weak_stage("mining", cam_layer=layer, **{"backbone#act": act})
    assert not results(tmp_path / "run" / "mining")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_scripted_network_has_no_heat_maps(weak_stage: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="network must be a plain module for heat maps, got the scripted or traced"):
        weak_stage("evaluating_dense", single_network="$torch.jit.script(@network_def)")
    assert not results(tmp_path / "run" / "evaluating_dense")


def test_constant_heat_maps_have_no_box_and_the_run_goes_on(
    weak_stage: Callable[..., Path], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = torch.load(trained / "run" / "training" / "dense.pt", weights_only=True)
    weights["backbone.final_conv.weight"].zero_()
    weights["backbone.final_conv.bias"].fill_(1)
    torch.save(weights, tmp_path / "constant.pt")
    folder = weak_stage("mining", dense_path=str(tmp_path / "constant.pt"))
    table = forgetting_table(read_scores(folder / "scores.nc"))
    assert len(table) == 8 and (table["forgetting"] == 0).all()
    assert table[[f"{edge}_px_dense" for edge in ("x_min", "y_min", "x_max", "y_max")]].isna().all(axis=None)
    print_never_learned(folder / "scores.nc")
    words = "no box: the dense network finds no region in 8 of 8 mined images, which rank first: .* and 3 more\n"
    assert re.fullmatch(words, capsys.readouterr().out)
