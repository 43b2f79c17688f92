"""What every layout of data lists shares: the names of the splits, unique ids, the handling of missing files."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "LISTS",
    "SPLITS",
    "UNLABELLED",
    "Datalists",
    "Item",
    "check_on_missing",
    "name_first",
    "require_unique_ids",
    "settle_missing",
    "without_masks",
]

SPLITS = ("training", "validation", "test")
# Images of which no mask is known or used.
UNLABELLED = "unlabelled"
LISTS = (*SPLITS, UNLABELLED)

Item = dict[str, Any]
Datalists = dict[str, list[Item]]

ON_MISSING = ("raise", "skip", "keep")


def check_on_missing(on_missing: str) -> None:
    """Refuse a word that is none of ``raise``, ``skip``, ``keep``."""
    if on_missing not in ON_MISSING:
        raise ValueError(
            f"on_missing must be one of {', '.join(ON_MISSING)}, got {on_missing!r}; 'raise' is the default"
        )


def name_first(ids: Sequence[str], count: int = 5) -> str:
    """Return the first ``count`` ids in words.

    Example:
        >>> name_first(["a", "b", "c"], count=2)
        'a, b and 1 more'
    """
    shown = ", ".join(ids[:count])
    return shown if len(ids) <= count else f"{shown} and {len(ids) - count} more"


def require_unique_ids(datalists: Mapping[str, Sequence[Item]]) -> None:
    """Stop at an id that occurs twice, within a split or across splits: every table is joined by it.

    Raises:
        ValueError: an id occurs more than once.
    """
    counts = Counter(item["id"] for items in datalists.values() for item in items)
    repeated = [id_ for id_, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            f"id must be unique over all splits, got {len(repeated)} repeated: {name_first(repeated)}; "
            "rename or remove the repeated images"
        )


def settle_missing(items: list[Item], missing: Sequence[str], what: str, where: str, on_missing: str) -> list[Item]:
    """Decide about the items that lack a file.

    Args:
        items: one split.
        missing: the ids of its items that lack it.
        what: what they lack: "mask", "image" or "row".
        where: the place where it was looked for.
        on_missing: ``raise`` stops; ``skip`` leaves the items out and names each in a warning; ``keep`` returns all.

    Returns:
        the items to go on with.

    Raises:
        ValueError: ``missing`` is not empty and ``on_missing`` is ``raise``.
    """
    if not missing or on_missing == "keep":
        return items
    if on_missing == "skip":
        warnings.warn(
            f"{len(missing)} of {len(items)} images left out, no {what} in {where}: {', '.join(missing)}", stacklevel=3
        )
        left_out = set(missing)
        return [item for item in items if item["id"] not in left_out]
    raise ValueError(
        f"every image must have its {what} in {where}, got {len(missing)} of {len(items)} without: "
        f"{name_first(missing)}; add them, or leave these images out with skip_unusable=true or on_missing='skip'"
    )


def without_masks(items: Sequence[Item]) -> list[Item]:
    """Return the items without the key ``label``.

    Example:
        >>> without_masks([{"id": "a", "image": "a.png", "label": "a_mask.png"}])
        [{'id': 'a', 'image': 'a.png'}]
    """
    return [{key: value for key, value in item.items() if key != "label"} for item in items]
