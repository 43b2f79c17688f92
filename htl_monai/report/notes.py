"""Says in plain sentences what a reader of a run's tables must know first, and what they could not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from htl_monai.analysis.forgettability import first_significant
from htl_monai.data.readers.listing import name_first
from htl_monai.report.run_scores import COMPRESSIONS, MAIN, RunScores
from htl_monai.statistics.class_pairs import FEWEST_CLASSES
from htl_monai.tasks.usefulness import ADVICE, useless_masks, useless_metric

# The sweep of PruneCXR.
_SWEEP = tuple(round(0.05 * step, 2) for step in range(20))
_FEW = 10


def run_notes(
    mined: pd.DataFrame,
    scores: Mapping[str, pd.DataFrame],
    grouped: pd.DataFrame,
    sparsity: float,
    forgotten_share: float = 0.4,
) -> pd.DataFrame:
    """Note which networks are of no use, and where the table of groups can show nobody who is forgotten.

    Args:
        mined: the forgetting table of the training images; what is not of masks is not judged.
        scores: one row a test image, by model.
        grouped: the forgetting table that the groups are of.
        sparsity: the sparsity of the groups.
        forgotten_share: the relative drop from which an image counts as forgotten.

    Returns:
        ``about`` (a word to sort by) and ``note`` (a sentence); empty where there is nothing to note.
    """
    masks = {model: table for model, table in scores.items() if "foreground_iou" in table}
    reasons = {f"On the test images the network {model}": useless_masks(table) for model, table in masks.items()}
    if "foreground_iou_dense" in mined:
        judged = useless_masks(mined.drop_duplicates("id"), "_dense")
        reasons = {"On the mined images the dense network": judged, **reasons}
    notes = [("usefulness", f"{start} {reason}; {ADVICE}.") for start, reason in reasons.items() if reason is not None]
    nobody = _nobody_forgotten(grouped, sparsity, forgotten_share)
    if nobody is not None:
        notes.append(("groups", nobody))
    return _table(notes)


def forgettability_notes(run: RunScores, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Note what is missing from the tables of :func:`~htl_monai.report.long_tail.forgettability_tables`.

    Returns:
        ``about`` (a word to sort by) and ``note`` (a sentence); empty where nothing is missing.
    """
    notes = _class_notes(tables["classes"]) + _chance_notes(tables["first_drop"])
    for compression, stage in COMPRESSIONS.items():
        rows = tables["overall"].query("compression == @compression")
        if rows.empty:
            notes.append(("compression", f"There are no predictions of {compression} (stage {stage}): left out."))
            continue
        missing = [str(seed) for seed in run.seeds if seed not in run.seeds_of(stage)]
        if missing:
            notes.append(("seeds", f"{compression} was not mined for {_are('seed', missing)}: left out there."))
        if rows["n_seeds"].iloc[0] == 1:
            notes.append(
                (
                    "seeds",
                    f"{compression} was mined for one seed only: no spread over seeds, and no test, can be given.",
                )
            )
        elif np.isnan(first_significant(rows)):
            notes.append(("overall", f"At no level of {compression} does the mean AP fall significantly."))
        drops = tables["first_drop"].query("compression == @compression")
        never = drops.loc[drops["first_drop"].isna() & drops["change_at_highest"].notna(), "class"].tolist()
        if never:
            notes.append(
                (
                    "first_drop",
                    f"{_are('Class', never)} never lost 20 % of AP under {compression}: without a first drop, and not "
                    "in its correlation.",
                )
            )
    mined = tables["overall"].query("compression == @MAIN")["sparsity"].to_numpy()
    lacking = [f"{step:g}" for step in _SWEEP if not np.isclose(mined, step).any()]
    if lacking:
        notes.append(("sparsities", f"Of the sweep of PruneCXR, {MAIN} was not mined at {name_first(lacking, 20)}."))
    unfit = tables["fcd_regression"].query("estimate.isna()")["compression"].unique().tolist()
    if unfit:
        notes.append(("fcd_regression", f"The pairs of classes do not determine a regression for {', '.join(unfit)}."))
    few = tables["correlations"].query("x == 'iou_root4' and n_classes < @FEWEST_CLASSES")
    for n_classes, rows in few.groupby("n_classes"):
        notes.append(
            (
                "pairs",
                f"The pairs under {', '.join(rows['compression'].unique())} are of {n_classes} classes, fewer than "
                f"{FEWEST_CLASSES}: too few to say how sure their correlations are.",
            )
        )
    return _table(notes)


def pie_notes(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Note what is missing from the tables of :func:`~htl_monai.analysis.pies.pie_tables`.

    Returns:
        ``about`` (a word to sort by) and ``note`` (a sentence); empty where nothing is missing.
    """
    notes, pies, ratios = [], tables["pies"], tables["pie_ratios"]
    unlearned = pies.loc[pies["never_learned"], "id"].tolist()
    unranked = pies.loc[pies["rank"].isna(), "id"].tolist()
    if unlearned:
        notes.append(
            (
                "never_learned",
                f"{_are('Image', unlearned)} never learned: the dense networks give every class the same probability; "
                "first in pies.csv, and no PIE.",
            )
        )
    if len(unranked) == len(pies):
        notes.append(
            (
                "spearman",
                "No image has a rank correlation, which needs two classes of different probability: is_pie is false "
                "for all, see is_pie_taxicab.",
            )
        )
    elif unranked:
        notes.append(
            ("spearman", f"{_are('Image', unranked)} without a rank correlation: not ranked, and no PIE by it.")
        )
    for definition, rows in ratios.groupby("definition", sort=False):
        absent = rows.loc[rows["n"] == 0, "group"].tolist()
        few = rows.loc[(rows["n"] > 0) & (rows["n"] < _FEW), "group"].tolist()
        if definition == ratios["definition"].iloc[0]:
            if absent:
                notes.append(("groups", f"In no test image: {name_first(absent, 50)}; without a ratio."))
            empty = rows.loc[(rows["n"] > 0) & (rows["n_pie"] == 0) & rows["ratio"].notna(), "group"].tolist()
            if empty:
                notes.append(
                    (
                        "groups",
                        f"No PIE is among {name_first(empty, 50)}: ratio 0.",
                    )
                )
            if few:
                notes.append(("groups", f"In fewer than {_FEW} test images: {name_first(few, 50)}; read with caution."))
        if rows["ratio"].isna().all() and (definition != "spearman" or len(unranked) < len(pies)):
            notes.append(("ratios", f"By the definition {definition} no image, or every one, is a PIE: no ratios."))
    unlabelled = int(pies["n_findings"].isna().sum())
    if unlabelled:
        notes.append(("labels", f"{unlabelled} test images have an unknown label: without a number of findings."))
    return _table(notes)


def _nobody_forgotten(table: pd.DataFrame, sparsity: float, forgotten_share: float) -> str | None:
    """Return where somebody is forgotten, if nobody is at the sparsity of the groups."""
    forgotten = (table["forgetting_relative"] >= forgotten_share).groupby(table["sparsity"]).sum()
    if forgotten[np.isclose(forgotten.index, sparsity)].any():
        return None
    start = f"At sparsity {sparsity:g} no image loses {forgotten_share:.0%} or more"
    some = forgotten[forgotten > 0]
    if some.empty:
        return f"{start}, nor at any other that was mined: mine at higher sparsities."
    n = table["id"].nunique()
    nearest = min(some.index, key=lambda other: abs(other - sparsity))
    return (
        f"{start}; at {nearest:g}, the nearest where some do, it is {some[nearest]} of {n}: set sparsity={nearest:g}."
    )


def _class_notes(classes: pd.DataFrame) -> list[tuple[str, str]]:
    notes = []
    for split, effect in (
        ("training", "its forgetting cannot be compared with its frequency"),
        ("validation", "the validation says nothing of it"),
        ("test", "it has no AP and is left out of every mean"),
    ):
        absent = classes.loc[classes[f"n_{split}"] == 0, "class"].tolist()
        for name in absent:
            notes.append(("classes", f"{name} has no positive image in the {split} split: {effect}."))
    few = classes.loc[classes["n_test"].between(1, _FEW - 1), "class"].tolist()
    if few:
        notes.append(("classes", f"Fewer than {_FEW} positive test images: {name_first(few, 50)}; read with caution."))
    return notes


def _chance_notes(drops: pd.DataFrame) -> list[tuple[str, str]]:
    """Name the classes that the dense networks do not rank better than chance, and say if that is so of the mean."""
    dense = drops[drops["compression"] == MAIN].dropna(subset=["ap_dense"])
    notes = []
    reason = useless_metric(
        "mean AP", dense["ap_dense"].mean(), dense["ap_random_order"].mean(), "a random order of the images"
    )
    if reason is not None:
        notes.append(("usefulness", f"The dense networks' average over the classes {reason}; {ADVICE}."))
    unlearned = dense.loc[dense["never_learned"], "class"].tolist()
    if unlearned:
        notes.append(
            (
                "never_learned",
                f"{_are('Class', unlearned)} never learned: the dense networks rank the images no better than chance, "
                "and nothing can be forgotten.",
            )
        )
    return notes


def _are(noun: str, names: Sequence[str]) -> str:
    """Return the noun in the number that fits, and the names."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{noun if len(names) == 1 else plural} {name_first(names, 20)}"


def _table(notes: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(notes, columns=["about", "note"])
