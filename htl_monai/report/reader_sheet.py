"""Fills in the sheet that one reader of a study rates images on: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from htl_monai.data.images.pictures import read_grey
from htl_monai.report.reader_ratings import QUESTIONS, SCALE

# The question, and what the ends of its scale mean.
_WORDS = {
    "label_noise": ("How far are the given labels wrong?", "fully right", "clearly wrong"),
    "image_quality": ("How good is the image?", "very poor", "very good"),
    "difficulty": ("How difficult is the image to read?", "very easy", "very difficult"),
}


@dataclass(frozen=True)
class Case:
    """One image as a reader sees it.

    Args:
        name: what it is called on the sheets; no id.
        picture: a PNG in base64.
        labels: the findings that it is labelled with.
    """

    name: str
    picture: str
    labels: str


def anonymous_png(path: str | os.PathLike[str], max_px: int = 1024) -> str:
    """Return a picture as a grey PNG in base64 that holds pixels and nothing else.

    Names, dates and places in DICOM, EXIF or PNG fields do not survive. What is burnt into the pixels does.

    Args:
        path: a file that :func:`~htl_monai.data.images.pictures.read_grey` reads.
        max_px: a longer side is brought down to this many pixels.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read.
    """
    picture = Image.fromarray(read_grey(path))
    picture.thumbnail((max_px, max_px), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def reader_sheet(study: str, reader: str, cases: Sequence[Case]) -> str:
    """Return the sheet of one reader as HTML: images embedded, no request to any server, all text escaped.

    Args:
        study: the study's code.
        reader: the reader's name on the sheets.
        cases: in the order in which the reader sees them.
    """
    environment = Environment(
        loader=PackageLoader("htl_monai.report", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    questions = [
        {"name": name, "text": text, "low": low, "high": high}
        for name, (text, low, high) in ((name, _WORDS[name]) for name in QUESTIONS)
    ]
    template = environment.get_template("reader_sheet.html")
    return template.render(study=study, reader=reader, cases=cases, questions=questions, scale=SCALE)
