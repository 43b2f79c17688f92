"""Use a trained model: mine with it, score it, localize with it."""

from __future__ import annotations

import sys
from pathlib import Path

from htl_monai.cli.pairs import read_names, read_numbers, read_pairs
from htl_monai.report.console import is_terminal, print_files, print_table, print_written, say

__all__ = ["evaluate", "mine", "predict"]


def mine(model: str, data: str, out: str, sparsities: str = "", overlay: str = "", set: str = "") -> None:
    """Rank the training images of a data set by what a trained model forgets of them when it is pruned.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint.
        data: a folder in the ISIC-2017 or ISIC-2018 Task 3 layout or above both, a folder with data.csv, or a CSV
            file; with masks, or with diagnoses for a model that localizes by heat maps.
        out: the folder for forgetting.csv and the tables made from it.
        sparsities: fractions of weights to remove, such as 0.5,0.7; the bundle's by default.
        overlay: config files laid upon the bundle's; several with commas.
        set: config entries to replace.
    """
    from htl_monai.single_stage import mine_with

    changes = read_pairs(set)
    if sparsities != "":
        changes["sparsities"] = read_numbers(sparsities)
    overlays = read_names(overlay)
    folder = mine_with(model, data, out, overlays, changes, is_terminal(), say)
    print_files(folder, ("impact", "groups"))
    print_written(folder)


def evaluate(model: str, data: str, out: str, split: str = "test", overlay: str = "", set: str = "") -> None:
    """Score a trained model on a data set with masks, image by image.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint.
        data: a folder in the ISIC-2017 layout or above it, a folder with data.csv, or a CSV file.
        out: the folder for scores.csv.
        split: training, validation or test.
        overlay: config files laid upon the bundle's; several with commas.
        set: config entries to replace.
    """
    import pandas as pd

    from htl_monai.report.summary import mean_scores
    from htl_monai.single_stage import evaluate_with

    overlays = read_names(overlay)
    folder = evaluate_with(model, data, out, split, overlays, read_pairs(set), is_terminal(), say)
    scores = pd.read_csv(folder / "scores.csv", dtype={"id": str})
    print_table(f"Scores on {split}", mean_scores({Path(model).stem: scores}))
    print_written(folder)


def predict(model: str, images: str, out: str, device: str = "cpu", batch_size: int = 8) -> None:
    """Localize lesions: a mask, an overlay picture and a box for each PNG, JPEG, TIFF, NIfTI or DICOM image.

    A model that classifies is asked where it looks: then there is a heat map, too, and the class.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint.
        images: a picture, or a folder with its subfolders.
        out: the folder for the results.
        device: cpu, cuda or cuda:N.
        batch_size: pictures at once.
    """
    from htl_monai.deploy.predict import predict

    table = predict(model, images, out, device=device, batch_size=batch_size, progress=is_terminal())
    failed = table[table["error"].notna()]
    print_table("Predictions", table.drop(columns="error").head(20))
    print(f"{len(table) - len(failed)} of {len(table)} images done, written to {Path(out).resolve()}")
    if len(failed):
        for row in failed.itertuples():
            print(f"skipped: {row.error}", file=sys.stderr)
        raise SystemExit(f"{len(failed)} images could not be read (named above).")
