"""How far pruning moves the boxes, sparsity by sparsity."""

from __future__ import annotations

import pandas as pd

from htl_monai.ranking.hardness import never_learned_in

__all__ = ["impact_on_boxes"]

_NEEDED = ("id", "sparsity", "box_agreement_pruned", "mask_agreement_pruned", "x_min_px_dense", "x_min_px_pruned")


def impact_on_boxes(table: pd.DataFrame, forgotten_share: float = 0.4) -> pd.DataFrame:
    """Summarise a forgetting table of images without mask: how far the pruned network departs from the dense one.

    Nothing is known of such an image but what the dense network says of it, so the scores are agreements with that
    (Attend Who is Weak, Algorithm 2); the dense network agrees with itself.

    Args:
        table: a forgetting table, one row per image and sparsity, with ``id``, ``sparsity``, ``box_agreement_pruned``,
            ``mask_agreement_pruned``, and the edges ``x_min_px_dense`` and ``x_min_px_pruned``, NaN without a box.
        forgotten_share: the box drop in [0, 1] from which an image counts as forgotten.

    Returns:
        One row per sparsity, ascending: ``sparsity``, ``n`` (images), ``n_never_learned`` (without a box of the dense
        network; missing where the table does not say), ``box_iou`` (mean agreement of the boxes), ``box_drop`` (its
        mean drop), ``box_forgotten`` (share of the images that lose at least ``forgotten_share``), ``foreground_n``
        (images where either network finds a lesion, which the last two are of), ``foreground_iou`` (mean agreement of
        the masks) and ``foreground_drop`` (its mean drop). NaN where no image counts.

    Raises:
        KeyError: a column is missing.
        ValueError: ``forgotten_share`` lies outside [0, 1].

    Example:
        >>> table = pd.DataFrame({"id": ["a", "b"], "sparsity": 0.7, "box_agreement_pruned": [1.0, 0.5],
        ...                       "mask_agreement_pruned": [1.0, 0.8], "x_min_px_dense": 0.0, "x_min_px_pruned": 0.0})
        >>> impact_on_boxes(table)[["box_iou", "box_drop", "box_forgotten", "foreground_drop"]].round(3).values.tolist()
        [[0.75, 0.25, 0.5, 0.1]]
    """
    if not 0 <= forgotten_share <= 1:
        raise ValueError(f"forgotten_share must be in [0, 1], got {forgotten_share}; 0.4 means a drop of 40 %")
    missing = [column for column in _NEEDED if column not in table]
    if missing:
        raise KeyError(f"table must have the columns {missing}, got {list(table.columns)}; pass a forgetting table")
    rows = []
    for sparsity, images in table.groupby("sparsity", sort=True):
        boxes = images["box_agreement_pruned"].astype(float)
        found = images[["x_min_px_dense", "x_min_px_pruned"]].notna().any(axis=1)
        masks = images.loc[found, "mask_agreement_pruned"].astype(float)
        rows.append(
            {
                "sparsity": sparsity,
                "n": len(images),
                "n_never_learned": int(never_learned_in(images).sum()) if "never_learned" in images else float("nan"),
                "box_iou": boxes.mean(),
                "box_drop": (1 - boxes).mean(),
                "box_forgotten": ((1 - boxes) >= forgotten_share).mean(),
                "foreground_n": int(masks.notna().sum()),
                "foreground_iou": masks.mean(),
                "foreground_drop": (1 - masks).mean(),
            }
        )
    return pd.DataFrame(rows)
