"""The report as one HTML page, drawn by its own scripts, with no request to anyone."""

from htl_monai.report.page.write_page import write_page

__all__ = ["write_page"]
