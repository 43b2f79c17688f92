"""Writes a data set of drawn lesions in which it is known which images are hard."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from htl_monai.data.files import write_csv
from htl_monai.data.progress_bar import progress_bar
from htl_monai.data.readers.listing import LISTS, UNLABELLED
from htl_monai.phantoms.drawn_folder import check_settings, start_drawing
from htl_monai.phantoms.lesion_drawing import GROUPS, draw_phantom

COUNTS = {"training": 200, "validation": 40, "test": 80}
COLUMNS = "id image label split age sex diagnosis hard hard_group lesion_fraction contrast".split()
HARD_GROUPS = tuple(group for group in GROUPS if group != "none")
DIAGNOSES = ("nevus", "melanoma", "seborrheic_keratosis")
# Mean grey values, 0 to 255, that part the lesions: about a quarter of the easy ones are darker, a quarter paler.
DARK, PALE = 82, 98
DIAGNOSIS_NOISE = 0.1


def write_phantom(
    out_dir: str | os.PathLike[str],
    counts: Mapping[str, int] | None = None,
    size: tuple[int, int] = (96, 128),
    seed: int = 0,
    hard_fraction: float = 0.15,
    vignette_fraction: float = 0.2,
    progress: bool = False,
) -> Path:
    """Draw the phantom: a truth that no real data set has, against which mining can be checked.

    Image number i of a split depends on the seed, the split and i alone, so a larger phantom begins with the smaller
    one. Easy images show a large brown lesion. Hard ones are rare and planted in four groups of equal number:
    ``small``, ``low_contrast``, ``hair``, and ``rare_colour``, a red or blue lesion that mostly women over 50 have.
    The diagnosis can be seen: dark lesions and those of a rare colour are melanoma, pale ones seborrheic keratosis, the
    others nevus; of one image in ten it is another. Unlabelled images are drawn likewise, and no mask is written.
    ``data.csv`` is written last: a folder without it is unfinished. The same settings again leave a finished folder
    as it is; one with another data set is refused.

    Args:
        out_dir: folder to fill with ``images/*.jpg``, ``masks/*.png`` (0 and 255), ``phantom.json`` and ``data.csv``.
        counts: images of each list, by default 200 training, 40 validation, 80 test, and none ``unlabelled``.
        hard_fraction: share of the images of each list that are hard, in [0, 1].
        vignette_fraction: share of images with dark corners, in [0, 1], independent of what is hard.

    Returns:
        ``out_dir``, which ``load_datalists`` reads. Columns of ``data.csv``: ``id``, ``image``, ``label``, ``split``,
        ``age``, ``sex``, ``diagnosis``, ``hard`` (0 or 1), ``hard_group`` (``none`` or a group), ``lesion_fraction``
        (share of the pixels), ``contrast`` (distance of the mean colours of lesion and skin, in 0..442).

    Raises:
        ValueError: a count is negative, a fraction outside [0, 1], a split unknown, or the size too small.
        FileExistsError: ``out_dir`` holds a ``data.csv`` that is no phantom.
    """
    out_dir, counts = Path(out_dir), dict(COUNTS if counts is None else counts)
    for name, fraction in (("hard_fraction", hard_fraction), ("vignette_fraction", vignette_fraction)):
        if not 0 <= fraction <= 1:
            raise ValueError(f"{name} must be in [0, 1], got {fraction}; give a share")
    settings = {
        "counts": counts,
        "size": [int(side) for side in size],
        "seed": int(seed),
        "hard_fraction": hard_fraction,
        "vignette_fraction": vignette_fraction,
        "diagnosis_noise": DIAGNOSIS_NOISE,
    }
    check_settings(settings, LISTS)
    pictures = [
        f"{kind[:-4]}/{split}_{'[0-9]' * 5}{kind[-4:]}" for split in LISTS for kind in ("images.jpg", "masks.png")
    ]
    if not start_drawing(out_dir, settings, ["data.csv"], pictures):
        return out_dir
    jobs = [(split, number) for split in LISTS for number in range(counts.get(split, 0))]
    bar = progress_bar(jobs, total=len(jobs), title="drawing the phantom", show=progress)
    rows = [_write_image(out_dir, split, number, settings) for split, number in bar]
    write_csv(out_dir / "data.csv", pd.DataFrame(rows, columns=COLUMNS))
    return out_dir


def planted_group(number: int, hard_fraction: float) -> str:
    """Return the group of image ``number`` of a split: hard images are spread evenly and take the groups in turn.

    Example:
        >>> [planted_group(number, 0.5) for number in range(6)]
        ['none', 'small', 'none', 'low_contrast', 'none', 'hair']
    """
    # The small term keeps 0.1 * 10 and its like from falling below a whole number.
    before, after = (math.floor(count * hard_fraction + 1e-9) for count in (number, number + 1))
    return HARD_GROUPS[before % len(HARD_GROUPS)] if after > before else "none"


def _write_image(out_dir: Path, split: str, number: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    rng = np.random.default_rng(np.random.SeedSequence([settings["seed"], LISTS.index(split), number]))
    group = planted_group(number, settings["hard_fraction"])
    row: dict[str, Any] = {"id": f"{split}_{number:05d}", "split": split}
    row |= {"image": f"images/{row['id']}.jpg", "label": "" if split == UNLABELLED else f"masks/{row['id']}.png"}
    row |= _age_and_sex(group, rng) | {"hard": int(group != "none"), "hard_group": group}
    chance = row.pop("chance")
    vignette = bool(rng.uniform() < settings["vignette_fraction"])
    image, mask = draw_phantom(group, tuple(settings["size"]), rng, vignette)
    Image.fromarray(image).save(out_dir / row["image"], quality=95, subsampling=0)
    if row["label"]:
        Image.fromarray(mask.astype(np.uint8) * 255).save(out_dir / row["label"])
    row["diagnosis"] = _diagnosis(group, float(image[mask].mean()), chance)
    contrast = np.linalg.norm(image[mask].mean(axis=0) - image[~mask].mean(axis=0))
    return row | {"lesion_fraction": round(float(mask.mean()), 5), "contrast": round(float(contrast), 2)}


def _age_and_sex(group: str, rng: np.random.Generator) -> dict[str, Any]:
    """Age in steps of five and sex, some unknown, as in ISIC-2017; and the chance that decides on the diagnosis."""
    age, sex = 5 * int(rng.integers(3, 18)), str(rng.choice(["male", "female"]))
    older = 5 * int(rng.integers(11, 18))
    if group == "rare_colour" and rng.uniform() < 0.9:
        age, sex = older, "female"
    chance = float(rng.uniform())
    unknown_age, unknown_sex = rng.uniform(size=2) < 0.08
    return {"age": None if unknown_age else age, "sex": None if unknown_sex else sex, "chance": chance}


def _diagnosis(group: str, grey: float, chance: float) -> str:
    """Return what the lesion looks like, or another diagnosis where ``chance``, in [0, 1), is below the noise."""
    dark = group == "rare_colour" or grey < DARK
    seen = "melanoma" if dark else "seborrheic_keratosis" if grey > PALE else "nevus"
    if chance >= DIAGNOSIS_NOISE:
        return seen
    others = [name for name in DIAGNOSES if name != seen]
    return others[int(chance / DIAGNOSIS_NOISE * len(others))]
