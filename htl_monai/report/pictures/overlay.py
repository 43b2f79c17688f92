"""Draws a mask and its box onto a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from htl_monai.localization.boxes import Box

_BAND_PIXELS = 2**22


def draw_overlay(
    picture: Image.Image,
    mask: np.ndarray,
    box: Box | None = None,
    tint: float = 0.25,
    mask_colour: tuple[int, int, int] = (0, 200, 255),
    box_colour: tuple[int, int, int] = (255, 220, 0),
    thickness: int | None = None,
) -> None:
    """Tint and outline the mask and frame the box in a picture, in place, as a copy of a large one takes much memory.

    Lines lie inside the mask and inside the box. Outside the mask and the frame the picture is untouched.

    Args:
        mask: (H, W), any value other than 0 is foreground; empty draws nothing.
        box: half-open; None draws none.
        tint: share of ``mask_colour`` within the mask, 0 to 1.
        mask_colour: RGB of tint and outline.
        box_colour: RGB of the frame.
        thickness: of the lines, in pixels; by default one for every 200 pixels of the shorter side.

    Raises:
        ValueError: the picture is not RGB, the mask has another size, or the tint is outside 0 to 1.
    """
    width, height = picture.size
    if picture.mode != "RGB":
        raise ValueError(f"picture must be RGB, got {picture.mode}; read it as RGB")
    if mask.shape != (height, width):
        raise ValueError(
            f"mask must have the size of the picture {(height, width)}, got {mask.shape}; "
            "bring it back to the original size"
        )
    if not 0 <= tint <= 1:
        raise ValueError(f"tint must be within 0 and 1, got {tint}; 0 leaves the lesion as it is")
    thickness = thickness or max(1, round(min(height, width) / 200))
    values = np.arange(256)[:, None]
    tinted = np.round((1 - tint) * values + tint * np.array(mask_colour)).astype(np.uint8)
    step = max(thickness, _BAND_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        band = np.array(picture.crop((0, rows.start, width, rows.stop)))
        inside = mask[rows] != 0
        band[inside] = np.stack([tinted[band[..., channel][inside], channel] for channel in range(3)], axis=-1)
        band[inside & ~_eroded(mask, rows, thickness)] = mask_colour
        if box is not None:
            band[_frame(rows, width, box, thickness)] = box_colour
        picture.paste(Image.fromarray(band), (0, rows.start))


def _eroded(mask: np.ndarray, rows: slice, thickness: int) -> np.ndarray:
    """Return some rows of the eroded mask; they depend on as many further rows as the erosion is thick."""
    first = max(0, rows.start - thickness)
    part = mask[first : rows.stop + thickness] != 0
    eroded: np.ndarray = ndimage.binary_erosion(part, iterations=thickness)
    return eroded[rows.start - first :][: rows.stop - rows.start]


def _frame(rows: slice, width: int, box: Box, thickness: int) -> np.ndarray:
    frame = np.zeros((rows.stop - rows.start, width), dtype=bool)
    inner = Box(box.x_min + thickness, box.y_min + thickness, box.x_max - thickness, box.y_max - thickness)
    for edge, drawn in ((box, True), (inner, False)):
        top, bottom = max(0, edge.y_min - rows.start), max(0, edge.y_max - rows.start)
        frame[top:bottom, edge.x_min : max(0, edge.x_max)] = drawn
    return frame
