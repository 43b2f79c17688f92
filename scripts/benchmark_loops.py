"""What benchmark_mining.py times: workflows of the bundle, and bare loops over the same network and images."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import prune

from htl_monai.engines.precision import PRECISIONS, PrecisionInferer
from htl_monai.models.bundles import bundle_config, find_bundle, find_overlay
from htl_monai.pruning import Sweep
from htl_monai.tasks.binary_segmentation import BinarySegmentation

__all__ = [
    "bare_epoch",
    "bundle_workflow",
    "forward_limit",
    "interleaved",
    "pruned_copy",
    "reload_for_each_sparsity",
    "synchronize",
    "timed_epochs",
]

STAGES = {
    "training": ("train.json",),
    "mining": ("train.json", "stages/mine.json"),
    "mining_unlabelled": ("train.json", "stages/mine.json", "stages/mine_unlabelled.json"),
}
PRUNABLE = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def bundle_workflow(
    run_id: str, overlays: Sequence[str], entries: Mapping[str, Any], bundle: str = "lesion_localization"
) -> ConfigWorkflow:
    """Return the initialized workflow of a run id of the bundle, as ``python -m monai.bundle run`` would build it.

    Args:
        run_id: ``training``, ``mining`` or ``mining_unlabelled``.
        overlays: config files applied on top of the bundle's, see :func:`~htl_monai.models.bundles.find_overlay`.
        entries: config entries to replace.
        bundle: the bundle's name.
    """
    folder = find_bundle(bundle)
    files = [bundle_config(folder, name) for name in STAGES[run_id]]
    files += [find_overlay(name) for name in overlays]
    workflow = ConfigWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(folder / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        run_id=run_id.partition("_")[0],
        **entries,
    )
    workflow.initialize()
    return workflow


def synchronize(device: torch.device) -> None:
    """Wait for what a GPU still computes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(call: Callable[[], Any], device: torch.device) -> float:
    """Return the wall-clock seconds of a call."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


class Timings(dict[str, list[float]]):
    """Seconds on the wall by contender, one a round; the same of all processors, and the load of the machine then.

    Where others use the machine, the seconds of processors tell more: this process's and those of its workers.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__({name: [] for name in names})
        self.processor: dict[str, list[float]] = {name: [] for name in self}
        self.load: dict[str, list[float]] = {name: [] for name in self}

    def ratio(self, faster: str, slower: str) -> NDArray[np.float64]:
        """Return, for each round, how many times as many processor seconds ``slower`` took."""
        return np.array(self.processor[slower]) / np.array(self.processor[faster])


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], repeats: int, device: torch.device, say: Callable[[str], None]
) -> Timings:
    """Time each contender once a round; a first round warms up and does not count, every other one runs backwards.

    Returns:
        Seconds by contender; those at one position are of one round, so that ratios can be taken within it.
    """
    taken = Timings(contenders)
    for round_ in range(repeats + 1):
        for name in list(contenders)[:: -1 if round_ % 2 else 1]:
            before = processor_seconds()
            elapsed = seconds(contenders[name], device)
            processor, load = processor_seconds() - before, os.getloadavg()[0]
            label = f"round {round_}" if round_ else "warm-up"
            say(f"  {label}: {name} {elapsed:.1f} s, processors {processor:.1f} s, load {load:.1f}")
            if round_:
                taken[name].append(elapsed)
                taken.processor[name].append(processor)
                taken.load[name].append(load)
    return taken


def processor_seconds() -> float:
    """Return the processor time of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def forward_limit(network: nn.Module, sweep: Sweep, images: Sequence[Tensor], precision: str) -> None:
    """Run the dense and every pruned network on tensors in memory, and do nothing else."""

    def forward(image: Tensor) -> None:
        with torch.autocast(image.device.type, dtype=PRECISIONS[precision], enabled=precision != "fp32"):
            network(image)

    network.eval()
    with torch.no_grad():
        for image in images:
            forward(image)
            for sparsity in sweep.sparsities:
                with sweep.at(sparsity):
                    forward(image)


def reload_for_each_sparsity(
    network: nn.Module, loader: Any, sparsities: Sequence[float], inferer: PrecisionInferer, device: torch.device
) -> NDArray[np.float64]:
    """Prune a deep copy for each sparsity and read, decode and score all images anew: the straightforward way.

    Returns:
        Foreground IoU, ``(N, 1 + S)``: dense first.
    """
    columns = []
    for sparsity in (0.0, *sparsities):
        copied, scores = pruned_copy(network, sparsity), []
        with torch.no_grad():
            for batch in loader:
                pred = inferer(batch["image"].to(device), copied)
                scores.append(
                    BinarySegmentation().scores({"pred": pred, "label": batch["label"].to(device)})["iou"][:, 1].cpu()
                )
        columns.append(torch.cat(scores))
    return torch.stack(columns, dim=1).numpy()


def pruned_copy(network: nn.Module, sparsity: float) -> nn.Module:
    # global_unstructured flattens the weights with view(-1), which channels-last weights do not allow.
    copied = copy.deepcopy(network).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    weights = [(module, "weight") for module in copied.modules() if isinstance(module, PRUNABLE)]
    if sparsity:
        prune.global_unstructured(weights, pruning_method=prune.L1Unstructured, amount=sparsity)
        for module, name in weights:
            prune.remove(module, name)
    return copied.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def bare_epoch(workflow: ConfigWorkflow, images: Tensor, labels: Tensor) -> None:
    """Train the network of a workflow for one epoch on tensors in memory, with its loss, optimizer and precision.

    It leaves out decoding, workers, augmentation, validation, checkpoints, logs and the check for a NaN loss.
    """
    entry = workflow.parser.get_parsed_content
    network, loss, optimizer = entry("network"), entry("loss"), entry("optimizer")
    precision, batch_size = entry("precision"), entry("batch_size")
    network.train()
    for batch in torch.randperm(len(images), device=images.device).split(batch_size):
        image = images[batch].contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(image.device.type, dtype=PRECISIONS[precision], enabled=precision != "fp32"):
            pred = network(image)
        loss(pred.float(), labels[batch]).backward()
        optimizer.step()


def timed_epochs(
    workflow: ConfigWorkflow, bare: Callable[[], None], device: torch.device, say: Callable[[str], None]
) -> tuple[list[float], list[float]]:
    """Run a workflow's training and a bare epoch after each of its epochs; the first epoch warms up.

    Returns:
        Seconds of each epoch of the training, with all that its handlers do, and of the bare epoch after it.
    """
    trainer = workflow.parser.get_parsed_content("train#trainer")
    ours: list[float] = []
    theirs: list[float] = []
    started = [0.0]

    def start() -> None:
        synchronize(device)
        started[0] = time.perf_counter()

    def stop() -> None:
        synchronize(device)
        ours.append(time.perf_counter() - started[0])
        theirs.append(seconds(bare, device))
        say(f"  {'epoch' if len(ours) > 1 else 'warm-up'}: ours {ours[-1]:.1f} s, bare loop {theirs[-1]:.1f} s")

    trainer.add_event_handler(Events.EPOCH_STARTED, start)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, stop)
    workflow.run()
    return ours[1:], theirs[1:]
