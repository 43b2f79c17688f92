"""Lets the workers of a data loader pass on plain tensors instead of MONAI's tensors with metadata."""

from __future__ import annotations

from monai.data import set_track_meta
from monai.data.utils import worker_init_fn


def start_plain_worker(worker_id: int) -> None:
    """Start a worker in which transforms keep no metadata.

    The values are the same to the bit. Augmentation, decoding and the way from the worker take about half the time:
    each transform otherwise records itself and the image's affine matrix, which mining and training never read. MONAI's
    switch is global; set in a worker, it ends with it and leaves the main process as it is.
    """
    set_track_meta(False)
    worker_init_fn(worker_id)  # MONAI's own, which a config that names another would lose: it seeds the transforms
