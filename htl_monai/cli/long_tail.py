"""Show what a run of chest_xray forgets."""

from __future__ import annotations

from pathlib import Path

from htl_monai.report.console import print_written

__all__ = ["forgettability", "pie"]


def forgettability(run_dir: str, out: str = "") -> None:
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


def pie(run_dir: str, out: str = "", sparsity: float = 0.9, share: float = 0.05) -> None:
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
