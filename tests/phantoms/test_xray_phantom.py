"""The drawn chest X-rays: what is planted in them, and that it can be found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from htl_monai.data.preparation.check import check_data
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.label_columns import label_matrix
from htl_monai.phantoms.xray_drawing import FINDINGS, Anatomy, draw_xray
from htl_monai.phantoms.xray_phantom import FREQUENCIES, PAIR, write_xray_phantom

COUNTS = {"training": 400, "validation": 40, "test": 120}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_xray_phantom(tmp_path_factory.mktemp("xrays") / "phantom", COUNTS, size=(32, 40), seed=3)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_tail_is_long_and_every_split_has_every_finding(phantom: Path) -> None:
    data = load_datalists(phantom)
    assert data.classes == [*FINDINGS, "No Finding"]
    for name, items in data.items():
        if name != "unlabelled":
            labels = label_matrix(items)
            assert len(items) == COUNTS[name] and (labels.sum(axis=0) >= 4).all()
            assert np.array_equal(labels[:, -1] == 1, ~labels[:, :-1].any(axis=1))
    share = label_matrix(data["training"])[:, :-1].mean(axis=0)
    noise = 0.05  # one label in that share of the images is flipped
    assert np.abs(share - list(FREQUENCIES.values())).max() <= noise
    assert list(FREQUENCIES.values()) == sorted(FREQUENCIES.values(), reverse=True)


def test_the_pair_comes_together(phantom: Path) -> None:
    table = pd.read_csv(phantom / "miccai2023_nih-cxr-lt_labels_train.csv")
    together = table.loc[table[PAIR[1]] == 1, PAIR[0]].mean()
    assert together > 0.55 > 2 * table[PAIR[0]].mean()


def test_what_is_planted(phantom: Path) -> None:
    planted = pd.read_csv(phantom / "planted.csv", keep_default_na=False)
    assert planted["id"].is_unique and planted["split"].value_counts().to_dict() == COUNTS
    assert planted.groupby("split")["hard"].sum().to_dict() == {"training": 40, "validation": 4, "test": 12}
    assert planted.groupby("split")["noisy"].sum().to_dict() == {"training": 20, "validation": 2, "test": 6}
    assert ((planted["which"] != "") == (planted["noisy"] == 1)).all()
    assert set(planted["which"]) <= {*FINDINGS, ""}
    items = [item for part in load_datalists(phantom).values() for item in part]
    assert {item["id"]: (item["hard"], item["noisy"]) for item in items} == {
        row.id: (row.hard, row.noisy) for row in planted.itertuples()
    }


def test_subjects_have_a_few_images_in_one_split(phantom: Path) -> None:
    datalists = load_datalists(phantom)
    sizes = pd.Series([item["subject"] for part in datalists.values() for item in part]).value_counts()
    assert sizes.max() == 3 and sizes.min() == 1
    subjects = [{item["subject"] for item in datalists[name]} for name in COUNTS]
    assert not subjects[0] & subjects[1] | subjects[0] & subjects[2] | subjects[1] & subjects[2]


def test_the_seed_decides_and_a_finished_folder_is_left(phantom: Path, tmp_path: Path) -> None:
    counts = dict.fromkeys(COUNTS, 40)
    first = write_xray_phantom(tmp_path / "a", counts, size=(32, 32))
    times = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    assert write_xray_phantom(tmp_path / "a", counts, size=(32, 32)) == first
    assert times == {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    assert files(write_xray_phantom(tmp_path / "b", counts, size=(32, 32))) == files(first)
    before = files(first)
    (first / "images" / "own.png").write_bytes(b"stays")
    again = files(write_xray_phantom(tmp_path / "a", counts, size=(32, 32), seed=1))
    assert again.pop("images/own.png") == b"stays" and again["planted.csv"] != before["planted.csv"]


def test_an_unfinished_folder_is_drawn_anew(tmp_path: Path) -> None:
    counts = dict.fromkeys(COUNTS, 40)
    folder = write_xray_phantom(tmp_path / "a", counts, size=(32, 32))
    expected = files(folder)
    (folder / "miccai2023_nih-cxr-lt_labels_train.csv").unlink()
    (folder / "images" / "10000000_000.png").write_bytes(b"half")
    assert files(write_xray_phantom(folder, counts, size=(32, 32))) == expected


def test_another_data_set_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(FileExistsError, match="must be no other data set, got .* with files of one; choose a new"):
        write_xray_phantom(tmp_path)


def test_each_sign_is_seen_and_a_hard_one_is_fainter() -> None:
    person = Anatomy.of(np.random.default_rng(0))
    for name in FINDINGS:
        seen = {}
        for hard in (False, True):
            plain, signed = (
                np.mean([draw_xray(names, (64, 64), np.random.default_rng(s), person, hard) for s in range(20)], axis=0)
                for names in ([], [name])
            )
            seen[hard] = np.abs(signed - plain).max()
        assert seen[False] > 10 and seen[True] < 0.5 * seen[False], name


def test_pictures_are_grey_and_of_the_size(phantom: Path) -> None:
    with Image.open(next((phantom / "images").glob("*.png"))) as image:
        assert image.mode == "L" and image.size == (40, 32)


def test_the_check_of_a_data_set_knows_label_vectors(phantom: Path) -> None:
    report = check_data(load_datalists(phantom, on_missing="keep", unique_ids=False))
    assert report.ok and report.problems == []
    assert report.counts.loc["training"].tolist() == [400, 0]
    assert report.coverage.loc["subject", "test"] == 1


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="counts must name the splits training, validation, test, got test; name them"):
        write_xray_phantom(tmp_path, {"test": 50})
    with pytest.raises(ValueError, match="counts must be whole numbers from 40, got 39 for test; draw more"):
        write_xray_phantom(tmp_path, dict.fromkeys(COUNTS, 40) | {"test": 39})
    with pytest.raises(ValueError, match="seed must be a whole number from 0, got -1"):
        write_xray_phantom(tmp_path, seed=-1)
    with pytest.raises(ValueError, match=r"must be \(height, width\) of at least 32 pixels a side, got \(31, 64\)"):
        write_xray_phantom(tmp_path, size=(31, 64))
    with pytest.raises(ValueError, match="findings must be among .*, got Cyst; correct them"):
        draw_xray(["Cyst"], (64, 64), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"size must be \(height, width\) of at least 32 pixels a side, got \(8, 64\)"):
        draw_xray([], (8, 64), np.random.default_rng(0))
