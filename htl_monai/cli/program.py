"""The command line ``htl``: checks the words, then calls a command and turns its errors into sentences."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from htl_monai import __version__
from htl_monai.cli import audit, data, long_tail, predict, rank, reader_study, report, run
from htl_monai.cli.arguments import UsageError, read_arguments, split_command
from htl_monai.cli.command import find_commands, in_words
from htl_monai.cli.help import command_help, overview
from htl_monai.cli.stop_signals import Stopped, stoppable

COMMANDS = {
    "demo": run.demo,
    "run": run.run,
    "audit": audit.audit,
    "report": report.report,
    "predict": predict.predict,
    "rank": rank.rank,
    "forgettability": long_tail.forgettability,
    "pie": long_tail.pie,
    "data": {"check": data.check, "phantom": data.phantom, "xray_phantom": data.xray_phantom},
    "reader_study": {"make": reader_study.make, "analyse": reader_study.analyse},
}
"""What ``htl`` can do; a group of commands is a dict."""

_ABOUT = {
    (): "Find the images that a medical model never really learned, by pruning it; fine-tune on them; see whether "
    "that helped.",
    ("data",): data.__doc__ or "",
    ("reader_study",): reader_study.__doc__ or "",
}


def main() -> None:
    """Run ``htl``; an error is a sentence on standard error and exit code 1, or 2 where the command line is wrong."""
    try:
        with stoppable():
            _run(sys.argv[1:])
    except UsageError as error:
        for problem in error.problems:
            print(f"htl: {problem}", file=sys.stderr)
        print(f"See: {error.name} --help", file=sys.stderr)
        raise SystemExit(2) from error
    except (KeyError, ValueError, OSError, RuntimeError, FloatingPointError, TypeError, ImportError) as error:
        if os.environ.get("HTL_DEBUG"):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        for line in str(message).splitlines() or [type(error).__name__]:
            print(f"htl: {line}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as stop:
        goes_on = sys.argv[1:2] in (["run"], ["demo"])
        hint = "goes on from the last checkpoint" if goes_on else "starts anew"
        print(f"htl: stopped; the same command {hint}", file=sys.stderr)
        raise SystemExit(128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)) from None


def _run(words: Sequence[str]) -> None:
    commands = {command.path: command for command in find_commands(COMMANDS)}
    path, rest = split_command(COMMANDS, words)
    if not path and rest[:1] == ["--version"]:
        print(f"htl {__version__}")
    elif {"-h", "--help"} & set(rest) or not rest and path not in commands:
        known = list(commands.values())
        print(command_help(commands[path]) if path in commands else overview(known, path, _ABOUT[path]))
    elif path not in commands:
        name = in_words(path)
        means_version = not path and rest[0].lower().lstrip("-")[:3] in ("v", "ver")
        hint = "did you mean --version?" if means_version else "options come after it"
        raise UsageError([f"a command must follow {name}, got {rest[0]}; {hint}"], name)
    else:
        command = commands[path]
        texts = read_arguments(command, rest)
        command.function(**{name: command.options[name].read(text) for name, text in texts.items()})
