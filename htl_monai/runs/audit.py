"""Audits a model: runs it as its bundle says, dense and pruned, over any data list, with labels or without."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import xarray as xr
from monai.bundle import ConfigParser
from monai.data import list_data_collate
from monai.utils import CommonKeys as Keys

from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_json, sha256
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import Item, Say, name_first
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.engines.restored_task import RestoredTask
from htl_monai.handlers.progress import IterationProgress
from htl_monai.handlers.scores_writer import ScoresWriter
from htl_monai.handlers.useless_networks import QuickLook
from htl_monai.models.bundle_configs import first_cause
from htl_monai.models.bundles import find_config
from htl_monai.models.find_model import find_model
from htl_monai.models.model import Model
from htl_monai.pruning import Compressor
from htl_monai.ranking.forgetting_table import nearest_level
from htl_monai.report.pictures.drawn import dense_and_pruned
from htl_monai.runs.audit_data import AuditLoader, audit_items, prepared, sift, sound
from htl_monai.runs.audit_result import Audit
from htl_monai.runs.output_folder import output_folder
from htl_monai.runs.provenance import origin_of, write_provenance
from htl_monai.runs.stage_log import NOWHERE, stage_log
from htl_monai.scores import at_level
from htl_monai.scores.metadata import coordinates_of
from htl_monai.tasks.classification import Classification
from htl_monai.tasks.from_metadata import from_metadata
from htl_monai.tasks.own_activation import are_probabilities
from htl_monai.tasks.task import Task, task_named
from htl_monai.tasks.usefulness import ADVICE

__all__ = ["SCORE_AT", "SPARSITIES", "audit"]

logger = logging.getLogger(__name__)
SPARSITIES = (0.3, 0.5, 0.7, 0.9)
SCORE_AT = ("original", "network")
# So many samples are asked whether a network that classifies says probabilities.
_ASKED = 16


def audit(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    split: str = "all",
    weights: str | os.PathLike[str] | None = None,
    bind: Mapping[str, str] | None = None,
    task: str | None = None,
    columns: Mapping[str, Any] | None = None,
    sparsities: Sequence[float] | None = None,
    pruner: str = "magnitude",
    batch_size: int | None = None,
    score_at: str = "original",
    device: str | None = None,
    below: float = 0.65,
    fast: bool = False,
    skip_unusable: bool = False,
    progress: bool = False,
    say: Say = lambda text: None,
) -> Audit:
    """Score a model, dense and pruned, on every sample of a data list, in one pass and without training.

    Args: those of ``htl audit``, whose help explains them, see :func:`htl_monai.cli.audit.audit`. ``out`` None writes
    nothing; ``progress`` shows bars on standard error; ``say`` receives messages. With ``fast`` scores differ by
    rounding: in fp32 by less than 1e-3; in bf16 some by a few hundredths, which hardly changes ranks (Spearman 0.999 of
    600 images).

    Raises:
        FileNotFoundError: model or data are not there.
        KeyError: the bundle has no such entry, or no such key; how to name it is said.
        ValueError: anything of the data or the model that does not fit the other, before long work where that shows.
    """
    options = {name: value for name, value in locals().items() if name not in ("out", "progress", "say")}
    options["sparsities"] = levels = tuple(SPARSITIES if sparsities is None else sparsities)
    if score_at not in SCORE_AT:
        raise ValueError(f"score_at must be one of {', '.join(SCORE_AT)}, got {score_at!r}; choose one of them")
    if not 0 <= below <= 1:
        raise ValueError(f"below must be in [0, 1], got {below}; 0.65 is the default")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; use 1 where memory is short")
    start, said = time.monotonic(), list[str]()
    with nullcontext() if out is None else output_folder(out, "audit") as folder:
        with stage_log(NOWHERE):
            audited = find_model(model, weights, bind=bind or {}, task=task, device_name=device)
            compressor = _pruner(pruner)
            known = _task(audited, data, columns)
            items = audit_items(data, split, known, columns, said.append)
            items, skipped = sift(items, partial(sound, task=known), skip_unusable)
            if skip_unusable:
                items, unprepared = sift(items, partial(_try, model=audited), True, progress)
                skipped += unprepared
            known = _with_own_activation(known, audited, items)
        if skipped:
            said.append(f"{len(skipped)} images are left out: {name_first([row['id'] for row in skipped])}")
        classes = ", ".join(known.classes[:8])
        said.append(f"audit: {len(items)} images with {audited.weights}, {known.name} of {classes}")
        for line in said:
            say(line)
        with stage_log(NOWHERE if folder is None else folder / "log.txt"):
            logger.info("the audit of %d samples begins on %s", len(items), audited.device)
            scorer = RestoredTask(known, audited) if score_at == "original" else known
            scored = _Scored(scorer, audited, compressor, fast)
            scores = scored.run(items, batch_size, levels, progress)
            logger.info("the audit is done")
        notes = _notes(scores, items, known)
        drawn = dense_and_pruned(audited, scored.task, nearest_level(scores), compressor)
        found = Audit(scores, tuple(items), scored.sparsity, tuple(notes), below, tuple(skipped), drawn)
        if folder is not None:
            (folder / "provenance.json").unlink(missing_ok=True)  # what is of two audits has none
            _record(folder, audited, {**options, "task": known.name}, items, found.write(folder, progress), start)
    return found


def _record(
    folder: Path, model: Model, options: Mapping[str, Any], items: Sequence[Item], written: Sequence[Path], start: float
) -> None:
    """Write what the audit was made from: options, weights, the bundle's configs, data and code."""
    config = {"audit": {"_target_": f"{__name__}.audit", **options}}
    files = [model.weights, *sorted(path for path in model.bundle.glob("configs/*") if path.is_file())]
    origin = origin_of(config, "audit", {path.name: sha256(path) for path in files}, data_digest({"audit": items}))
    details = {"bundle": model.bundle.name, "run_id": "audit", "device": str(model.device)}
    write_provenance(folder, origin, config, {**details, "seconds": round(time.monotonic() - start, 1)}, written)


class _Scored:
    """One network, scored on lists of samples."""

    def __init__(self, task: Task, model: Model, pruner: Compressor, fast: bool) -> None:
        self.task = task
        self.fast = fast
        self.model = model
        self.pruner = pruner
        self.sparsity = pd.DataFrame()

    def run(self, items: Sequence[Item], batch_size: int | None, levels: Sequence[float], progress: bool) -> xr.Dataset:
        """Return the scores of all samples: of those with a label, then of those without, in the order of the list."""
        parts = [part for part in _by_label(items) if part]
        loaders = [AuditLoader(part, self.model, batch_size) for part in parts]
        scores = [self._of_part(part, loader, levels, progress) for part, loader in zip(parts, loaders, strict=True)]
        return _joined(scores, items, self.task)

    def _of_part(
        self, items: Sequence[Item], loader: AuditLoader, levels: Sequence[float], progress: bool
    ) -> xr.Dataset:
        """Return the scores of a list whose samples all have a label, or none has."""
        writer = ScoresWriter(items, task=self.task)
        handlers = [writer, QuickLook(), IterationProgress("audit", progress)]
        evaluator = ForgettingEvaluator(
            self.model.device,
            loader,
            self.model.network,
            self.pruner,
            levels,
            self.task,
            self.model.inferer,
            self._prepare_batch,
            val_handlers=handlers,
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
        metadata, sigmoid = _seen(model, task_named(model.task), data, columns)
        configs = [*configs, {"sigmoid": sigmoid}]
    found = from_metadata(metadata, model.task, configs)
    return found if model.output is None else replace(found, selector=model.output)


def _seen(
    model: Model, kind: type[Task], data: str | os.PathLike[str], columns: Mapping[str, Any] | None
) -> tuple[dict[str, Any], bool]:
    """Return metadata as the output of the first image shows them, and whether classes may go together."""
    lists = load_datalists(data, columns, on_missing="keep")
    item = next((item for items in lists.values() for item in items), None)
    if item is None:
        raise ValueError(f"data must hold an image, got none in {data}; give another data list")
    pred = kind(("background", "foreground"), selector=model.output).select(_says(model, item))
    if pred.ndim < 2:
        raise ValueError(f"pred must be (N, C) or (N, C, ...), got {tuple(pred.shape)}; give another network")
    form = {"format": "segmentation" if pred.ndim > 2 else "classes", "num_channels": pred.shape[1]}
    outputs = {"pred": {**form, "spatial_shape": list(pred.shape[2:]) or [1]}}
    return {"network_data_format": {"outputs": outputs}}, not getattr(kind, "exclusive", True)


def _with_own_activation(task: Task, model: Model, items: Sequence[Item]) -> Task:
    """Return a task that takes the output for probabilities, where the network ends in softmax or sigmoid itself."""
    steps = () if model.postprocessing is None else model.postprocessing.flatten().transforms
    exclusive = getattr(task, "exclusive", None)
    looks_inside = getattr(model.inferer, "looks_inside", False)  # what comes out is not the network's output
    if exclusive is None or looks_inside or any(type(step).__name__.startswith("Activations") for step in steps):
        return task
    asked = items[: _ASKED if isinstance(task, Classification) else 1]
    pred = torch.cat([task.select(_says(model, item)) for item in asked])
    return replace(task, probabilities=True) if are_probabilities(pred, exclusive) else task


def _says(model: Model, item: Item) -> Any:
    """Return what the network says of one image."""
    batch = list_data_collate([prepared({key: item[key] for key in (Keys.IMAGE, "id")}, model)])
    with _network_of(model):
        return model.predict(batch)[Keys.PRED]


def _try(item: Item, model: Model) -> None:
    prepared(item, model)


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


def _notes(scores: xr.Dataset, items: Sequence[Item], task: Task) -> list[tuple[str, str]]:
    """Return what is to be known: a word to sort by, and a sentence each."""
    labelled = sum(Keys.LABEL in item for item in items)
    levels = ", ".join(f"{level:g}" for level in scores.level.values)
    notes = [("samples", f"{len(items)} samples, {labelled} with a label; levels {levels}.")]
    dense = at_level(scores, 0.0)
    reason = task.useless({str(name): values.values for name, values in dense.data_vars.items()})
    if reason is not None:
        notes.append(("usefulness", f"The dense network {reason}; {ADVICE}."))
    if labelled:
        measured = dense["label"] if "label" in dense else dense[scores.attrs["primary"]]
        empty = measured.fillna(0).sum("sample") == 0 if "label" in dense else measured.isnull().all("sample")
        absent = [name for name in task.foreground if bool(empty.sel({"class": name}))]
        notes += [("classes", f"No sample shows {name}: nothing is said of it.") for name in absent]
    else:
        left_out = "nothing is scored, and rankings by a score, such as forgetting, are left out"
        notes.append(("unlabelled", f"No sample has a label: {left_out}."))
    if task.probabilities:
        notes.append(("network", "The network's output are probabilities: it ends in softmax or sigmoid itself."))
    return notes
