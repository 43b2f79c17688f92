"""Draws one picture that looks like a chest X-ray, with signs of findings in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from htl_monai.phantoms.drawn_folder import check_size

Array = NDArray[np.float64]

# Of hard images: how much of a sign's contrast, and of the picture's, is left.
HARD_SIGN, HARD_PICTURE = 0.4, 0.6
GRAIN = 0.025


@dataclass(frozen=True)
class Anatomy:
    """What the pictures of one person share, as shares of the picture's sides."""

    width: float  # of one lung
    height: float
    heart: float  # half the width of one of ordinary size
    ribs: float  # how many are seen

    @staticmethod
    def of(rng: np.random.Generator) -> Anatomy:
        """Draw one person."""
        return Anatomy(*(float(rng.uniform(*ends)) for ends in ((0.29, 0.34), (0.62, 0.72), (0.12, 0.15), (7, 9))))


@dataclass(frozen=True)
class _Chest:
    """The coordinates of all pixels, and where the lungs are."""

    y: Array
    x: Array
    lungs: tuple[Array, Array]
    person: Anatomy


def draw_xray(
    findings: Collection[str],
    size: tuple[int, int],
    rng: np.random.Generator,
    person: Anatomy | None = None,
    hard: bool = False,
) -> NDArray[np.uint8]:
    """Draw lungs, ribs, spine, heart and grain, and the sign of each finding.

    All but the grain of the pixels is drawn relative to the sides. The signs, about from plain to subtle: Effusion
    fills a lung from below; Infiltration is a bright cloud; Cardiomegaly a wide heart; Mass a large blob; Atelectasis
    bright lines; Pneumothorax a dark rim with an edge; Hernia a ring behind the heart; Nodule a small blob.

    Args:
        findings: those of ``FINDINGS`` that are seen.
        person: drawn, too, where it is not given.
        hard: draw the signs faint and the whole picture with little contrast.

    Raises:
        ValueError: an unknown finding, or a side shorter than 32.

    Example:
        >>> picture = draw_xray(["Effusion"], (64, 64), np.random.default_rng(0))
        >>> picture.shape, picture.dtype
        ((64, 64), dtype('uint8'))
    """
    unknown = sorted(set(findings) - set(FINDINGS))
    if unknown:
        raise ValueError(f"findings must be among {', '.join(FINDINGS)}, got {', '.join(unknown)}; correct them")
    check_size(size)
    chest = _chest(size, person or Anatomy.of(rng), rng)
    strength = rng.uniform(0.85, 1.15) * (HARD_SIGN if hard else 1)
    picture = _thorax(chest, strength if "Cardiomegaly" in findings else 0.0, rng)
    for name, sign in _SIGNS.items():
        if name in findings:
            picture += strength * sign(chest, rng)
    if hard:
        picture = 0.45 + HARD_PICTURE * (picture - 0.45)
    picture = picture * rng.uniform(0.92, 1.08) + rng.normal(0, GRAIN, size)
    return (255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _chest(size: tuple[int, int], person: Anatomy, rng: np.random.Generator) -> _Chest:
    y, x = (np.arange(side) + 0.5 for side in size)
    y, x = y[:, None] / size[0] - rng.uniform(-0.03, 0.03), x[None, :] / size[1] - rng.uniform(-0.03, 0.03)
    lungs = tuple(
        _inside(((x - 0.5 - side * 0.21) / (person.width / 2)) ** 2 + ((y - 0.47) / (person.height / 2)) ** 2, 0.08)
        for side in (-1, 1)
    )
    return _Chest(y, x, (lungs[0], lungs[1]), person)


def _thorax(chest: _Chest, enlarged: float, rng: np.random.Generator) -> Array:
    """Soft tissue, air in the lungs, ribs, spine and a heart; ``enlarged`` in 0..1 widens the heart."""
    y, x, person = chest.y, chest.x, chest.person
    air = chest.lungs[0] + chest.lungs[1]
    picture = 0.62 * _inside(((x - 0.5) / 0.5) ** 4 + ((y - 0.6) / 0.75) ** 4, 0.1) - 0.38 * air
    arcs = np.sin(2 * np.pi * (person.ribs * (y + 0.5 * (x - 0.5) ** 2) + rng.uniform()))
    picture += 0.07 * air * np.clip(arcs, 0, 1)
    picture += 0.12 * np.exp(-(((x - 0.5) / 0.045) ** 2))
    half_width = person.heart * (1 + 0.5 * enlarged)
    heart = _inside(((x - 0.54) / half_width) ** 2 + ((y - 0.64) / 0.17) ** 2, 0.12)
    return picture + (0.72 - picture) * 0.9 * heart


def _infiltration(chest: _Chest, rng: np.random.Generator) -> Array:
    texture = 1 + 0.5 * np.sin(2 * np.pi * (9 * chest.x + rng.uniform())) * np.sin(2 * np.pi * (8 * chest.y))
    return 0.32 * _blob(chest, rng, 0.10) * texture


def _effusion(chest: _Chest, rng: np.random.Generator) -> Array:
    level = rng.uniform(0.58, 0.66)
    # The surface climbs to the chest wall: the blunted angle.
    surface = level - 0.5 * np.abs(chest.x - 0.5) ** 2
    return 0.38 * chest.lungs[rng.integers(2)] / (1 + np.exp(-np.clip((chest.y - surface) / 0.015, -30, 30)))


def _atelectasis(chest: _Chest, rng: np.random.Generator) -> Array:
    side = int(rng.integers(2))
    start, slope = rng.uniform(0.45, 0.6), rng.uniform(-0.2, 0.2)
    line = start + slope * (chest.x - 0.5)
    both = np.exp(-(((chest.y - line) / 0.014) ** 2)) + np.exp(-(((chest.y - line - 0.07) / 0.014) ** 2))
    return 0.36 * chest.lungs[side] * both


def _pneumothorax(chest: _Chest, rng: np.random.Generator) -> Array:
    side = int(rng.integers(2))
    depth = np.hypot((chest.x - 0.5 - (2 * side - 1) * 0.19) / 0.13, (chest.y - 0.52) / 0.27)
    edge = np.exp(-(((depth - 1) / 0.1) ** 2)) * (chest.y < 0.6)
    return chest.lungs[side] * (0.32 * edge - 0.22 * (depth > 1) * (chest.y < 0.6))


def _hernia(chest: _Chest, rng: np.random.Generator) -> Array:
    middle, height = rng.uniform(0.44, 0.52), rng.uniform(0.70, 0.76)
    depth = np.hypot(chest.x - middle, chest.y - height) / 0.075
    return 0.25 * np.exp(-(((depth - 1) / 0.25) ** 2)) - 0.4 * _inside(depth**2, 0.2)


_SIGNS: dict[str, Callable[[_Chest, np.random.Generator], Array]] = {
    "Infiltration": _infiltration,
    "Effusion": _effusion,
    "Atelectasis": _atelectasis,
    "Nodule": lambda chest, rng: 0.40 * _disc(chest, rng, 0.032),
    "Mass": lambda chest, rng: 0.42 * _disc(chest, rng, 0.085),
    "Pneumothorax": _pneumothorax,
    "Hernia": _hernia,
}
# From the most frequent to the rarest.
FINDINGS = ("Infiltration", "Effusion", "Atelectasis", "Cardiomegaly", "Nodule", "Mass", "Pneumothorax", "Hernia")


def _place(chest: _Chest, rng: np.random.Generator) -> tuple[float, float]:
    """Return a point in one of the lungs, ``(y, x)``."""
    side = 2 * int(rng.integers(2)) - 1
    return rng.uniform(0.3, 0.6), 0.5 + side * rng.uniform(0.17, 0.26)


def _blob(chest: _Chest, rng: np.random.Generator, radius: float) -> Array:
    y, x = _place(chest, rng)
    return np.exp(-((chest.y - y) ** 2 + (chest.x - x) ** 2) / (2 * radius**2))


def _disc(chest: _Chest, rng: np.random.Generator, radius: float) -> Array:
    y, x = _place(chest, rng)
    return _inside(((chest.y - y) ** 2 + (chest.x - x) ** 2) / radius**2, 0.15)


def _inside(depth: Array, softness: float) -> Array:
    """Return 1 where ``depth`` is below 1 and 0 above, with a soft border."""
    return 1 / (1 + np.exp(np.clip((depth - 1) / softness, -30, 30)))
