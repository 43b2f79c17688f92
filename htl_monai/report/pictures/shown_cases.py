"""Hard cases as a notebook shows them: pictures with outlines, and scores."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from htl_monai.report.pictures.case_pictures import TRUTH, CasePictures
from htl_monai.report.pictures.display import encoded
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.overlay import draw_overlay

__all__ = ["COLOURS", "COLOURS_OF_ARMS", "ShownCases", "drawn_on"]

# As on the page of a report.
COLOURS = {TRUTH: "#f0e442", "dense": "#5cc4ff", "pruned": "#ff66e0"}
COLOURS_OF_ARMS = ("#45e6b0", "#ffffff", "#ffa04d", "#c9b3ff", "#c4e04a")
_ENLARGED = 2
_MOST_CLASSES = 8


@dataclass(frozen=True)
class ShownCases:
    """A row a case, and what was drawn of it.

    Args:
        table: ``id`` and the numbers to show.
        pictures: as many.
        networks: those that are outlined.
    """

    table: pd.DataFrame
    pictures: Sequence[CasePictures]
    networks: Mapping[str, Drawn]

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        rows = zip(self.table.to_dict("records"), self.pictures, strict=True)
        figures = "".join(self._figure(row, found) for row, found in rows)
        return f'<div>{self._legend()}<div style="display:flex;flex-wrap:wrap;gap:1em">{figures}</div></div>'

    @property
    def _colours(self) -> dict[str, str]:
        arms = [name for name, network in self.networks.items() if network.role == "arm"]
        of_arms = {name: COLOURS_OF_ARMS[place % len(COLOURS_OF_ARMS)] for place, name in enumerate(arms)}
        known = [TRUTH, *self.networks]
        roles = {name: network.role for name, network in self.networks.items()}
        return {name: of_arms.get(name) or COLOURS[roles.get(name, TRUTH)] for name in known}

    def _legend(self) -> str:
        used = {name for found in self.pictures for one in found.slices for name in one.outlines}
        labels = {TRUTH: "given label", **{name: network.label for name, network in self.networks.items()}}
        key = "display:inline-block;width:1em;height:.6em;border:1px solid #888;background:"
        keys = {name: f'<span style="{key}{colour}"></span>' for name, colour in self._colours.items() if name in used}
        return "".join(
            f'<span style="margin-right:1em">{one} {escape(labels[name])}</span>' for name, one in keys.items()
        )

    def _figure(self, row: Mapping[Any, Any], found: CasePictures) -> str:
        id_ = escape(str(row["id"]))
        facts = [f"{escape(str(name))} {_said(value)}" for name, value in row.items() if name != "id"]
        shown = ""
        if found.slices:
            one = found.slices[found.first]
            data = base64.b64encode(encoded(drawn_on(one.picture, one.outlines, self._colours))).decode("ascii")
            shown = f'<img alt="{id_}" style="max-width:100%" src="data:image/webp;base64,{data}">'
        if len(found.slices) > 1:
            facts.append(f"slice {found.slices[found.first].position}")
        caption = "".join(f"<br>{part}" for part in (" · ".join(facts), escape(found.note), *_classes(found)) if part)
        return f'<figure style="margin:0;width:24em">{shown}<figcaption><b>{id_}</b>{caption}</figcaption></figure>'


def drawn_on(
    picture: Image.Image, outlines: Mapping[str, Sequence[Sequence[Sequence[float]]]], colours: Mapping[str, str]
) -> Image.Image:
    """Return a picture of twice the size with outlines on it, each by the colour of its name."""
    size = (_ENLARGED * picture.width, _ENLARGED * picture.height)
    drawn = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    for name, polygons in outlines.items():
        red, green, blue = ImageColor.getrgb(colours[name])[:3]
        for polygon in polygons:
            _draw(drawn, _ENLARGED * np.array(polygon), (red, green, blue))
    return drawn


def _draw(picture: Image.Image, points: NDArray[np.float64], colour: tuple[int, int, int]) -> None:
    """Outline one polygon in a picture, in place."""
    left, top = np.floor(points.min(axis=0)).clip(min=0).astype(int).tolist()
    right, bottom = (np.ceil(points.max(axis=0)) + 1).clip(max=picture.size).astype(int).tolist()
    if left >= right or top >= bottom:
        return
    mask = Image.new("1", (right - left, bottom - top))
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points.tolist()], fill=1)
    part = picture.crop((left, top, right, bottom))
    draw_overlay(part, np.asarray(mask), tint=0, mask_colour=colour, thickness=_ENLARGED)
    picture.paste(part, (left, top))


def _classes(found: CasePictures) -> Iterator[str]:
    for row in found.classes[:_MOST_CLASSES]:
        said = [f"{escape(str(name))} {_said(value)}" for name, value in row.items() if name not in ("name", TRUTH)]
        true = {1: " (given)", None: " (unknown)"}.get(row[TRUTH], "")
        yield f"{escape(str(row['name']))}{true}: {' · '.join(said)}"


def _said(value: Any) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.3g}"
    return escape(str(value))
