"""Atomic writing: the old file or the whole new one. Reading JSON: what it holds, or one sentence."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htl_monai.data.files import (
    read_json,
    read_note,
    read_table,
    sha256,
    write_atomically,
    write_csv,
    write_json,
    write_text,
)


def test_contents_come_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "score": [1 / 3, float("nan")]})
    path = write_csv(tmp_path / "deep" / "table.csv", table)
    assert path.read_text().splitlines() == ["id,score", "a,0.3333333333333333", "b,"]
    assert json.loads(write_json(tmp_path / "x.json", {"é": [1, None]}).read_text(encoding="utf-8")) == {"é": [1, None]}
    assert write_text(tmp_path / "x.txt", "new").read_text() == "new"
    assert not list(tmp_path.rglob(".*"))


TEXTS = st.text(
    st.one_of(
        st.sampled_from("=+-@'\t\r\n＝,;\"0123456789.eE"), st.characters(codec="utf-8", exclude_categories=["Cc"])
    ),
    min_size=1,
)


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(TEXTS, st.floats(allow_infinity=False)), min_size=1))
def test_tables_come_back_to_the_last_bit(tmp_path: Path, rows: list[tuple[str, float]]) -> None:
    table = pd.DataFrame(rows, columns=["id", "score"])
    found = read_table(write_csv(tmp_path / "table.csv", table))
    assert found["id"].tolist() == table["id"].tolist()
    np.testing.assert_array_equal(found["score"].to_numpy(np.float64), table["score"].to_numpy())
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        cells = [row[0] for row in csv.reader(file)]
    for cell in cells:
        if cell.startswith(tuple("=+-@\t\r\n＝")):
            float(cell)  # nothing but a number begins like a formula


def test_text_that_a_spreadsheet_would_run_is_marked_as_text(tmp_path: Path) -> None:
    ids = ["=HYPERLINK(A1)", "+x", "@SUM", "-2+3", "\tx", "-12", "'tis", "NA", "plain"]
    table = pd.DataFrame({"id": ids, "=note": ["-a"] + [None] * 8, "number": np.arange(9) - 4.5})
    path = write_csv(tmp_path / "table.csv", table)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,'=note,number" and lines[1] == "'=HYPERLINK(A1),'-a,-4.5"
    assert [line.partition(",")[0] for line in lines[2:]] == [
        "'+x",
        "'@SUM",
        "'-2+3",
        "'\tx",
        "-12",
        "'tis",
        "NA",
        "plain",
    ]
    found = read_table(path)
    assert found["id"].tolist() == ids and found["=note"].isna().sum() == 8 and found["=note"][0] == "-a"
    assert table["id"].tolist() == ids


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    for content in (b"", b"a,b\n1,2,3\n4,5,6,7\n", b"\xff\xfe\x00"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(ValueError, match="x.csv must be a table as it was written, got: .+; make it anew"):
            read_table(tmp_path / "x.csv")


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    assert write_text(tmp_path / ("é" * 125 + ".txt"), "x").read_text() == "x"


def test_the_temporary_file_has_the_suffix_and_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = write_text(tmp_path / "x.csv", "old")

    def write(temporary: Path) -> None:
        assert temporary.suffix == ".csv" and temporary.parent == tmp_path
        temporary.write_text("new")
        assert path.read_text() == "old"

    assert write_atomically(path, write).read_text() == "new"


def test_others_may_read_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    path = write_text(tmp_path / "x.txt", "")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("existed", [True, False])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, existed: bool) -> None:
    path = tmp_path / "table.csv"
    if existed:
        path.write_text("old")

    def fill(temporary: Path) -> None:
        temporary.write_text("ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"table.csv could not be written \(No space left on device\) and is as it was"):
        write_atomically(path, fill)
    assert [file.name for file in tmp_path.iterdir()] == (["table.csv"] if existed else [])
    assert not existed or path.read_text() == "old"


def test_any_other_error_leaves_the_old_file_too(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError, match="Out of range float values"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="x.txt could not be written"):
        write_text(tmp_path / "file" / "x.txt", "")


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    assert sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_json_comes_back_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", {"é": [1, None]})
    assert read_json(path, "correct it") == {"é": [1, None]}
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_json(path, "correct it") == {"é": [1, None]}
    assert read_json(write_json(tmp_path / "y.json", [1]), "correct it", list) == [1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must hold JSON, got an empty file; delete it"),
        (b'{"a": 1,\n "b"', "must hold JSON, got Expecting ':' delimiter in line 2; delete it"),
        (b"\xff\xfe{}", "must hold JSON, got bytes that are no UTF-8 text; delete it"),
        (b'{"a": NaN}', "must hold JSON, got NaN, which is no JSON; delete it"),
        (b"[" * 100_000, "must hold JSON, got brackets nested too deep; delete it"),
        (b"9" * 10_000, "must hold JSON, got Exceeds the limit .*; delete it"),
        (b"[1]", "must hold an object {…}, got list; delete it"),
    ],
)
def test_damaged_json_is_one_sentence_with_file_and_remedy(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.json {words}$"):
        read_json(path, "delete it")


def test_json_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"must be a file, got none of that name; give another$"):
            read_json(path, "give another")


def test_a_note_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    note = tmp_path / "started.json"
    assert read_note(note) == {}
    for content in (b"", b"{", b"\xff\xfe", b"[1]"):
        note.write_bytes(content)
        assert read_note(note) == {}
    note.write_bytes(b'{"fingerprint": "a"}')
    assert read_note(note) == {"fingerprint": "a"}
