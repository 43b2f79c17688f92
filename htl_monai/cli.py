"""The command line ``htl``: parses, calls, prints."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import fire

from htl_monai.report.console import is_terminal, print_files, print_run, print_table, print_written

__all__ = ["Commands", "main"]


class Data:
    """Look at a data set, or draw one."""

    def check(self, data: str, columns: str = "", decode: bool = True, masks: bool = True) -> None:
        """Report what would spoil a training: missing pairs, unreadable files, empty masks, duplicates, unknown ages.

        Args:
            data: a folder in the ISIC-2017 or ISIC-2018 Task 3 layout or above both, one with the label files of NIH-
                or MIMIC-CXR-LT, a folder with data.csv, or a CSV file.
            columns: for a CSV, our names to its names, such as id=image_id,label=mask
            decode: open every image and mask; --nodecode looks at names and metadata only.
            masks: report images without mask; --nomasks for a data set that has none on purpose.
        """
        from htl_monai.data.check import check_data
        from htl_monai.data.datalists import load_datalists

        datalists = load_datalists(data, _pairs(columns) or None, on_missing="keep", unique_ids=False)
        report = check_data(datalists, decode, masks, progress=is_terminal())
        print_table("Images", report.counts.rename_axis("split").reset_index())
        print_table("Metadata known", report.coverage.rename_axis("column").reset_index())
        print_table("Problems", report.table())
        for problem in [problem for problem in report.problems if problem.fatal][:20]:
            print(f"{problem.split} {problem.id}: {problem.detail}")
        if not report.ok:
            raise SystemExit("The data has problems that must be mended before a training (fatal above).")
        print("No fatal problem.")

    def phantom(
        self,
        out: str,
        training: int = 200,
        validation: int = 40,
        test: int = 80,
        unlabelled: int = 0,
        size: str = "96,128",
        seed: int = 0,
    ) -> None:
        """Draw a dermoscopy-like data set whose hard images are known.

        Args:
            out: the folder to fill.
            training: images of the training split.
            validation: images of the validation split.
            test: images of the test split.
            unlabelled: images without mask.
            size: height and width in pixels.
            seed: the only source of randomness.
        """
        from htl_monai.data.phantom import write_phantom

        height, width = (int(part) for part in re.findall(r"\d+", str(size)))
        counts = {"training": training, "validation": validation, "test": test, "unlabelled": unlabelled}
        print(write_phantom(out, counts, (height, width), seed, progress=is_terminal()))

    def xray_phantom(
        self, out: str, training: int = 600, validation: int = 120, test: int = 400, size: str = "64,64", seed: int = 0
    ) -> None:
        """Draw chest X-rays with several findings each, some of them rare, whose hard and mislabelled ones are known.

        Args:
            out: the folder to fill, in the layout of NIH-CXR-LT.
            training: images of the training split.
            validation: images of the validation split.
            test: images of the test split.
            size: height and width in pixels.
            seed: the only source of randomness.
        """
        from htl_monai.data.xray_phantom import write_xray_phantom

        height, width = (int(part) for part in re.findall(r"\d+", str(size)))
        counts = {"training": training, "validation": validation, "test": test}
        print(write_xray_phantom(out, counts, (height, width), seed, progress=is_terminal()))


class ReaderStudy:
    """Ask readers, blinded, whether the images that pruning forgets are mislabelled, of low quality, or difficult."""

    def make(self, run_dir: str, out: str, count: int = 20, readers: int = 6, seed: int = 0) -> None:
        """Write one sheet a reader from a run of chest_xray: forgotten images and others, shuffled, without names.

        Args:
            run_dir: the run's folder.
            out: the folder for the sheets (HTML, and CSV for those who would rather type) and the key.
            count: forgotten images, and as many others.
            readers: how many sheets, each in an order of its own.
            seed: of the choice and the orders.
        """
        from htl_monai.report.reader_study_kit import make_reader_study

        print_written(make_reader_study(run_dir, out, count, readers, seed))

    def analyse(self, study: str, ratings: str, out: str) -> None:
        """Compare the ratings of forgotten images and others by mixed models with the reader and the case as random.

        Args:
            study: the folder that make wrote.
            ratings: the filled-in CSV files with commas between, or a folder of them.
            out: the folder for tables and figure.
        """
        from htl_monai.report.reader_study_kit import analyse_reader_study

        tables = analyse_reader_study(study, _names(ratings), out)
        for name, table in tables.items():
            if name != "ratings" and len(table):
                print_table(name.replace("_", " "), table.drop(columns="note", errors="ignore"))
        for row in tables["differences"].itertuples():
            if row.note:
                print(f"note: {row.question}: {row.note}")
        print_written(Path(out).resolve())


class Commands:
    """Find the images that a medical model never really learned, by pruning it; fine-tune on them; see if it helped.

    Start with: htl demo
    """

    def __init__(self) -> None:
        self.data = Data()
        self.reader_study = ReaderStudy()

    def demo(self, out: str = "runs/demo", setting: str = "supervised", seed: int = 0) -> None:
        """Run everything on drawn images whose hard ones are known (a few minutes on two CPU cores).

        Args:
            out: the run's folder; the drawn images lie in its folder phantom.
            setting: supervised, semi_supervised, weakly_supervised or chest_xray.
            seed: of the images and of the run.
        """
        from htl_monai.demo import run_demo

        _close(setting, run_demo(out, setting, seed, progress=is_terminal(), say=_say))

    def run(
        self,
        setting: str,
        data: str,
        out: str,
        overlay: str = "",
        seed: int | None = None,
        seeds: str = "",
        set: str = "",
    ) -> None:
        """Train, prune, mine, select, fine-tune (on hard and on random images), evaluate, compare.

        Killed at any moment, the same command goes on where it stopped; what is done is skipped.

        Args:
            setting: supervised (masks), semi_supervised (masks, and images without), weakly_supervised (diagnoses, and
                masks of the test images) or chest_xray (several findings an image, several seeds).
            data: a folder in the ISIC-2017 layout, a folder above it and one in the ISIC-2018 Task 3 layout (images
                without masks, with diagnoses), one with the label files of NIH- or MIMIC-CXR-LT above the images, a
                folder with data.csv, or a CSV file.
            out: the run's folder.
            overlay: config files laid upon the bundle's, such as settings/cpu.json; several with commas.
            seed: replaces the configs' seed.
            seeds: of chest_xray, the seeds to train: 0:30 for 0 to 29, or 0,3,7; five by default.
            set: config entries to replace, such as max_epochs=10,spatial_size=[96,128]
        """
        from htl_monai.workflow import run_setting

        overlays, several = _names(overlay), None if seeds == "" else _seeds(seeds)
        _close(setting, run_setting(setting, data, out, overlays, seed, _pairs(set), is_terminal(), _say, several))

    def mine(self, model: str, data: str, out: str, sparsities: str = "", overlay: str = "", set: str = "") -> None:
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

        changes = _pairs(set)
        if sparsities != "":
            changes["sparsities"] = _numbers(sparsities)
        overlays = _names(overlay)
        folder = mine_with(model, data, out, overlays, changes, is_terminal(), _say)
        print_files(folder, ("impact", "groups"))
        print_written(folder)

    def evaluate(self, model: str, data: str, out: str, split: str = "test", overlay: str = "", set: str = "") -> None:
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

        overlays = _names(overlay)
        folder = evaluate_with(model, data, out, split, overlays, _pairs(set), is_terminal(), _say)
        scores = pd.read_csv(folder / "scores.csv", dtype={"id": str})
        print_table(f"Scores on {split}", mean_scores({Path(model).stem: scores}))
        print_written(folder)

    def forgettability(self, run_dir: str, out: str = "") -> None:
        """Show from a run of chest_xray which classes are forgotten first, and which pairs of classes alike.

        Args:
            run_dir: the run's folder, or one with the folders preparing and seed_0, seed_1 and so on.
            out: the folder for tables and figures; the run's own reporting folder by default.
        """
        from htl_monai.report.long_tail_console import print_long_tail
        from htl_monai.report.long_tail_summary import write_forgettability

        folder = Path(out or Path(run_dir) / "reporting")
        print_long_tail(write_forgettability(run_dir, folder))
        print_written(folder.resolve())

    def pie(self, run_dir: str, out: str = "", sparsity: float = 0.9, share: float = 0.05) -> None:
        """List from a run of chest_xray the test images whose predictions pruning changes most, and whom they show.

        Args:
            run_dir: the run's folder, or one with the folders preparing and seed_0, seed_1 and so on.
            out: the folder for tables and figures; the run's own reporting folder by default.
            sparsity: the fraction of weights that is removed.
            share: the fraction of images that count as forgotten (pruning-identified).
        """
        from htl_monai.report.long_tail_console import print_long_tail
        from htl_monai.report.long_tail_summary import write_pies

        folder = Path(out or Path(run_dir) / "reporting")
        print_long_tail(write_pies(run_dir, folder, sparsity, share))
        print_written(folder.resolve())

    def predict(self, model: str, images: str, out: str, device: str = "cpu", batch_size: int = 8) -> None:
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


def main() -> None:
    """Run ``htl``; an error that a user can mend is one sentence on standard error and exit code 1."""
    try:
        fire.Fire(Commands(), name="htl")
    except (KeyError, ValueError, OSError, RuntimeError, FloatingPointError, TypeError, ImportError) as error:
        if os.environ.get("HTL_DEBUG"):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"htl: {message}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        print("htl: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        raise SystemExit(130) from None


def _close(setting: str, folder: Path) -> None:
    """Print what a run ends with."""
    if setting == "chest_xray":
        from htl_monai.report.long_tail_console import print_long_tail_run

        print_long_tail_run(folder)
    else:
        print_run(folder)


def _pairs(text: Any) -> dict[str, Any]:
    """Read ``key=value,…``; a value is JSON where it parses as such, else text; commas in brackets do not part."""
    parts = [part for part in re.split(r",(?![^\[{]*[\]}])", _as_text(text)) if part]
    wrong = [part for part in parts if "=" not in part]
    if wrong:
        raise ValueError(f"settings must be key=value pairs with commas between, got {wrong[0]!r}; write key=value")
    return {key.strip(): _value(value.strip()) for key, value in (part.split("=", 1) for part in parts)}


def _value(text: str) -> Any:
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except json.JSONDecodeError:
        return text


def _names(text: Any) -> list[str]:
    return [name for name in _as_text(text).split(",") if name]


def _numbers(values: Any) -> list[float]:
    return [float(part) for part in _names(values)]


def _seeds(values: Any) -> list[int]:
    """Read ``0:30``, ``3`` or ``0,3,7``."""
    found: list[int] = []
    for part in _names(values):
        if not re.fullmatch(r"\d+(:\d+)?", part):
            raise ValueError(f"seeds must be numbers from 0 or ranges such as 0:30, got {part!r}; write 0:5 or 0,3,7")
        first, _, end = part.partition(":")
        found += range(int(first), int(end)) if end else [int(first)]
    return found


def _as_text(value: Any) -> str:
    """Undo what fire makes of ``a,b``: a tuple."""
    return ",".join(str(part) for part in value) if isinstance(value, (list, tuple)) else str(value)


def _say(message: str) -> None:
    print(message, flush=True)
