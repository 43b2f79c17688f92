"""The folder of pictures is written whole or not at all, and read back as data of anybody."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from htl_monai.data.files import read_table
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.report.pictures.read_pictures import read_pictures
from htl_monai.report.pictures.thumbnails import PER_SPRITE, write_sprites
from htl_monai.report.pictures.write_pictures import write_pictures

Makes = Callable[..., Any]
BAD = "\u202e<img src=x onerror=alert(1)>\"'é" + "x" * 300


@pytest.fixture
def cases(tmp_path: Path) -> list[dict[str, Any]]:
    """A wide picture with a bright block, a tall one, one that is gone and one that is damaged."""
    wide = np.zeros((30, 60), dtype=np.uint8)
    wide[10:20, 10:30] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.new("RGB", (20, 80), (250, 0, 0)).save(tmp_path / "tall.jpg")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    files = {"wide": "wide.png", BAD: "tall.jpg", "gone": "gone.png", "broken": "broken.png"}
    return [{"id": id_, "image": str(tmp_path / name)} for id_, name in files.items()]


@pytest.fixture
def networks(model_of: Makes, drawn_of: Makes) -> dict[str, Drawn]:
    return dict(drawn_of(model_of()))


def test_all_cases_have_a_thumbnail_and_the_hardest_a_picture(
    cases: list[dict[str, Any]], networks: dict[str, Drawn], tmp_path: Path
) -> None:
    path = write_pictures(tmp_path / "out", cases, ["gone", "wide", BAD], networks)
    assert path == tmp_path / "out" / "pictures" / "cases.json"
    assert not [file for file in (tmp_path / "out").iterdir() if file.name != "pictures"]
    found = read_pictures(tmp_path / "out")
    assert found["thumbnails"]["of"] == {"wide": 0, BAD: 1, "gone": None, "broken": None}
    assert [*found["unreadable"]] == ["gone", "broken"]
    assert found["networks"][1] == {"name": "pruned", "label": "pruned network", "role": "pruned"}
    assert [*found["hardest"]] == ["gone", "wide", BAD]
    assert found["hardest"]["gone"]["slices"] == []
    assert found["hardest"]["gone"]["note"].startswith("The picture is gone: ")
    (shown,) = found["hardest"]["wide"]["slices"]
    assert shown["size"] == [384, 192] == [*opened(shown["picture"]).size]
    assert len(shown["outlines"]["dense"]) == 1 and shown["outlines"]["pruned"] == []
    sprite = opened(found["thumbnails"]["sprites"][0]).convert("RGBA")
    assert sprite.size == (128, 128) and sprite.getpixel((2, 2))[3] == 0
    red = sprite.getpixel((96, 32))
    assert red[0] > 230 and red[1] < 30 and sprite.getpixel((66, 32))[3] == 0


def test_one_case_is_one_tile(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    write_pictures(tmp_path, cases[:1], ["wide"], {})
    found = read_pictures(tmp_path)
    assert found["hardest"] == {} and opened(found["thumbnails"]["sprites"][0]).size == (64, 64)


def test_earlier_pictures_go_when_the_new_ones_are_whole(
    cases: list[dict[str, Any]], networks: dict[str, Drawn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path, cases, ["wide"], networks)
    before = sorted(path.name for path in (tmp_path / "pictures").iterdir())

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("htl_monai.report.pictures.write_pictures.case_pictures", fail)
    with pytest.raises(OSError, match="disk full"):
        write_pictures(tmp_path, cases, ["wide"], networks)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == before
    write_pictures(tmp_path, cases, [], networks)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        "cases.json",
        "properties.csv",
        "sprite_0.webp",
    ]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".partial-")]


def test_many_thumbnails_fill_several_sprites_that_lie_beside_the_page(
    cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    Image.new("L", (4, 4), 200).save(tmp_path / "tiny.png")
    many = [{"id": str(number), "image": str(tmp_path / "tiny.png")} for number in range(3 * PER_SPRITE + 1)]
    write_pictures(tmp_path, many, [], {})
    found = read_pictures(tmp_path)["thumbnails"]
    assert found["sprites"] == [f"pictures/sprite_{number}.webp" for number in range(4)]
    assert found["of"][str(PER_SPRITE)] == PER_SPRITE and found["per_row"] == 10
    with Image.open(tmp_path / "pictures" / "sprite_3.webp") as last:
        assert last.size == (640, 64)


def test_the_hardest_are_cases(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="hardest must be ids of the cases, got nobody; correct"):
        write_pictures(tmp_path, cases, ["nobody"], {})
    assert not (tmp_path / "pictures").exists()


def test_properties_of_each_picture_stand_beside(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    mask = np.zeros((30, 60), dtype=np.uint8)
    mask[:15] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    cases[0]["label"] = str(tmp_path / "mask.png")
    write_pictures(tmp_path, cases, [], {})
    found = read_table(tmp_path / "pictures" / "properties.csv").set_index("id")
    assert [*found.index] == [case["id"] for case in cases]
    assert found.loc["wide", "label_size"] == 0.5 and found.loc["wide", "brightness"] == pytest.approx(200 / 1800)
    assert found.loc[["gone", "broken"]].isna().all(axis=None) and "spacing_mm" not in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["thumbnails"].update(sprites=["../../secret.webp"]), "must be as it was written"),
        (lambda content: content["hardest"]["wide"]["slices"][0].update(picture="/etc/passwd"), "must be as it was"),
        (lambda content: content["hardest"]["wide"].update(first=-1), "must be as it was written"),
        (lambda content: content["hardest"]["wide"]["slices"][0].update(outlines={"x": [[["<b>", 1]]]}), "must be as"),
        (lambda content: content.pop("networks"), "must be as it was written"),
        (lambda content: content["thumbnails"].update(sprites=["sprite_7.webp"]), "must be a picture of a report"),
    ],
)
def test_a_changed_record_is_refused(
    change: Callable[[Any], Any], message: str, cases: list[dict[str, Any]], networks: dict[str, Drawn], tmp_path: Path
) -> None:
    path = write_pictures(tmp_path, cases, ["wide"], networks)
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_pictures(tmp_path)


def test_files_that_are_no_pictures_are_refused_and_none_are_no_error(
    cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert read_pictures(tmp_path) == {}
    path = write_pictures(tmp_path, cases, [], {})
    sprite = path.with_name("sprite_0.webp")
    sprite.write_bytes(b"<html>")
    with pytest.raises(ValueError, match="must be a WebP picture"):
        read_pictures(tmp_path)
    sprite.unlink()
    sprite.symlink_to(path)
    with pytest.raises(ValueError, match="must be a picture of a report, got none, a link"):
        read_pictures(tmp_path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="must hold JSON"):
        read_pictures(tmp_path)


def test_sprites_are_filled_in_the_order_of_the_cases(cases: list[dict[str, Any]], tmp_path: Path) -> None:
    known, faults = write_sprites(tmp_path, cases[::-1])
    assert known["of"] == {"broken": None, "gone": None, BAD: 2, "wide": 3}
    assert faults["gone"].startswith("image must be there, got no file ")


def opened(url: str) -> Image.Image:
    kind, _, data = url.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))
