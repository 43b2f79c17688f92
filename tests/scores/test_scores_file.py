"""The file of scores: what is written is read, and what is no file of scores is named in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from htl_monai.scores import make_scores, metadata_of, read_scores, write_scores

Draw = Callable[..., xr.Dataset]


def test_what_is_written_is_read_byte_for_byte_the_same(draw: Draw, tmp_path: Path) -> None:
    path = write_scores(tmp_path / "a.nc", draw())
    found = read_scores(path)
    xr.testing.assert_identical(found, draw())
    assert {name: values.dtype for name, values in found.data_vars.items()} == {
        name: values.dtype for name, values in draw().data_vars.items()
    }
    assert write_scores(tmp_path / "b.nc", found).read_bytes() == path.read_bytes()


def test_metadata_of_every_kind_come_back_under_their_names(draw: Draw, metadata: list[dict], tmp_path: Path) -> None:
    table = metadata_of(read_scores(write_scores(tmp_path / "a.nc", draw())), files=True)
    pd.testing.assert_frame_equal(table, metadata_of(draw(), files=True))
    expected = pd.DataFrame(metadata).rename(columns={"label": "mask"})
    pd.testing.assert_frame_equal(table, expected)


def test_not_one_byte_is_left_of_a_file_that_could_not_be_written(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scores in .* must have a primary one of iou, label, loss, got 'dice'"):
        write_scores(tmp_path / "a.nc", draw(primary="dice"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds.drop_vars("class"), "have values of level, sample, class to each number, got level, sample"),
        (lambda ds: ds.assign_coords(sample=["a", "", "c"]), "name each sample, got ''"),
        (lambda ds: ds.assign_coords(sample=["a", "a", "c"]), "name each sample once, got a again"),
        (lambda ds: ds.assign_coords(sample=[1, 2, 3]), "name each sample, got 1"),
        (lambda ds: ds.assign_coords(level=[0.5, 0.0]), r"have ascending levels from 0, got \[0.5, 0.0\]"),
        (lambda ds: ds.assign(iou=ds["iou"].astype(str)), "be numbers of samples, got iou of"),
        (lambda ds: ds.assign(more=("other", [1.0])), r"be numbers of samples, got more of float64 over \(other\)"),
        (lambda ds: ds.assign_attrs(foreground=["skin"]), r"have a foreground of the classes .* got \['skin'\]"),
        (lambda ds: ds.assign_attrs(foreground=[]), "have a foreground of the classes"),
    ],
)
def test_what_is_no_array_of_scores_is_refused(
    change: Callable[[xr.Dataset], xr.Dataset], message: str, draw: Draw, tmp_path: Path
) -> None:
    """A file of another program, so that reading is what refuses it; writing refuses the same."""
    simple = draw()[["iou"]].reset_coords(drop=True)
    change(simple).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=f"scores in .*a.nc must {message}"):
        read_scores(tmp_path / "a.nc")
    with pytest.raises(ValueError, match=f"scores in .*b.nc must {message}"):
        write_scores(tmp_path / "b.nc", change(simple))


def test_no_file_and_none_that_is_one_are_refused(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="scores .*none.nc do not exist; run the stage"):
        read_scores(tmp_path / "none.nc")
    whole = write_scores(tmp_path / "a.nc", draw()).read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (tmp_path / "a.nc").write_bytes(content)
        with pytest.raises(ValueError, match="a.nc must hold scores as they were written, got: .*; mine or evaluate"):
            read_scores(tmp_path / "a.nc")


def test_a_damaged_file_is_refused_or_says_the_same(tmp_path: Path) -> None:
    data = [{"id": str(i)} for i in range(200)]
    scores = make_scores(data, [item["id"] for item in data], {"iou": np.random.default_rng(0).random(200)}, [0], ["x"])
    whole = write_scores(tmp_path / "a.nc", scores).read_bytes()
    generator, refused = np.random.default_rng(1), 0
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[generator.integers(len(whole))] ^= 0xFF
        (tmp_path / "a.nc").write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_scores(tmp_path / "a.nc")["iou"], scores["iou"])
        except ValueError as error:
            refused += 1
            assert "a.nc" in str(error)
    assert refused > 2


def test_numbers_that_stand_elsewhere_or_nowhere_are_refused(draw: Draw, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(range(48)))
    forgeries: dict[str, Callable[[h5py.File], Any]] = {
        "external": lambda f: f.create_dataset("iou", (3,), np.float64, external=[(str(tmp_path / "secret"), 0, 24)]),
        "link": lambda f: f.__setitem__("iou", h5py.ExternalLink(str(tmp_path / "other.nc"), "iou")),
        "huge": lambda f: f.create_dataset("iou", (10**12,), np.float64, chunks=(10**6,)),
    }
    for name, forge in forgeries.items():
        with h5py.File(write_scores(tmp_path / f"{name}.nc", draw()), "a") as file:
            del file["iou"]
            forge(file)
        with pytest.raises(ValueError, match=f"{name}.nc must hold scores as they were written, got: iou"):
            read_scores(tmp_path / f"{name}.nc")
