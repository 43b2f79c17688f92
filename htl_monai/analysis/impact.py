"""What pruning costs, sparsity by sparsity: a score of each class, or how far boxes move where there are no masks."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from htl_monai.ranking.hardness import bounded_forgetting, is_never_learned, never_learned_in, relative_forgetting

_MASKS = ("foreground_iou", "background_iou")
_BOXES = ("box_agreement_pruned", "mask_agreement_pruned", "x_min_px_dense")


def is_of_boxes(table: pd.DataFrame) -> bool:
    """Tell whether a forgetting table was mined without masks, by what the pruned network's boxes lose of the dense."""
    return "foreground_iou_dense" not in table and "box_agreement_dense" in table


def impact(table: pd.DataFrame, primary: str = "foreground_iou") -> pd.DataFrame:
    """Return :func:`impact_on_boxes` of a forgetting table without masks, else :func:`impact_of_pruning`.

    Args:
        table: a forgetting table.
        primary: the column that counts first; beside it the IoU of every class is told, where there is one.
    """
    if is_of_boxes(table):
        return impact_on_boxes(table)
    dense = [str(column).removesuffix("_dense") for column in table if str(column).endswith("_dense")]
    classes = [name for name in dense if name in _MASKS or name.startswith("iou_")]
    return impact_of_pruning(table, scores=list(dict.fromkeys((primary, *classes))))


def impact_of_pruning(
    table: pd.DataFrame, forgotten_share: float = 0.40, scores: Collection[str] = _MASKS
) -> pd.DataFrame:
    """Summarise a forgetting table: what each sparsity costs each score.

    Pruning hits the lesion harder than its surroundings (Attend Who is Weak, Table 1, in relative %; and its text: at
    70 % about 18 % of the images lose at least 40 % of their foreground IoU, about 1 % of their background IoU).

    An image counts for a score if it is measured dense and pruned. One whose dense score is 0 was never learned and has
    nothing to lose: it is in the means and in the denominator of the share, left out of the mean of the relative drops,
    and counted.

    Args:
        table: a forgetting table, one row per image and sparsity, with ``<score>_dense`` and ``<score>_pruned``.
        forgotten_share: the relative drop in [0, 1] from which an image counts as having forgotten.
        scores: which scores.

    Returns:
        One row per sparsity, ascending: ``sparsity``, ``n`` (images), and for each score, called by its class alone
        where it is an IoU: ``<score>_n`` (images that count), ``<score>_n_never_learned``, ``<score>_dense`` and
        ``<score>_pruned`` (means), ``<score>_drop_percent`` (drop of these means in % of the dense one, as Table 1),
        ``<score>_image_drop_percent`` (mean over images of each one's drop in % of its own dense score, none counting
        as a gain of more than 100 %) and ``<score>_forgotten`` (share of the images that lose at least
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
    _check(table, [f"{name}_{state}" for name in scores for state in ("dense", "pruned")], forgotten_share)
    rows = [
        {"sparsity": sparsity, "n": len(images)}
        | {key: value for name in scores for key, value in _impact(images, name, forgotten_share).items()}
        for sparsity, images in table.groupby("sparsity", sort=True)
    ]
    return pd.DataFrame(rows)


def impact_on_boxes(table: pd.DataFrame, forgotten_share: float = 0.4) -> pd.DataFrame:
    """Summarise a forgetting table of images without mask: how far the pruned network departs from the dense one.

    Nothing is known of such an image but what the dense network says of it, so the scores are agreements with that
    (Attend Who is Weak, Algorithm 2); the dense network agrees with itself.

    Args:
        table: a forgetting table with ``box_agreement_pruned``, ``mask_agreement_pruned`` (NaN where neither network
            outlines anything) and ``x_min_px_dense`` (NaN where the dense one does not).
        forgotten_share: the box drop in [0, 1] from which an image counts as forgotten.

    Returns:
        One row per sparsity, ascending: ``sparsity``, ``n`` (images), ``n_never_learned`` (without a box of the dense
        network; missing where the table does not say), ``box_iou`` (mean agreement of the boxes), ``box_drop`` (its
        mean drop), ``box_forgotten`` (share of the images that lose at least ``forgotten_share``), ``foreground_n``
        (images where the dense network finds something to lose, which the drop is of), ``foreground_iou`` (mean
        agreement of the masks where either network finds something) and ``foreground_drop`` (its mean drop). NaN where
        no image counts.

    Raises:
        KeyError: a column is missing.
        ValueError: ``forgotten_share`` lies outside [0, 1].

    Example:
        >>> table = pd.DataFrame({"id": ["a", "b"], "sparsity": 0.7,
        ...                       "box_agreement_pruned": [1.0, 0.5], "mask_agreement_pruned": [1.0, 0.8],
        ...                       "x_min_px_dense": 0.0})
        >>> impact_on_boxes(table)[["box_iou", "box_drop", "box_forgotten", "foreground_drop"]].round(3).values.tolist()
        [[0.75, 0.25, 0.5, 0.1]]
    """
    _check(table, list(_BOXES), forgotten_share)
    rows = []
    for sparsity, images in table.groupby("sparsity", sort=True):
        boxes = images["box_agreement_pruned"].astype(float)
        masks = images["mask_agreement_pruned"].astype(float)
        lost = (1 - masks).where(images["x_min_px_dense"].notna())
        rows.append(
            {
                "sparsity": sparsity,
                "n": len(images),
                "n_never_learned": int(never_learned_in(images).sum()) if "never_learned" in images else np.nan,
                "box_iou": boxes.mean(),
                "box_drop": (1 - boxes).mean(),
                "box_forgotten": ((1 - boxes) >= forgotten_share).mean(),
                "foreground_n": int(lost.notna().sum()),
                "foreground_iou": masks.mean(),
                "foreground_drop": lost.mean(),
            }
        )
    return pd.DataFrame(rows)


def _impact(images: pd.DataFrame, score: str, forgotten_share: float) -> dict[str, float]:
    name = score.removesuffix("_iou").removeprefix("iou_")
    scores = images[[f"{score}_dense", f"{score}_pruned"]].dropna().astype(float)
    dense, pruned = scores.iloc[:, 0], scores.iloc[:, 1]
    drops = pd.Series(relative_forgetting(dense, pruned))
    return {
        f"{name}_n": len(scores),
        f"{name}_n_never_learned": int(is_never_learned(dense).sum()),
        f"{score}_dense": dense.mean(),
        f"{score}_pruned": pruned.mean(),
        f"{name}_drop_percent": 100 * float(relative_forgetting(dense.mean(), pruned.mean())),
        f"{name}_image_drop_percent": 100 * float(pd.Series(bounded_forgetting(drops)).mean()),
        f"{name}_forgotten": (drops >= forgotten_share).mean(),
    }


def _check(table: pd.DataFrame, scores: list[str], forgotten_share: float) -> None:
    if not 0 <= forgotten_share <= 1:
        raise ValueError(f"forgotten_share must be in [0, 1], got {forgotten_share}; 0.4 means a drop of 40 %")
    missing = [column for column in ("id", "sparsity", *scores) if column not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; pass a forgetting table")
    repeated = table.loc[table.duplicated(["id", "sparsity"]), "id"].unique()
    if len(repeated):
        raise ValueError(
            f"table must have one row per image and sparsity, got repeated ids {repeated[:3].tolist()}; mine them again"
        )
