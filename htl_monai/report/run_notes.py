"""Says in plain sentences what a reader of a run's tables on lesions must know first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from htl_monai.analysis.impact import is_of_boxes
from htl_monai.metrics.usefulness import ADVICE, useless_masks

__all__ = ["run_notes"]


def run_notes(mined: pd.DataFrame, scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Note which networks are of no use, on the images that were mined and on the test images.

    Args:
        mined: the forgetting table at one sparsity; one of boxes says nothing of the truth and is not judged.
        scores: one row an image, by model.

    Returns:
        ``about`` (a word to sort by) and ``note`` (a sentence); empty where there is nothing to note.
    """
    notes = []
    reason = None if is_of_boxes(mined) else useless_masks(mined, "_dense")
    if reason is not None:
        notes.append(("usefulness", f"On the mined images the dense network {reason}; {ADVICE}."))
    for model, table in scores.items():
        reason = useless_masks(table)
        if reason is not None:
            notes.append(("usefulness", f"On the test images the network {model} {reason}; {ADVICE}."))
    return pd.DataFrame(notes, columns=["about", "note"])
