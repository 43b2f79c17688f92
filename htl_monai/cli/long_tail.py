"""Show what a run of chest_xray forgets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def forgettability(run_dir: str, out: str | None = None) -> None:
    """Show which findings a run of chest_xray forgets first, and which pairs alike.

    Args:
        run_dir: the folder of a run of chest_xray, or one with the folders preparing and seed_0, seed_1 and so on.
        out: the folder for tables and figures; the run's own reporting folder by default.

    Examples:
        htl forgettability runs/chest
    """
    from htl_monai.report.console import print_tables, print_written
    from htl_monai.report.long_tail import write_forgettability

    with _folder_to_fill(run_dir, out, "forgettability") as folder:
        print_tables(write_forgettability(run_dir, folder))
    print_written(folder.resolve())


def pie(run_dir: str, out: str | None = None, sparsity: float = 0.9, share: float = 0.05) -> None:
    """List the test images whose predictions pruning changes most, and what they show.

    Args:
        run_dir: the folder of a run of chest_xray, or one with the folders preparing and seed_0, seed_1 and so on.
        out: the folder for tables and figures; the run's own reporting folder by default.
        sparsity: the fraction of weights that is removed.
        share: the fraction of images that count as forgotten (pruning-identified).

    Examples:
        htl pie runs/chest
        htl pie runs/chest --sparsity 0.8 --share 0.1 --out runs/chest_pies
    """
    from htl_monai.report.console import print_tables, print_written
    from htl_monai.report.long_tail import write_pies

    with _folder_to_fill(run_dir, out, "pie") as folder:
        print_tables(write_pies(run_dir, folder, sparsity, share))
    print_written(folder.resolve())


@contextmanager
def _folder_to_fill(run_dir: str, out: str | None, command: str) -> Iterator[Path]:
    """Have the folder ``out``, or the run's own folder of tables, which nobody else writes into meanwhile."""
    from htl_monai.runs import layout
    from htl_monai.runs.output_folder import locked_folder, output_folder

    reporting = Path(run_dir) / layout.REPORTING
    if out is None or Path(out).resolve() == reporting.resolve():
        with locked_folder(run_dir, command):
            yield reporting
    else:
        with output_folder(out, command) as folder:
            yield folder
