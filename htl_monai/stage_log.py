"""Sends what the libraries say while a stage runs to its log file instead of the screen."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

__all__ = ["stage_log"]


@contextlib.contextmanager
def stage_log(path: Path | None) -> Iterator[None]:
    """Write log records, warnings and standard output to ``path`` inside a ``with`` block; None changes nothing.

    Standard error stays: progress bars are drawn there.
    """
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    root, level = logging.getLogger(), logging.getLogger().level
    with path.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        _drop_console_handlers()
        try:
            yield
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
            root.setLevel(level)
            _drop_console_handlers()  # those made meanwhile hold the file, which is closed now


def _drop_console_handlers() -> None:
    """Let MONAI's and Ignite's loggers speak through the root logger only; some bring a handler of standard output."""
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] in ("monai", "ignite") and isinstance(logger, logging.Logger):
            for handler in [handler for handler in logger.handlers if type(handler) is logging.StreamHandler]:
                logger.removeHandler(handler)
            logger.propagate = True
