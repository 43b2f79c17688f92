"""Measures how fast thumbnails and properties are made: ``python scripts/benchmark_pictures.py --out FILE``."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmark_table import Row, circumstances, closing_table
from PIL import Image
from rich.console import Console

from htl_monai.data.files import read_json, write_json
from htl_monai.data.images.decoding import LARGE_PIXELS
from htl_monai.data.images.pictures import read_image
from htl_monai.data.images.threads import on_threads
from htl_monai.report.pictures.glance import READ_PIXELS
from htl_monai.report.pictures.write_pictures import write_pictures

_DRAWN = 100


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw pictures and masks, make the thumbnails in a process of its own, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--size", type=int, nargs=2, default=(1024, 768), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--out", type=Path, help="a JSON file for the numbers")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.make:
        print(json.dumps(made(options.make)))
        return
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), options.cases, options.size)
        command = [sys.executable, str(Path(__file__).resolve()), "--make", folder]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    beyond = max(found["making_core"] - found["reading_core"], 1e-9)
    rows = [
        Row("reading pictures and masks, s", [found["reading"]]),
        Row("thumbnails and properties, reading included, s", [found["making"]]),
        Row("reading, s of one core", [found["reading_core"]]),
        Row("thumbnails and properties, reading included, s of one core", [found["making_core"]]),
        Row("cases a second of one core beyond reading", [options.cases / beyond], 100.0),
        Row("peak memory, MiB", [found["peak_mib"]], 2048.0, at_most=True),
        Row("what is written, MiB", [found["written_mib"]]),
    ]
    title = "Thumbnails of {} JPEGs of {} by {} pixels with masks".format(options.cases, *options.size)
    Console().print(closing_table(rows, title))
    if options.out:
        content = {"rows": [row.record() for row in rows], "cases": options.cases, "size": list(options.size)}
        write_json(options.out, content | circumstances(torch.device("cpu")))


def draw(folder: Path, n: int, size: Sequence[int]) -> None:
    """Write some noisy pictures with a dark disc, and a list in which each stands for many cases."""
    width, height = size
    y, x = np.indices((height, width))
    for number in range(min(n, _DRAWN)):
        generator = np.random.default_rng(number)
        disc = np.hypot(x - width / 2, y - height / 2) < height * generator.uniform(0.1, 0.4)
        coarse = generator.normal(0, 30, (height // 8, width // 8, 3))
        pixels = 170 + np.asarray(np.kron(coarse, np.ones((8, 8, 1))))[:height, :width] - 100.0 * disc[..., None]
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.jpg", quality=90)
        Image.fromarray(disc.view(np.uint8) * np.uint8(255)).save(folder / f"{number}.png")
    cases = [
        {"id": f"case_{i}", "image": str(folder / f"{i % _DRAWN}.jpg"), "label": str(folder / f"{i % _DRAWN}.png")}
        for i in range(n)
    ]
    write_json(folder / "cases.json", cases)


def made(folder: Path) -> dict[str, Any]:
    """Read all pictures and masks, then make the thumbnails of all cases, on as many threads.

    The processor's time is counted too: other work on the machine does not change it much.
    """
    cases = read_json(folder / "cases.json", "draw them again", list)
    times = [(time.perf_counter(), time.process_time())]
    for _ in on_threads(_read, cases, "reading", progress=False):
        pass
    times.append((time.perf_counter(), time.process_time()))
    path = write_pictures(folder, cases, [], {})
    times.append((time.perf_counter(), time.process_time()))
    if None in read_json(path, "look at unreadable")["thumbnails"]["of"].values():
        raise RuntimeError("every case must have a thumbnail, got one without; see cases.json")
    reading, making = np.diff(times, axis=0).tolist()
    seconds = {"reading": reading[0], "reading_core": reading[1], "making": making[0], "making_core": making[1]}
    written = sum(file.stat().st_size for file in path.parent.iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds | {"peak_mib": peak, "written_mib": written / 2**20}


def _read(case: dict[str, Any]) -> None:
    read_image(case["image"], READ_PIXELS)
    read_image(case["label"], LARGE_PIXELS)


if __name__ == "__main__":
    main()
