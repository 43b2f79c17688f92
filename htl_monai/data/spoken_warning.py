"""Warns the person at the screen while a stage runs."""

from __future__ import annotations

import logging
import sys

__all__ = ["warn"]


def warn(sentence: str) -> None:
    """Say a sentence in the log, and on standard error beside the progress bars."""
    logging.getLogger(__name__).warning(sentence)
    print(f"warning: {sentence}", file=sys.stderr, flush=True)
