"""Images are found by their names in the folders as NIH, MIMIC and others ship them."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.data.readers.image_folders import find_images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"never opened")


def test_the_folder_with_most_of_the_images_is_taken_whole(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "images_256/a.png",
        "images_256/b.png",
        "images_64/a.png",
        "images_64/b.png",
        "images_64/c.png",
        "a.png",
    )
    found, place = find_images(tmp_path, ["a.png", "b.png", "c.png", "d.png"])
    assert found == [*(str(tmp_path / "images_64" / f"{name}.png") for name in "abc"), None]
    assert place == tmp_path / "images_64"
    found, _ = find_images(tmp_path, ["b.png", "a.png"])  # of equals, the larger
    assert found == [str(tmp_path / "images_256" / f"{name}.png") for name in "ba"]
    found, _ = find_images(tmp_path, ["a.png", "c.png"], folder="images_256")
    assert found == [str(tmp_path / "images_256" / "a.png"), None]
    with pytest.raises(FileNotFoundError, match="images must name a folder in .*, got images_9, which is not there"):
        find_images(tmp_path, ["a.png"], folder="images_9")


def test_the_parts_of_nih_count_as_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "images_001/images/a.png", "images_002/images/b.png", "images_64/a.png", "images/.hidden")
    found, place = find_images(tmp_path, ["a.png", "b.png"])
    assert found == [str(tmp_path / part) for part in ("images_001/images/a.png", "images_002/images/b.png")]
    assert place == tmp_path


def test_paths_are_relative_to_the_data_set_or_to_its_folder_and_the_suffix_is_free(tmp_path: Path) -> None:
    touch(tmp_path, "files/p10/s1/x.jpg", "files/p10/s2/y.jpg", "files/p10/s2/y.dcm")
    wanted = [str(tmp_path / "files/p10" / name) for name in ("s1/x.jpg", "s2/y.jpg")]
    assert find_images(tmp_path, ["files/p10/s1/x.dcm", "files/p10/s2/y.dcm"])[0] == wanted
    assert find_images(tmp_path, ["p10/s1/x.jpg", "/p10/s2/y"])[0] == wanted
    assert find_images(tmp_path, ["elsewhere/x.jpg", "y.png"])[0] == wanted


def test_a_name_that_stands_in_two_folders_tells_no_image(tmp_path: Path) -> None:
    touch(tmp_path, "files/p1/view1.jpg", "files/p2/view1.jpg")
    found, _ = find_images(tmp_path, ["files/p2/view1.jpg", "files/p3/view1.jpg"])
    assert found == [str(tmp_path / "files/p2/view1.jpg"), None]


def test_images_may_lie_beside_the_labels(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "labels.csv", "other/b.png")
    assert find_images(tmp_path, ["a.png", "b.png", "labels.csv"])[0] == [str(tmp_path / "a.png"), None, None]
