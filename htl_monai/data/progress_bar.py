"""Shows on standard error how far long work is: a bar where a person watches, a line now and then where none does."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

_INTERVAL_S = 30.0


def shows_bars(wanted: bool = True) -> bool:
    """Tell whether progress is shown as bars: it is wanted, and this process alone draws on a terminal."""
    return wanted and sys.stderr.isatty() and multiprocessing.parent_process() is None


def progress_bar(
    items: Iterable[Any] | None = None,
    *,
    total: int,
    title: str,
    unit: str = "image",
    initial: int = 0,
    show: bool = True,
) -> tqdm[Any]:
    """Return something to iterate over, or to ``update``, that shows how far the work is.

    Where nobody watches, it is a line each half minute that a log file can hold, and none of shorter work; a process
    that was started by another puts its own name before the title.

    Args:
        items: what is worked on; None where ``update`` is called by hand, inside a ``with`` block.
        total: how many there are.
        title: the words in front.
        unit: what is counted, in the singular.
        initial: how many were done at an earlier time.
        show: False shows nothing.
    """
    options: dict[str, Any] = {"desc": title, "total": total, "initial": initial, "unit": unit, "disable": not show}
    if shows_bars():
        return tqdm(items, file=sys.stderr, **options)
    if multiprocessing.parent_process() is not None:
        options["desc"] = f"{multiprocessing.current_process().name}, {title}"
    words = "{desc}: {n_fmt} of {total_fmt} {unit}s{postfix}, {remaining} left"
    options |= {"mininterval": _INTERVAL_S, "maxinterval": _INTERVAL_S, "delay": _INTERVAL_S, "miniters": 1}
    return tqdm(items, file=_Lines(), bar_format=words, **options)


class _Lines:
    """A file that makes a line of each state of a bar, in one piece, where several processes write."""

    def __init__(self) -> None:
        self._last = ""

    def write(self, text: str) -> None:
        line = text.strip()
        if line and line != self._last:
            sys.stderr.write(f"{line}\n")
            self._last = line

    def flush(self) -> None:
        sys.stderr.flush()
