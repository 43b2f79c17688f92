"""What every layout of data lists shares: the names of the splits, unique ids, the handling of missing files."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

SPLITS = ("training", "validation", "test")
# Images of which no mask is known or used.
UNLABELLED = "unlabelled"
LISTS = (*SPLITS, UNLABELLED)

# What others call an image and its label.
IMAGE_KEYS = ("image", "img", "images", "input")
LABEL_KEYS = ("label", "seg", "mask", "labels", "target", "gt")

Item = dict[str, Any]
Say = Callable[[str], None]

ON_MISSING = ("raise", "skip", "keep", "name")


class Datalists(dict[str, list[Item]]):
    """The images of each of the lists, by its name, and the classes whose values a vector as ``label`` has.

    Args:
        lists: the images; a list that is not there is empty.
        classes: None where a label is a mask, or of one class.
    """

    def __init__(self, lists: Mapping[str, Sequence[Item]] | None = None, classes: Sequence[str] | None = None) -> None:
        super().__init__({name: list((lists or {}).get(name, ())) for name in LISTS})
        self.classes = None if classes is None else list(classes)


def check_on_missing(on_missing: str) -> None:
    """Refuse a word that is none of ``raise``, ``skip``, ``keep``, ``name``."""
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


def require_ids(ids: Sequence[str], key: str, source: object) -> list[str]:
    """Return the ids of a table's lines, of which none may be empty."""
    if empty := [str(number + 2) for number, id_ in enumerate(ids) if not id_]:
        raise ValueError(
            f"{key} must not be empty, got {len(empty)} empty in {source}, lines {name_first(empty)}; fill in"
        )
    return list(ids)


def require_unique_ids(datalists: Mapping[str, Sequence[Item]]) -> None:
    """Refuse an id that occurs twice, within a split or across splits: every table is joined by it.

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


def settle(
    datalists: Datalists,
    place: object,
    on_missing: str,
    unique_ids: bool,
    masks: bool = False,
    lost: Collection[str] | None = None,
) -> Datalists:
    """Refuse repeated ids, and decide about the images that lack a file; unlabelled ones lose their label.

    Args:
        datalists: what a reader found; a label that names a file which is not there counts as missing.
        place: where files were looked for.
        on_missing: see :func:`settle_missing`; ``name`` leaves such labels in place.
        masks: whether an image of the three splits needs a ``label``.
        lost: the ids of the images that are not there; None looks for each.
    """
    if unique_ids:
        require_unique_ids(datalists)
    for name, items in datalists.items():
        gone = [item["id"] for item in items if (_is_lost(item["image"]) if lost is None else item["id"] in lost)]
        items = settle_missing(items, gone, "image", place, on_missing)
        if name == UNLABELLED:
            datalists[name] = without_masks(items)
            continue
        bare = [item["id"] for item in items if _is_lost(item.get("label")) or (masks and "label" not in item)]
        items = settle_missing(items, bare, "mask" if masks else "label", place, on_missing)
        if on_missing != "name":
            items = [without_masks([item])[0] if _is_lost(item.get("label")) else item for item in items]
        datalists[name] = items
    return datalists


def settle_missing(items: list[Item], missing: Sequence[str], what: str, place: object, on_missing: str) -> list[Item]:
    """Return the items to go on with: ``skip`` leaves out the missing ones with a warning, others none.

    Raises:
        ValueError: ``missing`` is not empty and ``on_missing`` is ``raise``.
    """
    if not missing or on_missing in ("keep", "name"):
        return items
    if on_missing == "skip":
        warnings.warn(
            f"{len(missing)} of {len(items)} images left out, no {what} in {place}: {', '.join(missing)}", stacklevel=3
        )
        left_out = set(missing)
        return [item for item in items if item["id"] not in left_out]
    raise ValueError(
        f"every image must have its {what} in {place}, got {len(missing)} of {len(items)} without: "
        f"{name_first(missing)}; add them, or leave these images out with skip_unusable=true or on_missing='skip'"
    )


def without_masks(items: Sequence[Item]) -> list[Item]:
    """Return the items without the key ``label``."""
    return [{key: value for key, value in item.items() if key != "label"} for item in items]


def _is_lost(value: Any) -> bool:
    """Tell whether a file that is named is not there; numbers and nothing name none."""
    return not all(
        os.path.isfile(path) for path in (value if isinstance(value, list) else [value]) if isinstance(path, str)
    )
