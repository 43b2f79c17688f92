"""The command line as a function that returns its exit code and what it printed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from htl_monai.cli import main


@pytest.fixture
def htl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run ``htl`` with these words; return the exit code, standard output and standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["htl", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run
