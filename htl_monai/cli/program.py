"""The command line ``htl``: parses, calls, prints."""

from __future__ import annotations

import os
import sys

import fire

from htl_monai.cli import data, long_tail, reader_study, run, trained_model

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "demo": run.demo,
    "run": run.run,
    "mine": trained_model.mine,
    "evaluate": trained_model.evaluate,
    "predict": trained_model.predict,
    "forgettability": long_tail.forgettability,
    "pie": long_tail.pie,
    "data": {"check": data.check, "phantom": data.phantom, "xray_phantom": data.xray_phantom},
    "reader_study": {"make": reader_study.make, "analyse": reader_study.analyse},
}
"""What ``htl`` can do; a group of commands is a dict."""


def main() -> None:
    """Run ``htl``; an error that a user can mend is one sentence on standard error and exit code 1."""
    try:
        fire.Fire(COMMANDS, name="htl")
    except (KeyError, ValueError, OSError, RuntimeError, FloatingPointError, TypeError, ImportError) as error:
        if os.environ.get("HTL_DEBUG"):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"htl: {message}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        print("htl: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        raise SystemExit(130) from None
