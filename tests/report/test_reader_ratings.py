"""Tests of reading what readers answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.reader_ratings import missing_ratings, read_key, read_ratings

HEADER = "study,reader,case,label_noise,image_quality,difficulty,remarks\n"


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.csv"
    path.write_text("study,case,id,is_pie\nabc,case_1,x,True\nabc,case_2,007,False\n", encoding="utf-8")
    return read_key(path)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_ratings_are_set_beside_the_key(key, tmp_path):
    rows = 'abc,ann,case_2,1,5,2,"good, really"\nabc,ann,case_1,4,2,5,\n'
    found = read_ratings([write(tmp_path / "a.csv", HEADER + rows)], key)
    assert found.columns.tolist() == ["reader", "case", "is_pie", "question", "rating"]
    assert found.values.tolist() == [
        ["ann", "case_1", True, "label_noise", 4.0],
        ["ann", "case_1", True, "image_quality", 2.0],
        ["ann", "case_1", True, "difficulty", 5.0],
        ["ann", "case_2", False, "label_noise", 1.0],
        ["ann", "case_2", False, "image_quality", 5.0],
        ["ann", "case_2", False, "difficulty", 2.0],
    ]
    assert missing_ratings(found).empty
    assert key["id"].tolist() == ["x", "007"] and key["is_pie"].tolist() == [True, False]


def test_a_spreadsheet_s_csv_is_read_too(key, tmp_path):
    text = "\ufeffcase;label_noise;image_quality;difficulty\r\n case_1 ; 3 ;4.0;5\r\n"
    found = read_ratings([write(tmp_path / "bob.csv", text)], key)
    assert found["reader"].unique().tolist() == ["bob"]
    assert found.loc[found["case"] == "case_1", "rating"].tolist() == [3, 4, 5]


def test_what_is_open_is_nan_and_named(key, tmp_path):
    found = read_ratings([write(tmp_path / "a.csv", HEADER + "abc,ann,case_1,4,,5,\n")], key)
    assert found["rating"].isna().sum() == 4
    assert missing_ratings(found).values.tolist() == [
        ["ann", "image_quality", 2, "case_1 case_2"],
        ["ann", "label_noise", 1, "case_2"],
        ["ann", "difficulty", 1, "case_2"],
    ]


def test_the_order_of_files_and_rows_plays_no_part(key, tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for reader in ("ann", "bob"):
        rows = [f"abc,{reader},{case},{','.join(map(str, rng.integers(1, 6, 3)))},\n" for case in key["case"]]
        paths += [write(tmp_path / f"{reader}.csv", HEADER + "".join(rows[::-1]))]
    pd.testing.assert_frame_equal(read_ratings(paths, key), read_ratings(paths[::-1], key))


def test_bad_ratings_are_refused(key, tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(ValueError, match="^paths must name at least one file of ratings, got none; give each one's"):
        read_ratings([], key)
    with pytest.raises(FileNotFoundError, match="^ratings .*a.csv do not exist; give the files that the readers sent"):
        read_ratings([path], key)
    with pytest.raises(KeyError, match=r"a.csv must have the columns \['difficulty'\], got \['case', 'label_noise', "):
        read_ratings([write(path, "case,label_noise,image_quality\ncase_1,1,1\n")], key)
    for answer in ("6", "0", "2.5", "good"):
        with pytest.raises(ValueError, match=rf"^difficulty must be 1 to 5 or empty, got '{answer}' for case_2 in "):
            read_ratings([write(path, HEADER + f"abc,ann,case_1,1,1,1,\nabc,ann,case_2,1,1,{answer},\n")], key)
    with pytest.raises(ValueError, match=r"a.csv must be in the key, got 1 that are not: case_3; correct their names"):
        read_ratings([write(path, HEADER + "abc,ann,case_3,1,1,1,\n")], key)
    with pytest.raises(ValueError, match=r"^each reader must rate a case once, got 1 twice: case_1 by ann; "):
        read_ratings([write(path, HEADER + "abc,ann,case_1,1,1,1,\nabc,ann,case_1,2,1,1,\n")], key)
    with pytest.raises(ValueError, match=r"a.csv must be of the study abc, got xyz; give the folder of the study"):
        read_ratings([write(path, HEADER + "xyz,ann,case_1,1,1,1,\n")], key)
    with pytest.raises(ValueError, match=r"^each line of .*a.csv must have as many fields as the first, 7, got 9"):
        read_ratings([write(path, HEADER + "abc,ann,case_1,1,1,1,,,\n")], key)
    path.write_bytes(HEADER.encode() + b"abc,ann,case_1,1,1,1,caf\xe9\n")
    with pytest.raises(ValueError, match=r"a.csv must be a CSV file in UTF-8, got the byte 0xe9 in line 2"):
        read_ratings([path], key)


def test_bad_keys_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="^key .*key.csv does not exist; give the folder that the study was "):
        read_key(tmp_path / "key.csv")
    for rows in ("a,case_1,x,maybe\n", "a,case_1,x,True\na,case_1,y,False\n"):
        with pytest.raises(ValueError, match="^key .* must have the columns study, case, id, is_pie, each case once"):
            read_key(write(tmp_path / "key.csv", "study,case,id,is_pie\n" + rows))
