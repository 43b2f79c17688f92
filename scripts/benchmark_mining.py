"""Measures mining and training as the configs declare them against what the network alone allows."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from benchmark_folded import levels_rows, volumes_rows
from benchmark_loops import (
    bare_epoch,
    bundle_workflow,
    forward_limit,
    interleaved,
    reload_for_each_sparsity,
    timed_epochs,
)
from benchmark_memory import mining_memory
from benchmark_run import Bench, add_common_arguments, closed, settle_common_arguments, started
from benchmark_table import Row, rounded
from monai.bundle import ConfigWorkflow
from numpy.typing import NDArray

from htl_monai.data.files import write_json
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import Item
from htl_monai.engines.precision import fastest_precision
from htl_monai.networks.weights import load_weights
from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.pruning import Sweep
from htl_monai.ranking.forgetting_table import forgetting_table
from htl_monai.scores import read_scores

CPU_OVERLAY = "sizes/cpu.json"
SELECTING_SPARSITY = 0.7
SCORE = "foreground_iou_pruned"
FOLDED: dict[str, Any] = {"folded": True}
VALIDATION_SHARE = 0.075  # 150 to 2000, as in ISIC-2017


@dataclass
class MiningBench(Bench):
    """What the measurements share, the images and the entries that all workflows are given."""

    items: list[Item] = field(default_factory=list)
    entries: dict[str, Any] = field(default_factory=dict)

    def workflow(self, run_id: str, name: str, **entries: Any) -> ConfigWorkflow:
        """Return a workflow of the bundle that writes into a folder of its own, the trained network included."""
        places = {"output_dir": str(self.folder / name), "network_path": str(self.folder / name / "network.pt")}
        return bundle_workflow(run_id, self.options.overlay, {**self.entries, **places, **entries})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements, print the table and write it."""
    options = _parse(arguments)
    with started(options, MiningBench) as bench:
        prepare(bench)
        rows = [row for part in options.parts for row in PARTS[part](bench)]
        entries = {key: value for key, value in bench.entries.items() if not key.endswith(("_dir", "_path"))}
        bench.details["entries"] = entries
        closed(bench, rows, "Mining and training")


def prepare(bench: MiningBench) -> None:
    """Choose the images and the trained network; draw and train them where none are given."""
    options, count = bench.options, bench.options.images
    n_validation = max(1, round(count * VALIDATION_SHARE))
    data = options.data
    if data is None:
        bench.say(f"drawing {count} phantom images of 192 x 256 pixels")
        counts = {"training": count, "validation": n_validation, "test": 0}
        data = write_phantom(bench.folder / "phantom", counts, size=(192, 256))
    datalists = load_datalists(data)
    chosen = {"training": datalists["training"][:count], "validation": datalists["validation"][:n_validation]}
    write_json(bench.folder / "data.json", {**chosen, "test": []})
    bench.items = chosen["training"]
    bench.entries = {
        "dataset_dir": str(bench.folder / "data.json"),
        "device": f"$torch.device({options.device!r})",
        "dense_path": str(options.weights or bench.folder / "brief" / "network.pt"),
    }
    if options.quick:
        bench.entries |= {"spatial_size": [32, 32], "batch_size": 8, "num_workers": 0}
    named = f"{len(bench.items)} images of {'the phantom' if options.data is None else Path(options.data).name}"
    if options.weights is None:
        epochs = 2 if options.quick else 10
        bench.say(f"training a network on them for {epochs} epochs, since no --weights are given")
        bench.workflow("training", "brief", max_epochs=epochs, milestones=[epochs - epochs // 4]).run()
        bench.notes.append(f"measured on {named}, with a network trained for {epochs} epochs on them only")
    else:
        bench.notes.append(f"measured on {named}, with the trained network {Path(options.weights).name}")


def mining_rows(bench: MiningBench) -> list[Row]:
    """Mining against the forward limit and against reloading for each sparsity; bf16 against fp32 where it is fast."""
    precision = fastest_precision(bench.device)
    bench.say(f"mining in {precision}")
    mining = bench.workflow("mining", precision, precision=precision)
    entry = mining.parser.get_parsed_content
    sparsities, loader = entry("sparsities"), entry("mine#dataloader")
    network = copy.deepcopy(entry("network"))  # mining loads the weights of its own anew, which ends a sweep over them
    load_weights(network, bench.entries["dense_path"])
    sweep = Sweep(network, entry("pruner"), sparsities)
    images = [batch["image"].to(bench.device).contiguous(memory_format=torch.channels_last) for batch in loader]
    scores: list[NDArray[np.float64]] = []

    def reloading() -> None:
        scores.append(reload_for_each_sparsity(network, loader, sparsities, entry("inferer"), bench.device))

    contenders = {
        "mining": mining.run,
        "limit": lambda: forward_limit(network, sweep, images, precision),
        "reloading": reloading,
        "folded": bench.workflow("mining", "folded", precision=precision, **FOLDED).run,
    }
    if precision == "bf16":
        contenders["fp32"] = bench.workflow("mining", "fp32", precision="fp32").run
    else:
        bench.notes.append("bf16 is not measured: this device has no instructions for it")
    taken = interleaved(contenders, bench.options.repeats, bench.device, bench.say)
    speed = {name: len(bench.items) / np.array(seconds) for name, seconds in taken.items()}
    bench.details["load_average"] = {"mining": taken.load}
    table = _forgetting(bench, precision)
    mined = table[SCORE].to_numpy().reshape(-1, len(sparsities))
    difference = float(np.nanmax(np.abs(mined - scores[-1][:, 1:])))
    forwards = f"dense + {len(sparsities)} pruned forwards, {precision}"
    rows = [
        Row(f"forward limit ({forwards}), images/s", speed["limit"]),
        Row(f"mining from JPEG, {precision}, images/s", speed["mining"]),
        Row("mining / forward limit", speed["mining"] / speed["limit"], 0.90),
        Row(f"reloading for each sparsity, {precision}, images/s", speed["reloading"]),
        Row("mining / reloading", speed["mining"] / speed["reloading"]),
        Row("largest difference of a pruned foreground IoU, mining and reloading", [difference]),
    ]
    rows += _folded_rows(speed, taken.ratio("folded", "limit"), _spread(table, _forgetting(bench, "folded")), precision)
    return [*rows, *(_precision_rows(bench, table, speed) if precision == "bf16" else ())]


def _folded_rows(
    speed: Mapping[str, NDArray[np.float64]], of_processors: NDArray[np.float64], spread: Spread, precision: str
) -> list[Row]:
    return [
        Row(f"mining folded from JPEG, {precision}, images/s", speed["folded"]),
        Row("mining folded / forward limit", speed["folded"] / speed["limit"], 1.05),
        Row("the same in seconds of processors", of_processors, 1.05),
        Row("mining folded / mining", speed["folded"] / speed["mining"]),
        Row(f"mean difference of a pruned foreground IoU, folded and not, {precision}", [spread.mean], 1e-3, True),
        Row(f"largest difference of a pruned foreground IoU, folded and not, {precision}", [spread.largest]),
        Row(f"Spearman of forgetting at {SELECTING_SPARSITY:.0%}, folded and not", [spread.spearman], 0.999),
    ]


def _precision_rows(bench: MiningBench, table: pd.DataFrame, speed: Mapping[str, NDArray[np.float64]]) -> list[Row]:
    bench.workflow("mining", "folded_fp32", precision="fp32", **FOLDED).run()
    exact, folded = _forgetting(bench, "fp32"), _spread(_forgetting(bench, "fp32"), _forgetting(bench, "folded_fp32"))
    spearman, spread = _spearman(table, exact), _spread(table, exact)
    bench.details["spearman_by_sparsity"] = {f"{key:g}": rounded(value) for key, value in spearman.items()}
    return [
        Row("mining from JPEG, fp32, images/s", speed["fp32"]),
        Row("mining, bf16 / fp32", speed["mining"] / speed["fp32"], 1.4),
        Row(f"Spearman of forgetting at {SELECTING_SPARSITY:.0%}, bf16 and fp32", [spearman[SELECTING_SPARSITY]], 0.99),
        Row("mean difference of a pruned foreground IoU, bf16 and fp32", [spread.mean]),
        Row("largest difference of a pruned foreground IoU, bf16 and fp32", [spread.largest]),
        Row("largest difference of a pruned foreground IoU, folded and not, fp32", [folded.largest], 1e-3, True),
        Row("least Spearman of forgetting at a sparsity, folded and not, fp32", [folded.least_spearman], 0.999),
    ]


class Spread(NamedTuple):
    """How far the scores of two tables of the same images are apart."""

    mean: float
    largest: float
    spearman: float
    least_spearman: float


def _spread(table: pd.DataFrame, other: pd.DataFrame) -> Spread:
    difference, spearman = (table[SCORE] - other[SCORE]).abs(), _spearman(table, other)
    return Spread(difference.mean(), difference.max(), spearman[SELECTING_SPARSITY], min(spearman.values()))


def _forgetting(bench: MiningBench, name: str) -> pd.DataFrame:
    return forgetting_table(read_scores(bench.folder / name / "mining" / "scores.nc"))


def training_rows(bench: MiningBench) -> list[Row]:
    """The training that the configs declare against a bare loop over tensors in memory."""
    epochs = {"max_epochs": bench.options.repeats + 1}
    bare = bench.workflow("training", "bare")
    transform, batch_size = (bare.parser.get_parsed_content(name) for name in ("validate#preprocessing", "batch_size"))
    samples = [transform(item) for item in bench.items]
    images, labels = (torch.stack([sample[key] for sample in samples]).to(bench.device) for key in ("image", "label"))
    # As many whole batches as an epoch of the configs has.
    count = len(images) // batch_size * batch_size or len(images)
    speed = {}
    unchanged = {"_target_": "monai.engines.default_prepare_batch", "_mode_": "callable"}
    for name, entries in {"whole": {}, "plain": {"train#augmentation": unchanged, "val_interval": 10**6}}.items():
        bench.say("training" if name == "whole" else "training without augmentation and validation")
        ours = bench.workflow("training", f"training_{name}", **epochs, **entries)
        taken = timed_epochs(ours, lambda: bare_epoch(bare, images[:count], labels[:count]), bench.device, bench.say)
        speed[name] = [count / np.array(seconds) for seconds in taken]
    bench.notes.append(
        "the bare training loop has the same network, loss, optimizer, batch and precision; it leaves out decoding and "
        "caching, augmentation, validation, checkpoints and logs; ours does all but the caching, which comes before "
        f"its first epoch; {VALIDATION_SHARE:.1%} of the training images' number validates each epoch"
    )
    return [
        Row("bare training loop, images/s", speed["whole"][1]),
        Row("training as configured, images/s", speed["whole"][0]),
        Row("training / bare loop", speed["whole"][0] / speed["whole"][1], 0.90),
        Row("the same without augmentation and validation", speed["plain"][0] / speed["plain"][1]),
    ]


def memory_rows(bench: MiningBench) -> list[Row]:
    """Peak memory of mining few and many small images, with masks and without."""
    few, many = (20, 60) if bench.options.quick else (1000, 10000)
    entries = {**bench.entries, "spatial_size": [32, 32]}
    rows = []
    for kind, unlabelled in (("images", False), ("unlabelled images", True)):
        bench.say(f"peak memory of mining {few} and {many} {kind} of 32 x 32 pixels")
        small, large = mining_memory(
            (few, many), bench.items[:200], unlabelled, bench.options.overlay, entries, bench.folder, bench.say
        )
        bench.details.setdefault("memory", {})[kind] = [small, large]
        ratio = large["peak_mib"] / small["peak_mib"]
        rows += [
            Row(f"peak memory, mining {few} {kind}, MiB", [small["peak_mib"]]),
            Row(f"peak memory, mining {many} {kind}, MiB", [large["peak_mib"]]),
            Row(f"peak memory, {many} / {few} {kind}", [ratio], 1.10, at_most=True),
        ]
        if small["worker_peak_mib"] is not None:
            worker_ratio = large["worker_peak_mib"] / small["worker_peak_mib"]
            rows.append(Row(f"the same of a loader's worker, {kind}", [worker_ratio], 1.10, at_most=True))
    return rows


PARTS: dict[str, Callable[[MiningBench], list[Row]]] = {
    "mining": mining_rows,
    "levels": levels_rows,
    "volumes": volumes_rows,
    "training": training_rows,
    "memory": memory_rows,
}


def _spearman(table: pd.DataFrame, other: pd.DataFrame) -> dict[float, float]:
    """Return the rank correlation of the forgetting scores in two tables of the same images, by sparsity."""
    return {
        sparsity: float(rows["forgetting"].corr(other.loc[rows.index, "forgetting"], method="spearman"))
        for sparsity, rows in table.groupby("sparsity")
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="data set with training and validation images; without it a phantom is drawn")
    parser.add_argument("--weights", help="the trained network; without it one is trained briefly on the images")
    parser.add_argument("--images", type=int, help="number of images to mine and to train on (default: 256)")
    add_common_arguments(parser, list(PARTS), CPU_OVERLAY)
    options = parser.parse_args(arguments)
    options.images = options.images or (16 if options.quick else 256)
    settle_common_arguments(options, CPU_OVERLAY)
    return options


if __name__ == "__main__":
    main()
