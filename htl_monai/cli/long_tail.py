"""Show what a run of chest_xray forgets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["forgettability", "pie"]


def forgettability(run_dir: str, out: str | None = None) -> None:
    """Show which findings a run of chest_xray forgets first, and which pairs alike.

    Args:
        run_dir: the folder of a run of chest_xray, or one with the folders preparing and seed_0, seed_1 and so on.
        out: the folder for tables and figures; the run's own reporting folder by default.

    Examples:
        htl forgettability runs/chest
    """
    from htl_monai.report.console import print_written
    from htl_monai.report.long_tail_console import print_long_tail
    from htl_monai.report.long_tail_summary import write_forgettability

    folder = Path(out or Path(run_dir) / "reporting")
    print_long_tail(write_forgettability(run_dir, folder))
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
    from htl_monai.report.console import print_written
    from htl_monai.report.long_tail_console import print_long_tail
    from htl_monai.report.long_tail_summary import write_pies

    folder = Path(out or Path(run_dir) / "reporting")
    print_long_tail(write_pies(run_dir, folder, sparsity, share))
    print_written(folder.resolve())
