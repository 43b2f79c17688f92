"""Warns the person at the screen while a stage runs."""

from __future__ import annotations

from htl_monai.data.spoken_warning import warn
from htl_monai.tasks.usefulness import ADVICE

__all__ = ["warn_of_useless"]


def warn_of_useless(network: str, reason: str | None, after: str) -> None:
    """Say in the log, and on standard error beside the progress bars, that a network is of no use; None says nothing.

    Args:
        network: its name in the sentence.
        reason: of :mod:`htl_monai.tasks.usefulness`.
        after: when it was looked at.
    """
    if reason is not None:
        warn(f"{after}: {network} {reason}; {ADVICE}")
