"""Which pictures are found, and that no two share a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.clinic.inputs import find_images, output_names


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_folder_is_searched_in_depth_without_hidden_files_and_earlier_results(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a/c.nii.gz", "notes.txt", ".hidden.png", ".cache/d.png", "out/b_mask.png")
    (tmp_path / "IM7").write_bytes(bytes(128) + b"DICM")
    found = find_images(tmp_path, tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["IM7", "a/c.nii.gz", "b.JPG"]


def test_named_files_are_kept_in_order_and_once(tmp_path: Path) -> None:
    paths = [tmp_path / "z.png", tmp_path / "a.png", tmp_path / "z.png"]
    assert find_images(paths, tmp_path / "out") == paths[:2]


def test_single_file(tmp_path: Path) -> None:
    touch(tmp_path, "one.dat")
    assert find_images(str(tmp_path / "one.dat"), tmp_path / "out") == [tmp_path / "one.dat"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="images must hold at least one picture, got none in .*; supported are .png"):
        find_images(tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="images must hold at least one picture, got an empty list"):
        find_images([], tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="images must be a file or folder, got .*gone"):
        find_images(tmp_path / "gone", tmp_path / "out")


def test_results_never_go_among_the_images(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "sub/b.png")
    with pytest.raises(ValueError, match="out_dir must not be the folder of the images"):
        find_images(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="out_dir must not hold the images, got .* with a.png"):
        find_images([tmp_path / "a.png"], tmp_path)


def test_names_by_hand() -> None:
    paths = [Path(name) for name in ("a/x.png", "b/x.jpg", "x.nii.gz", "x-2.png", "IM.0001", "c/y.dcm")]
    assert output_names(paths) == ["x", "x-3", "x-4", "x-2", "IM.0001", "y"]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["x", "X", "x-2", "x-3", "y"]), max_size=8))
def test_names_are_unique_without_regard_to_case_and_keep_unique_stems(stems: list[str]) -> None:
    names = output_names([Path(f"{number}/{stem}.png") for number, stem in enumerate(stems)])
    folded = [stem.casefold() for stem in stems]
    assert len({name.casefold() for name in names}) == len(stems)
    for stem, name in zip(stems, names, strict=True):
        assert name == stem or folded.count(stem.casefold()) > 1
