"""Predictions: right place and size for every format, equal to the bundle's own run, clear about what failed."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImaged
from PIL import Image

from htl_monai.clinic import predict as deploy_predict
from htl_monai.clinic.predict import COLUMNS, predict
from htl_monai.data.files import read_table
from htl_monai.models.model import Model


def read_mask(path: Path) -> np.ndarray:
    mask = np.asarray(Image.open(path))
    assert mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 255}
    return mask


def test_files_and_numbers_of_one_picture(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    table = predict(dark_bundle, tmp_path / "a.png", tmp_path / "out", progress=False)
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        "a.json",
        "a_mask.png",
        "a_overlay.png",
        "predictions.csv",
    ]
    expected = np.zeros((60, 90), dtype=np.uint8)
    expected[6:18, 60:84] = 255
    np.testing.assert_array_equal(read_mask(tmp_path / "out" / "a_mask.png"), expected)
    found = json.loads((tmp_path / "out" / "a.json").read_text(encoding="utf-8"))
    assert found["size"] == [90, 60] and found["area_px"] == 12 * 24 and found["image"] == str(tmp_path / "a.png")
    assert found["box"] == {"x_min": 60, "y_min": 6, "x_max": 84, "y_max": 18}
    logit = -20 * (20 + 10 + 30) / 255 + 24
    assert found["mean_prob"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
    row = table.iloc[0]
    assert list(table.columns) == list(COLUMNS) and pd.isna(row["error"]) and row["area_px"] == 288
    assert (row["x_min"], row["y_min"], row["x_max"], row["y_max"]) == (60, 6, 84, 18)
    overlay = np.asarray(Image.open(tmp_path / "out" / "a_overlay.png"))
    changed = (overlay != picture).any(axis=-1)
    assert overlay.shape == picture.shape and (changed <= (expected > 0)).all() and changed.any()


def test_every_format_gives_the_same_place(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    image = Image.fromarray(picture)
    grey = np.asarray(image.convert("L"))
    image.save(folder / "p.png")
    image.save(folder / "j.jpg", quality=95)
    image.convert("L").save(folder / "g.png")
    image.convert("RGBA").save(folder / "t.png")
    image.quantize(8).save(folder / "q.png")
    nib.save(nib.Nifti1Image(grey.T, np.eye(4)), folder / "n.nii.gz")
    table = predict(dark_bundle, folder, tmp_path / "out", batch_size=4, progress=False).set_index("name")
    assert list(table.index) == ["g", "j", "n", "p", "q", "t"] and table["error"].isna().all()
    for name in table.index:
        mask = read_mask(tmp_path / "out" / f"{name}_mask.png")
        assert mask.shape == (60, 90), name
        assert (mask[6:18, 60:84] == 255).mean() > 0.9 and (mask > 0).sum() < 330, name


def test_sizes_may_differ_within_a_batch_and_no_lesion_is_no_box(tmp_path: Path, dark_bundle: Path) -> None:
    Image.fromarray(np.full((31, 47, 3), 240, np.uint8)).save(tmp_path / "light.png")
    Image.fromarray(np.zeros((120, 33, 3), np.uint8)).save(tmp_path / "dark.png")
    table = predict(dark_bundle, [tmp_path / "light.png", tmp_path / "dark.png"], tmp_path / "out", progress=False)
    assert table[["width", "height", "area_px"]].to_numpy().tolist() == [[47, 31, 0], [33, 120, 33 * 120]]
    assert table["x_min"].isna().tolist() == [True, False] and table["mean_prob"].isna().tolist() == [True, False]
    found = json.loads((tmp_path / "out" / "light.json").read_text(encoding="utf-8"))
    assert found["box"] is None and found["mean_prob"] is None
    assert read_mask(tmp_path / "out" / "light_mask.png").shape == (31, 47)


def test_same_stems_do_not_overwrite_each_other(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    for name in ("a/x.png", "b/x.png", "b/x.bmp"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "in" / name)
    table = predict(dark_bundle, tmp_path / "in", tmp_path / "out", progress=False)
    assert table["name"].tolist() == ["x", "x-2", "x-3"]
    assert len(list((tmp_path / "out").glob("*_mask.png"))) == 3


def test_unreadable_pictures_are_named_and_the_others_go_on(
    tmp_path: Path, dark_bundle: Path, picture: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.png").write_bytes(b"nothing")
    Image.fromarray(picture).save(tmp_path / "good.png")
    named = [tmp_path / "broken.png", tmp_path / "good.png", tmp_path / "gone.png"]
    with caplog.at_level(logging.INFO):
        table = predict(dark_bundle, named, tmp_path / "out", batch_size=1, progress=False)
    assert table["error"].notna().tolist() == [True, False, True]
    assert "broken.png" in table["error"][0] and "gone.png" in table["error"][2]
    assert "2 of 3 images could not be read" in caplog.text and ".png" not in caplog.text
    written = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert written["area_px"].isna().tolist() == [True, False, True]
    assert not list((tmp_path / "out").glob("broken*"))


def test_large_pictures_go_through_at_a_reduced_size_and_results_have_the_whole(
    tmp_path: Path, slim_bundle: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.kron(picture, np.ones((9, 9, 1), dtype=np.uint8))
    Image.fromarray(large).save(tmp_path / "a.png")
    whole = predict(slim_bundle, tmp_path / "a.png", tmp_path / "whole", progress=False)
    prepared: list[tuple[int, ...]] = []
    real = deploy_predict.prepare

    def prepare(model: Model, pixels: np.ndarray) -> MetaTensor:
        prepared.append(pixels.shape)
        return real(model, pixels)

    monkeypatch.setattr(deploy_predict, "prepare", prepare)
    monkeypatch.setattr(deploy_predict, "LARGE_PIXELS", large.shape[0] * large.shape[1] // 9)
    table = predict(slim_bundle, tmp_path / "a.png", tmp_path / "reduced", progress=False)
    assert prepared == [(180, 270, 3)] and table[["width", "height"]].to_numpy().tolist() == [[810, 540]]
    masks = [read_mask(tmp_path / name / "a_mask.png") for name in ("whole", "reduced")]
    assert masks[1].shape == (540, 810) and (masks[0] != masks[1]).mean() < 0.02 and (masks[0] > 0).any()
    assert table["mean_prob"][0] == pytest.approx(whole["mean_prob"][0], abs=1e-3)
    overlay = np.asarray(Image.open(tmp_path / "reduced" / "a_overlay.png"))
    outside = masks[1] == 0
    assert (overlay[outside] == large[outside]).all(axis=-1).mean() > 0.9  # all but the frame


def test_pictures_that_are_not_kept_in_memory_are_read_again(
    tmp_path: Path, dark_bundle: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(picture).save(tmp_path / name)
    predict(dark_bundle, tmp_path, tmp_path / "kept", progress=False)
    monkeypatch.setattr(deploy_predict, "_KEPT_PIXELS", picture.shape[0] * picture.shape[1])
    read: list[str] = []
    real = deploy_predict.read_image

    def read_image(path: Path, *max_pixels: int) -> object:
        read.append(path.name)
        return real(path, *max_pixels)

    monkeypatch.setattr(deploy_predict, "read_image", read_image)
    predict(dark_bundle, [tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "again", progress=False)
    assert read == ["a.png", "b.png", "b.png"]
    for name in ("a_overlay.png", "b_overlay.png", "b_mask.png"):
        assert (tmp_path / "kept" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_one_odd_file_is_a_row_and_never_stops_a_batch(
    tmp_path: Path, dark_bundle: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    (folder / "folder.png").mkdir(parents=True)
    long, bytes_name = "l" * 245 + ".png", os.fsdecode(b"caf\xe9\n.png")
    for name in ("good.png", "folder.png/inside.png", long, bytes_name, "closed.png"):
        Image.fromarray(picture).save(folder / name)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "pipe.png")
    real = Path.open

    def refuse(path: Path, *arguments: object, **named: object) -> object:
        if path.name == "closed.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    table = predict(dark_bundle, folder, tmp_path / "out", batch_size=3, progress=False).set_index("name")
    done = ["caf\\udce9\\n", "good", "inside", "l" * 200]
    assert sorted(table.index[table["error"].isna()]) == done
    assert sorted(table.index[table["error"].notna()]) == ["closed", "gone", "loop", "pipe"]
    assert {path.name for path in (tmp_path / "out").glob("*_overlay.png")} == {f"{name}_overlay.png" for name in done}
    assert not [error for error in table["error"].dropna() if "\n" in error]
    assert read_table(tmp_path / "out" / "predictions.csv")["name"].tolist() == table.index.tolist()


def test_results_do_not_depend_on_the_batch(tmp_path: Path, slim_bundle: Path) -> None:
    generator = np.random.default_rng(3)
    for number in range(5):
        pixels = generator.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((150, 100)).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.glob("*.png"))
    one = predict(slim_bundle, paths, tmp_path / "one", batch_size=1, progress=False)
    many = predict(slim_bundle, paths, tmp_path / "many", batch_size=4, progress=False)
    np.testing.assert_allclose(one["mean_prob"], many["mean_prob"], rtol=1e-4)
    assert (one["area_px"] - many["area_px"]).abs().max() <= 5


def test_checkpoint_alone_and_inside_a_mapping(tmp_path: Path, slim_bundle: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    weights = tmp_path / "plain.pt"
    shutil.copy(slim_bundle / "models" / "model.pt", weights)
    torch.save({"model": torch.load(weights, weights_only=True)}, weights.with_name("wrapped.pt"))
    masks = []
    for number, model in enumerate([slim_bundle, weights, weights.with_name("wrapped.pt")]):
        out = tmp_path / f"out{number}"
        predict(model, tmp_path / "a.png", out, progress=False)
        masks.append(read_mask(out / "a_mask.png"))
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])


def test_checkpoint_of_another_network(tmp_path: Path, slim_bundle: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    state = torch.load(slim_bundle / "models" / "model.pt", weights_only=True)
    state["final_conv.weight"] = torch.zeros(7, 32, 1, 1)
    models = tmp_path / "models"
    models.mkdir()
    torch.save(state, models / "seven.pt")
    torch.save({"weight": torch.zeros(1)}, models / "other.pt")
    torch.save(torch.nn.Linear(1, 1), models / "pickled.pt")
    for name, sentence in {
        "seven.pt": r"final_conv.weight has shape \(7, 32, 1, 1\) instead of \(2, 32, 1, 1\)",
        "other.pt": "1 are unexpected",
        "pickled.pt": "cannot be read as tensors",
    }.items():
        with pytest.raises(ValueError, match=f"{name} .*{sentence}"):
            predict(models / name, tmp_path / "a.png", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_what_reads_files_in_the_config_is_not_built(
    tmp_path: Path, dark_bundle: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MONAI's loader warns of each reader that is not installed, and reads nothing here."""

    def build(*_: object, **__: object) -> None:
        raise AssertionError("the loader was built")

    monkeypatch.setattr(LoadImaged, "__init__", build)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert predict(dark_bundle, tmp_path / "a.png", tmp_path / "out", progress=False)["error"].isna().all()


def test_wrong_arguments(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        predict(dark_bundle, tmp_path / "a.png", out, batch_size=0)
    with pytest.raises(ValueError, match="device must be one of this machine's, got cuda:99"):
        predict(dark_bundle, tmp_path / "a.png", out, device="cuda:99")
    with pytest.raises(FileNotFoundError, match="model must be a bundle, the folder of a run, .*, got .*gone"):
        predict(tmp_path / "gone", tmp_path / "a.png", out)
    (dark_bundle / "models" / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match="model must come with .*model.pt"):
        predict(dark_bundle, tmp_path / "a.png", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="images must hold at least one picture"):
        predict(dark_bundle, tmp_path / "empty", out)


def test_a_picture_whose_output_is_not_finite_is_a_row_with_an_error(tmp_path: Path, dark_bundle: Path) -> None:
    weights = dark_bundle / "models" / "model.pt"
    torch.save({"weight": torch.full((2, 3, 1, 1), 3e38), "bias": torch.tensor([0.0, 1.0])}, weights)
    for name, level in (("black", 0), ("white", 255)):
        Image.new("RGB", (90, 60), (level,) * 3).save(tmp_path / f"{name}.png")
    table = predict(dark_bundle, tmp_path, tmp_path / "out", progress=False).set_index("name")
    assert table.loc["white", "error"].endswith(
        "white.png: the network's output is NaN or infinite, so nothing can be s"
        "aid of it; look at the picture's intensities, and check the weights"
    )
    assert pd.isna(table.loc["black", "error"]) and table.loc["black", "area_px"] == 60 * 90
    assert table.loc["white", ["area_px", "mean_prob", "width"]].isna().all()
    assert not list((tmp_path / "out").glob("white*")) and (tmp_path / "out" / "black_mask.png").is_file()
