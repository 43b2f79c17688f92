"""Shows on standard error how far long work is: a bar where a person watches, a line now and then where none does."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
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
) -> tqdm[Any] | ProgressLines:
    """Return something to iterate over, or to ``update``, that shows how far the work is.

    Args:
        items: what is worked on; None where ``update`` is called by hand, inside a ``with`` block.
        total: how many there are.
        title: the words in front.
        unit: what is counted, in the singular.
        initial: how many were done at an earlier time.
        show: False shows nothing.
    """
    if not show or shows_bars():
        return tqdm(items, desc=title, total=total, initial=initial, unit=unit, file=sys.stderr, disable=not show)
    return ProgressLines(items, total=total, title=title, unit=unit, initial=initial)


class ProgressLines:
    """What a bar tells, as lines that a log file can hold: at most one each half minute, and one at the end.

    Work that took less and has no figures, such as a loss, says nothing.

    Its arguments are those of :func:`progress_bar`; a process that was started by another puts its own name before the
    title.
    """

    def __init__(
        self,
        items: Iterable[Any] | None = None,
        *,
        total: int,
        title: str,
        unit: str = "image",
        initial: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        is_child = multiprocessing.parent_process() is not None
        self.title = f"{multiprocessing.current_process().name}, {title}" if is_child else title
        self.total, self.unit, self.initial = total, unit, initial
        self.n = self._told = initial
        self._items, self._clock, self._note = items, clock, ""
        self._start = self._last = clock()

    def __iter__(self) -> Iterator[Any]:
        for item in self._items or ():
            yield item
            self.update()
        self.close()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()

    def set_postfix_str(self, text: str, refresh: bool = False) -> None:
        """Add a word to the lines that follow, such as the loss."""
        self._note = text

    def update(self, n: int = 1) -> None:
        """Count ``n`` more."""
        self.n += n
        if self._clock() - self._last >= _INTERVAL_S:
            self._tell()

    def close(self) -> None:
        """Tell how far it came, unless the last line did, or the work was short and has nothing to tell."""
        if self.n != self._told and (self._note or self._told != self.initial):
            self._tell()

    def _tell(self) -> None:
        self._last, self._told = self._clock(), self.n
        left = (self._last - self._start) / max(self.n - self.initial, 1) * (self.total - self.n)
        parts = [f"{self.title}: {self.n} of {self.total} {self.unit}s", self._note]
        parts.append(f"about {_in_words(left)} left" if self.n < self.total else "")
        sys.stderr.write(", ".join(filter(None, parts)) + "\n")  # in one piece, where several processes write
        sys.stderr.flush()


def _in_words(seconds: float) -> str:
    """Return a duration as a person would say it.

    Example:
        >>> _in_words(42.3), _in_words(150), _in_words(3 * 3600 + 130)
        ('42 s', '3 min', '3 h 2 min')
    """
    minutes = -(-seconds // 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 60 else f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
