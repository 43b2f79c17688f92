"""Draws one dermoscopy-like image and its lesion mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from htl_monai.phantoms.drawn_folder import check_size

Array = np.ndarray
Colours = tuple[tuple[tuple[int, int, int], tuple[int, int, int]], ...]

SKIN: Colours = (((236, 202, 182), (198, 152, 126)),)
BROWN: Colours = (((128, 82, 56), (70, 42, 30)),)
RARE: Colours = (((206, 120, 112), (188, 92, 96)), ((150, 150, 186), (112, 118, 164)))
HAIR = (44.0, 30.0, 24.0)


@dataclass(frozen=True)
class Look:
    """The ranges that one group of images is drawn from; the defaults are an easy image."""

    radius: tuple[float, float] = (0.20, 0.34)  # of the lesion, as a share of the shorter side
    opacity: tuple[float, float] = (0.75, 0.95)  # how much of the lesion's colour covers the skin
    colours: Colours = BROWN  # the lesion's colour lies between the two of one pair
    hairs: tuple[int, int] = (0, 3)


# Hard by faint evidence, and learnable: a tiny U-Net (240 images of 48×64, 40 epochs) comes to a training IoU of 0.45
# to 0.87 on these groups and 0.98 on easy images. A small lesion in full colour would not do: what finds a large one
# finds it too, and of that nothing is forgotten.
LOOKS = {
    "none": Look(),
    "small": Look(radius=(0.06, 0.10), opacity=(0.28, 0.42)),
    "low_contrast": Look(opacity=(0.22, 0.32)),
    "hair": Look(opacity=(0.30, 0.45), hairs=(30, 45)),
    "rare_colour": Look(colours=RARE, opacity=(0.22, 0.35)),
}
GROUPS = tuple(LOOKS)


def draw_phantom(
    group: str, size: tuple[int, int], rng: np.random.Generator, vignette: bool = False
) -> tuple[Array, Array]:
    """Draw skin with shading and noise, one lesion with an irregular border, hairs, and dark corners where asked.

    All but the grain of the pixels is drawn relative to the shorter side, so that one generator state gives the same
    picture at any size.

    Args:
        group: ``none`` for an easy image, or what makes it hard: ``small``, ``low_contrast``, ``hair``,
            ``rare_colour``.
        vignette: darken the corners, as the tube of a dermatoscope does.

    Returns:
        the image ``(H, W, 3)`` uint8 and the mask ``(H, W)`` bool, True in the lesion and never empty.

    Raises:
        ValueError: an unknown group, or a side shorter than 32.

    Example:
        >>> image, mask = draw_phantom("small", (96, 128), np.random.default_rng(0))
        >>> image.shape, bool(0 < mask.mean() < 0.05)
        ((96, 128, 3), True)
    """
    if group not in LOOKS:
        raise ValueError(f"group must be one of {', '.join(GROUPS)}, got {group!r}; choose one of these")
    check_size(size)
    look = LOOKS[group]
    image = _skin(size, rng)
    depth_px = _depth(size, rng.uniform(*look.radius), rng)
    colour = _colour(look.colours, rng) * (1 + 0.12 * _clouds(size, 9, rng))[..., None]
    softness_px = 0.012 * min(size)
    cover = rng.uniform(*look.opacity) / (1 + np.exp(-np.clip(depth_px / softness_px, -30, 30)))
    image += cover[..., None] * (colour - image)
    hair = _hair(size, int(rng.integers(*look.hairs, endpoint=True)), rng)[..., None]
    image += hair * (np.array(HAIR) - image)
    if vignette:
        image *= _vignette(size)[..., None]
    image += rng.normal(0, 4, (*size, 3))
    return np.clip(image, 0, 255).astype(np.uint8), depth_px > 0


def _colour(pairs: Colours, rng: np.random.Generator) -> Array:
    first, second = np.array(pairs[rng.integers(len(pairs))], dtype=float)
    return first + rng.uniform() * (second - first)


def _clouds(size: tuple[int, int], cells: int, rng: np.random.Generator) -> Array:
    """Smooth noise of zero mean and about unit spread, with ``cells`` bumps along each side."""
    coarse = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC), dtype=float)


def _skin(size: tuple[int, int], rng: np.random.Generator) -> Array:
    light = 1 + 0.05 * _clouds(size, 3, rng) + 0.02 * _clouds(size, 10, rng)
    skin = _colour(SKIN, rng) * light[..., None]
    skin[..., 1:] -= 6 * np.abs(_clouds(size, 5, rng))[..., None]  # patches of flushed skin
    return skin


def _depth(size: tuple[int, int], radius: float, rng: np.random.Generator) -> Array:
    """About how many pixels each pixel lies within the border of a lesion (negative outside)."""
    height, width = size
    radius_px = radius * min(size)
    centre = [0.5 * side + rng.uniform(-1, 1) * max(0.42 * side - radius_px, 0) for side in size]
    stretch, turn = rng.uniform(0.8, 1.25), rng.uniform(0, np.pi)
    y, x = np.mgrid[:height, :width] + 0.5
    y, x = y - centre[0], x - centre[1]
    along = (x * np.cos(turn) + y * np.sin(turn)) / stretch
    across = (y * np.cos(turn) - x * np.sin(turn)) * stretch
    angle = np.arctan2(across, along)
    waves = np.arange(2, 8)
    heights, phases = rng.normal(0, 0.12, waves.size) / np.sqrt(waves), rng.uniform(0, 2 * np.pi, waves.size)
    border = 1 + np.tensordot(heights, np.cos(waves[:, None, None] * angle + phases[:, None, None]), axes=1)
    return radius_px * np.clip(border, 0.5, 1.5) - np.hypot(along, across)


def _hair(size: tuple[int, int], count: int, rng: np.random.Generator) -> Array:
    """Cover of thin bent lines in [0, 1], drawn at twice the size to smooth them."""
    height, width = 2 * size[0], 2 * size[1]
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    steps = np.linspace(0, 1, 16)[:, None]
    for _ in range(count):
        start, bend, end = rng.uniform(-0.1, 1.1, (3, 2)) * (width, height)
        curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * end
        width_px = max(1, round(rng.uniform(0.012, 0.026) * min(size)))
        pen.line([tuple(point) for point in curve], fill=int(rng.integers(170, 240)), width=width_px)
    return np.asarray(canvas.resize((size[1], size[0]), Image.Resampling.BOX), dtype=float) / 255


def _vignette(size: tuple[int, int]) -> Array:
    y, x = (np.linspace(-1, 1, side) for side in size)
    return 1 - 0.75 / (1 + np.exp(-(np.hypot(y[:, None], x[None, :]) - 1.15) / 0.05))
