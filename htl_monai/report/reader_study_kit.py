"""Makes a blinded reader study of images that pruning identified and others, and analyses what comes back."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from htl_monai.analysis.reader_study import analyse_ratings, group_means, reader_agreement
from htl_monai.data.files import read_table, write_csv, write_text
from htl_monai.report.figure_files import write_figure
from htl_monai.report.reader_ratings import KEY_COLUMNS, RATING_COLUMNS, missing_ratings, read_key, read_ratings
from htl_monai.report.reader_sheet import Case, anonymous_png, reader_sheet
from htl_monai.report.reader_study_figures import draw_ratings
from htl_monai.runs import layout

SHEETS = "sheets"
KEY_PATH = Path("not_for_readers") / "key.csv"
_README = f"""A blinded reader study, {{count}} images, study {{study}}.

{SHEETS}/ goes to the readers: each gets one HTML file (to be opened in a browser; it sends nothing anywhere), or the
CSV file of the same name to fill in by hand while looking at the HTML file. Every reader has an order of their own.

{KEY_PATH.parent}/ stays here. Its key says which image each case is and which ones pruning identified: a reader who has
seen it is not blinded. Without it the ratings cannot be analysed, and it cannot be made again: the choice of images,
the case numbers, the orders and the code of the study were drawn from the operating system's randomness, and this file
alone holds them. Keep a copy.

What a reader can still see of a case is the picture itself, its width and height, and its given labels; all cases went
through the same steps, but where an image comes from (scanner, compression, text burnt into the pixels) may show, and
someone who has the data set can find an image in it. Somebody who has the run, its pies.csv or this folder is not
blinded. Give nothing but {SHEETS}/ away, and do not say how many images of each kind there are.

Put the CSV files that come back into one folder, outside {SHEETS}/, and analyse them:

    htl reader-study analyse THIS_FOLDER FOLDER_OF_RATINGS OUT
"""


def make_reader_study(
    run_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    count: int = 20,
    readers: int = 6,
) -> Path:
    """Write the reader study of a run of the setting chest_xray.

    Args:
        run_dir: the run's folder, with ``reporting/pies.csv``.
        out_dir: see :func:`write_reader_study`.
        count: pruning-identified images, and as many others.
        readers: how many sheets.

    Returns:
        ``out_dir``.

    Raises:
        FileNotFoundError: the run has no ``pies.csv`` yet.
        ValueError: see :func:`write_reader_study`.
    """
    path = Path(run_dir) / layout.REPORTING / "pies.csv"
    if not path.is_file():
        raise FileNotFoundError(f"run_dir must hold reporting/pies.csv, got none in {run_dir}; run htl pie on it first")
    pies = read_table(path, text=("id", "image", "labels"))
    return write_reader_study(pies, out_dir, count, count, readers)


def write_reader_study(
    pies: pd.DataFrame,
    out_dir: str | os.PathLike[str],
    n_pies: int = 20,
    n_others: int = 20,
    n_readers: int = 6,
    max_px: int = 1024,
) -> Path:
    """Write a sheet per reader (HTML, and CSV to fill in by hand), and the key apart from them.

    The images are drawn at random from the pruning-identified exemplars (PIEs) and from the others, as in PruneCXR. A
    sheet shows each image under a random case number, with the labels that it was given, in an order of the reader's
    own. It holds no id, no path, no metadata of the files, and no word of the groups.

    The choice, the case numbers, the orders and the study's code come from the operating system's randomness and not
    from a seed: this code is public, and who knows the seed and the sizes of the groups could tell the cases apart.
    Each call makes a new study, whose key is written first and never overwritten.

    Args:
        pies: one row per image: ``id``, ``image`` (path), ``is_pie``, ``labels`` (text) if the readers are to judge
            them; images without a ``spearman`` are neither of the two groups and are left out.
        out_dir: the folder of ``sheets/reader_*.html`` and ``.csv``, ``not_for_readers/key.csv`` and ``README.txt``.
        n_pies: how many PIEs.
        n_others: how many others.
        n_readers: how many sheets.
        max_px: longer sides of images are brought down to this.

    Returns:
        ``out_dir``.

    Raises:
        KeyError: a column is missing.
        FileNotFoundError: an image is not there.
        FileExistsError: a study lies in ``out_dir`` already.
        ValueError: there are fewer images than asked for, an id is repeated, an image cannot be read, or a number is
            below 1.
    """
    out = Path(out_dir)
    if (out / KEY_PATH).exists():
        raise FileExistsError(
            f"out_dir must not hold a study, got {out}, whose key would be lost; choose another folder"
        )
    draw = random.SystemRandom()
    chosen = _chosen(pies, n_pies, n_others, n_readers, draw)
    study = chosen["study"].iloc[0]
    texts = chosen["labels"].fillna("") if "labels" in chosen else [""] * len(chosen)
    cases = [
        Case(name, anonymous_png(image, max_px), str(labels))
        for name, image, labels in zip(chosen["case"], chosen["image"], texts, strict=True)
    ]
    write_csv(out / KEY_PATH, chosen[list(KEY_COLUMNS)])
    write_text(out / "README.txt", _README.format(count=len(cases), study=study))
    for number in range(1, n_readers + 1):
        reader = f"reader_{number}"
        ordered = draw.sample(cases, len(cases))
        write_text(out / SHEETS / f"{reader}.html", reader_sheet(study, reader, ordered))
        blank = pd.DataFrame({"study": study, "reader": reader, "case": [case.name for case in ordered]})
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
        ValueError: ratings are unsound, see :func:`~htl_monai.report.reader_ratings.read_ratings`, or there is none.
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


def _chosen(pies: pd.DataFrame, n_pies: int, n_others: int, n_readers: int, draw: random.SystemRandom) -> pd.DataFrame:
    """Return the rows of the images of the study in the order of their case numbers, with ``study`` and ``case``."""
    lacking = [name for name in ("id", "image", "is_pie") if name not in pies]
    if lacking:
        raise KeyError(f"pies must have the columns {lacking}, got {list(pies.columns)}; give pies.csv of a run")
    if pies["id"].duplicated().any():
        raise ValueError(f"id must be unique, got {pies['id'].duplicated().sum()} repeated; give one row per image")
    if not pd.api.types.is_bool_dtype(pies["is_pie"]):
        raise ValueError(f"is_pie must be True or False for every image, got {pies['is_pie'].dtype}; correct pies.csv")
    for name, number in (("n_pies", n_pies), ("n_others", n_others), ("n_readers", n_readers)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}; 20 images of each kind and 6 readers are usual")
    ranked = (pies[pies["spearman"].notna()] if "spearman" in pies else pies).reset_index(drop=True)
    rows: list[int] = []
    for name, wanted, flag in (("n_pies", n_pies, True), ("n_others", n_others, False)):
        group = ranked.index[ranked["is_pie"] == flag].tolist()
        if wanted > len(group):
            raise ValueError(f"{name} must be at most {len(group)}, the images there are, got {wanted}; ask for fewer")
        rows += draw.sample(group, wanted)
    drawn = ranked.loc[draw.sample(rows, len(rows))].reset_index(drop=True)
    digits = len(str(len(drawn)))
    return drawn.assign(
        id=drawn["id"].astype(str),
        case=[f"case_{number:0{digits}}" for number in range(1, len(drawn) + 1)],
        # Tells the sheets of one study from those of another, whose case numbers are the same.
        study=secrets.token_hex(4),
    )
