"""Measures time and memory of joining the scores of many seeds: ``python scripts/benchmark_scores.py --out FILE``."""

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

import numpy as np
import torch
from benchmark_table import Row, circumstances, closing_table
from rich.console import Console

from htl_monai.analysis.average_precision import average_precision
from htl_monai.data.files import write_json
from htl_monai.ranking.pie_spearman import class_order_lost
from htl_monai.ranking.pie_taxicab import taxicab
from htl_monai.scores import at_level, join_seeds, make_scores, write_scores

FULL_SIZE = (30, 20, 21081, 20)  # seeds, levels, samples, classes: NIH-CXR-LT's test set
PIE_LEVEL = 0.9


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw one file a seed, analyse them in a process of its own, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--shape", type=int, nargs=4, default=FULL_SIZE, metavar=("SEEDS", "LEVELS", "SAMPLES", "CLASSES")
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--analyse", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.analyse:
        print(json.dumps(analysed(options.analyse)))
        return
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        sizes = [draw(Path(folder), seed, options.shape).stat().st_size for seed in range(options.shape[0])]
        written = time.perf_counter() - start
        command = [sys.executable, str(Path(__file__).resolve()), "--analyse", folder]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    rows = [
        Row("drawing and writing a file, s", [written / len(sizes)]),
        Row("a file, MiB", [size / 2**20 for size in sizes]),
        Row("joining, s", [found["joining"]]),
        Row("average precision of each seed, level and class, s", [found["average precision"]]),
        Row("PIEs (probabilities averaged over the seeds, rank correlation), s", [found["PIEs"]]),
        Row("peak memory, MiB", [found["peak_mib"]], 4096.0, at_most=True),
    ]
    Console().print(closing_table(rows, "Scores of {} seeds, {} levels, {} samples, {} classes".format(*options.shape)))
    if options.out:
        content = {"rows": [row.record() for row in rows], "shape": list(options.shape)}
        write_json(options.out, content | circumstances(torch.device("cpu")))


def draw(folder: Path, seed: int, shape: Sequence[int]) -> Path:
    """Write predictions that lose the labels, of a long tail, as the level grows."""
    _, n_levels, n_samples, n_classes = shape
    labels = np.random.default_rng(0).random((n_samples, n_classes)) < np.geomspace(0.2, 0.002, n_classes)
    levels = np.linspace(0, 0.95, n_levels)
    generator = np.random.default_rng(seed + 1)
    values = generator.random((n_samples, n_levels, n_classes), dtype=np.float32)
    values += labels[:, None, :] * (1 - levels[:, None]).astype(np.float32)
    ids = [f"{i:08d}_000.png" for i in range(n_samples)]
    variables = {"probability": values / 2, "label": (("sample", "class"), labels.astype(np.int8))}
    data = [{"id": id_, "subject": id_[:8], "age": 50} for id_ in ids]
    return write_scores(
        folder / f"{seed}.nc", make_scores(data, ids, variables, levels, [f"class {c}" for c in range(n_classes)])
    )


def analysed(folder: Path) -> dict[str, float]:
    """Join the files and go over all their numbers; the join reads none of them before."""
    times = [time.perf_counter()]
    scores = join_seeds({int(path.stem): path for path in sorted(folder.glob("*.nc"), key=lambda path: int(path.stem))})
    times.append(time.perf_counter())
    labels = scores["label"].values
    precision = np.stack([average_precision(labels, of_seed.values) for of_seed in scores["probability"]])
    times.append(time.perf_counter())
    dense, pruned = (at_level(scores, level)["probability"].mean("seed").values for level in (0.0, PIE_LEVEL))
    pies = class_order_lost(dense, pruned), taxicab(dense, pruned)
    times.append(time.perf_counter())
    if np.isnan(precision).any() or np.isnan(pies).any():
        raise RuntimeError("average precision and PIEs must be numbers, got NaN; draw more samples")
    seconds = dict(zip(("joining", "average precision", "PIEs"), np.diff(times).tolist(), strict=True))
    return seconds | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    main()
