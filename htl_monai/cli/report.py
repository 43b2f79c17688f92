"""Make the page to look at."""

from __future__ import annotations

from htl_monai.cli.threads_of_torch import use_free_cores


def report(folder: str, out: str | None = None, hardest: int = 24, by: str | None = None) -> None:
    """Make one page of a run or an audit, finished or not: the hardest cases, for whom it fails, what helped.

    Args:
        folder: of the run or the audit.
        out: the page; report.html in the folder by default.
        hardest: how many of the hardest cases are shown with their pictures.
        by: the ranking that orders the cases, such as expected_error; see htl rank --list.

    Examples:
        htl report runs/demo
        htl report runs/audit --by expected_error --out report.html
    """
    use_free_cores()
    from htl_monai.report.console import say
    from htl_monai.report.made_report import make_report
    from htl_monai.runs.output_folder import locked_folder
    from htl_monai.runs.stage_log import NOWHERE, stage_log

    with locked_folder(folder, "report"), stage_log(NOWHERE):
        page = make_report(folder, out, hardest, by, progress=True)
    say(f"Report: {page}")
