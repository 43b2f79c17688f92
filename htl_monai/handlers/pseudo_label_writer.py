"""Writes what a network draws on images without mask, image by image."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch.distributed as dist
from ignite.engine import Engine, Events
from PIL import Image

from htl_monai.attention.pseudo_labels import pseudo_label_path, pseudo_label_table, write_pseudo_label
from htl_monai.data.files import sha256, write_csv
from htl_monai.handlers.handler import Handler
from htl_monai.localization.confident_mask import confident_mask
from htl_monai.tasks.finite import are_finite, require_finite

__all__ = ["PseudoLabelWriter"]


class PseudoLabelWriter(Handler):
    """Write each image's predicted mask at its original size as soon as it is made, and the table of all at the end.

    Nothing is collected, so memory does not grow with the images, and what is written survives a kill
    (:func:`~htl_monai.attention.pseudo_labels.without_pseudo_label` tells what is left to do).

    Args:
        data: all images that get a pseudo-label, also those that have theirs already.
        folder: gets ``masks/<id>.png`` and ``pseudo_labels.csv``.
        weights_path: the weights of the network, whose digest each mask carries.

    Runs on: an evaluator with ``decollate`` off. :meth:`write_table` is to be called after the run: an evaluator
        without an image left to do cannot run.
    Reads: ``engine.state.batch["id"]`` and ``engine.state.output["pred"]``, logits ``(N, 2, h, w)``.
    Writes: the masks; in :meth:`write_table` the table.
    """

    events = {Events.STARTED: "_start", Events.ITERATION_COMPLETED: "__call__"}

    def __init__(
        self, data: Sequence[Mapping[str, Any]], folder: str | os.PathLike[str], weights_path: str | os.PathLike[str]
    ) -> None:
        self.data, self.folder, self.weights_path = data, Path(folder), weights_path
        self._images = {item["id"]: item["image"] for item in data}
        self._network = ""

    def __call__(self, engine: Engine) -> None:
        require_finite(are_finite(engine.state.output["pred"])[:, None], engine.state.batch["id"])
        for id_, logits in zip(engine.state.batch["id"], engine.state.output["pred"], strict=True):
            with Image.open(self._images[id_]) as image:  # reads the header only
                width, height = image.size
            mask, confidence = confident_mask(logits, (height, width))
            write_pseudo_label(pseudo_label_path(self.folder, id_), mask.cpu().numpy(), confidence, self._network)

    def write_table(self) -> None:
        """Write the table once all processes have written their masks; to be called by all of them."""
        together = dist.is_available() and dist.is_initialized()
        if together:
            dist.barrier()
        if not together or dist.get_rank() == 0:
            write_csv(self.folder / "pseudo_labels.csv", pseudo_label_table(self.data, self.folder))

    def _start(self, engine: Engine) -> None:
        self._network = sha256(self.weights_path)
