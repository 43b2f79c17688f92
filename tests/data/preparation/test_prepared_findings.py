"""The data lists and the cache of a multi-label setting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from htl_monai.data.digest import data_digest
from htl_monai.data.images.image_cache import ImageCache
from htl_monai.data.preparation.prepared import prepare_findings
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.phantoms.xray_phantom import write_xray_phantom

SIZE = (16, 16)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"training": 40, "validation": 40, "test": 40}
    return write_xray_phantom(tmp_path_factory.mktemp("drawn") / "phantom", counts, size=(32, 32))


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "phantom"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run" / "preparing" / "data.json"


def test_what_is_written_is_read_again(data: Path, out: Path) -> None:
    cache_path = out.with_name("images")
    written = prepare_findings(data, out, cache_path, SIZE)
    assert written == load_datalists(out, findings=True) == load_datalists(data, findings=True)
    assert pd.read_csv(out.with_name("skipped.csv")).columns.tolist() == ["id", "split", "reason"]
    pictures = set(cache_path.iterdir())
    assert len(pictures) == 120
    assert ImageCache(cache_path, SIZE).picture(written["test"][0]).shape == SIZE
    assert set(cache_path.iterdir()) == pictures
    lines = out.read_text().splitlines()
    assert sum('"id":' in line for line in lines) == 120  # one image a line
    assert list(json.loads(out.read_text())) == ["classes", "checked", "training", "validation", "test", "unlabelled"]


def test_the_same_again_is_the_same_file(data: Path, out: Path) -> None:
    prepare_findings(data, out, out.with_name("images"), SIZE)
    content = out.read_bytes()
    prepare_findings(data, out, out.with_name("images"), SIZE, num_workers=1)
    assert out.read_bytes() == content


def test_missing_and_unreadable_images_are_left_out_and_named(data: Path, out: Path) -> None:
    training, test = (load_datalists(data, findings=True)[name] for name in ("training", "test"))
    Path(training[0]["image"]).unlink()
    Path(test[3]["image"]).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="^2 images are left out; skipped.csv names them$"):
        written = prepare_findings(data, out, out.with_name("images"), SIZE, skip_unusable=True)
    assert written == load_datalists(out, findings=True)
    assert [item["id"] for item in written["training"]] == [item["id"] for item in training[1:]]
    skipped = pd.read_csv(out.with_name("skipped.csv"))
    assert skipped["id"].tolist() == [training[0]["id"], test[3]["id"]]
    assert skipped["split"].tolist() == ["training", "test"]
    assert skipped["reason"][0].startswith("missing image: /") and skipped["reason"][1].startswith("unreadable image: ")
    cache = ImageCache(out.with_name("images"), SIZE)
    with Image.open(test[4]["image"]) as image:
        expected = np.asarray(image, dtype=float).reshape(16, 2, 16, 2).mean(axis=(1, 3))
    assert np.abs(cache.picture(test[4]) - expected).max() <= 0.5


def test_unusable_images_stop_the_run(data: Path, out: Path) -> None:
    test = load_datalists(data, findings=True)["test"]
    Path(test[3]["image"]).write_bytes(b"no picture")
    with pytest.raises(ValueError, match="test must hold usable images only, got 1 .*; repair or remove it; fix"):
        prepare_findings(data, out, out.with_name("images"), SIZE)
    Path(test[3]["image"]).unlink()
    with pytest.raises(ValueError, match="every image must have its image in .*, got 1 of 40 without"):
        prepare_findings(data, out, out.with_name("images"), SIZE)
    assert not out.exists()


def test_each_split_must_have_images(data: Path, out: Path) -> None:
    for item in load_datalists(data, findings=True)["validation"]:
        Path(item["image"]).unlink()
    with pytest.raises(ValueError, match="each split must hold at least one usable image, got none in validation"):
        prepare_findings(data, out, out.with_name("images"), SIZE, skip_unusable=True)


def test_a_subject_in_two_splits_is_warned_of(data: Path, out: Path) -> None:
    path = data / "miccai2023_nih-cxr-lt_labels_test.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "subj_id"] = "10000000"
    table.to_csv(path, index=False)
    with pytest.warns(UserWarning, match="^subjects should stand in one split, got 1 in several; the results"):
        prepare_findings(data, out, out.with_name("images"), SIZE)


def test_a_class_without_positives_and_a_single_class_are_no_error(data: Path, out: Path) -> None:
    path = data / "miccai2023_nih-cxr-lt_labels_test.csv"
    pd.read_csv(path, dtype=str).assign(Hernia="0").to_csv(path, index=False)
    written = prepare_findings(data, out, out.with_name("images"), SIZE, {"classes": ["Hernia"]})
    assert written.classes == ["Hernia"] and all(item["label"] == [0.0] for item in written["test"])


def test_the_digest_of_the_data_knows_labels_and_files(data: Path) -> None:
    datalists = load_datalists(data, findings=True)
    first = data_digest(datalists)
    assert first == data_digest(load_datalists(data, findings=True))
    datalists["test"][0]["label"][0] = None
    assert data_digest(datalists) != first
