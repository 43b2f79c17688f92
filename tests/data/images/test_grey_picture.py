"""Pictures as grey channels, against Pillow, MONAI and hand-made DICOM values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from monai.transforms import Resize
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from htl_monai.data.images import decoding, pictures
from htl_monai.data.images.image_cache import resized_by_area
from htl_monai.data.images.pictures import read_grey


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 7), dtype=np.uint8)


def save_dicom(path: Path, values: np.ndarray, interpretation: str, window: tuple[int, int] | None = None) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.PhotometricInterpretation = "CR", interpretation
    dataset.Rows, dataset.Columns = values.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    if window:
        dataset.WindowCenter, dataset.WindowWidth = window
    dataset.PixelData = values.astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_grey_files_keep_their_values_whatever_the_mode(grey: np.ndarray, tmp_path: Path) -> None:
    image = Image.fromarray(grey)
    image.save(tmp_path / "grey.png")
    image.convert("RGBA").save(tmp_path / "alpha.png")  # some of NIH's are such
    image.convert("RGB").save(tmp_path / "rgb.bmp")
    for name in ("grey.png", "alpha.png", "rgb.bmp"):
        assert np.array_equal(read_grey(tmp_path / name), grey)
    image.save(tmp_path / "grey.jpg", quality=90)
    with Image.open(tmp_path / "grey.jpg") as again:
        assert np.array_equal(read_grey(tmp_path / "grey.jpg"), np.asarray(again))


def test_a_turned_jpeg_is_set_upright(grey: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey).save(tmp_path / "turned.jpg", quality=95, exif=exif)
    assert read_grey(tmp_path / "turned.jpg").shape == (7, 5)


def test_sixteen_bits_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[1000, 3000, 5000]], dtype=np.uint16)).save(tmp_path / "wide.png")
    assert read_grey(tmp_path / "wide.png").tolist() == [[0, 128, 255]]


def test_dicom_takes_its_window_and_monochrome1_is_inverted(tmp_path: Path) -> None:
    values = np.array([[0, 1000, 2000, 4000]])
    assert read_grey(save_dicom(tmp_path / "a.dcm", values, "MONOCHROME2")).tolist() == [[0, 64, 128, 255]]
    assert read_grey(save_dicom(tmp_path / "b.dcm", values, "MONOCHROME1")).tolist() == [[255, 191, 127, 0]]
    window = (1001, 2001)  # from 0.5 to 2000.5
    assert read_grey(save_dicom(tmp_path / "c.dcm", values, "MONOCHROME2", window)).tolist() == [[0, 127, 255, 255]]


def test_resizing_averages_areas_as_monai_does(grey: np.ndarray) -> None:
    assert resized_by_area(grey, (5, 7)) is grey
    for size in ((2, 3), (5, 1), (10, 14)):
        expected = Resize(size, mode="area")(grey[None].astype(np.float32))[0].numpy()
        assert np.abs(resized_by_area(grey, size) - expected).max() <= 0.5
    blocks = np.kron(np.array([[10, 20], [30, 40]], dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))
    assert resized_by_area(blocks, (2, 2)).tolist() == [[10, 20], [30, 40]]


def test_damaged_and_huge_files_are_named(grey: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(grey).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:50])
    (tmp_path / "words.jpg").write_text("no picture")
    for name in ("cut.png", "words.jpg"):
        with pytest.raises(ValueError, match=f"must be a readable picture, got .*{name}: .*; repair or remove it"):
            read_grey(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="image must be a file, got .*none.png"):
        read_grey(tmp_path / "none.png")
    Image.fromarray(grey).save(tmp_path / "huge.png")
    monkeypatch.setattr(decoding, "MAX_PIXELS", 34)
    with pytest.raises(ValueError, match=r"huge.png: its size \(5, 7\) is outside 1 to 34 pixels"):
        read_grey(tmp_path / "huge.png")


def test_a_large_picture_is_read_at_a_reduced_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = np.kron(np.array([[10, 20], [30, 40]], dtype=np.uint8), np.ones((4, 4), dtype=np.uint8))
    Image.fromarray(blocks).save(tmp_path / "large.png")
    monkeypatch.setattr(pictures, "LARGE_PIXELS", 16)
    assert read_grey(tmp_path / "large.png").tolist() == blocks[::2, ::2].tolist()
