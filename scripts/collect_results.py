"""Copies the small result tables of a run into results/, with their provenance in one file."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pandas as pd

from htl_monai.data.files import read_table, write_csv, write_json

# Of a selection, what it says image by image.
_OF_IMAGES = ("data", "hardness", "never_learned")

TABLES = ("scores", "comparison", "impact", "impact_unlabelled", "groups", "detection")


def collect(run: Path, out: Path) -> None:
    """Copy the closing tables, the course of the training and the list of hard images of ``run`` into ``out``."""
    for name in TABLES:
        if (run / "reporting" / f"{name}.csv").is_file():
            write_csv(out / f"{name}.csv", _rounded(read_table(run / "reporting" / f"{name}.csv")))
    for stage in ("training", "finetuning_htl", "finetuning_random"):
        write_csv(out / f"epochs_{stage}.csv", _rounded(read_table(run / stage / "epochs.csv")))
    if (run / "preparing" / "near_duplicates.csv").is_file():
        write_csv(out / "near_duplicates.csv", read_table(run / "preparing" / "near_duplicates.csv"))
    if (run / "pseudo_labelling").is_dir():
        pseudo_labels = read_table(run / "pseudo_labelling" / "pseudo_labels.csv")
        summary = pseudo_labels[["confidence", "area_px"]].describe().rename_axis("statistic").reset_index()
        write_csv(out / "pseudo_labels.csv", _rounded(summary))
    sparsity = read_table(run / "mining" / "sparsity.csv")
    write_csv(out / "sparsity.csv", _rounded(sparsity[sparsity["layer"] == "all"]))
    hard = json.loads((run / "selecting" / "htl.json").read_text(encoding="utf-8"))
    write_csv(out / "htl.csv", pd.DataFrame(hard["data"]).drop(columns=["image", "label"], errors="ignore"))
    stages = {path.parent.name: _record(path) for path in sorted(run.glob("*/provenance.json"))}
    selection = {key: value for key, value in hard.items() if key not in _OF_IMAGES}
    write_json(out / "provenance.json", {"selection": selection, "stages": stages})


def collect_seeds(run: Path, out: Path) -> None:
    """Copy all tables and figures of a ``run`` of several seeds, the course of its trainings and the sparsities."""
    for path in sorted((run / "reporting").glob("*.csv")):
        write_csv(out / path.name, _rounded(read_table(path).drop(columns="image", errors="ignore")))
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for path in sorted((run / "reporting" / "figures").iterdir()):
        shutil.copyfile(path, out / "figures" / path.name)
    write_csv(out / "ranking_training.csv", _without_paths(run / "selecting" / "ranking.csv"))
    for name in ("epochs", "sparsity"):
        write_csv(out / f"{name}.csv", _rounded(_of_stages(sorted(run.glob(f"seed_*/*/{name}.csv")))))
    records = {path.parent.relative_to(run).as_posix(): path for path in sorted(run.glob("**/provenance.json"))}
    stages = {stage: _record(path) for stage, path in records.items()}
    first = next(stage.split("/")[0] for stage in stages if "/" in stage)
    for stage, record in stages.items():
        if "/" in stage and not stage.startswith(f"{first}/"):
            del record["settings"]  # those of the first seed, but for the seed
    write_json(out / "provenance.json", {"stages": stages})


def _without_paths(path: Path) -> pd.DataFrame:
    return _rounded(read_table(path).drop(columns="image", errors="ignore"))


def _of_stages(paths: list[Path]) -> pd.DataFrame:
    """Return the tables of many stages as one; of a table by layer, the rows of the whole network."""
    parts = []
    for path in paths:
        table = read_table(path)
        table = table[table["layer"] == "all"] if "layer" in table else table
        table.insert(0, "stage", path.parent.name)
        table.insert(0, "seed", path.parents[1].name.removeprefix("seed_"))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _record(path: Path) -> dict[str, object]:
    record = json.loads(path.read_text(encoding="utf-8"))
    config = record.pop("config")
    record["settings"] = {key: value for key, value in config.items() if not isinstance(value, dict)}
    return record


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.round(6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("out", type=Path, help="such as results/isic2017_supervised")
    arguments = parser.parse_args()
    several_seeds = any(arguments.run.glob("seed_*"))
    (collect_seeds if several_seeds else collect)(arguments.run, arguments.out)
