"""Reads what readers answered on the sheets of a reader study, and puts it beside the key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from htl_monai.data.files import read_table
from htl_monai.data.readers.listing import name_first
from htl_monai.data.readers.text_table import read_text_table

# Higher = more noise, better quality, more difficult.
QUESTIONS = ("label_noise", "image_quality", "difficulty")
SCALE = (1, 2, 3, 4, 5)
KEY_COLUMNS = ("study", "case", "id", "is_pie")
RATING_COLUMNS = ("study", "reader", "case", *QUESTIONS, "remarks")


def read_key(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the key of a study: which image each case is, and whether pruning identified it.

    Returns:
        One row per case: ``study``, ``case``, ``id`` (all text) and ``is_pie`` (bool).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no key.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"key {path} does not exist; give the folder that the study was written to")
    key = read_table(path, text=KEY_COLUMNS).fillna("")
    words = {"True": True, "False": False}
    if list(key.columns) != list(KEY_COLUMNS) or not key["is_pie"].isin(words).all() or key["case"].duplicated().any():
        raise ValueError(
            f"key {path} must have the columns {', '.join(KEY_COLUMNS)}, each case once and is_pie True or False, got "
            f"{list(key.columns)}; give the file as it was written"
        )
    return key.assign(is_pie=key["is_pie"].map(words).astype(bool))


def read_ratings(paths: Sequence[str | os.PathLike[str]], key: pd.DataFrame) -> pd.DataFrame:
    """Read the sheets that came back, saved by the browser or filled in by hand.

    The sheets are read by :func:`~htl_monai.data.readers.text_table.read_text_table`, so a spreadsheet may have saved
    them. A question left open is no error, see :func:`missing_ratings`.

    Args:
        paths: CSV files with the columns ``case``, the three questions, and, if need be, ``study``, ``reader`` (without
            it the name of the file stands for the reader) and ``remarks``.
        key: what :func:`read_key` returned.

    Returns:
        One row per reader, case of the key and question, by reader and case: ``reader``, ``case``, ``is_pie``,
        ``question`` and ``rating`` in 1 … 5, NaN where it is missing.

    Raises:
        FileNotFoundError: a file is not there.
        KeyError: a column is missing.
        ValueError: no file, one that is no CSV, a sheet of another study, a rating that is none of 1 … 5, a case that
            is not in the key, or one that a reader rated twice.
    """
    if not paths:
        raise ValueError("paths must name at least one file of ratings, got none; give each one's")
    table = pd.concat([_read_sheet(Path(path), key) for path in paths], ignore_index=True)
    twice = table.loc[table.duplicated(["reader", "case"]), ["reader", "case"]]
    if len(twice):
        named = [f"{case} by {reader}" for reader, case in twice.itertuples(index=False)]
        raise ValueError(
            f"each reader must rate a case once, got {len(named)} twice: {name_first(named)}; keep one file each, "
            "or give the readers different names"
        )
    every = pd.MultiIndex.from_product([sorted(table["reader"].unique()), key["case"]], names=["reader", "case"])
    whole = table.set_index(["reader", "case"])[list(QUESTIONS)].reindex(every).reset_index()
    long = whole.melt(["reader", "case"], list(QUESTIONS), "question", "rating")
    long.insert(2, "is_pie", long["case"].map(key.set_index("case")["is_pie"]).astype(bool))
    return long.sort_values(["reader", "case"], kind="stable", ignore_index=True)


def missing_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """Name the cases that a reader left open.

    Args:
        ratings: what :func:`read_ratings` returned.

    Returns:
        One row per reader and question with something missing: ``reader``, ``question``, ``n_missing`` and ``cases``,
        all of them, separated by spaces.
    """
    rows = [
        {"reader": reader, "question": question, "n_missing": len(part), "cases": " ".join(part["case"])}
        for (reader, question), part in ratings[ratings["rating"].isna()].groupby(["reader", "question"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["reader", "question", "n_missing", "cases"])


def _read_sheet(path: Path, key: pd.DataFrame) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"ratings {path} do not exist; give the files that the readers sent back")
    sheet = read_text_table(path)
    lacking = [name for name in ("case", *QUESTIONS) if name not in sheet]
    if lacking:
        raise KeyError(f"{path} must have the columns {lacking}, got {list(sheet.columns)}; keep the sheet's first row")
    if "study" in sheet and not sheet["study"].isin([key["study"].iloc[0], ""]).all():
        raise ValueError(
            f"{path} must be of the study {key['study'].iloc[0]}, got {name_first(sorted(set(sheet['study'])))}; "
            "give the folder of the study that the sheet came from"
        )
    unknown = [case for case in sheet["case"] if case not in set(key["case"])]
    if unknown:
        raise ValueError(
            f"cases of {path} must be in the key, got {len(unknown)} that are not: {name_first(unknown)}; "
            "correct their names"
        )
    named = sheet["reader"].where(sheet["reader"] != "", path.stem) if "reader" in sheet else path.stem
    ratings = {question: _rating(sheet[question], sheet["case"], path) for question in QUESTIONS}
    return sheet[["case"]].assign(reader=named, **ratings)


def _rating(answers: pd.Series, cases: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(answers.replace("", None), errors="coerce").astype(float)
    wrong = (answers != "") & ~numbers.isin(SCALE)
    if wrong.any():
        raise ValueError(
            f"{answers.name} must be {SCALE[0]} to {SCALE[-1]} or empty, got {answers[wrong].iloc[0]!r} for "
            f"{cases[wrong].iloc[0]} in {path}; correct it or leave it empty"
        )
    return numbers
