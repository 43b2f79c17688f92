"""Intervals, p-values and corrections that hold for what is resampled: seeds, subjects, classes; they know no file."""

from __future__ import annotations
