"""Ask readers, blinded, whether the images that pruning forgets are mislabelled, of low quality, or difficult."""

from __future__ import annotations

from pathlib import Path


def make(run_dir: str, out: str, count: int = 20, readers: int = 6) -> None:
    """Write a sheet for each reader: forgotten images and others, shuffled, without names.

    Args:
        run_dir: the folder of a run of chest_xray, in which htl pie has listed the forgotten images.
        out: the folder for the sheets (HTML, and CSV for those who would rather type) and the key.
        count: forgotten images, and as many others.
        readers: how many sheets, each in an order of its own.

    Examples:
        htl reader-study make RUN --out study
        htl reader-study make RUN --out study --readers 3
    """
    from htl_monai.report.console import print_written
    from htl_monai.report.reader_study_kit import make_reader_study
    from htl_monai.runs.output_folder import output_folder

    with output_folder(out, "reader-study make"):
        print_written(make_reader_study(run_dir, out, count, readers))


def analyse(study: str, ratings: list[str], out: str) -> None:
    """Compare the ratings of forgotten images and others.

    By mixed models, with the reader and the case as random effects.

    Args:
        study: the folder that make wrote.
        ratings: the filled-in CSV files with commas between, or a folder of them.
        out: the folder for tables and figure.

    Examples:
        htl reader-study analyse study study/ratings --out study/results
    """
    from htl_monai.report.console import print_written
    from htl_monai.report.printed_table import print_table
    from htl_monai.report.reader_study_kit import analyse_reader_study
    from htl_monai.runs.output_folder import output_folder

    with output_folder(out, "reader-study analyse"):
        tables = analyse_reader_study(study, ratings, out)
    for name, table in tables.items():
        if name != "ratings" and len(table):
            print_table(name.replace("_", " "), table)
    print_written(Path(out).resolve())
