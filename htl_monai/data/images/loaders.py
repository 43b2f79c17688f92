"""Makes the data loaders of the stages, whose workers pass on plain tensors instead of MONAI's with metadata."""

from __future__ import annotations

from typing import Any

from monai.data import DataLoader, set_track_meta
from monai.data.utils import worker_init_fn
from torch.utils.data import Dataset, Sampler


def ordered_loader(
    dataset: Dataset[Any], batch_size: int, num_workers: int = 0, sampler: Sampler[Any] | None = None
) -> DataLoader:
    """Return a loader that gives every image once, in the order of the dataset or of a sampler."""
    how = {"batch_size": batch_size, "num_workers": num_workers, "worker_init_fn": start_plain_worker}
    return DataLoader(dataset, shuffle=False, sampler=sampler, **how)


def training_loader(dataset: Dataset[Any], batch_size: int, num_workers: int = 0, sampler: Any = None) -> DataLoader:
    """Return a loader that shuffles, or draws by a sampler, and leaves out a last batch that is not full.

    Where there are fewer images than one batch holds, that batch is kept.
    """
    drawn = len(dataset if sampler is None else sampler)  # type: ignore[arg-type]
    how = {"batch_size": batch_size, "num_workers": num_workers, "worker_init_fn": start_plain_worker}
    return DataLoader(dataset, shuffle=sampler is None, sampler=sampler, drop_last=drawn >= batch_size, **how)


def start_plain_worker(worker_id: int) -> None:
    """Start a worker in which transforms keep no metadata.

    The values are the same to the bit. Augmentation, decoding and the way from the worker take about half the time:
    each transform otherwise records itself and the image's affine matrix, which mining and training never read. MONAI's
    switch is global; set in a worker, it ends with it and leaves the main process as it is.
    """
    set_track_meta(False)
    worker_init_fn(worker_id)  # MONAI's own, which a config that names another would lose: it seeds the transforms
