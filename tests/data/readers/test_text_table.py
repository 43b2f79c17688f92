"""CSV files that somebody else wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.data.readers.text_table import read_text_table

TEXT = 'id,site,age\n007," back, left ",45\n\n8,,\n'
TABLE = {"id": ["007", "8"], "site": ["back, left", ""], "age": ["45", ""]}


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace(", left", "; left").replace(",", ";").replace("; left", ", left").encode(),
        TEXT.replace(", left", "; left").replace(",", "\t").replace("; left", ", left").encode(),
    ],
    ids=["utf-8", "with its mark", "utf-16", "windows", "carriage returns", "semicolons", "tabs"],
)
def test_what_spreadsheets_write_is_one_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert read_text_table(tmp_path / "a.csv").to_dict("list") == TABLE


def test_a_column_without_a_name_is_called_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",id,\n0,x,\n")
    assert read_text_table(tmp_path / "a.csv").columns.tolist() == ["Unnamed: 0", "id", "Unnamed: 2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "must be a CSV file, got an Excel workbook; save it anew as CSV in UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "must be a CSV file, got an Excel workbook"),
        ("id,site\n1,café\n".encode("latin-1"), "in UTF-8, got the byte 0xe9 in line 2, perhaps Latin-1; save it anew"),
        ("id,site\n1,back\n".encode("utf-16-le"), "in UTF-8, got a NUL character in line 1; save it anew"),
        (b"id,site\n1,ba\0ck\n", "got a NUL character in line 2"),
        (b"id,site\n1\n", "must have as many fields as the first, 2, got 1 in line 2; correct it"),
        (b"id,site\n1,a\n2,b,c\n", "as the first, 2, got 3 in line 3; correct it, and quote values that hold ','"),
        (b'id,site\n1,"back\n2,arm\n', "must be a CSV file, got unexpected end of data in line 3"),
        (b"id,site\n1," + b"x" * 131_073 + b"\n", r"got field larger than field limit \(131072\) in line 2"),
        (b"id,age,site,age\n1,2,3,4\n", "must have different names, got age twice; rename them"),
        (b"", "must have a first line with the names of its columns, got an empty file"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:30],
)
def test_what_cannot_be_read_is_one_sentence_with_the_file(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.csv .*{words}"):
        read_text_table(tmp_path / "a.csv")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60) | st.text('ab,;"\n\r\t\0é', max_size=60).map(str.encode))
def test_any_bytes_are_a_table_or_a_sentence(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(content)
    try:
        table = read_text_table(path)
    except ValueError as error:
        assert "\n" not in str(error).replace(str(path), "")
    else:
        assert table.columns.is_unique and not table.isna().any(axis=None)
