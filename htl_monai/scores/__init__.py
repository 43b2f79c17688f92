"""The labelled array of scores: make, write, read, join, export."""

from __future__ import annotations

from htl_monai.scores.export import columns_of, table_of
from htl_monai.scores.joined_seeds import join_seeds
from htl_monai.scores.labelled_array import (
    at_level,
    has_labels,
    in_order,
    make_scores,
    of_samples,
    rows_of,
    score_of,
)
from htl_monai.scores.metadata import metadata_of
from htl_monai.scores.scores_file import open_scores, read_scores, write_scores

__all__ = [
    "at_level",
    "columns_of",
    "has_labels",
    "in_order",
    "join_seeds",
    "make_scores",
    "metadata_of",
    "of_samples",
    "open_scores",
    "read_scores",
    "rows_of",
    "score_of",
    "table_of",
    "write_scores",
]
