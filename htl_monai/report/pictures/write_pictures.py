"""Writes the pictures of a report into the folder of a run or an audit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.data.files import write_folder, write_text
from htl_monai.data.progress_bar import progress_bar
from htl_monai.data.readers.listing import Item, name_first
from htl_monai.report.pictures.case_pictures import CasePictures, case_pictures
from htl_monai.report.pictures.display import encoded
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.thumbnails import write_sprites

__all__ = ["CASES", "write_pictures"]

CASES = "cases.json"


def write_pictures(
    folder: str | os.PathLike[str],
    cases: Sequence[Item],
    hardest: Sequence[str],
    networks: Mapping[str, Drawn],
    progress: bool = False,
) -> Path:
    """Write ``pictures/cases.json`` and the files that it names, in place of earlier ones, all at once.

    A case whose picture is gone or cannot be read gets a note. One case at a time is in memory.

    Args:
        folder: of a run or an audit.
        cases: the data list, of which all get a thumbnail.
        hardest: ids of those that are drawn, hardest first.
        networks: by name, the dense one first; without any, the hardest are left out.
        progress: show a bar on standard error.

    Returns:
        the path of ``cases.json``: ``thumbnails`` (see :func:`.thumbnails.write_sprites`), ``unreadable`` (why, by id),
        ``networks`` (name, label and role of each) and ``hardest`` (slices with outlines, classes and a note, by id).

    Raises:
        KeyError: one of the hardest is none of the cases.
        OSError: the folder cannot be written.
    """
    by_id = {str(item["id"]): item for item in cases}
    unknown = [id_ for id_ in hardest if id_ not in by_id]
    if unknown:
        raise KeyError(f"hardest must be ids of the cases, got {name_first(unknown)}; correct them")

    def write(made: Path) -> None:
        thumbnails, unreadable = write_sprites(made, list(by_id.values()), progress)
        chosen = list(hardest) if networks else []
        bar = progress_bar(chosen, total=len(chosen), title="pictures", show=progress and bool(chosen))
        drawn = {id_: _written(made, number, case_pictures(by_id[id_], networks)) for number, id_ in enumerate(bar)}
        known = [{"name": name, "label": one.label, "role": one.role} for name, one in networks.items()]
        content = {"thumbnails": thumbnails, "unreadable": unreadable, "networks": known, "hardest": drawn}
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        write_text(made / CASES, text)

    return write_folder(Path(folder) / "pictures", write) / CASES


def _written(folder: Path, number: int, pictures: CasePictures) -> dict[str, Any]:
    slices = []
    for one in pictures.slices:
        name = f"case_{number}_{one.position}.webp"
        (folder / name).write_bytes(encoded(one.picture))
        known = {"picture": name, "size": list(one.picture.size), "position": one.position}
        slices.append({**known, "outlines": one.outlines})
    return {"slices": slices, "first": pictures.first, "classes": list(pictures.classes), "note": pictures.note}
