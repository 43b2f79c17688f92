"""Prints of a run's tables what a person asks first, and the paths of what was written; the files hold the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from htl_monai.analysis.groups import UNKNOWN
from htl_monai.data.files import read_json, read_table
from htl_monai.data.readers.listing import name_first
from htl_monai.ranking.forgetting_table import forgetting_table, nearest_level
from htl_monai.ranking.hardness import never_learned_in
from htl_monai.report.printed_table import print_table
from htl_monai.report.run_scores import MAIN
from htl_monai.report.verdict import verdict
from htl_monai.runs import layout
from htl_monai.scores import read_scores

# Of the sweep that PruneCXR makes, every fourth sparsity fits a screen.
_EVERY = 4
_PIES = 10
_SLICES = 6
# What a person opens; checkpoints and notes of the workflow are not among it.
_SHOWN = (".csv", ".json", ".pt", ".nc", ".png", ".html")
_HIDDEN, _HIDDEN_FOLDERS = ("started.json", "checkpoint.pt", layout.MLFLOW), ("phantom", layout.MLFLOW_FILES)


def _first(columns: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Show these columns, as far as there are any, in this order."""
    return lambda table: table[[name for name in columns.split() if name in table]]


def _every_fourth(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[::_EVERY] if len(rows) > 2 * _EVERY else rows


def _impact(table: pd.DataFrame) -> pd.DataFrame:
    shares = [name for name in map(str, table) if name.endswith(("_drop_percent", "_forgotten", "_n_never_learned"))]
    scores = [name for name in map(str, table) if name.endswith("_pruned")]
    return _first(
        "sparsity n foreground_iou_pruned foreground_drop_percent background_drop_percent foreground_forgotten "
        "foreground_n_never_learned box_iou box_drop box_forgotten n_never_learned"
        if {"foreground_drop_percent", "box_drop"} & set(table)
        else " ".join(["sparsity", "n", *scores[:1], *(name for name in shares if "image_drop" not in name)])
    )(_every_fourth(table))


def _groups(table: pd.DataFrame) -> pd.DataFrame:
    """Show the first measure, and nobody's groups only where there are such images."""
    if "measure" in table:
        table = table[table["measure"].isin(table["measure"].head(1))]
    if {"group", "n", "n_missing"} <= set(table):
        table = table[(table["group"] != UNKNOWN) | (table["n"] + table["n_missing"] > 0)]
    return _first("column group n n_forgotten n_never_learned mean low high p_holm note")(table)


def _of_main(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["compression"] == MAIN].drop(columns="compression")


def _pies(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["is_pie"], ["id", "labels", "spearman", "taxicab", "label_quality"]].head(_PIES)


TABLES: Mapping[str, tuple[str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "scores": (
        "Test images: mean scores",
        _first(
            "model n n_seeds foreground_iou background_iou true_prob mean_average_precision dice box_iou "
            "box_foreground_iou"
        ),
    ),
    "comparison": (
        "Did it help? Paired differences on the test images of one pair of networks each, 95 % interval",
        _first("model reference score difference low high p_holm note"),
    ),
    "impact": ("What pruning costs (mined images)", _impact),
    "impact_unlabelled": ("How far pruning moves the boxes (images without mask)", _impact),
    "overall": (
        "What magnitude pruning costs: mean average precision (AP) of the classes",
        lambda table: _every_fourth(_of_main(table)),
    ),
    "first_drop": ("Which classes are forgotten first: sparsity at which a fifth of the AP is lost", _of_main),
    "correlations": (
        "What forgetting goes with (95 % intervals, p after Holm)",
        lambda table: _first("x y method estimate low high p_holm n_classes")(_of_main(table)),
    ),
    "groups": ("Whom it hits (share of the score that is lost)", _groups),
    "slices": (
        "Where a search on half of the images finds it worse, and what the other half says",
        lambda table: _first("measure slice n_confirmed mean_confirmed gap p_holm note")(table.head(_SLICES)),
    ),
    "pies": (f"The images that pruning changes most (PIEs): the first {_PIES}, all in pies.csv", _pies),
    "pie_ratios": (
        "Whom the forgotten images (PIEs) show: share among them / share among the others",
        lambda table: _first("group n n_pie ratio low high p_holm")(table[table["definition"] == "spearman"]),
    ),
    "detection": (
        "How well mining found the planted hard images, beside the dense network's plain error",
        _first(
            "ranking auroc auroc_lowest auroc_hair auroc_low_contrast auroc_rare_colour auroc_small precision_at_k "
            "n_planted n_never_learned"
        ),
    ),
    "rankings": (
        "Every ranking beside the others: with the dense network's error, and at finding scores below 0.65",
        _first("ranking spearman_error auroc average_precision auroc_planted precision_at_planted n n_never_learned"),
    ),
    "planted": ("How well the planted images are found", lambda table: table),
    "arms": (
        "Hard or noisy? Test AP against the reference (95 % intervals over seeds and images)",
        lambda table: _first("arm reference n_seeds ap_reference ap difference low high p_holm")(
            table[table["class"] == "mean"]
        ),
    ),
}
"""The tables that are printed, in order: title, and what is shown of each."""


def say(message: str) -> None:
    """Print a line at once, also where nobody watches and output is held back."""
    print(message, flush=True)


def print_run(folder: Path) -> None:
    """Print the closing tables of a run, its notes, the images that were left out, the files, and the verdict."""
    tables = _read(folder / layout.REPORTING, (*TABLES, "scores_of_seeds", "notes", "pie_notes"))
    print_tables(tables)
    for root in _seed_folders(folder) or [folder]:
        of = f"{root.name}: " if root != folder else ""
        print_left_out(root / layout.SELECTING / "htl.json", of)
        for mining in ("mining", "mining_unlabelled") if "classes" not in tables else ():
            print_never_learned(root / mining / layout.SCORES, of)
    print_skipped(folder)
    print_written(folder)
    print(f"\n{verdict(tables)}")
    say(f"Report: {folder / layout.REPORT}")


def print_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Print of those of the tables :data:`TABLES` that are there what a person asks first, then their notes."""
    titles = {name: title for name, (title, _) in TABLES.items()} | _titles(tables)
    for name, (_, shown) in TABLES.items():
        if name in tables and (name != "slices" or len(tables[name])):
            found, title = shown(tables[name]), titles[name]
            if name == "groups" and "sparsity" in tables[name] and len(tables[name]):
                title += f", at sparsity {tables[name]['sparsity'].iloc[0]:g}"
            if "note" in found and found["note"].isna().all():
                found = found.drop(columns="note")
            print_table(title, found)
    for name in ("notes", "pie_notes"):
        for note in tables[name]["note"] if name in tables else ():
            print(f"note: {note}")


def print_notes(path: Path) -> None:
    """Print the notes of a run, one per line, if there is a file of them."""
    for note in read_table(path)["note"] if path.is_file() else ():
        print(f"note: {note}")


def print_skipped(folder: Path) -> None:
    """Print which images a run left out, and why."""
    skipped = read_table(folder / layout.SKIPPED)
    for row in skipped.itertuples():
        print(f"left out: {row.split} {row.id}: {row.reason}")


def print_left_out(selection: Path, of: str = "") -> None:
    """Print how many pseudo-labels a selection left out, if it is one among images without mask; ``of`` goes before."""
    content = read_json(selection, "run the stage selecting again") if selection.is_file() else {}
    if "n_left_out" in content:
        confidence = content["min_confidence"]
        print(
            f"{of}pseudo-labels left out: {content['n_left_out']} below confidence {confidence:g} and "
            f"{content['n_empty']} without a lesion, of {content['n_total']}"
        )


def print_never_learned(mined: Path, of: str = "") -> None:
    """Print which mined images were never learned: without masks, those without a box; ``of`` goes before."""
    if not mined.is_file():
        return
    scores = read_scores(mined)
    images = forgetting_table(scores, nearest_level(scores)).sort_values("rank", kind="stable")
    ids = images.loc[never_learned_in(images), "id"].tolist()
    if ids:
        found = (
            "no box: the dense network finds no region"
            if scores.attrs["primary"] == "box_agreement"
            else "never learned: the dense network finds nothing of the lesion"
        )
        print(f"{of}{found} in {len(ids)} of {len(images)} mined images, which rank first: {name_first(ids)}")


def print_written(folder: Path) -> None:
    """Print the paths of the results below ``folder``; of several seeds, those of the first."""
    print(f"\nWritten to {folder}:")
    first, *others = [path.name for path in _seed_folders(folder)] or [""]
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        hidden = path.name in _HIDDEN or any(part in (*_HIDDEN_FOLDERS, *others) for part in place.parts)
        if path.suffix in _SHOWN and not hidden:
            print(f"  {place}")
    if others:
        print(f"  and as in {first} in {', '.join(others)}")


def _read(folder: Path, names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    return {name: read_table(folder / f"{name}.csv") for name in names if (folder / f"{name}.csv").is_file()}


def _titles(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return the titles that several seeds, or images without mask, ask for."""
    titles: dict[str, str] = {}
    lost = "share of the score that is lost"
    if "impact_unlabelled" in tables:
        lost = "drop of the box, images without mask"
        titles["detection"] = "How well mining found the planted hard images, beside how unsure the pseudo-labels are"
    elif "box_drop" in tables.get("impact", ()):
        lost = "drop of the box"
        titles["impact"] = "How far pruning moves the boxes (mined images)"
        titles["detection"] = "How well mining found the planted hard images"
    titles["groups"] = f"Whom it hits ({lost})"
    if "scores_of_seeds" in tables:
        titles["scores"] = "Test images: mean scores over the seeds"
        titles["comparison"] = "Did it help? Paired differences, 95 % interval over seeds and test images"
        titles["groups"] = f"Whom it hits ({lost}, mean over the seeds)"
    return titles


def _seed_folders(folder: Path) -> list[Path]:
    """Return the folders of the seeds that the report of a run is about; none where it is about one network."""
    scores = folder / layout.REPORTING / "scores_of_seeds.csv"
    seeds = read_table(scores)["seed"].unique() if scores.is_file() else ()
    return [folder / layout.seed_folder(seed) for seed in seeds]
