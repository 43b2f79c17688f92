"""Says in plain sentences what a reader of a run's tables on lesions must know first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from htl_monai.analysis.impact import is_of_boxes
from htl_monai.tasks.usefulness import ADVICE, useless_masks

__all__ = ["run_notes"]


def run_notes(
    mined: pd.DataFrame,
    scores: Mapping[str, pd.DataFrame],
    grouped: pd.DataFrame,
    sparsity: float,
    forgotten_share: float = 0.4,
) -> pd.DataFrame:
    """Note which networks are of no use, and where the table of groups can show nobody who is forgotten.

    Args:
        mined: the forgetting table of the training images; one of boxes says nothing of the truth and is not judged.
        scores: one row a test image, by model.
        grouped: the forgetting table that the groups are of.
        sparsity: the sparsity of the groups.
        forgotten_share: the relative drop from which an image counts as forgotten.

    Returns:
        ``about`` (a word to sort by) and ``note`` (a sentence); empty where there is nothing to note.
    """
    reasons = {f"On the test images the network {model}": useless_masks(table) for model, table in scores.items()}
    if not is_of_boxes(mined):
        judged = useless_masks(mined.drop_duplicates("id"), "_dense")
        reasons = {"On the mined images the dense network": judged, **reasons}
    notes = [("usefulness", f"{start} {reason}; {ADVICE}.") for start, reason in reasons.items() if reason is not None]
    nobody = _nobody_forgotten(grouped, sparsity, forgotten_share)
    if nobody is not None:
        notes.append(("groups", nobody))
    return pd.DataFrame(notes, columns=["about", "note"])


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
