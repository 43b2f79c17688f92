"""Writes what a stage has to say of itself to its log file, and keeps what libraries say from it and the screen."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["NOWHERE", "stage_log"]

NOWHERE = Path(os.devnull)
"""The file for what libraries say of themselves."""

_PACKAGE = Path(__file__).parents[1]
logger = logging.getLogger(_PACKAGE.name)


@contextlib.contextmanager
def stage_log(path: Path | None) -> Iterator[None]:
    """Add to the log file ``path`` inside a ``with`` block; None changes nothing.

    It gets losses, metrics and whatever else this package logs, this package's warnings, errors of anybody, the
    traceback of what ends the block, and standard output. What MONAI, Ignite and other libraries report of themselves
    goes nowhere. Standard error stays: progress is shown there.
    """
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file), _quiet_libraries():
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        handler.addFilter(_is_worth_keeping)
        logging.root.addHandler(handler)
        try:
            yield
        except Exception:
            logger.exception("the stage failed")
            raise
        finally:
            logging.root.removeHandler(handler)


def _is_worth_keeping(record: logging.LogRecord) -> bool:
    ours = record.name.partition(".")[0] == _PACKAGE.name
    is_interrupt = "terminating due to exception" in record.getMessage()  # Ignite's, of what is logged here anyway
    return ours or (record.levelno >= logging.ERROR and not is_interrupt)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Log what this package says and warns of; let no other logger speak by handlers of its own."""
    level, show = logger.level, warnings.showwarning
    logger.setLevel(logging.INFO)
    warnings.showwarning = _log_own_warning
    _drop_console_handlers()
    try:
        yield
    finally:
        warnings.showwarning = show
        logger.setLevel(level)
        _drop_console_handlers()  # those made meanwhile hold the file, which is closed now


def _log_own_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """Log a warning that code of this package gave; its file name tells no more than who is to blame."""
    frame = sys._getframe(1)
    while frame.f_back is not None and Path(frame.f_code.co_filename).stem == "warnings":
        frame = frame.f_back
    if Path(frame.f_code.co_filename).is_relative_to(_PACKAGE):
        logger.warning("%s", message)


def _drop_console_handlers() -> None:
    """Let MONAI's and Ignite's loggers speak through the root logger only; some bring a handler of standard output."""
    for name, found in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] in ("monai", "ignite") and isinstance(found, logging.Logger):
            for handler in [handler for handler in found.handlers if type(handler) is logging.StreamHandler]:
                found.removeHandler(handler)
            found.propagate = True
