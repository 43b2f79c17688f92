"""Use a trained model: mine with it, score it, localize with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from htl_monai.cli.pairs import with_columns
from htl_monai.cli.swapped import refuse_swapped
from htl_monai.cli.threads_of_torch import use_free_cores

__all__ = ["evaluate", "mine", "predict"]


def mine(
    model: str,
    data: str,
    out: str,
    split: str = "training",
    columns: dict[str, Any] | None = None,
    sparsities: list[float] | None = None,
    overlay: list[str] | None = None,
    set: dict[str, Any] | None = None,
) -> None:
    """Rank images by what a trained model forgets of them when it is pruned.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint. A bundle of
            yours (./my_bundle) runs as code; a run or a checkpoint is data.
        data: a CSV file or a folder with data.csv, one with the folders images and masks, or one in the ISIC-2017 or
            ISIC-2018 Task 3 layout or above both; with masks, or with diagnoses for a model that localizes by heat
            maps. Each image is opened first.
        out: the folder for ranking.csv, scores.nc and the tables made from them.
        split: training, validation, test, unlabelled or all.
        columns: for a CSV, our names to its names, such as id=case_no,label=mask
        sparsities: fractions of weights to remove, such as 0.5,0.7; the bundle's by default.
        overlay: config files applied on top of the bundle's; several with commas. One of yours runs as code:
            ./mine.json
        set: config entries to replace, such as num_workers=0; skip_unusable=true leaves out images that cannot be used

    Examples:
        htl mine lesion_localization DATA --out runs/mined
        htl mine runs/mine DATA --out runs/mined --split test --sparsities 0.5,0.7
    """
    use_free_cores()
    from htl_monai.report.console import print_files, print_never_learned, print_notes, print_written, say
    from htl_monai.runs.single_stage import mine_with

    refuse_swapped(model, data)
    changes = with_columns(set, columns)
    if sparsities is not None:
        if changes.setdefault("sparsities", sparsities) != sparsities:
            raise ValueError("sparsities must be given once, got them in --set too; leave one of them out")
    folder = mine_with(model, data, out, split, overlay or (), changes, True, say)
    print_files(folder, ("impact", "groups"))
    print_never_learned(folder / "scores.nc")
    print_notes(folder / "notes.csv")
    print_written(folder)


def evaluate(
    model: str,
    data: str,
    out: str,
    split: str = "test",
    columns: dict[str, Any] | None = None,
    overlay: list[str] | None = None,
    set: dict[str, Any] | None = None,
) -> None:
    """Score a trained model on a data set with masks, image by image.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint. A bundle of
            yours (./my_bundle) runs as code; a run or a checkpoint is data.
        data: a CSV file or a folder with data.csv, one with the folders images and masks, or one in the ISIC-2017
            layout or above it. Each image is opened first.
        out: the folder for scores.csv and scores.nc.
        split: training, validation, test or all.
        columns: for a CSV, our names to its names, such as id=case_no,label=mask
        overlay: config files applied on top of the bundle's; several with commas. One of yours runs as code:
            ./mine.json
        set: config entries to replace, such as num_workers=0; skip_unusable=true leaves out images that cannot be used

    Examples:
        htl evaluate lesion_localization DATA --out runs/scores
        htl evaluate runs/mine DATA --out runs/scores --split validation
    """
    use_free_cores()
    from htl_monai.analysis.means import mean_scores
    from htl_monai.report.console import print_written, say
    from htl_monai.report.printed_table import print_table
    from htl_monai.runs.single_stage import evaluate_with
    from htl_monai.scores import read_scores

    refuse_swapped(model, data)
    folder = evaluate_with(model, data, out, split, overlay or (), with_columns(set, columns), True, say)
    print_table(f"Scores on {split}", mean_scores({Path(model).stem: read_scores(folder / "scores.nc")}))
    print_written(folder)


def predict(model: str, images: str, out: str, device: str = "cpu", batch_size: int = 8) -> None:
    """Localize lesions in pictures: a mask, an overlay and a box for each.

    Reads PNG, JPEG, TIFF, NIfTI and DICOM. A model that classifies is asked where it looks: then there is a heat map,
    too, and the class.

    Args:
        model: a bundle (lesion_localization, lesion_weak_localization), a run's folder, or a checkpoint. A bundle of
            yours (./my_bundle) runs as code; a run or a checkpoint is data.
        images: a picture, or a folder with its subfolders.
        out: the folder for the results.
        device: cpu, cuda or cuda:N.
        batch_size: pictures at once.

    Examples:
        htl predict lesion_localization IMAGES --out runs/predicted
        htl predict runs/mine scan.dcm --out runs/predicted --device cuda
    """
    use_free_cores()
    from htl_monai.clinic.predict import predict as predict_images
    from htl_monai.report.printed_table import print_table

    refuse_swapped(model, images, "images")
    table = predict_images(model, images, out, device=device, batch_size=batch_size, progress=True)
    failed = table[table["error"].notna()]
    print_table("Predictions", table.drop(columns="error").head(20))
    print(f"{len(table) - len(failed)} of {len(table)} images done, written to {Path(out).resolve()}")
    if len(failed):
        for row in failed.itertuples():
            print(f"skipped: {row.error}", file=sys.stderr)
        raise SystemExit(f"{len(failed)} of {len(table)} images could not be done: they are named above.")
