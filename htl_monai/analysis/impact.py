"""What pruning costs, sparsity by sparsity: the foreground and the background where there are masks, else the boxes."""

from __future__ import annotations

import pandas as pd

from htl_monai.analysis.box_impact import impact_on_boxes
from htl_monai.ranking.hardness import bounded_forgetting, is_never_learned, relative_forgetting

__all__ = ["impact", "impact_of_pruning", "is_of_boxes"]

_CLASSES = ("foreground", "background")


def is_of_boxes(table: pd.DataFrame) -> bool:
    """Tell whether a forgetting table was mined without masks, by what the pruned network's boxes lose of the dense."""
    return "foreground_iou_dense" not in table and "box_agreement_dense" in table


def impact(table: pd.DataFrame) -> pd.DataFrame:
    """Return :func:`impact_of_pruning` of a forgetting table, or ``impact_on_boxes`` where there were no masks."""
    return impact_on_boxes(table) if is_of_boxes(table) else impact_of_pruning(table)


def impact_of_pruning(table: pd.DataFrame, forgotten_share: float = 0.40) -> pd.DataFrame:
    """Summarise a forgetting table: what each sparsity costs the foreground and the background.

    Pruning hits the lesion harder than its surroundings (Attend Who is Weak, Table 1, in relative %; and its text: at
    70 % about 18 % of the images lose at least 40 % of their foreground IoU, about 1 % of their background IoU).

    For each class, an image counts if both its IoUs are measured. One whose dense IoU is 0 was never learned and has
    nothing to lose: it is in the means and in the denominator of the share, left out of the mean of the relative drops,
    and counted.

    Args:
        table: a forgetting table, one row per image and sparsity, with ``id``, ``sparsity`` and
            ``<class>_iou_dense`` and ``<class>_iou_pruned`` for foreground and background.
        forgotten_share: the relative drop in [0, 1] from which an image counts as having forgotten the class.

    Returns:
        One row per sparsity, ascending: ``sparsity``, ``n`` (images) and for each class: ``<class>_n`` (images that
        count), ``<class>_n_never_learned`` (those of them that were never learned), ``<class>_iou_dense`` and
        ``<class>_iou_pruned`` (means), ``<class>_drop_percent`` (drop of these means in % of the dense one, as Table
        1), ``<class>_image_drop_percent`` (mean over images of each one's drop in % of its own dense IoU, none
        counting as a gain of more than 100 %) and ``<class>_forgotten`` (share of the images that lose at least
        ``forgotten_share``). Higher = hit harder; NaN where no image counts.

    Raises:
        KeyError: a column is missing.
        ValueError: ``forgotten_share`` lies outside [0, 1], or an image occurs twice at one sparsity.

    Example:
        >>> table = pd.DataFrame({"id": ["a", "b"], "sparsity": 0.7,
        ...                       "foreground_iou_dense": [0.8, 0.8], "foreground_iou_pruned": [0.8, 0.4],
        ...                       "background_iou_dense": 0.9, "background_iou_pruned": 0.9})
        >>> impact_of_pruning(table)[["foreground_drop_percent", "foreground_forgotten"]].to_numpy().round(2).tolist()
        [[25.0, 0.5]]
    """
    _check(table, forgotten_share)
    rows = [
        {"sparsity": sparsity, "n": len(images)}
        | {key: value for name in _CLASSES for key, value in _impact(images, name, forgotten_share).items()}
        for sparsity, images in table.groupby("sparsity", sort=True)
    ]
    return pd.DataFrame(rows)


def _impact(images: pd.DataFrame, name: str, forgotten_share: float) -> dict[str, float]:
    scores = images[[f"{name}_iou_dense", f"{name}_iou_pruned"]].dropna().astype(float)
    dense, pruned = scores.iloc[:, 0], scores.iloc[:, 1]
    drops = pd.Series(relative_forgetting(dense, pruned))
    return {
        f"{name}_n": len(scores),
        f"{name}_n_never_learned": int(is_never_learned(dense).sum()),
        f"{name}_iou_dense": dense.mean(),
        f"{name}_iou_pruned": pruned.mean(),
        f"{name}_drop_percent": 100 * float(relative_forgetting(dense.mean(), pruned.mean())),
        f"{name}_image_drop_percent": 100 * float(pd.Series(bounded_forgetting(drops)).mean()),
        f"{name}_forgotten": (drops >= forgotten_share).mean(),
    }


def _check(table: pd.DataFrame, forgotten_share: float) -> None:
    if not 0 <= forgotten_share <= 1:
        raise ValueError(f"forgotten_share must be in [0, 1], got {forgotten_share}; 0.4 means a drop of 40 %")
    scores = [f"{name}_iou_{state}" for name in _CLASSES for state in ("dense", "pruned")]
    missing = [column for column in ("id", "sparsity", *scores) if column not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; pass a forgetting table")
    repeated = table.loc[table.duplicated(["id", "sparsity"]), "id"].unique()
    if len(repeated):
        raise ValueError(
            f"table must have one row per image and sparsity, got repeated ids {repeated[:3].tolist()}; mine them again"
        )
