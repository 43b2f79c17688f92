"""Makes the data loaders of the stages, whose workers pass on plain tensors."""

from __future__ import annotations

from typing import Any

from monai.data import DataLoader
from torch.utils.data import Dataset, Sampler

from htl_monai.data.images.plain_worker import start_plain_worker


def ordered_loader(
    dataset: Dataset[Any], batch_size: int, num_workers: int = 0, sampler: Sampler[Any] | None = None
) -> DataLoader:
    """Return a loader that gives every image once, in the order of the dataset or of a sampler."""
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=False,
        sampler=sampler,
        num_workers=num_workers,
        worker_init_fn=start_plain_worker,
    )


def training_loader(dataset: Dataset[Any], batch_size: int, num_workers: int = 0, sampler: Any = None) -> DataLoader:
    """Return a loader that shuffles, or draws by a sampler, and leaves out a last batch that is not full.

    Where there are fewer images than one batch holds, that batch is kept.
    """
    drawn = len(dataset if sampler is None else sampler)  # type: ignore[arg-type]
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=sampler is None,
        sampler=sampler,
        drop_last=drawn >= batch_size,
        num_workers=num_workers,
        worker_init_fn=start_plain_worker,
    )
