"""Every supported format gives the same upright picture; what is broken is named."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.examples import get_path
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from htl_monai.data.images import decoding, pictures
from htl_monai.data.images.pictures import is_picture, read_image, to_uint8


def read_picture(path: str | Path) -> np.ndarray:
    """Return a picture at its whole size, (H, W, 3) uint8."""
    return np.array(read_image(path)[0])


def write_dicom(path: Path, pixels: np.ndarray, photometric: str, **elements: object) -> Path:
    """Write (H, W) or (H, W, 3) pixels as an uncompressed Secondary Capture."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid(entropy_srcs=["test"])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality, dataset.PatientID = "XC", "phantom"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def as_grey(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).convert("L"))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_lossless_pictures_are_read_as_they_are(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(picture).save(path)
    np.testing.assert_array_equal(read_picture(path), picture)


def test_jpeg_is_read_upright(tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, quality=95)
    read = read_picture(path)
    assert read.shape == picture.shape and read.dtype == np.uint8
    assert np.abs(read.astype(int) - picture).mean() < 3


def test_exif_orientation_is_followed(tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "phone.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    Image.fromarray(np.rot90(picture)).save(path, exif=exif)
    np.testing.assert_array_equal(read_picture(path), picture)


def test_grey_becomes_three_equal_channels(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(as_grey(picture)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "grey.png"), np.stack([as_grey(picture)] * 3, axis=-1))


def test_transparency_and_palette_are_resolved(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).convert("RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(picture).quantize(8).save(tmp_path / "palette.png", transparency=bytes([0, 255]))
    np.testing.assert_array_equal(read_picture(tmp_path / "rgba.png"), picture)
    np.testing.assert_array_equal(read_picture(tmp_path / "palette.png"), picture)


def test_16_bit_png_is_stretched(tmp_path: Path, picture: np.ndarray) -> None:
    grey = as_grey(picture)
    Image.fromarray(grey.astype(np.uint16) * 16).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "deep.png")[..., 0], to_uint8(grey.astype(np.uint16)))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("affine", [np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])], ids=["monai", "itk"])
def test_nifti_grey_is_taken_in_index_order(
    tmp_path: Path, picture: np.ndarray, suffix: str, affine: np.ndarray
) -> None:
    nib.save(nib.Nifti1Image(as_grey(picture).T, affine), tmp_path / f"a{suffix}")
    read = read_picture(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(read, np.stack([as_grey(picture)] * 3, axis=-1))


@pytest.mark.parametrize("layout", ["channels", "vector", "record"])
def test_nifti_rgb_layouts(tmp_path: Path, picture: np.ndarray, layout: str) -> None:
    values = np.ascontiguousarray(picture.swapaxes(0, 1))
    if layout == "vector":
        values = values[:, :, None, None, :]
    elif layout == "record":
        values = values.view([("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "rgb.nii.gz")
    np.testing.assert_array_equal(read_picture(tmp_path / "rgb.nii.gz"), picture)


def test_dicom_rgb_is_read_as_stored(tmp_path: Path, picture: np.ndarray) -> None:
    np.testing.assert_array_equal(read_picture(write_dicom(tmp_path / "a.dcm", picture, "RGB")), picture)


def test_dicom_is_known_by_its_content(tmp_path: Path, picture: np.ndarray) -> None:
    for name in ("IM0001", "1.2.826.0.1"):
        path = write_dicom(tmp_path / name, picture, "RGB")
        assert is_picture(path)
        np.testing.assert_array_equal(read_picture(path), picture)


def test_monochrome1_is_the_inverse_of_monochrome2(tmp_path: Path, picture: np.ndarray) -> None:
    deep = as_grey(picture).astype(np.uint16) * 100
    bright = read_picture(write_dicom(tmp_path / "m2.dcm", deep, "MONOCHROME2"))
    dark = read_picture(write_dicom(tmp_path / "m1.dcm", deep, "MONOCHROME1"))
    np.testing.assert_array_equal(bright[..., 0], to_uint8(deep))
    np.testing.assert_array_equal(dark, 255 - bright)


def test_dicom_window_cuts_the_range(tmp_path: Path) -> None:
    deep = np.array([[0, 100, 150], [200, 300, 4000]], dtype=np.uint16)
    path = write_dicom(tmp_path / "w.dcm", deep, "MONOCHROME2", WindowCenter=[150.5, 9], WindowWidth=[101, 9])
    assert read_picture(path)[..., 0].tolist() == [[0, 0, 128], [255, 255, 255]]


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    deep = np.array([[1024, 1074, 1124]], dtype=np.uint16)
    elements = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 50.5, "WindowWidth": 101}
    assert read_picture(write_dicom(tmp_path / "r.dcm", deep, "MONOCHROME2", **elements))[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]


def test_ybr_and_palette_dicom_become_rgb() -> None:
    palette = read_picture(get_path("palette_color"))
    lut = dcmread(get_path("palette_color"))
    colours = np.frombuffer(lut.RedPaletteColorLookupTableData, np.uint16)
    assert palette.shape == (lut.Rows, lut.Columns, 3)
    np.testing.assert_array_equal(palette[..., 0], (colours >> 8)[lut.pixel_array])
    assert read_picture(get_path("rgb_color")).shape == (240, 320, 3)


def test_to_uint8_leaves_gaps_dark_and_flat_pictures_black() -> None:
    assert to_uint8(np.array([0.0, np.nan, 1.0, np.inf])).tolist() == [0, 0, 255, 0]
    assert to_uint8(np.full(3, 7.0)).tolist() == [0, 0, 0]


def test_a_picture_without_any_finite_value_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3), np.nan, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="a.tif: each of its pixels is NaN or infinite; repair or remove it"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.nii", "a.nii.gz", "a.dcm"])
def test_truncated_files_are_named(tmp_path: Path, picture: np.ndarray, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8)
    if name.endswith(".dcm"):
        write_dicom(path, noise, "RGB")
    elif ".nii" in name:
        nib.save(nib.Nifti1Image(noise[..., 0].T, np.eye(4)), path)
    else:
        Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match=rf"image must be a readable picture, got .*{name}: .+; repair or remove it"):
        read_picture(path)


@pytest.mark.parametrize("name", ["empty.png", "text.jpg", "none.dcm", "bad.nii"])
def test_files_of_another_kind_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name == "empty.png" else b"not a picture at all" * 50)
    with pytest.raises(ValueError, match=rf"image must be a readable picture, got .*{name}"):
        read_picture(tmp_path / name)


def test_volumes_and_frames_are_refused_with_their_shape(tmp_path: Path, picture: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(np.zeros((9, 8, 3), np.float32), np.eye(4)), tmp_path / "volume.nii.gz")
    with pytest.raises(ValueError, match=r"it holds a volume of the shape \(9, 8, 3\)"):
        read_picture(tmp_path / "volume.nii.gz")
    frames = [Image.fromarray(picture), Image.fromarray(picture[::-1].copy())]
    frames[0].save(tmp_path / "stack.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="it holds 2 frames where one is expected"):
        read_picture(tmp_path / "stack.tif")
    with pytest.raises(ValueError, match="it holds 30 frames of 240x320 where one is expected"):
        read_picture(get_path("ybr_color"))


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.dcm"])
def test_too_large_pictures_are_refused_before_decoding(
    tmp_path: Path, picture: np.ndarray, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    if name.endswith(".dcm"):
        write_dicom(path, picture, "RGB")
    elif name.endswith(".png"):
        Image.fromarray(picture).save(path)
    else:
        nib.save(nib.Nifti1Image(picture[..., 0], np.eye(4)), path)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 5399)
    with pytest.raises(ValueError, match=r"its size \(60, 90\) is outside 1 to 5399 pixels"):
        read_picture(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="image must be a file, got .*gone.png"):
        read_picture(tmp_path / "gone.png")


@pytest.mark.parametrize("kind", ["png", "RGBA", "palette", "jpg", "dcm", "nii"])
def test_large_pictures_can_be_read_at_a_reduced_size(tmp_path: Path, picture: np.ndarray, kind: str) -> None:
    path = tmp_path / f"a.{kind if kind in ('jpg', 'dcm', 'nii') else 'png'}"
    image = Image.fromarray(picture)
    if kind == "dcm":
        write_dicom(path, picture, "RGB")
    elif kind == "nii":
        nib.save(nib.Nifti1Image(as_grey(picture).T, np.eye(4)), path)
    else:
        image = {"RGBA": image.convert("RGBA"), "palette": image.quantize(8)}.get(kind, image)
        image.save(path, **({"quality": 95} if kind == "jpg" else {}))
    found, size = read_image(path, max_pixels=60 * 90 // 9)
    assert size == (90, 60) and found.mode == "RGB" and not found.info
    if kind == "jpg":  # decoded at a half, then halved again
        assert found.size == (23, 15)
        return
    blocks = read_picture(path).reshape(20, 3, 30, 3, 3).mean(axis=(1, 3))
    assert found.size == (30, 20) and np.abs(np.asarray(found) - blocks).max() <= 1


def test_a_large_turned_jpeg_has_the_size_of_the_upright_picture(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(picture)).save(tmp_path / "phone.jpg", quality=95, exif=exif)
    found, size = read_image(tmp_path / "phone.jpg", max_pixels=60 * 90 // 4)
    assert size == (90, 60) and found.size == (45, 30)
    assert np.abs(np.asarray(found, dtype=int) - picture[::2, ::2]).mean() < 8


def test_deep_values_take_little_more_memory_than_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_BLOCK_PIXELS", 2**12)
    deep = np.arange(2**20, dtype=np.uint16).reshape(2**10, 2**10)
    tracemalloc.start()
    found = to_uint8(deep)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * deep.size
    expected = np.round(255 * (deep.astype(float) / 65535)).astype(np.uint8)
    np.testing.assert_array_equal(found, expected)


def test_other_formats_are_not_opened_under_a_picture_s_name(tmp_path: Path) -> None:
    """Pillow would hand PostScript to Ghostscript."""
    (tmp_path / "a.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(ValueError, match="a.png: it is damaged, or of no supported format"):
        read_picture(tmp_path / "a.png")


def test_wide_values_count_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_PIXELS", 100)
    nib.save(nib.Nifti1Image(np.zeros((5, 8), np.float64), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"its size \(5, 8\) is outside 1 to 37 pixels"):
        read_picture(tmp_path / "a.nii")
