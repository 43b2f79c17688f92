"""Audits a model: runs it as its bundle says, dense and pruned, over any data list, with labels or without."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
import xarray as xr
from monai.bundle import ConfigParser
from monai.utils import CommonKeys as Keys

from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_json, sha256
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import Item, Say
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.engines.restored_task import RestoredTask
from htl_monai.handlers.progress import IterationProgress
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.bundles import find_config
from htl_monai.models.find_model import find_model
from htl_monai.models.model import Model
from htl_monai.pruning import Compressor
from htl_monai.ranking.rank_all import why_not
from htl_monai.runs.audit_data import AuditLoader, audit_items, require_room
from htl_monai.runs.audit_result import Audit
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.provenance import origin_of, write_provenance
from htl_monai.scores import at_level
from htl_monai.scores.metadata import coordinates_of
from htl_monai.tasks.from_metadata import from_metadata
from htl_monai.tasks.own_activation import are_probabilities
from htl_monai.tasks.task import Task, task_named

__all__ = ["SCORE_AT", "SPARSITIES", "audit"]

SPARSITIES = (0.3, 0.5, 0.7, 0.9)
SCORE_AT = ("original", "network")


def audit(
    bundle: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    split: str = "all",
    weights: str | os.PathLike[str] | None = None,
    bind: Mapping[str, str] | None = None,
    task: str | None = None,
    columns: Mapping[str, Any] | None = None,
    sparsities: Sequence[float] = SPARSITIES,
    pruner: str = "magnitude",
    batch_size: int | None = None,
    score_at: str = "original",
    device: str | None = None,
    below: float = 0.65,
    fast: bool = False,
    progress: bool = False,
    say: Say = lambda text: None,
) -> Audit:
    """Score a model, dense and pruned, on every sample of a data list, in one pass and without training.

    Args:
        bundle: any MONAI bundle's folder, whose configs run as code; the name of one of the package's; a run's folder,
            a checkpoint or a TorchScript file, see :func:`~htl_monai.models.find_model.find_model`.
        data: see :func:`~htl_monai.data.readers.datalists.load_datalists`.
        out: the folder for the tables, see :meth:`~htl_monai.runs.audit_result.Audit.write`; None writes nothing.
        split: ``training``, ``validation``, ``test``, ``unlabelled`` or ``all``.
        weights: another checkpoint than the bundle's.
        bind: where its config calls ``network``, ``preprocessing``, … (or a sample its ``image`` and ``label``)
            otherwise than the model zoo does.
        task: what it does; by default its metadata say.
        columns: for a CSV, our names to its names.
        sparsities: the fractions of weights to remove.
        pruner: one of ``configs/pruners``, or the path of such a file.
        batch_size: by default several pictures of one size at once, and everything else one at a time.
        score_at: ``original``: after the bundle's postprocessing, as its own evaluator scores; or ``network``.
        device: by default the bundle's.
        below: a score under this counts as bad where rankings are judged.
        fast: run a folded copy of the network where it allows that (see
            :class:`~htl_monai.pruning.inference_form.InferenceForm`): scores differ by rounding, in fp32 by
            less than 1e-3; in bf16 some by a few hundredths, which hardly changes ranks (Spearman 0.999 of 600 images).
        progress: show a bar on standard error.
        say: receives progress messages.

    Raises:
        FileNotFoundError: model or data are not there.
        KeyError: the bundle has no such entry, or no such key; how to name it is said.
        ValueError: anything of the data or the model that does not fit the other, before long work where that shows.
    """
    if score_at not in SCORE_AT:
        raise ValueError(f"score_at must be one of {', '.join(SCORE_AT)}, got {score_at!r}; choose one of them")
    if not 0 <= below <= 1:
        raise ValueError(f"below must be in [0, 1], got {below}; 0.65 is the default")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; use 1 where memory is short")
    with nullcontext() if out is None else output_folder(out, "audit") as folder:
        model = find_model(bundle, weights, bind=bind or {}, task=task, device_name=device)
        compressor = _pruner(pruner)
        known = _task(model, data, columns)
        items = audit_items(data, split, known, columns, say)
        require_room(items, known)
        known = _with_own_activation(known, model, items)
        say(f"audit: {len(items)} images with {model.weights}, {known.name} of {', '.join(known.classes[:8])}")
        scored = _Scored(RestoredTask(known, model) if score_at == "original" else known, model, compressor, fast)
        parts = [part for part in _by_label(items) if part]
        loaders = [AuditLoader(part, model, batch_size) for part in parts]
        datasets = [
            scored.run(part, loader, tuple(sparsities), progress) for part, loader in zip(parts, loaders, strict=True)
        ]
        scores = _joined(datasets, items, known)
        found = Audit(scores, tuple(items), scored.sparsity, tuple(_notes(scores, items, known)), below)
        if folder is not None:
            (folder / "provenance.json").unlink(missing_ok=True)  # what is of two audits has none
            written = found.write(folder)
            settings: dict[str, Any] = {
                "split": split,
                "task": known.name,
                "sparsities": list(sparsities),
                "pruner": pruner,
                "fast": fast,
            }
            settings |= {"bind": dict(bind or {}), "score_at": score_at, "bundle": str(model.bundle)}
            inputs = {model.weights.name: sha256(model.weights)}
            origin = origin_of({"audit": settings}, "audit", inputs, data_digest({split: items}))
            write_provenance(folder, origin, {"audit": settings}, {"run_id": "audit"}, written)
    return found


class _Scored:
    """One network, scored on lists of samples."""

    def __init__(self, task: Task, model: Model, pruner: Compressor, fast: bool) -> None:
        self.task = task
        self.fast = fast
        self.model = model
        self.pruner = pruner
        self.sparsity = pd.DataFrame()

    def run(self, items: Sequence[Item], loader: AuditLoader, levels: Sequence[float], progress: bool) -> xr.Dataset:
        """Return the scores of a list whose samples all have a label, or none has."""
        writer = ScoresWriter(items, task=self.task)
        evaluator = ForgettingEvaluator(
            self.model.device,
            loader,
            self.model.network,
            self.pruner,
            levels,
            self.task,
            self.model.inferer,
            self._prepare_batch,
            val_handlers=[writer, *([IterationProgress("audit")] if progress else [])],
            folded=self.fast,
            amp=self.model.amp,
        )
        with _network_of(self.model):
            evaluator.run()
        assert evaluator.sweep is not None
        self.sparsity = evaluator.sweep.report()
        return evaluator.state.scores

    def _prepare_batch(self, batch: Mapping[str, Any], device: torch.device, non_blocking: bool, **_: Any) -> Any:
        if isinstance(self.task, RestoredTask):
            self.task.batch = batch
        label = batch.get(self.model.label_key)
        if isinstance(label, list) and any(isinstance(one, str) for one in label):
            raise ValueError(
                f"preprocessing of {self.model.bundle} must read the label, got {label[0]} as it is; name one that "
                "does with --bind preprocessing=ENTRY, or leave labels out of the data list"
            )
        image = batch[self.model.image_key].to(device, non_blocking=non_blocking)
        return image, None if label is None else torch.as_tensor(label).to(device, non_blocking=non_blocking)


def _task(model: Model, data: str | os.PathLike[str], columns: Mapping[str, Any] | None) -> Task:
    """Return what the model does, by its metadata and configs; of a network alone by its name and its channels."""
    metadata, configs = model.metadata, model.configs.content
    own = model.configs.value("task") if model.task is not None else None
    if isinstance(own, Task) and own.name == model.task:  # with its threshold and the names of its classes
        return own
    described = metadata.get("network_data_format", {})
    if model.task is not None and isinstance(described, Mapping) and not described.get("outputs"):
        lists = load_datalists(data, columns, on_missing="keep")
        item = next((item for items in lists.values() for item in items), None)
        if item is None:
            raise ValueError(f"data must hold an image, got none in {data}; give another data list")
        kind_of_task = task_named(model.task)
        pred = kind_of_task(("background", "foreground")).select(_says(model, item))
        if pred.ndim < 2:
            raise ValueError(f"pred must be (N, C) or (N, C, ...), got {tuple(pred.shape)}; give another network")
        configs = [*configs, {"sigmoid": not getattr(kind_of_task, "exclusive", True)}]
        kind = "segmentation" if pred.ndim > 2 else "classes"
        output = {"format": kind, "num_channels": pred.shape[1], "spatial_shape": list(pred.shape[2:]) or [1]}
        metadata = {"network_data_format": {"outputs": {"pred": output}}}
    return from_metadata(metadata, model.task, configs)


def _with_own_activation(task: Task, model: Model, items: Sequence[Item]) -> Task:
    """Return a task that takes the output for probabilities, where the network ends in softmax or sigmoid itself."""
    steps = () if model.postprocessing is None else model.postprocessing.flatten().transforms
    exclusive = getattr(task, "exclusive", None)
    looks_inside = getattr(model.inferer, "looks_inside", False)  # what comes out is not the network's output
    if exclusive is None or looks_inside or any(type(step).__name__.startswith("Activations") for step in steps):
        return task
    pred = task.select(_says(model, items[0]))
    return replace(task, probabilities=True) if are_probabilities(pred, exclusive) else task


def _says(model: Model, item: Item) -> Any:
    """Return what the network says of one image."""
    image = {Keys.IMAGE: item[Keys.IMAGE], "id": item["id"]}
    with _network_of(model):
        return model.predict(AuditLoader([image], model, 1).first)[Keys.PRED]


@contextmanager
def _network_of(model: Model) -> Iterator[None]:
    """Say in a sentence what a network of anybody cannot take: a shape, or more than memory holds."""
    try:
        yield
    except (RuntimeError, TypeError, AssertionError, AttributeError, IndexError) as error:
        raise ValueError(
            f"images must be such as the network of {model.bundle} takes, got: {first_cause(error)}; check the data "
            "list, or the preprocessing"
        ) from error


def _pruner(name: str) -> Compressor:
    config = {"seed": 0, **read_json(find_config("pruners", name), "correct the file")}
    return ConfigParser(config).get_parsed_content("pruner")


def _by_label(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    with_label = [item for item in items if Keys.LABEL in item]
    return with_label, [item for item in items if Keys.LABEL not in item]


def _joined(parts: Sequence[xr.Dataset], items: Sequence[Item], task: Task) -> xr.Dataset:
    """Return scores in the order of the data list; what only samples with a label have is NaN for the others."""
    bare = [part.reset_coords(drop=True) for part in parts]
    joined = xr.concat(bare, "sample", data_vars="all", join="outer", combine_attrs="override")
    coordinates = coordinates_of(items, {*joined.data_vars, "level", "sample", "class", "seed", "mask"})
    ordered = joined.sel(sample=[item["id"] for item in items]).assign_coords(coordinates)
    return ordered.assign_attrs(labelled=int(task.primary in ordered))


def _notes(scores: xr.Dataset, items: Sequence[Item], task: Task) -> list[str]:
    labelled = sum(Keys.LABEL in item for item in items)
    notes = [
        f"{len(items)} samples, {labelled} with a label; levels {', '.join(f'{v:g}' for v in scores.level.values)}."
    ]
    if labelled:
        measured = scores["label"] if "label" in scores else at_level(scores[scores.attrs["primary"]], 0.0)
        empty = measured.fillna(0).sum("sample") == 0 if "label" in scores else measured.isnull().all("sample")
        absent = [name for name in task.foreground if bool(empty.sel({"class": name}))]
        notes += [f"No sample shows {name}: nothing is said of it." for name in absent]
    if task.probabilities:
        notes.append("The network's output are probabilities: it ends in softmax or sigmoid itself.")
    return notes + [f"{name} cannot be made: {reason}" for name, reason in why_not(scores).items()]
