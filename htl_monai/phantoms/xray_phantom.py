"""Writes a data set of drawn chest X-rays in which it is known which images are hard and which labels are wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from htl_monai.data.files import write_csv
from htl_monai.data.progress_bar import progress_bar
from htl_monai.data.readers.listing import SPLITS
from htl_monai.phantoms.drawn_folder import check_settings, start_drawing
from htl_monai.phantoms.xray_drawing import FINDINGS, Anatomy, draw_xray

COUNTS = {"training": 600, "validation": 120, "test": 400}
NO_FINDING = "No Finding"
# The long tail, by the order of FINDINGS.
FREQUENCIES = dict(zip(FINDINGS, (0.35, 0.22, 0.14, 0.09, 0.06, 0.04, 0.025, 0.015), strict=True))
FEWEST = 4  # positives of each finding in each split
# The second comes together with the first in this share of its images.
PAIR, TOGETHER = ("Effusion", "Cardiomegaly"), 0.7
HARD_SHARE, NOISY_SHARE = 0.1, 0.05
LABEL_FILES = {
    split: f"miccai2023_nih-cxr-lt_labels_{part}.csv"
    for split, part in zip(SPLITS, ("train", "val", "test"), strict=True)
}


@dataclass(frozen=True)
class _Plan:
    """What stands in the images of one split, and what their labels say: ``(N, C)`` each, ``(N,)`` the others."""

    shown: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    hard: NDArray[np.bool_]
    flipped: NDArray[np.intp]  # the class, -1 for none
    subject: NDArray[np.intp]
    follow_up: NDArray[np.intp]


def write_xray_phantom(
    out_dir: str | os.PathLike[str],
    counts: Mapping[str, int] | None = None,
    size: tuple[int, int] = (64, 64),
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Draw the X-ray phantom, in the file format of NIH-CXR-LT.

    Eight findings, each with a sign of its own, have the frequencies of a long tail (``FREQUENCIES``, but at least four
    images of each in each split). Cardiomegaly mostly comes together with Effusion (``PAIR``). Of one image in ten the
    signs are faint and the contrast is low: it is hard. Of one in twenty, one label is flipped. A subject has one to
    three images, which show the same anatomy, all in one split. Each image has a generator of its own. The label file
    of the training images is written last: a folder without it is unfinished. The same settings again leave a finished
    folder as it is; one with another data set is refused.

    Args:
        out_dir: to fill with ``images/*.png``, the three label files (``id``, a column for each finding and for
            ``No Finding``, ``subj_id``), ``planted.csv`` and ``phantom.json``.
        counts: images of each split, at least 40; by default 600 training, 120 validation, 400 test.

    Returns:
        ``out_dir``, which ``load_datalists`` reads. Columns of ``planted.csv``: ``id``, ``split``, ``hard`` (0 or 1),
        ``noisy`` (0 or 1), ``which`` (the finding whose label is flipped, else empty).

    Raises:
        ValueError: a split is unknown or has fewer than 40 images, or the size is too small.
        FileExistsError: ``folder`` holds label files that are no phantom's.
    """
    folder, counts = Path(out_dir), dict(COUNTS if counts is None else counts)
    if set(counts) != set(SPLITS):
        raise ValueError(
            f"counts must name the splits {', '.join(SPLITS)}, got {', '.join(counts) or 'none'}; name them"
        )
    settings = {"counts": counts, "size": [int(side) for side in size], "seed": int(seed)}
    check_settings(settings, SPLITS, 10 * FEWEST)
    tables, pictures = [*LABEL_FILES.values(), "planted.csv"], f"images/[123]{'[0-9]' * 7}_{'[0-9]' * 3}.png"
    if not start_drawing(folder, settings, tables, [pictures]):
        return folder
    plans = {split: _plan(counts[split], split, seed) for split in SPLITS}
    planted = []
    with progress_bar(total=sum(counts.values()), title="drawing the phantom", show=progress) as bar:
        for split in reversed(SPLITS):
            rows = [_write_image(folder, split, number, plans[split], settings) for number in range(counts[split])]
            bar.update(len(rows))
            planted.append(_planted(plans[split], split))
            if split == SPLITS[0]:
                write_csv(folder / "planted.csv", pd.concat(planted[::-1], ignore_index=True))
            write_csv(folder / LABEL_FILES[split], pd.DataFrame(rows))
    return folder


def _plan(count: int, split: str, seed: int) -> _Plan:
    rng = np.random.default_rng(np.random.SeedSequence([seed, SPLITS.index(split)]))
    shown = np.zeros((count, len(FINDINGS)), dtype=bool)
    first, second = (FINDINGS.index(name) for name in PAIR)
    for number, name in enumerate(FINDINGS):
        wanted = max(FEWEST, round(FREQUENCIES[name] * count))
        together = round(TOGETHER * wanted) if number == second else 0
        with_first = rng.permutation(np.flatnonzero(shown[:, first]))[:together]
        others = np.flatnonzero(~shown[:, first]) if number == second else np.arange(count)
        shown[with_first, number] = True
        shown[rng.permutation(others)[: wanted - len(with_first)], number] = True
    labelled, flipped = shown.copy(), np.full(count, -1)
    for row in rng.permutation(count)[: round(NOISY_SHARE * count)]:
        flipped[row] = _flip(labelled, row, rng)
    hard = np.zeros(count, dtype=bool)
    hard[rng.permutation(count)[: round(HARD_SHARE * count)]] = True
    subject = np.repeat(np.arange(count), rng.integers(1, 4, count))[:count]
    follow_up = np.arange(count) - np.searchsorted(subject, subject)
    return _Plan(shown, labelled, hard, flipped, subject, follow_up)


def _flip(labelled: NDArray[np.bool_], row: int, rng: np.random.Generator) -> int:
    """Flip one label of a row, a frequent finding's rather than a rare one's, and keep the fewest positives."""
    chance = np.array([FREQUENCIES[name] for name in FINDINGS])
    chance[labelled[row] & (labelled.sum(axis=0) <= FEWEST)] = 0
    number = int(rng.choice(len(FINDINGS), p=chance / chance.sum()))
    labelled[row, number] ^= True
    return number


def _write_image(folder: Path, split: str, number: int, plan: _Plan, settings: Mapping[str, Any]) -> dict[str, Any]:
    place, subject = SPLITS.index(split), int(plan.subject[number])
    rng = np.random.default_rng(np.random.SeedSequence([settings["seed"], place, 0, number]))
    person = Anatomy.of(np.random.default_rng(np.random.SeedSequence([settings["seed"], place, 1, subject])))
    shown = [name for name, there in zip(FINDINGS, plan.shown[number], strict=True) if there]
    picture = draw_xray(shown, tuple(settings["size"]), rng, person, bool(plan.hard[number]))
    id_ = _id(split, plan, number)
    Image.fromarray(picture).save(folder / "images" / id_)
    labels = dict(zip(FINDINGS, plan.labelled[number].astype(int).tolist(), strict=True))
    return {"id": id_, **labels, NO_FINDING: int(not any(labels.values())), "subj_id": id_.split("_")[0]}


def _id(split: str, plan: _Plan, number: int) -> str:
    """Return a name as NIH's: the subject's number, whose first digit tells the split, and the follow-up's."""
    return f"{SPLITS.index(split) + 1}{plan.subject[number]:07d}_{plan.follow_up[number]:03d}.png"


def _planted(plan: _Plan, split: str) -> pd.DataFrame:
    count = len(plan.hard)
    return pd.DataFrame(
        {
            "id": [_id(split, plan, number) for number in range(count)],
            "split": split,
            "hard": plan.hard.astype(int),
            "noisy": (plan.flipped >= 0).astype(int),
            "which": [FINDINGS[number] if number >= 0 else "" for number in plan.flipped],
        }
    )
