"""Feeds damaged pictures, tables, JSON files and checkpoints to the package, and reports what it does not take well.

A damaged input may be read, or refused with one sentence of a documented type. It must not end in another error, hang,
run what it holds, or write anything outside of the output folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz_data import Case, clear, damaged_checkpoint, damaged_json, damaged_table
from fuzz_pictures import damaged_picture, read_damaged_picture, sound_pictures

from htl_monai.clinic.predict import predict
from htl_monai.models.bundles import own_bundles

DOCUMENTED = (FileNotFoundError, KeyError, OSError, TypeError, ValueError)
BATCH = 50
_RUNNING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "pty.spawn")
_WRITING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


@dataclass
class Guard:
    """Notes through Python's audit events what runs programs, and what is written outside of ``allowed``."""

    allowed: Path
    active: bool = False
    seen: list[str] = field(default_factory=list)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        writes = event in _WRITING or (event == "open" and _opens_to_write(*arguments[1:3]))
        path = str(arguments[0]) if arguments else ""
        if event in _RUNNING or (writes and not self._may_write(path)):
            self.seen.append(f"{event} {path}")

    def _may_write(self, path: str) -> bool:
        # Bytecode of a module that is imported for the first time is Python's own business.
        return "__pycache__" in path or path == os.devnull or path.isdigit() or Path(path).is_relative_to(self.allowed)


def _opens_to_write(mode: str | None, flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) if mode is None else bool(set(mode) & set("wax+"))


class TooLongError(BaseException):
    """A case took longer than its limit; no handler of errors may swallow it."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop a ``with`` block after some seconds."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Fuzzer:
    """Runs cases and counts how they end.

    Args:
        root: a folder of its own; cases write into ``root/out`` alone.
        limit_s: seconds that a case may take.
    """

    root: Path
    limit_s: float
    guard: Guard
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def marker(self) -> Path:
        """The file that a payload would make."""
        return self.root / "executed"

    def run(self, name: str, case: Callable[[], object]) -> None:
        """Run one case and note what is wrong with its ending."""
        fault = ""
        self.guard.active = True
        try:
            with at_most(self.limit_s), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case()
            self.endings["read"] += 1
        except TooLongError:
            fault = f"took more than {self.limit_s:g} s"
        except BaseException as error:  # whatever comes is looked at
            fault = _fault(error)
            self.endings["refused"] += not fault
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
        finally:
            self.guard.active = False
        if self.marker.exists():
            fault = f"{fault} ran its payload"
            self.marker.unlink()
        for event in self.guard.seen:
            fault = f"{fault} did {event}"
        self.guard.seen.clear()
        if fault:
            self.faults.append(f"{name}: {fault.strip()}")


def _fault(error: BaseException) -> str:
    """Say what is wrong with an error; empty where it is one documented sentence."""
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if type(error) not in (*DOCUMENTED, PermissionError, IsADirectoryError):
        frames = traceback.extract_tb(error.__traceback__)
        last = ([frame for frame in frames if "htl_monai" in frame.filename] or frames)[-1]
        return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {message[:200]!r}"
    # Such a sentence says what must be, what is, and, after a semicolon, what to do.
    if len(message.strip().splitlines()) != 1 or len(message) > 2000 or ";" not in message:
        return f"{type(error).__name__} is no one sentence: {message[:300]!r}"
    return ""


def fuzz(kind: str, count: int, seed: int, fuzzer: Fuzzer) -> None:
    """Run ``count`` cases of one kind, each with a generator of its own."""
    inputs = fuzzer.root / "inputs" / kind
    makers = {"csv": damaged_table, "json": damaged_json, "checkpoints": damaged_checkpoint}
    sound = sound_pictures()
    model = _model_folder(fuzzer.root)
    for number in range(count):
        if number % BATCH == 0:
            clear(inputs)
        rng = random.Random(f"{seed} {kind} {number}")
        if kind == "pictures":
            path = damaged_picture(rng, sound, inputs, number)
            fuzzer.run(f"{kind} {number} {path.name}", lambda path=path, rng=rng: read_damaged_picture(path, rng))
            if number % BATCH == BATCH - 1 or number == count - 1:
                fuzzer.run(f"{kind} up to {number} in a batch", lambda: _predicted(model, inputs, fuzzer.root / "out"))
        else:
            case: Case = makers[kind](rng, inputs, fuzzer.marker)
            fuzzer.run(f"{kind} {number}", case)


def _model_folder(root: Path) -> Path:
    """Return a bundle around a network of one convolution."""
    import torch

    folder = root / "model"
    if not folder.is_dir():
        (folder / "configs").mkdir(parents=True)
        (folder / "models").mkdir()
        shipped = own_bundles()["lesion_localization"] / "configs" / "inference.json"
        config = json.loads(shipped.read_text(encoding="utf-8"))
        config["spatial_size"] = [32, 48]
        config["network_def"] = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 2, "kernel_size": 1}
        (folder / "configs" / "inference.json").write_text(json.dumps(config), encoding="utf-8")
        (folder / "configs" / "metadata.json").write_text("{}", encoding="utf-8")
        torch.manual_seed(0)
        torch.save(torch.nn.Conv2d(3, 2, 1).state_dict(), folder / "models" / "model.pt")
    return folder


def _predicted(model: Path, images: Path, out: Path) -> None:
    table = predict(model, images, out, progress=False)
    assert len(table) == len(list(images.iterdir())), "a picture is missing from the table"
    assert not table["error"].dropna().str.contains("\n").any(), "an error is more than one line"


@contextmanager
def _standard_error_in(path: Path) -> Iterator[Path]:
    """Send to a file what decoders in C and the package print as they meet damaged files."""
    sys.stderr.flush()
    before = os.dup(2)
    with path.open("w") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield path
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz all kinds, print how the cases ended and what was wrong; return the number of faults."""
    kinds = ("pictures", "csv", "json", "checkpoints")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="cases of each kind")
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=float, default=20, help="seconds that a case may take")
    options = parser.parse_args(arguments)
    total = 0
    with tempfile.TemporaryDirectory() as name, _standard_error_in(Path(name) / "stderr.txt") as said:
        root = Path(name).resolve()
        guard = Guard(root / "out")
        sys.addaudithook(guard)
        for kind in options.kinds:
            start, fuzzer = time.process_time(), Fuzzer(root, options.limit, guard)
            fuzz(kind, options.count, options.seed, fuzzer)
            ends, seconds = fuzzer.endings, time.process_time() - start
            print(f"{kind}: {options.count} cases, {ends['read']} read, {ends['refused']} refused, ", end="")
            print(f"{len(fuzzer.faults)} faults, {seconds:.0f} s")
            for fault in fuzzer.faults:
                print(f"  {fault}")
            total += len(fuzzer.faults)
        if "Traceback" in said.read_text(errors="replace"):
            print(f"  a traceback was printed: {said.read_text(errors='replace').partition('Traceback')[2][:2000]}")
            total += 1
    return total


if __name__ == "__main__":
    raise SystemExit(min(main(), 1))
