"""Works on the images of a data list on some threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from htl_monai.data.progress_bar import progress_bar

S = TypeVar("S")
T = TypeVar("T")


def on_threads(
    work: Callable[[S], T], items: Iterable[S], title: str, progress: bool, workers: int | None = None
) -> Iterator[T]:
    """Yield ``work`` of each item, in order; at most a few images are in memory at once."""
    items = list(items)
    with ThreadPoolExecutor(max_workers=max(1, workers or min(8, os.cpu_count() or 1))) as pool:
        yield from progress_bar(pool.map(work, items), total=len(items), title=title, show=progress)
