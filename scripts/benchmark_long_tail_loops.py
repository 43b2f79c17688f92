"""What benchmark_long_tail.py holds the sweep against: a loop that decodes for each sparsity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from benchmark_loops import pruned_copy
from monai.data import DataLoader
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from htl_monai.data.images.image_cache import resized_by_area
from htl_monai.data.images.pictures import read_grey
from htl_monai.data.readers.listing import Item
from htl_monai.engines.precision import PrecisionInferer

__all__ = ["decode_for_each_sparsity"]


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
        copied = pruned_copy(network, sparsity)
        with torch.no_grad():
            batches = [torch.sigmoid(inferer(prepare_batch(batch, device)[0], copied)).cpu() for batch in loader]
        found.append(torch.cat(batches).numpy())
    return np.stack(found)
