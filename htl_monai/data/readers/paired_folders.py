"""Data lists from images in one folder and masks in another, without a table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from htl_monai.data.images.pictures import SUFFIXES
from htl_monai.data.preparation.splitting import deal_out
from htl_monai.data.readers.columns import split_name
from htl_monai.data.readers.listing import UNLABELLED, Datalists, Item, Say, check_on_missing, settle

IMAGES, MASKS = "images", "masks"
# What a mask's name may have after that of its image.
MASK_ENDINGS = ("", "_mask", "_segmentation", "_label")


def has_paired_layout(folder: str | os.PathLike[str]) -> bool:
    """Tell whether a folder, or each subfolder of it that is named after a split, holds ``images`` and ``masks``."""
    return bool(_pairs(Path(folder)))


def read_paired_folders(
    dataset_dir: str | os.PathLike[str],
    on_missing: str = "raise",
    unique_ids: bool = True,
    say: Say | None = None,
) -> Datalists:
    """List the images below ``images`` with the masks of the same name below ``masks``; no image is opened.

    A mask is called like its image, with another suffix if need be, or like it with one of ``MASK_ENDINGS`` after the
    name; an ``id`` is the image's path without ``images`` and suffix. The folder holds the two, or such pairs in
    subfolders named after the splits; ``unlabelled`` needs no masks. The arguments are those of
    :func:`~htl_monai.data.readers.datalists.load_datalists`.

    Raises:
        FileNotFoundError: there are no such folders.
        ValueError: an image lacks its mask, or an id occurs twice.
    """
    check_on_missing(on_missing)
    root = Path(dataset_dir).absolute()
    pairs = _pairs(root)
    if not pairs:
        raise FileNotFoundError(f"data must hold the folders {IMAGES} and {MASKS}, got {root}; make them")
    found = {split: _items(root, root / folder) for split, folder in pairs.items()}
    datalists = found if "" not in found else deal_out(found[""], str(root), say)
    return settle(Datalists(datalists), root, on_missing, unique_ids, masks=True, lost=())


def _pairs(root: Path) -> dict[str, str]:
    """Return the folder of each split below ``root``; under ``""`` the one where no name says the split."""
    if (root / IMAGES).is_dir() and (root / MASKS).is_dir():
        return {"": "."}
    found: dict[str, str] = {}
    for folder in sorted(path for path in root.iterdir() if (path / IMAGES).is_dir()):
        try:
            split = split_name(folder.name, folder.name)
        except ValueError:
            continue
        if split != UNLABELLED and not (folder / MASKS).is_dir():
            continue
        if split in found:
            raise ValueError(
                f"each split must have one folder in {root}, got {found[split]} and {folder.name}; keep one"
            )
        found[split] = folder.name
    return found if set(found) - {UNLABELLED} else {}


def _items(root: Path, folder: Path) -> list[Item]:
    masks = dict(_pictures(folder / MASKS)) if (folder / MASKS).is_dir() else {}
    prefix = "" if folder == root else f"{folder.name}/"
    items = []
    for name, path in sorted(_pictures(folder / IMAGES)):
        item: Item = {"id": prefix + name, "image": path, "age": None, "sex": None, "diagnosis": None}
        mask = next((masks[name + ending] for ending in MASK_ENDINGS if name + ending in masks), None)
        items.append(item if mask is None else item | {"label": mask})
    return items


def _pictures(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each picture's path from ``folder``, without suffix, and its whole path."""
    for parent, _, names in os.walk(folder, onerror=_stop):
        for name in names:
            suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
            if suffix is not None and not name.startswith("."):
                whole = os.path.join(parent, name)
                if not os.path.relpath(whole, folder).isprintable():
                    raise ValueError(f"names of files must be printable text, got {os.fsencode(whole)!r}; rename it")
                yield os.path.relpath(whole, folder).replace(os.sep, "/")[: -len(suffix)], whole


def _stop(error: OSError) -> None:
    """Raise what ``os.walk`` would pass over: the images of a folder that cannot be read."""
    raise error
