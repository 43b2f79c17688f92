"""Makes a blinded reader study of images that pruning identified and others, and analyses what comes back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from htl_monai.analysis.reader_study import analyse_ratings, group_means, reader_agreement
from htl_monai.data.files import write_csv, write_text
from htl_monai.data.reader_ratings import KEY_COLUMNS, RATING_COLUMNS, missing_ratings, read_key, read_ratings
from htl_monai.report.figure_files import write_figure
from htl_monai.report.reader_sheet import Case, anonymous_png, reader_sheet
from htl_monai.report.reader_study_figures import draw_ratings

__all__ = ["KEY_PATH", "SHEETS", "analyse_reader_study", "make_reader_study", "write_reader_study"]

SHEETS = "sheets"
KEY_PATH = Path("not_for_readers") / "key.csv"
_README = f"""A blinded reader study, {{count}} images, study {{study}}.

{SHEETS}/ goes to the readers: each gets one HTML file (to be opened in a browser; it sends nothing anywhere), or the
CSV file of the same name to fill in by hand while looking at the HTML file. Every reader has an order of their own.

{KEY_PATH.parent}/ stays here. Its key says which image each case is and which ones pruning identified: a reader who has
seen it is not blinded. Without it the ratings cannot be analysed.

Put the CSV files that come back into one folder, outside {SHEETS}/, and analyse them:

    htl reader-study analyse THIS_FOLDER FOLDER_OF_RATINGS OUT
"""


def make_reader_study(
    run_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    count: int = 20,
    readers: int = 6,
    seed: int = 0,
) -> Path:
    """Write the reader study of a run of the setting chest_xray.

    Args:
        run_dir: the run's folder, with ``reporting/pies.csv``.
        out_dir: see :func:`write_reader_study`.
        count: pruning-identified images, and as many others.
        readers: how many sheets.
        seed: of the choice and the orders.

    Returns:
        ``out_dir``.

    Raises:
        FileNotFoundError: the run has no ``pies.csv`` yet.
        ValueError: see :func:`write_reader_study`.
    """
    path = Path(run_dir) / "reporting" / "pies.csv"
    if not path.is_file():
        raise FileNotFoundError(f"run_dir must hold reporting/pies.csv, got none in {run_dir}; run htl pie on it first")
    pies = pd.read_csv(path, dtype={"id": str, "image": str}, converters={"labels": str})
    return write_reader_study(pies, out_dir, count, count, readers, seed)


def write_reader_study(
    pies: pd.DataFrame,
    out_dir: str | os.PathLike[str],
    n_pies: int = 20,
    n_others: int = 20,
    n_readers: int = 6,
    seed: int = 0,
    max_px: int = 1024,
) -> Path:
    """Write a sheet a reader (HTML, and CSV to fill in by hand), and the key apart from them.

    The images are drawn at random from the pruning-identified exemplars (PIEs) and from the others, as in paper 2. A
    sheet shows each image under a random case number, with the labels that it was given, in an order of the reader's
    own. It holds no id, no path, no metadata of the files, and no word of the groups.

    Args:
        pies: one row an image: ``id``, ``image`` (path), ``is_pie``, ``labels`` (text) if the readers are to judge
            them; images without a ``spearman`` are neither of the two groups and are left out.
        out_dir: the folder of ``sheets/reader_*.html`` and ``.csv``, ``not_for_readers/key.csv`` and ``README.txt``.
        n_pies: how many PIEs.
        n_others: how many others.
        n_readers: how many sheets.
        seed: of the choice, the case numbers and the orders.
        max_px: longer sides of images are brought down to this.

    Returns:
        ``out_dir``.

    Raises:
        KeyError: a column is missing.
        FileNotFoundError: an image is not there.
        FileExistsError: another study lies in ``out_dir``.
        ValueError: there are fewer images than asked for, an id is repeated, an image cannot be read, or a number is
            below 1.
    """
    chosen = _chosen(pies, n_pies, n_others, n_readers, seed)
    study = chosen["study"].iloc[0]
    out = Path(out_dir)
    if (out / KEY_PATH).exists() and not read_key(out / KEY_PATH).equals(chosen[list(KEY_COLUMNS)]):
        raise FileExistsError(
            f"out_dir must not hold another study, got {out}, whose key would be lost; choose another folder"
        )
    texts = chosen["labels"] if "labels" in chosen else [""] * len(chosen)
    cases = [
        Case(name, anonymous_png(image, max_px), str(labels))
        for name, image, labels in zip(chosen["case"], chosen["image"], texts, strict=True)
    ]
    write_csv(out / KEY_PATH, chosen[list(KEY_COLUMNS)])
    write_text(out / "README.txt", _README.format(count=len(cases), study=study))
    for number in range(1, n_readers + 1):
        reader = f"reader_{number}"
        order = np.random.default_rng([seed, number]).permutation(len(cases))
        write_text(out / SHEETS / f"{reader}.html", reader_sheet(study, reader, [cases[i] for i in order]))
        blank = pd.DataFrame({"study": study, "reader": reader, "case": [cases[i].name for i in order]})
        write_csv(out / SHEETS / f"{reader}.csv", blank.reindex(columns=RATING_COLUMNS))
    return out


def analyse_reader_study(
    study_dir: str | os.PathLike[str], ratings: Sequence[str | os.PathLike[str]], out_dir: str | os.PathLike[str]
) -> dict[str, pd.DataFrame]:
    """Analyse the ratings of a study: ``differences.csv``, ``agreement.csv``, ``missing.csv`` and a figure.

    Args:
        study_dir: the folder that :func:`write_reader_study` wrote.
        ratings: the CSV files that came back, or folders of them.
        out_dir: where the tables, ``ratings.csv`` and ``group_means.png``, ``.svg`` and ``.csv`` go.

    Returns:
        The tables by name: ``differences`` (:func:`~htl_monai.analysis.reader_study.analyse_ratings`),
        ``group_means``, ``agreement`` and ``missing``.

    Raises:
        FileNotFoundError: the key or a file of ratings is not there.
        KeyError: a file of ratings lacks a column.
        ValueError: ratings are unsound, see :func:`~htl_monai.data.reader_ratings.read_ratings`, or there is none.
    """
    key = read_key(Path(study_dir) / KEY_PATH)
    paths = [path for given in ratings for path in (sorted(Path(given).glob("*.csv")) or [Path(given)])]
    table = read_ratings(paths, key)
    if table["rating"].isna().all():
        raise ValueError(f"ratings must be filled in, got {len(paths)} files without any; give those that came back")
    tables = {
        "differences": analyse_ratings(table),
        "group_means": group_means(table),
        "agreement": reader_agreement(table),
        "missing": missing_ratings(table),
    }
    out = Path(out_dir)
    for name in ("differences", "agreement", "missing"):
        write_csv(out / f"{name}.csv", tables[name])
    write_csv(out / "ratings.csv", table)
    write_figure(out / "group_means", tables["group_means"], draw_ratings, size=(6.4, 3.2))
    return tables


def _chosen(pies: pd.DataFrame, n_pies: int, n_others: int, n_readers: int, seed: int) -> pd.DataFrame:
    """Return the rows of the images of the study in the order of their case numbers, with ``study`` and ``case``."""
    lacking = [name for name in ("id", "image", "is_pie") if name not in pies]
    if lacking:
        raise KeyError(f"pies must have the columns {lacking}, got {list(pies.columns)}; give pies.csv of a run")
    if pies["id"].duplicated().any():
        raise ValueError(f"id must be unique, got {pies['id'].duplicated().sum()} repeated; give one row an image")
    if not pd.api.types.is_bool_dtype(pies["is_pie"]):
        raise ValueError(f"is_pie must be True or False for every image, got {pies['is_pie'].dtype}; correct pies.csv")
    for name, number in (("n_pies", n_pies), ("n_others", n_others), ("n_readers", n_readers)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}; 20 images of each kind and 6 readers are usual")
    ranked = pies[pies["spearman"].notna()] if "spearman" in pies else pies
    ranked = ranked.sort_values("id", ignore_index=True)  # so that the order of the table reveals and decides nothing
    rng = np.random.default_rng(seed)
    parts = []
    for name, wanted, flag in (("n_pies", n_pies, True), ("n_others", n_others, False)):
        group = ranked[ranked["is_pie"] == flag]
        if wanted > len(group):
            raise ValueError(f"{name} must be at most {len(group)}, the images there are, got {wanted}; ask for fewer")
        parts.append(group.iloc[rng.choice(len(group), wanted, replace=False)])
    drawn = pd.concat(parts)
    drawn = drawn.iloc[rng.permutation(len(drawn))].reset_index(drop=True)
    digits = len(str(len(drawn)))
    named = " ".join([str(seed), *drawn["id"].astype(str)])
    return drawn.assign(
        id=drawn["id"].astype(str),
        case=[f"case_{number:0{digits}}" for number in range(1, len(drawn) + 1)],
        # Tells the sheets of one study from those of another, whose case numbers are the same.
        study=hashlib.sha256(named.encode()).hexdigest()[:8],
    )
