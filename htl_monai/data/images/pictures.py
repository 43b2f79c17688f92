"""Reads one picture of any supported format as upright RGB."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import ITKReader, NibabelReader, PydicomReader
from PIL import Image, UnidentifiedImageError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from htl_monai.data.images.decoding import (
    LARGE_PIXELS,
    MAX_PIXELS,
    check_pixels,
    is_wide,
    open_picture,
    reduced,
    upright,
)

logger = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".nii", ".nii.gz", ".dcm")
_NIFTI = (".nii", ".nii.gz")
_BLOCK_PIXELS = 2**22
_SAMPLED = 2**20
_TINY = float(np.finfo(np.float32).tiny)


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is of a supported format: by its suffix, else by the mark of a DICOM file inside."""
    path = Path(path)
    try:
        return path.is_file() and (path.name.lower().endswith(SUFFIXES) or _has_dicom_mark(path))
    except OSError:  # nobody may look at it
        return False


def read_grey(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture by :func:`read_image` as grey ``(H, W)`` uint8; colour becomes luma (ITU-R 601).

    One of more than ``LARGE_PIXELS``, which no network takes, has a reduced size.
    """
    return np.asarray(read_image(path, LARGE_PIXELS)[0].convert("L"))


def read_image(
    path: str | os.PathLike[str], max_pixels: int | None = None, cut: float = 0.0
) -> tuple[Image.Image, tuple[int, int]]:
    """Read one picture as it is meant to be seen, checking sizes before anything is decoded.

    PNG, JPEG, BMP and TIFF are turned as their EXIF orientation says and freed of transparency and palettes. NIfTI is
    taken in index order, first axis to the right and second axis down, as MONAI and ITK write pictures; its affine is
    not used, because photographs carry no patient orientation. DICOM is taken as stored, MONOCHROME1 inverted, YBR and
    palettes as RGB. Grey becomes three equal channels; more than 8 bits are brought to 8, from the least value to the
    largest, or by the window of a DICOM file.

    Args:
        path: the format is told by the suffix, DICOM also by its content.
        max_pixels: a larger picture is reduced by a whole number, averaging blocks, so that a small file cannot take
            gigabytes; None leaves every size.
        cut: of more than 8 bits, leave so many percent of the values to black, and to white, see :func:`spread`.

    Returns:
        an RGB image, and the whole width and height of the picture.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is truncated, damaged, of no supported format, larger than ``MAX_PIXELS`` pixels, or holds
            more than one slice or frame; the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"image must be a file, got {path}; check the path")
    try:
        if path.name.lower().endswith(_NIFTI):
            return _rgb_and_size(_read_nifti(path, cut), max_pixels)
        if path.suffix.lower() == ".dcm" or _has_dicom_mark(path):
            return _rgb_and_size(_read_dicom(path, cut), max_pixels)
        with path.open("rb") as file:  # nothing here keeps the picture, so that each step frees the one before
            return _upright_rgb(open_picture(file), max_pixels, cut)
    except Exception as error:  # decoders of untrusted bytes raise anything from struct.error to AttributeError
        reason = _in_words(error)
        raise ValueError(f"image must be a readable picture, got {path}: {reason}; repair or remove it") from error


def _in_words(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is damaged, or of no supported format"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MAX_PIXELS} pixels"
    return " ".join(str(error).split())[:200] or type(error).__name__


def to_uint8(values: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Bring intensities to 0..255; uint8 stays as it is.

    Args:
        values: any shape. NaN and infinities count as the lowest value, for photographs can have gaps.
        limits: what becomes 0 and 255; by default those of :func:`spread`, whose errors it raises.

    Returns:
        uint8 of the same shape, all 0 where every value is the same and no limits are given.
    """
    if values.dtype == np.uint8:
        return values
    low, high = spread(values) if limits is None else limits
    scaled = np.empty(values.shape, np.uint8)
    rows = max(1, _BLOCK_PIXELS // max(1, values[:1].size))
    for start in range(0, len(values), rows):  # in blocks: as float64 the whole would take eight times the memory
        block = values[start : start + rows].astype(np.float64)
        block = (np.where(np.isfinite(block), block, low) - low) / max(high - low, _TINY)
        scaled[start : start + rows] = np.round(255 * np.nan_to_num(np.clip(block, 0, 1)))
    return scaled


def spread(values: np.ndarray, cut: float = 0.0) -> tuple[float, float]:
    """Return the least and the largest finite value; 0 and 0 where there are no values.

    Args:
        values: any shape.
        cut: leave out so many percent at each end, below 50; of a large array, by a million of its values.

    Raises:
        ValueError: all values are NaN or infinite.
    """
    if values.dtype.kind in "fc" and values.size and not np.isfinite(values).any():
        raise ValueError("each of its pixels is NaN or infinite")
    known = values if values.dtype.kind in "iub" else values[np.isfinite(values)]
    if cut and known.size:
        few = known.reshape(-1)[:: max(1, known.size // _SAMPLED)]
        low, high = (float(value) for value in np.percentile(few, (cut, 100 - cut)))
        if high > low:
            return low, high
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def _rgb_and_size(picture: np.ndarray, max_pixels: int | None) -> tuple[Image.Image, tuple[int, int]]:
    image = Image.fromarray(picture)
    return _rgb(reduced(image, max_pixels)), image.size


def _rgb(image: Image.Image) -> Image.Image:
    """Return pixels and nothing that a file carried along, such as names and places in EXIF fields."""
    image = image if image.mode == "RGB" else image.convert("RGB")  # converting always copies
    image.info = {}
    return image


def _upright_rgb(image: Image.Image, max_pixels: int | None, cut: float) -> tuple[Image.Image, tuple[int, int]]:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise ValueError(f"it holds {frames} frames where one is expected")
    image, size = upright(image, max_pixels)
    if is_wide(image):
        values = np.asarray(image)
        image = Image.fromarray(to_uint8(values, spread(values, cut)))
    elif image.mode in ("P", "PA", "1"):
        image.info.pop("transparency", None)  # Pillow warns about a palette's that is lost
        image = image.convert("L" if image.mode == "1" else "RGB")
    return _rgb(reduced(image, max_pixels)), size


def _read_nifti(path: Path, cut: float) -> np.ndarray:
    reader = NibabelReader()
    image = reader.read(path)
    check_pixels(*image.shape, bytes_per_pixel=image.get_data_dtype().itemsize)
    values: np.ndarray = reader.get_data(image)[0]
    if values.dtype.names:  # NIfTI's RGB24 and RGBA32 are records
        values = np.stack([values[channel] for channel in values.dtype.names[:3]], axis=-1)
    values = values.squeeze(axis=tuple(axis for axis in range(2, values.ndim) if values.shape[axis] == 1))
    in_colour = values.ndim == 3 and values.shape[-1] == 3 and (values.dtype == np.uint8 or len(image.shape) > 3)
    if values.ndim != 2 and not in_colour:
        raise ValueError(f"it holds a volume of the shape {image.shape} where one slice is expected")
    return np.ascontiguousarray(to_uint8(np.swapaxes(values, 0, 1), spread(values, cut)))


def _read_dicom(path: Path, cut: float) -> np.ndarray:
    if read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise ValueError("it is a deflated DICOM file, whose size cannot be bounded before reading")
    reader = PydicomReader(swap_ij=False)
    dataset = reader.read(path)
    if "PixelData" not in dataset or "SegmentSequence" in dataset:
        raise ValueError(f"it is a DICOM object without a picture ({dataset.get('Modality') or 'no modality'})")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise ValueError(f"it holds {frames} frames of {dataset.Rows}x{dataset.Columns} where one is expected")
    check_pixels(dataset.Rows, dataset.Columns)
    values = _dicom_values(reader, dataset, path)
    if values.shape not in ((dataset.Rows, dataset.Columns), (dataset.Rows, dataset.Columns, 3)):
        raise ValueError(f"it holds pixels of the shape {values.shape} where one grey or RGB picture is expected")
    picture = to_uint8(values, _window(dataset) or spread(values, cut))
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        picture = 255 - picture
    return np.ascontiguousarray(picture)


def _dicom_values(reader: PydicomReader, dataset: Any, path: Path) -> np.ndarray:
    # Photographs often have no geometry, and broken geometry must not stop a picture: it is not used here.
    dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 0]
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        return _values_by_itk(path)
    try:
        return reader.get_data(dataset)[0]
    except RuntimeError as error:  # a compression that pydicom has no decoder for
        logger.debug("%s is read by ITK, because pydicom could not: %s", path, error)
        return _values_by_itk(path)


def _values_by_itk(path: Path) -> np.ndarray:
    reader = ITKReader(reverse_indexing=True)
    values = reader.get_data(reader.read(path))[0]
    return values[0] if values.shape[0] == 1 else values


def _window(dataset: Any) -> tuple[float, float] | None:
    """Return the ends of the DICOM window (PS3.3 C.11.2.1.2.1)."""
    centre, width = (np.atleast_1d(dataset.get(name, math.nan)) for name in ("WindowCenter", "WindowWidth"))
    try:
        first = float(centre[0]), float(width[0])
    except (IndexError, TypeError, ValueError):
        return None
    if not math.isfinite(first[0]) or not math.isfinite(first[1]) or first[1] <= 1:
        return None
    return first[0] - 0.5 - (first[1] - 1) / 2, first[0] - 0.5 + (first[1] - 1) / 2


def _has_dicom_mark(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
