"""Which images pruning changes most (PIEs), which findings they have, and whether they look hard or mislabelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from htl_monai.analysis.detection import detection_by_rankings
from htl_monai.analysis.label_noise import noise_table
from htl_monai.analysis.over_representation import over_representation
from htl_monai.ranking.hardness import hardness_rank
from htl_monai.ranking.pie_modal import modal_disagreement
from htl_monai.ranking.pie_spearman import class_order_lost, rank_correlation
from htl_monai.ranking.pie_taxicab import taxicab
from htl_monai.ranking.selection import top_share

NO_FINDING = "No Finding"
# What the phantom plants.
_PLANTED = ("hard", "noisy")


def pie_tables(
    images: pd.DataFrame,
    labels: NDArray[np.float64],
    dense: NDArray[np.floating],
    pruned: NDArray[np.floating],
    classes: Sequence[str],
    share: float = 0.05,
) -> dict[str, pd.DataFrame]:
    """Find the pruning-identified exemplars (PIEs) among images by three definitions.

    Args:
        images: one row per image: ``id``, ``image``, ``subject`` if known, and of a phantom ``hard`` and ``noisy``.
        labels: ``(N, C)`` of 0, 1 and NaN.
        dense: probabilities of the dense networks, ``(R, N, C)``.
        pruned: those of the pruned ones.
        classes: the ``C`` names.
        share: how many images are PIEs by rank correlation and by taxicab distance, in (0, 1]; by modal label it is as
            many as there are.

    Returns:
        ``pies``: one row per image, most changed first: ``id``, ``image``, ``spearman``, ``taxicab``,
        ``never_learned`` (the dense networks give every class the same probability: no PIE, and first in the table),
        ``rank`` (1 = hardest), ``is_pie`` (by rank correlation, PruneCXR), ``is_pie_modal``, ``is_pie_taxicab``,
        ``n_findings`` (missing where a label is), ``labels`` (the known positive ones), ``label_quality``, and ``hard``
        and ``noisy`` of a phantom. ``pie_ratios``: by ``definition``, the over-representation of every class and number
        of findings. ``noise``: label quality beside forgetting (1 - rank correlation), with a verdict. ``planted``, of
        a phantom: how well these scores find the planted images.

    Raises:
        KeyError: nothing was mined at ``sparsity``; the known ones are named.
        ValueError: predictions do not fit the data list or each other, or ``share`` is out of range.
    """
    mean_dense, mean_pruned = dense.mean(axis=0), pruned.mean(axis=0)
    agreement = {"spearman": rank_correlation(mean_dense, mean_pruned), "taxicab": taxicab(mean_dense, mean_pruned)}
    hard = class_order_lost(mean_dense, mean_pruned)
    unlearned = hard == np.inf
    chosen = {
        # With a single class there is no rank correlation, and no other definition is put in its place.
        "spearman": top_share(np.where(unlearned, np.nan, hard), share),
        "modal": modal_disagreement(dense, pruned),
        "taxicab": top_share(agreement["taxicab"], share),
    }
    noise = noise_table(images["id"].tolist(), labels, mean_dense, 1 - agreement["spearman"], classes)
    pies = pd.DataFrame(
        {
            "id": images["id"],
            "image": images["image"],
            **agreement,
            "never_learned": unlearned,
            "rank": hardness_rank(hard),
            "is_pie": chosen["spearman"],
            "is_pie_modal": chosen["modal"],
            "is_pie_taxicab": chosen["taxicab"],
            "n_findings": _number_of_findings(labels, classes),
            "labels": _labels_as_text(labels, classes),
            "label_quality": noise["label_quality"],
            **{name: images[name] for name in _PLANTED if name in images and images[name].notna().all()},
        }
    )
    subjects = images["subject"].tolist() if "subject" in images else None
    ratios = [
        over_representation(labels, is_pie, classes, NO_FINDING, subjects=subjects, never_learned=unlearned).assign(
            definition=name
        )
        for name, is_pie in chosen.items()
    ]
    # Of equal ones at the limit, the PIEs come first; where there is no correlation, the distance orders.
    pies["hardness"] = hard
    order = {"hardness": False, "is_pie": False, "taxicab": False}
    tables = {
        "pies": pies.sort_values(list(order), ascending=list(order.values()), kind="stable", ignore_index=True),
        "pie_ratios": _definition_first(pd.concat(ratios, ignore_index=True), len(classes)),
        "noise": noise,
    }
    if any(name in pies for name in _PLANTED):
        tables["planted"] = _detection(pies)
    tables["pies"] = tables["pies"].drop(columns="hardness")
    return tables


def _number_of_findings(labels: NDArray[np.float64], classes: Sequence[str]) -> pd.Series:
    findings = [name != NO_FINDING for name in classes]
    return pd.Series(labels[:, findings].sum(axis=1)).astype("Int64")


def _labels_as_text(labels: NDArray[np.float64], classes: Sequence[str]) -> list[str]:
    return ["; ".join(name for name, value in zip(classes, row, strict=True) if value == 1) for row in labels]


def _definition_first(ratios: pd.DataFrame, n_classes: int) -> pd.DataFrame:
    """Put the definition first, and say which groups are classes and which numbers of findings."""
    place = ratios.groupby("definition", sort=False).cumcount()
    ratios.insert(0, "definition", ratios.pop("definition"))
    ratios.insert(2, "is_class", place < n_classes)
    return ratios


def _detection(pies: pd.DataFrame) -> pd.DataFrame:
    rankings = pd.DataFrame(
        {"spearman": pies["hardness"], "taxicab": pies["taxicab"], "label_quality": 1 - pies["label_quality"]}
    )
    tables = {name: detection_by_rankings(rankings, pies[name]) for name in _PLANTED if name in pies}
    found = pd.concat(tables, names=["planted", None]).reset_index("planted").reset_index(drop=True)
    return found.assign(n_never_learned=int(pies["never_learned"].sum()))
