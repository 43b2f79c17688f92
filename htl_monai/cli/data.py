"""Look at a data set, or draw one."""

from __future__ import annotations

from typing import Any


def check(data: str, columns: dict[str, Any] | None = None, decode: bool = True, masks: bool = True) -> None:
    """Report problems that would break a training.

    Missing pairs, unreadable files, empty masks, duplicates; and how much of the metadata is known.

    Args:
        data: a CSV file or a folder with data.csv, one with the folders images and masks, one in the ISIC-2017 or
            ISIC-2018 Task 3 layout or above both, or one with the label files of NIH- or MIMIC-CXR-LT.
        columns: for a CSV, our names to its names, such as id=case_no,label=mask or 'classes=["A","B"]'
        decode: open every image and mask; --nodecode looks at names and metadata only.
        masks: report images without mask; --nomasks for a data set that has none on purpose.

    Examples:
        htl data check DATA
        htl data check DATA/table.csv --columns id=case_no,label=mask
    """
    from htl_monai.data.preparation.check import check_data
    from htl_monai.data.readers.datalists import load_datalists
    from htl_monai.report.console import say
    from htl_monai.report.printed_table import print_table

    findings = "classes" in (columns or {})
    report = check_data(load_datalists(data, columns, "keep", False, say, findings), decode, masks, progress=True)
    print_table("Images", report.counts.rename_axis("split").reset_index())
    print_table("Metadata known", report.coverage.rename_axis("column").reset_index())
    problems = report.table()
    print_table("Problems", problems.drop(columns="ids"))
    for kind, ids in problems.loc[~problems["fatal"], ["kind", "ids"]].to_numpy():
        print(f"{kind}: {ids}")
    for problem in [problem for problem in report.problems if problem.fatal][:20]:
        print(f"{problem.split} {problem.id}: {problem.detail}")
    if not report.ok:
        raise SystemExit("The data has problems that must be fixed before a training (fatal above).")
    print("No fatal problem.")


def phantom(
    out: str,
    training: int = 200,
    validation: int = 40,
    test: int = 80,
    unlabelled: int = 0,
    size: tuple[int, int] = (96, 128),
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

    Examples:
        htl data phantom --out data/drawn --training 100
    """
    from htl_monai.phantoms.lesion_phantom import write_phantom
    from htl_monai.runs.output_folder import output_folder

    counts = {"training": training, "validation": validation, "test": test, "unlabelled": unlabelled}
    with output_folder(out, "data phantom"):
        print(write_phantom(out, counts, size, seed, progress=True))


def xray_phantom(
    out: str,
    training: int = 600,
    validation: int = 120,
    test: int = 400,
    size: tuple[int, int] = (64, 64),
    seed: int = 0,
) -> None:
    """Draw chest X-rays whose rare findings, hard images and wrong labels are known.

    Args:
        out: the folder to fill, in the layout of NIH-CXR-LT.
        training: images of the training split.
        validation: images of the validation split.
        test: images of the test split.
        size: height and width in pixels.
        seed: the only source of randomness.

    Examples:
        htl data xray-phantom --out data/drawn_chest
    """
    from htl_monai.phantoms.xray_phantom import write_xray_phantom
    from htl_monai.runs.output_folder import output_folder

    counts = {"training": training, "validation": validation, "test": test}
    with output_folder(out, "data xray-phantom"):
        print(write_xray_phantom(out, counts, size, seed, progress=True))
