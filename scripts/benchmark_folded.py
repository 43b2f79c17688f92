"""What benchmark_mining.py says of folded copies: many levels against a loop, and volumes by sliding windows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from benchmark_loops import interleaved, reload_for_each_sparsity
from benchmark_run import Bench
from benchmark_table import Row
from monai.data import DataLoader, Dataset
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import UNet
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
from torch import Tensor, nn

from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.engines.precision import PRECISIONS, fastest_precision
from htl_monai.networks.weights import load_weights
from htl_monai.pruning import GlobalMagnitude, Sweep
from htl_monai.tasks.binary_segmentation import BinarySegmentation

__all__ = ["LEVELS", "levels_rows", "volumes_rows"]

LEVELS = (*(round(0.05 * i, 2) for i in range(1, 20)), 0.99)
VOLUME_LEVELS = (0.1, 0.25, 0.5, 0.7, 0.9)


class Windows(SlidingWindowInferer):
    """Sliding windows in the precision of a config, as an evaluator with ``amp`` runs them."""

    def __init__(self, window: int, precision: str) -> None:
        super().__init__((window,) * 3, sw_batch_size=2, overlap=0.25)
        self.precision = precision

    def __call__(self, inputs: Tensor, network: Any, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(inputs.device.type, PRECISIONS[self.precision], enabled=self.precision != "fp32"):
            return super().__call__(inputs, network, *args, **kwargs)


def levels_rows(bench: Any) -> list[Row]:
    """20 levels in one pass, folded, against a loop that copies the network and reads the images for each level."""
    precision, levels = fastest_precision(bench.device), LEVELS[:: 7 if bench.options.quick else 1]
    bench.say(f"mining {len(levels)} levels in {precision}")
    entries: dict[str, Any] = {"precision": precision, "sparsities": list(levels), "folded": True}
    mining = bench.workflow("mining", "levels", **entries)
    entry = mining.parser.get_parsed_content
    network = copy.deepcopy(entry("network"))

    def looping() -> None:
        load_weights(network, bench.entries["dense_path"])
        reload_for_each_sparsity(network, entry("mine#dataloader"), levels, entry("inferer"), bench.device)

    taken = interleaved({"folded": mining.run, "loop": looping}, bench.options.repeats, bench.device, bench.say)
    speed = {name: len(bench.items) / np.array(seconds) for name, seconds in taken.items()}
    bench.details.setdefault("load_average", {})["levels"] = taken.load
    return [
        Row(f"{len(levels)} levels, mining folded, images/s", speed["folded"]),
        Row(f"{len(levels)} levels, loop that copies and reads anew, images/s", speed["loop"]),
        Row(f"{len(levels)} levels, folded / loop", speed["folded"] / speed["loop"], 2.5),
        Row(f"{len(levels)} levels, the same in seconds of processors", taken.ratio("folded", "loop"), 2.5),
    ]


def volumes_rows(bench: Bench) -> list[Row]:
    """Mining of NIfTI volumes by sliding windows, folded, against the windows of the network on tensors in memory."""
    precision, quick = fastest_precision(bench.device), bench.options.quick
    window, size, count = (16, (24, 24, 16), 2) if quick else (64, (96, 96, 80), 8)
    features = (4, 8, 8) if quick else (16, 32, 64, 128, 256)
    bench.say(f"mining {count} volumes of {size} by windows of {window} in {precision}")
    torch.manual_seed(0)
    network = UNet(3, 1, 2, features, (2,) * (len(features) - 1), num_res_units=2, norm="batch").to(bench.device)
    items = drawn_volumes(bench.folder / "volumes", size, count)
    dataset = Dataset(items, Compose([LoadImaged(["image", "label"]), EnsureChannelFirstd(["image", "label"])]))
    loader = DataLoader(dataset, batch_size=1, num_workers=0 if quick else 1)
    volumes = [batch["image"].as_tensor().to(bench.device) for batch in loader]
    with torch.no_grad():
        for volume in volumes:
            network(volume[..., :window, :window, :window])  # the normalisation sees data
    inferer = Windows(window, precision)
    plain = copy.deepcopy(network).eval()
    last_format = copy.deepcopy(plain).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    last_volumes = [volume.contiguous(memory_format=torch.channels_last_3d) for volume in volumes]
    plain_sweep, last_sweep = (Sweep(one, GlobalMagnitude(), VOLUME_LEVELS) for one in (plain, last_format))
    contenders = {
        "folded": evaluator(bench, network, loader, inferer, folded=True).run,
        "unfolded": evaluator(bench, copy.deepcopy(network), loader, inferer, folded=False).run,
        "limit": lambda: windows_limit(plain, plain_sweep, volumes, inferer),
        "channels-last limit": lambda: windows_limit(last_format, last_sweep, last_volumes, inferer),
    }
    taken = interleaved(contenders, bench.options.repeats, bench.device, bench.say)
    speed = {name: count / np.array(seconds) for name, seconds in taken.items()}
    bench.details.setdefault("load_average", {})["volumes"] = taken.load
    bench.notes.append(
        f"volumes: a UNet of MONAI with batch normalisation and features {features}, dense and {len(VOLUME_LEVELS)} "
        f"levels, windows of {window} in batches of 2, overlap 0.25, one volume at a time from .nii.gz"
    )
    return [
        Row(f"volumes, forward limit of sliding windows, {precision}, volumes/s", speed["limit"]),
        Row("volumes, the same channels-last, volumes/s", speed["channels-last limit"]),
        Row("volumes, mining folded, volumes/s", speed["folded"]),
        Row("volumes, mining folded / forward limit", speed["folded"] / speed["limit"], 0.95),
        Row("volumes, the same in seconds of processors", taken.ratio("folded", "limit"), 0.95),
        Row("volumes, the same to the channels-last limit", taken.ratio("folded", "channels-last limit")),
        Row("volumes, unfolded, in seconds of processors", taken.ratio("unfolded", "limit")),
    ]


def evaluator(
    bench: Bench, network: nn.Module, loader: DataLoader, inferer: Windows, folded: bool
) -> ForgettingEvaluator:
    return ForgettingEvaluator(
        device=bench.device,
        val_data_loader=loader,
        network=network,
        pruner=GlobalMagnitude(),
        sparsities=VOLUME_LEVELS,
        task=BinarySegmentation(),
        inferer=inferer,
        folded=folded,
    )


def windows_limit(network: nn.Module, sweep: Sweep, volumes: list[Tensor], inferer: Windows) -> None:
    """Run the windows of the dense and of every pruned network on tensors in memory, and do nothing else."""
    with torch.no_grad():
        for volume in volumes:
            for level in (0.0, *VOLUME_LEVELS):
                with sweep.at(level):
                    inferer(volume, network)


def drawn_volumes(folder: Path, size: tuple[int, int, int], count: int) -> list[Mapping[str, str]]:
    """Write volumes of noise with a bright block, and the block as their label."""
    folder.mkdir(parents=True)
    generator, items = np.random.default_rng(0), []
    for number in range(count):
        label = np.zeros(size, np.uint8)
        label[4 : size[0] // 2, 4 : size[1] // 2, 4 : size[2] // 2] = 1
        paths = {"image": folder / f"image_{number}.nii.gz", "label": folder / f"label_{number}.nii.gz"}
        image = (generator.normal(size=size) + 2 * label).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), paths["image"])
        nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), paths["label"])
        items.append({"id": f"volume_{number}", **{key: str(path) for key, path in paths.items()}})
    return items
