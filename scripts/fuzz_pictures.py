"""The pictures that fuzz_inputs.py damages, and what reads them."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from fuzz_mutations import mutated_bytes, resized_png
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from htl_monai.data.images.decoding import LARGE_PIXELS
from htl_monai.data.images.pictures import read_grey, read_image
from htl_monai.data.preparation.examine import examine
from htl_monai.data.preparation.near_duplicates import near_duplicates

__all__ = ["damaged_picture", "read_damaged_picture", "sound_pictures"]


def sound_pictures() -> dict[str, bytes]:
    """Return small pictures of every format and kind by the names of their files."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 28, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {
        "rgb.png": _saved(image, "PNG"),
        "grey.png": _saved(image.convert("L"), "PNG"),
        "bits.png": _saved(image.convert("1"), "PNG"),
        "alpha.png": _saved(image.convert("RGBA"), "PNG"),
        "palette.png": _saved(image.quantize(16), "PNG", transparency=0),
        "deep.png": _saved(deep, "PNG"),
        "rgb.jpg": _saved(image, "JPEG", quality=90, exif=exif),
        "progressive.jpg": _saved(image.convert("L"), "JPEG", progressive=True),
        "cmyk.jpg": _saved(image.convert("CMYK"), "JPEG"),
        "plain.tif": _saved(image, "TIFF"),
        "lzw.tif": _saved(image, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": _saved(image, "TIFF", compression="jpeg"),
        "float.tif": _saved(Image.fromarray(pixels[..., 0].astype(np.float32)), "TIFF"),
        "rgb.bmp": _saved(image, "BMP"),
        "palette.bmp": _saved(image.quantize(4), "BMP"),
        "picture.dcm": _dicom(pixels),
    }
    for name, values in (("grey.nii", pixels[..., 0].T), ("float.nii", pixels[..., 0].T.astype(np.float32))):
        found[name] = nib.Nifti1Image(values, np.eye(4)).to_bytes()
    found["packed.nii.gz"] = gzip.compress(found["grey.nii"], mtime=0)
    return found


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def _dicom(pixels: np.ndarray) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid(entropy_srcs=["fuzz"])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality, dataset.PatientID = "XC", "phantom"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.PlanarConfiguration = *pixels.shape, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def damaged_picture(rng: random.Random, sound: Mapping[str, bytes], folder: Path, number: int) -> Path:
    """Write one damaged picture; now and then under the suffix of another format."""
    name = rng.choice(sorted(sound))
    suffix = "".join(Path(rng.choice(sorted(sound)) if rng.random() < 0.1 else name).suffixes)
    others = list(sound.values())
    png = name.endswith(".png") and rng.random() < 0.3
    content = resized_png(rng, sound[name]) if png else mutated_bytes(rng, sound[name], others)
    if suffix == ".nii.gz" and rng.random() < 0.7:  # what is packed is damaged, and the packing sound
        content = gzip.compress(mutated_bytes(rng, sound["grey.nii"], others), mtime=0)
    path = folder / f"{number}_{name.partition('.')[0]}{suffix}"
    path.write_bytes(content)
    return path


def read_damaged_picture(path: Path, rng: random.Random) -> None:
    """Read a picture in one of the ways of the package."""
    item = {"id": "a", "image": str(path), **({"label": str(path)} if rng.random() < 0.5 else {})}
    examine(item)
    near_duplicates([item], [item])
    rng.choice((lambda: read_image(path, rng.choice((None, 100, LARGE_PIXELS))), lambda: read_grey(path)))()
