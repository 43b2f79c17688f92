"""Reports the sparsity that masks really reach."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from torch import Tensor, nn

from htl_monai.pruning.applied import check_masks

__all__ = ["sparsity_report", "sparsity_table"]


def sparsity_report(network: nn.Module, masks: Mapping[str, Tensor]) -> pd.DataFrame:
    """Report how many weights the masks remove, per layer and in all.

    Args:
        network: the network that the masks are for.
        masks: True = keep, by parameter name.

    Returns:
        One row per layer and a last row ``all``: ``layer`` (name of the weight), ``n_weights``, ``n_removed`` and
        ``sparsity`` (fraction removed, in [0, 1]).

    Raises:
        TypeError: a mask is not boolean.
        ValueError: the masks are of another network.

    Example:
        >>> from htl_monai.pruning import GlobalMagnitude
        >>> layer = nn.Linear(10, 1)
        >>> sparsity_report(layer, GlobalMagnitude(0.7).masks(layer))["sparsity"].tolist()
        [0.7, 0.7]
    """
    check_masks(network, masks)
    return sparsity_table(masks)


def sparsity_table(masks: Mapping[str, Tensor]) -> pd.DataFrame:
    """Make the table of :func:`sparsity_report` from masks that are known to fit."""
    rows = [(name, mask.numel(), mask.numel() - int(mask.sum())) for name, mask in masks.items()]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    table = pd.DataFrame(rows, columns=["layer", "n_weights", "n_removed"])
    table["sparsity"] = table["n_removed"] / table["n_weights"]
    return table
