"""Masks of more than 8 bits, files that nobody may read, and pictures that would take too much memory."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from htl_monai.data.images import decoding
from htl_monai.data.preparation.examine import FATAL, examine, examine_all

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (
            [[0.0, 255.0], [NAN, 255.0]],
            "mask_not_finite",
            "has NaN or infinity in 1 of 4 pixels; write it with 8 bits",
        ),
        ([[0.0, INF], [NAN, 255.0]], "mask_not_finite", "has NaN or infinity in 2 of 4 pixels"),
        (
            [[-5.0, 300.0], [0.0, 1.0]],
            "mask_not_8_bit",
            "has 4 values, from -5 to 300; write it with 8 bits, 0 and 255",
        ),
        (np.array([[0, 70_000], [1, 300]], np.int32), "mask_not_8_bit", "has 4 values, from 0 to 70000"),
        (np.array([[0, 1], [2, 300]], np.uint16), "mask_not_8_bit", "has 4 values, from 0 to 300"),
        ([[0.0, 1.0], [1.0, 0.0]], "empty_mask", "is 1 at most; foreground is above 127, so write it as 255"),
        ([[0.0, 255.0], [255.0, 0.0]], None, ""),
        (np.array([[0, 65_535], [0, 0]], np.uint16), None, ""),
    ],
)
def test_what_a_wide_mask_holds(tmp_path: Path, values: object, kind: str | None, words: str) -> None:
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    mask = np.asarray(values, None if isinstance(values, np.ndarray) else np.float32)
    Image.fromarray(mask).save(tmp_path / "mask.tiff")
    findings, _ = examine({"id": "a", "image": str(tmp_path / "a.png"), "label": str(tmp_path / "mask.tiff")})
    assert [*findings] == [kind] * (kind is not None)
    assert all(words in detail and "mask.tiff" in detail for detail in findings.values())


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (np.array([[0, NAN]], np.float32), "image_not_finite", "has NaN or infinity in 1 of 2 pixels; scale it to 0"),
        (np.array([[0, 65_535]], np.uint16), "image_not_8_bit", "has values from 0 to 65535; scale it to 0 to 255"),
        (np.array([[-3, 255]], np.int32), "image_not_8_bit", "has values from -3 to 255"),
        (np.array([[0, 255]], np.uint16), None, ""),
    ],
)
def test_an_image_whose_values_would_be_cut_off_is_unusable(
    tmp_path: Path, values: np.ndarray, kind: str | None, words: str
) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(values).save(path)
    findings, _ = examine({"id": "a", "image": str(path), "label": None})
    wide = {kind: detail for kind, detail in findings.items() if kind != "image_not_rgb"}
    assert [*wide] == [kind] * (kind is not None)
    assert all(words in detail and kind in FATAL for kind, detail in wide.items())
    assert examine({"id": "a", "image": str(path), "label": [0, 1]})[0] == {}


@pytest.mark.parametrize("name", ["a.nii.gz", "a.dcm"])
def test_pictures_that_a_training_on_masks_cannot_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    findings, _ = examine({"id": "a", "image": str(tmp_path / name), "label": str(tmp_path / "mask.png")})
    assert [*findings.items()] == [("unreadable_image", f"{tmp_path / name}: it is no PNG, JPEG, TIFF or BMP")]


def test_a_file_that_nobody_may_read_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").touch()

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    findings, digest = examine({"id": "a", "image": str(tmp_path / "a.png")})
    assert digest is None
    assert [*findings.items()] == [("unreadable_image", f"{tmp_path / 'a.png'}: Permission denied")]


def test_a_picture_beyond_the_limit_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (9, 8)).save(tmp_path / "a.png")
    monkeypatch.setattr(decoding, "MAX_PIXELS", 71)
    findings, _ = examine({"id": "a", "image": str(tmp_path / "a.png")})
    assert "its size (8, 9) is outside 1 to 71 pixels" in findings["unreadable_image"]


@pytest.mark.parametrize(("large", "most"), [(10, 1), (1000, 3)])
def test_large_pictures_are_decoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int, most: int
) -> None:
    monkeypatch.setattr(decoding, "LARGE_PIXELS", large)
    monkeypatch.setattr("htl_monai.data.images.threads.os.cpu_count", lambda: 3)
    for number in range(3):
        Image.new("RGB", (9, 8)).save(tmp_path / f"{number}.png")
    together, counting = threading.Barrier(3), threading.Lock()
    inside: set[int] = set()
    counts: list[int] = []
    real = Image.Image.load

    def load(image: Image.Image) -> object:
        with counting:
            inside.add(threading.get_ident())
            counts.append(len(inside))
        if most == 3:
            together.wait(timeout=20)  # all three come in here, or the barrier breaks
        else:
            time.sleep(0.05)  # in which the others would come in
        with counting:
            inside.remove(threading.get_ident())
        return real(image)

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    items = [{"id": str(number), "image": str(tmp_path / f"{number}.png")} for number in range(3)]
    assert [findings for findings, _ in examine_all(items)] == [{}, {}, {}]
    assert max(counts) == most
