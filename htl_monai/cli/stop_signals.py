"""Lets a command that is asked to end do so as by Ctrl-C, so that no half-written file stays."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Stopped(KeyboardInterrupt):
    """The process was asked to end by a signal, as a batch system or a terminal that is closed does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Raise :class:`Stopped` inside the block at SIGTERM or SIGHUP, where these would end the process at once.

    A signal that is ignored stays so: under ``nohup`` a closed terminal ends nothing.
    """
    if threading.current_thread() is not threading.main_thread():  # others may not set what a signal does
        yield
        return
    process = os.getpid()

    def stop(number: int, _: Any) -> None:
        if os.getpid() == process:
            raise Stopped(number)
        signal.signal(number, signal.SIG_DFL)  # a forked worker of a data loader ends as workers do
        os.kill(os.getpid(), number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
