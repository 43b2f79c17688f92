"""Masks of more than 8 bits, of which 8 bits would hide what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from htl_monai.data.examine import examine

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (
            [[0.0, 255.0], [NAN, 255.0]],
            "mask_not_finite",
            "has 1 pixels that are NaN or infinite; write it with 8 bits",
        ),
        ([[0.0, INF], [NAN, 255.0]], "mask_not_finite", "has 2 pixels that are NaN or infinite"),
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
    assert [finding.kind for finding in findings] == [kind] * (kind is not None)
    assert all(words in finding.detail and "mask.tiff" in finding.detail for finding in findings)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.dcm"])
def test_pictures_that_a_training_on_masks_cannot_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    findings, _ = examine({"id": "a", "image": str(tmp_path / name), "label": str(tmp_path / "mask.png")})
    assert [(finding.kind, finding.detail) for finding in findings] == [
        ("unreadable_image", f"{tmp_path / name}: it is no PNG, JPEG, TIFF or BMP")
    ]
