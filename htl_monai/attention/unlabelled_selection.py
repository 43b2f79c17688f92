"""Chooses hard-to-learn images among those without mask, alone or mixed with labelled ones."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.attention.pseudo_labels import read_pseudo_labels, sure_enough
from htl_monai.attention.selection import count_left_out, rows_at, select_hard
from htl_monai.data.files import sha256, write_json
from htl_monai.data.readers.listing import Item
from htl_monai.ranking.selection import select_random

__all__ = ["LABELLED", "write_unlabelled_selections"]

LABELLED = ("none", "htl", "all")

Arms = dict[str, list[Item]]

logger = logging.getLogger(__name__)


def write_unlabelled_selections(
    unlabelled: Sequence[Item],
    training: Sequence[Item],
    mined_path: str | os.PathLike[str],
    pseudo_labels_path: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    sparsity: float = 0.7,
    rule: str = "threshold",
    amount: float = 0.4,
    relative: bool = False,
    min_confidence: float = 0.8,
    labelled: str = "none",
    labelled_mined_path: str | os.PathLike[str] = "",
    labelled_rule: str = "threshold",
    labelled_amount: float = 0.4,
    seed: int = 0,
    never_learned: str = "exclude",
) -> dict[str, int]:
    """Write ``htl.json`` and ``random.json`` of images with pseudo-labels (Attend Who is Weak, Algorithm 2).

    Images whose pseudo-label is less sure than ``min_confidence``, or empty, take part in neither file and are
    counted.

    Args:
        unlabelled: the images without mask that were mined.
        training: the labelled training list.
        mined_path: the ``scores.nc`` of the images without mask.
        pseudo_labels_path: the ``pseudo_labels.csv`` of the same images.
        out_dir: the folder of the two files; paths of pseudo-labels in them are relative to it.
        sparsity: the level that counts.
        rule: see :func:`~htl_monai.ranking.selection.select`; of the images that are sure enough.
        amount: see ``rule``.
        relative: see ``rule``; the dense box agrees with itself, so that absolute and relative are the same here.
        min_confidence: in [0, 1].
        labelled: ``none`` takes images without mask only, as the paper; ``htl`` adds the labelled images that lost the
            largest share of their foreground IoU (in ``random.json`` as many random labelled ones); ``all`` adds the
            whole training list to both files.
        labelled_mined_path: the ``scores.nc`` of the training images; read where ``labelled`` is ``htl``.
        labelled_rule: as ``rule``, for the labelled images.
        labelled_amount: as ``amount``, for the labelled images.
        seed: of the random choices.
        never_learned: see :func:`~htl_monai.ranking.selection.select`, of the labelled images. One without mask
            that was never learned has an empty pseudo-label, on which nothing can be fine-tuned.

    Returns:
        ``n_selected`` (images without mask), ``n_labelled``, ``n_total`` (mined), ``n_never_learned`` (no box of the
        dense network), ``n_unmeasured``, ``n_left_out`` (not sure enough) and ``n_empty`` (no lesion in the
        pseudo-label).

    Raises:
        ValueError: ``labelled`` is another word, ``never_learned`` does not fit it, no pseudo-label is sure enough, a
            table is of other data, or nothing is selected.
        FileNotFoundError: a table or a mask is not there.
    """
    if labelled not in LABELLED:
        raise ValueError(f"labelled must be one of {', '.join(LABELLED)}, got {labelled!r}; choose one of them")
    if never_learned != "exclude" and labelled != "htl":
        raise ValueError(
            f"never_learned must be exclude where no labelled images are chosen, got {never_learned!r}; set labelled "
            "to htl, because an image without mask that was never learned has no pseudo-label to train on"
        )
    labels = read_pseudo_labels(unlabelled, pseudo_labels_path)
    sure = _sure(labels, min_confidence)
    rows = rows_at(mined_path, sparsity, unlabelled)
    rows_of_sure = rows[rows["id"].isin({item["id"] for item in sure})]
    chosen = _arms(sure, select_hard(rows_of_sure, rule, amount, relative), seed)
    described = {"kind": rule, "amount": amount, "relative": relative, "sparsity": sparsity}
    tables = {"scores_sha256": sha256(mined_path), "pseudo_labels_sha256": sha256(pseudo_labels_path)}
    added: Arms = {"htl": [], "random": []}
    if labelled == "all":
        added = {arm: list(training) for arm in added}
    elif labelled == "htl":
        labelled_rows = rows_at(labelled_mined_path, sparsity, training)
        hard = select_hard(labelled_rows, labelled_rule, labelled_amount, never_learned=never_learned)
        added = _arms(training, hard, seed)
        described |= {"labelled_kind": labelled_rule, "labelled_amount": labelled_amount}
        described |= {"never_learned": never_learned}
        tables |= {"labelled_scores_sha256": sha256(labelled_mined_path)}
    n_empty = sum(item["confidence"] == 0 for item in labels)
    counts = {
        "n_selected": len(chosen["htl"]),
        "n_labelled": len(added["htl"]),
        "n_total": len(rows),
        **count_left_out(rows),
        "n_left_out": len(labels) - len(sure) - n_empty,
        "n_empty": n_empty,
    }
    rules = {"htl": described, "random": {"kind": "random", "count": len(chosen["htl"]), "seed": seed}}
    for arm, kind in rules.items():
        data = [_portable(item, Path(out_dir)) for item in chosen[arm]]
        data += [{**item, "pseudo": False} for item in added[arm]]
        kind = {**kind, "min_confidence": min_confidence, "labelled": labelled}
        write_json(Path(out_dir) / f"{arm}.json", {"rule": kind, **counts, **tables, "data": data})
    logger.info("pseudo-labels: %s", ", ".join(f"{name} {count}" for name, count in counts.items()))
    return counts


def _sure(labels: Sequence[Item], min_confidence: float) -> list[Item]:
    sure = sure_enough(labels, min_confidence)
    if not sure:
        largest = max((item["confidence"] for item in labels), default=0.0)
        raise ValueError(
            f"min_confidence must leave at least one pseudo-label, got {min_confidence} while the largest confidence "
            f"of {len(labels)} is {largest:.3f}; lower it, or train the network longer"
        )
    return sure


def _arms(data: Sequence[Item], hard: Sequence[str], seed: int) -> Arms:
    """Return the hard images, hardest first, and as many random ones."""
    by_id = {item["id"]: item for item in data}
    arms = {"htl": hard, "random": select_random(list(by_id), len(hard), seed)}
    return {arm: [by_id[id_] for id_ in ids] for arm, ids in arms.items()}


def _portable(item: Mapping[str, Any], folder: Path) -> Item:
    """Return an item whose mask path holds wherever the run's folder is moved to."""
    return {**item, "label": os.path.relpath(item["label"], folder.absolute()), "pseudo": True}
