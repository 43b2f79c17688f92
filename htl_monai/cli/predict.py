"""Use a trained model."""

from __future__ import annotations

import sys
from pathlib import Path

from htl_monai.cli.swapped import refuse_swapped
from htl_monai.cli.threads_of_torch import use_free_cores

__all__ = ["predict"]


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
