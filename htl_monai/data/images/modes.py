"""Brings pictures that PIL has opened to one mode, as the converter of a ``PILReader``."""

from __future__ import annotations

from PIL import Image


def to_rgb(image: Image.Image) -> Image.Image:
    """Return any picture, grey, palette or RGBA included, as RGB."""
    return image.convert("RGB")


def to_grey(image: Image.Image) -> Image.Image:
    """Return any picture as grey."""
    return image.convert("L")
