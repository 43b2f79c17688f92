"""Thumbnails of all cases, many in one sprite, and what is measured of each picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from htl_monai.data.files import write_csv
from htl_monai.data.images.threads import on_threads
from htl_monai.data.readers.listing import Item
from htl_monai.report.pictures.display import encoded
from htl_monai.report.pictures.glance import TILE, Glance, glance

__all__ = ["PER_SPRITE", "PROPERTIES", "write_sprites"]

PER_SPRITE = 100  # rows that are scrolled into sight decode one small file
PROPERTIES = "properties.csv"


def write_sprites(folder: Path, items: Sequence[Item], progress: bool = False) -> tuple[dict[str, Any], dict[str, str]]:
    """Write the thumbnails of all cases and ``properties.csv``; one sprite and a few pictures are in memory at once.

    Returns:
        what is to be known of the thumbnails: ``tile``, ``per_row``, ``per_sprite``, the names of the ``sprites``, and
        ``of``, the number of the tile of each case by its id, None where there is none; and why not, by id.
    """
    per_row = max(1, math.ceil(math.sqrt(min(len(items), PER_SPRITE))))
    of: dict[str, int | None] = {}
    faults: dict[str, str] = {}
    names: list[str] = []
    rows: list[dict[str, Any]] = []
    sprite = Image.new("RGBA", (1, 1))
    for number, found in enumerate(on_threads(_try, items, "thumbnails", progress)):
        place = number % PER_SPRITE
        if place == 0:
            n_rows = math.ceil(min(PER_SPRITE, len(items) - number) / per_row)
            sprite = Image.new("RGBA", (per_row * TILE, n_rows * TILE))
        id_ = str(items[number]["id"])
        if isinstance(found, Glance):
            of[id_] = number
            rows.append({"id": id_, **found.properties})
            left, top = (TILE - found.picture.width) // 2, (TILE - found.picture.height) // 2
            sprite.paste(found.picture, (place % per_row * TILE + left, place // per_row * TILE + top))
        else:
            of[id_], faults[id_] = None, found
        if place == PER_SPRITE - 1 or number == len(items) - 1:
            names.append(f"sprite_{len(names)}.webp")
            (folder / names[-1]).write_bytes(encoded(sprite))
    table = pd.DataFrame({"id": [*of]}).merge(pd.DataFrame(rows, columns=None if rows else ["id"]), "left", "id")
    write_csv(folder / PROPERTIES, table.dropna(axis="columns", how="all"))
    return {"tile": [TILE, TILE], "per_row": per_row, "per_sprite": PER_SPRITE, "sprites": names, "of": of}, faults


def _try(item: Item) -> Glance | str:
    try:
        return glance(item)
    except Exception as error:  # readers of any format on files of anybody
        return " ".join(str(error).split())[:300] or type(error).__name__
