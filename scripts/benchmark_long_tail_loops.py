"""What benchmark_long_tail.py times: workflows of the bundle, and a loop that decodes for each sparsity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from benchmark_loops import STAGES, _pruned_copy
from monai.bundle import ConfigWorkflow
from monai.data import DataLoader
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from htl_monai.bundles import find_bundle, find_overlay
from htl_monai.data.grey_picture import read_grey, resized_by_area
from htl_monai.data.listing import Item
from htl_monai.engines.precision import PrecisionInferer

__all__ = ["decode_for_each_sparsity", "long_tail_workflow"]


class DecodedImages(Dataset[dict[str, Any]]):
    """The images of a data list, read from their files each time that they are asked for."""

    def __init__(self, items: Sequence[Item], spatial_size: tuple[int, int]) -> None:
        self.items = items
        self.spatial_size = spatial_size

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        grey = resized_by_area(read_grey(self.items[index]["image"]), self.spatial_size)
        return {"image": torch.tensor(grey)[None]}


def decode_for_each_sparsity(
    network: nn.Module,
    items: Sequence[Item],
    sparsities: Sequence[float],
    inferer: PrecisionInferer,
    prepare_batch: Callable[..., tuple[Tensor, Any]],
    spatial_size: tuple[int, int],
    batch_size: int,
    device: torch.device,
    num_workers: int,
) -> NDArray[np.float32]:
    """Prune a deep copy for each sparsity and decode and evaluate all images anew, as the public code does.

    Returns:
        probabilities ``(1 + S, N, C)``: dense first.
    """
    found = []
    decoded = DecodedImages(items, spatial_size)
    # Workers that stay: that they start anew for each sparsity is no part of the comparison.
    loader = DataLoader(decoded, batch_size=batch_size, num_workers=num_workers, persistent_workers=num_workers > 0)
    for sparsity in (0.0, *sparsities):
        copied = _pruned_copy(network, sparsity)
        with torch.no_grad():
            batches = [torch.sigmoid(inferer(prepare_batch(batch, device)[0], copied)).cpu() for batch in loader]
        found.append(torch.cat(batches).numpy())
    return np.stack(found)


def long_tail_workflow(run_id: str, overlays: Sequence[str], entries: Mapping[str, Any]) -> ConfigWorkflow:
    """Return the initialized workflow of a run id of the bundle, as ``python -m monai.bundle run`` would build it.

    Args:
        run_id: ``training`` or ``mining``.
        overlays: config files laid upon the bundle's, see :func:`~htl_monai.bundles.find_overlay`.
        entries: config entries to replace.
    """
    configs = find_bundle("chest_xray_long_tail") / "configs"
    files = [*(configs / name for name in STAGES[run_id]), *(find_overlay(name) for name in overlays)]
    workflow = ConfigWorkflow(
        config_file=[str(file) for file in files],
        meta_file=str(configs / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        run_id=run_id,
        **entries,
    )
    workflow.initialize()
    return workflow
