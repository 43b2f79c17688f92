"""Draws a mask and its box onto a picture."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from htl_monai.localization.boxes import Box

__all__ = ["draw_overlay"]


def draw_overlay(
    picture: np.ndarray,
    mask: np.ndarray,
    box: Box | None = None,
    tint: float = 0.25,
    mask_colour: tuple[int, int, int] = (0, 200, 255),
    box_colour: tuple[int, int, int] = (255, 220, 0),
) -> np.ndarray:
    """Return a copy of a picture with the mask tinted and outlined and the box framed.

    Lines lie inside the mask and inside the box, one pixel thick for every 200 pixels of the shorter side. Outside the
    mask and the frame the picture is untouched.

    Args:
        picture: (H, W, 3) uint8.
        mask: (H, W), any value other than 0 is foreground; empty draws nothing.
        box: half-open box as of :func:`htl_monai.localization.boxes.mask_to_box`; None draws none.
        tint: share of ``mask_colour`` within the mask, 0 to 1.
        mask_colour: RGB of tint and outline.
        box_colour: RGB of the frame.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: the picture is not uint8 RGB, the mask has another size, or the tint is outside 0 to 1.
    """
    foreground = np.asarray(mask) != 0
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"picture must be (H, W, 3) uint8, got {picture.shape} {picture.dtype}; read it as RGB")
    if foreground.shape != picture.shape[:2]:
        raise ValueError(
            f"mask must have the size of the picture {picture.shape[:2]}, got {foreground.shape}; "
            "bring it back to the original size"
        )
    if not 0 <= tint <= 1:
        raise ValueError(f"tint must be within 0 and 1, got {tint}; 0 leaves the lesion as it is")
    drawn = picture.copy()
    thickness = max(1, round(min(foreground.shape) / 200))
    if foreground.any():
        drawn[foreground] = np.round((1 - tint) * picture[foreground] + tint * np.array(mask_colour)).astype(np.uint8)
        drawn[foreground & ~ndimage.binary_erosion(foreground, iterations=thickness)] = mask_colour
    if box is not None:
        drawn[_frame(foreground.shape, box, thickness)] = box_colour
    return drawn


def _frame(shape: tuple[int, ...], box: Box, thickness: int) -> np.ndarray:
    frame = np.zeros(shape, dtype=bool)
    frame[box.y_min : box.y_max, box.x_min : box.x_max] = True
    frame[box.y_min + thickness : box.y_max - thickness, box.x_min + thickness : box.x_max - thickness] = False
    return frame
