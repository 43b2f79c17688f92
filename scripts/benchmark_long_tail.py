"""Measures the sweep over sparsities of the chest X-ray bundle, and the analysis of its predictions."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmark_long_tail_analysis import analysis_measured
from benchmark_long_tail_loops import decode_for_each_sparsity
from benchmark_loops import bundle_workflow, forward_limit, interleaved
from benchmark_run import Bench, add_common_arguments, closed, settle_common_arguments, started
from benchmark_table import Row

from htl_monai.data.files import write_json
from htl_monai.data.images.image_cache import ImageCache
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import Item
from htl_monai.networks.weights import load_weights
from htl_monai.phantoms.xray_phantom import write_xray_phantom
from htl_monai.scores import read_scores

BUNDLE = "chest_xray_long_tail"
CPU_OVERLAY = "sizes/cpu_chest.json"
FULL_SIZE = (30, 20, 21081, 20)  # seeds, sparsities, images, classes: NIH-CXR-LT's test set
SECONDS, MIB, DIFFERENCE = 120.0, 4096.0, 1e-6
OTHERS = 48  # images of training and validation, so that the network can be trained for an epoch


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all measurements, print the table and write it."""
    options = _parse(arguments)
    with started(options, Bench) as bench:
        rows = [row for part in options.parts for row in PARTS[part](bench)]
        closed(bench, rows, "Long-tailed chest X-rays")


def sweep_rows(bench: Bench) -> list[Row]:
    """The stage mining against the forward limit and against decoding and evaluating once for each sparsity."""
    items, entries = prepare(bench)
    mining = bundle_workflow("mining", bench.options.overlay, entries, BUNDLE)
    entry = mining.parser.get_parsed_content
    sparsities, size, precision = entry("sparsities"), tuple(entry("spatial_size")), entry("precision")
    prepare_batch, inferer, batch_size = entry("validate#prepare_batch"), entry("inferer"), entry("batch_size")
    network = copy.deepcopy(entry("single_network"))  # mining loads its own weights anew, which ends a sweep over them
    load_weights(network, entries["dense_path"])
    sweep = entry("pruner").sweep(network.eval(), sparsities)
    images = [
        prepare_batch(batch, bench.device)[0].contiguous(memory_format=torch.channels_last)
        for batch in entry("mine#dataloader")
    ]
    looped: list[np.ndarray[Any, Any]] = []
    rounds = iter(range(10**6))

    def decoding_first() -> None:
        ImageCache(bench.folder / f"cache_{next(rounds)}", size).fill(items, bench.options.workers)
        mining.run()

    def looping() -> None:
        looped.append(
            decode_for_each_sparsity(
                network,
                items,
                sparsities,
                inferer,
                prepare_batch,
                size,
                batch_size,
                bench.device,
                bench.options.workers,
            )
        )

    contenders: dict[str, Callable[[], Any]] = {
        "mining": mining.run,
        "limit": lambda: forward_limit(network, sweep, images, precision),
        "decoding and mining": decoding_first,
        "looping": looping,
    }
    taken = interleaved(contenders, bench.options.repeats, bench.device, bench.say)
    speed = {name: len(items) / np.array(seconds) for name, seconds in taken.items()}
    mined = read_scores(Path(entry("stage_dir")) / "scores.nc")["probability"].values
    bench.notes.append(
        "mining reads the cache, prunes, scores, and writes scores.nc and sparsity.csv; decoded first, it also "
        "fills the cache, which all seeds, sparsities and stages share; the loop decodes the files for each sparsity "
        f"with {bench.options.workers} workers, as the public code does, and writes nothing"
    )
    return [
        Row(f"forward limit (dense + {len(sparsities)} pruned, {precision}), images/s", speed["limit"]),
        Row("mining from the cache, images/s", speed["mining"]),
        Row("mining from the cache / forward limit", speed["mining"] / speed["limit"], 0.90),
        Row("decoding once and mining, images/s", speed["decoding and mining"]),
        Row("decoding once and mining / forward limit", speed["decoding and mining"] / speed["limit"]),
        Row("decoding and evaluating for each sparsity, images/s", speed["looping"]),
        Row("mining from the cache / evaluating for each sparsity", speed["mining"] / speed["looping"]),
        Row("decoding once and mining / evaluating for each sparsity", speed["decoding and mining"] / speed["looping"]),
        Row("largest difference of a probability, mining and loop", [float(np.abs(mined - looped[-1]).max())]),
    ]


def prepare(bench: Bench) -> tuple[list[Item], dict[str, Any]]:
    """Choose the images and train the network for one epoch; return the images to mine and the config entries."""
    options, data = bench.options, bench.options.data
    if data is None:
        bench.say(f"drawing {options.images} phantom images of {options.size[0]} x {options.size[1]} pixels")
        counts = {"training": OTHERS, "validation": OTHERS, "test": options.images}
        data = write_xray_phantom(bench.folder / "phantom", counts, size=tuple(options.size))
        named = f"phantom images of {options.size[0]} x {options.size[1]} pixels"
    else:
        named = f"images of {Path(data).name}"
    found = load_datalists(data, findings=True)
    few = {name: found[name][:OTHERS] for name in ("training", "validation")}
    lists = {**few, "test": found["test"][: options.images], "unlabelled": []}
    write_json(bench.folder / "data.json", {"classes": found.classes, **lists})
    entries = {
        "dataset_dir": str(bench.folder / "data.json"),
        "output_dir": str(bench.folder / "run"),
        "dense_path": str(options.weights or bench.folder / "run" / "dense.pt"),
        "device": f"$torch.device({options.device!r})",
        "num_workers": options.workers,
    }
    if options.quick:
        entries |= {"spatial_size": [32, 32], "batch_size": 16, "sparsities": [0.5, 0.95], "pie_sparsity": 0.95}
    bench.notes.append(f"the sweep is of {len(lists['test'])} {named}")
    if options.weights is None:
        bench.say("training a network for one epoch, since no --weights are given")
        bundle_workflow("training", options.overlay, {**entries, "max_epochs": 1}, BUNDLE).run()
        bench.notes.append(f"with a network trained for one epoch on {len(lists['training'])} images only")
    return lists["test"], entries


def analysis_rows(bench: Bench) -> list[Row]:
    """The analysis of drawn predictions, in a process of its own."""
    shape = (3, 4, 200, 6) if bench.options.quick else FULL_SIZE
    bench.say("analysing drawn predictions of {} seeds, {} sparsities, {} images, {} classes".format(*shape))
    measured = [analysis_measured(shape) for _ in range(bench.options.repeats)]
    bench.details["analysis"] = {"shape": shape, "seconds": measured[-1]["seconds"]}
    return [
        Row("analysis, s", [sum(one["seconds"].values()) for one in measured], SECONDS, at_most=True),
        Row("of it average precision, s", [one["seconds"]["average precision"] for one in measured]),
        Row("peak memory with the predictions, MiB", [one["peak_mib"] for one in measured], MIB, at_most=True),
        Row(
            "largest difference of an AP from scikit-learn's",
            [one["largest_difference"] for one in measured],
            DIFFERENCE,
            at_most=True,
        ),
    ]


PARTS: dict[str, Callable[[Bench], list[Row]]] = {"sweep": sweep_rows, "analysis": analysis_rows}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="data set whose test images are mined; without it a phantom is drawn")
    parser.add_argument("--weights", help="the trained network; without it one is trained for an epoch")
    parser.add_argument("--images", type=int, help="number of images to mine (default: 512)")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="of the phantom's files")
    parser.add_argument("--workers", type=int, help="processes or threads that decode (default: 2)")
    add_common_arguments(parser, list(PARTS), CPU_OVERLAY)
    options = parser.parse_args(arguments)
    options.images = options.images or (40 if options.quick else 512)
    options.size = options.size or ([64, 64] if options.quick else [256, 256])
    options.workers = (0 if options.quick else 2) if options.workers is None else options.workers
    settle_common_arguments(options, CPU_OVERLAY)
    return options


if __name__ == "__main__":
    main()
