"""Prints the tables of a run and the paths of what was written."""

from __future__ import annotations

from pathlib import Path

from htl_monai.analysis.groups import UNKNOWN
from htl_monai.analysis.impact import is_of_boxes
from htl_monai.data.files import read_json, read_table
from htl_monai.data.readers.listing import name_first
from htl_monai.ranking.forgetting_table import ranking_table
from htl_monai.ranking.hardness import never_learned_in
from htl_monai.report.printed_table import print_table
from htl_monai.report.verdict import verdict
from htl_monai.runs import layout
from htl_monai.scores import read_scores

__all__ = [
    "print_files",
    "print_left_out",
    "print_notes",
    "print_run",
    "print_skipped",
    "print_never_learned",
    "print_written",
    "say",
]

TITLES = {
    "scores": "Test images: mean scores",
    "comparison": "Did it help? Paired differences on the test images of one pair of networks each, 95 % interval",
    "impact": "What pruning costs (mined images)",
    "impact_unlabelled": "How far pruning moves the boxes (images without mask)",
    "groups": "Whom it hits (share of the foreground IoU that is lost)",
    "detection": "How well mining found the planted hard images, beside the dense network's plain error",
}
# Where images without mask were mined beside those with masks, these tables are about them.
UNLABELLED_TITLES = {
    "groups": "Whom it hits (drop of the box, images without mask)",
    "detection": "How well mining found the planted hard images, beside how unsure the pseudo-labels are",
}
# Where no training image has a mask.
BOX_TITLES = {
    "impact": "How far pruning moves the boxes (mined images)",
    "groups": "Whom it hits (drop of the box)",
    "detection": "How well mining found the planted hard images",
}
# Of several seeds.
SEEDS_TITLES = {
    "scores": "Test images: mean scores over the seeds",
    "comparison": "Did it help? Paired differences, 95 % interval over seeds and test images",
    "groups": "Whom it hits (share of the foreground IoU that is lost, mean over the seeds)",
}
# Of each table what a person asks first, in order; the rest is in the file.
COLUMNS = {
    "scores": "model n n_seeds foreground_iou background_iou dice box_iou box_foreground_iou",
    "comparison": "model reference score difference low high p_holm note",
    "impact": "sparsity n foreground_iou_pruned foreground_drop_percent background_drop_percent foreground_forgotten "
    "foreground_n_never_learned box_iou box_drop box_forgotten n_never_learned",
    "groups": "column group n n_forgotten n_never_learned mean low high note",
    "detection": "ranking auroc auroc_lowest auroc_hair auroc_low_contrast auroc_rare_colour auroc_small "
    "precision_at_k n_planted n_never_learned",
}
# What a person opens; checkpoints and notes of the workflow are not among it.
_SHOWN = (".csv", ".json", ".pt", ".nc", ".png", ".html")
_HIDDEN, _HIDDEN_FOLDERS = ("started.json", "checkpoint.pt"), ("phantom",)


def say(message: str) -> None:
    """Print a line at once, also where nobody watches and output is held back."""
    print(message, flush=True)


def print_run(folder: Path) -> None:
    """Print the closing tables of a run on lesions, the images that were left out, the files, and the verdict."""
    names = ("scores", "comparison", "impact", "impact_unlabelled", "groups", "detection")
    print_files(folder / layout.REPORTING, names)
    print_notes(folder / layout.REPORTING / "notes.csv")
    for root in _seed_folders(folder) or [folder]:
        of = f"{root.name}: " if root != folder else ""
        print_left_out(root / layout.SELECTING / "htl.json", of)
        for mining in ("mining", "mining_unlabelled"):
            print_never_learned(root / mining / "scores.nc", of)
    print_skipped(folder)
    print_written(folder)
    print(f"\n{verdict(read_table(folder / 'reporting' / 'comparison.csv'))}")


def _seed_folders(folder: Path) -> list[Path]:
    """Return the folders of the seeds that the report of a run is about; none where it is about one network."""
    scores = folder / layout.REPORTING / "scores_of_seeds.csv"
    seeds = read_table(scores)["seed"].unique() if scores.is_file() else ()
    return [folder / layout.seed_folder(seed) for seed in seeds]


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
    if not selection.is_file():
        return
    content = read_json(selection, "run the stage selecting again")
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
    images = ranking_table(read_scores(mined))
    ids = images.loc[never_learned_in(images), "id"].tolist()
    if ids:
        found = (
            "no box: the dense network finds no region"
            if is_of_boxes(images)
            else "never learned: the dense network finds nothing of the lesion"
        )
        print(f"{of}{found} in {len(ids)} of {len(images)} mined images, which rank first: {name_first(ids)}")


def print_files(folder: Path, names: tuple[str, ...]) -> None:
    """Print those of the tables ``<name>.csv`` in ``folder`` that are there."""
    tables = {name: read_table(folder / f"{name}.csv") for name in names if (folder / f"{name}.csv").is_file()}
    titles = TITLES | (SEEDS_TITLES if (folder / "scores_of_seeds.csv").is_file() else {})
    if "impact_unlabelled" in tables:
        titles |= UNLABELLED_TITLES
    elif "box_drop" in tables.get("impact", ()):
        titles |= BOX_TITLES
    for name, table in tables.items():
        columns = COLUMNS[name].split() if name in COLUMNS else table.columns
        title = titles[name]
        if name == "groups" and {"group", "n", "n_missing"} <= set(table):
            table = table[(table["group"] != UNKNOWN) | (table["n"] + table["n_missing"] > 0)]
        if name == "groups" and "sparsity" in table and len(table):
            title += f", at sparsity {table['sparsity'].iloc[0]:g}"
        says_nothing = {"note"} if "note" in table and table["note"].isna().all() else set()
        print_table(title, table[[c for c in columns if c in table and c not in says_nothing]])


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
