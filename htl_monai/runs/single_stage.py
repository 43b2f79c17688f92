"""Runs one stage alone, with a trained model and a data set of the user's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from htl_monai.analysis.groups import groups_of_forgetting
from htl_monai.analysis.impact import impact
from htl_monai.data.digest import data_digest
from htl_monai.data.files import read_json, sha256, write_csv, write_json
from htl_monai.data.preparation.checked import check_lists, images_of, lists_of
from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.preparation.left_out import write_skipped
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.data.readers.listing import LISTS, UNLABELLED, Datalists, Item, name_first
from htl_monai.data.readers.prepared_list import with_mark
from htl_monai.models.bundles import stage_configs
from htl_monai.models.find_model import find_localizer
from htl_monai.models.model import Model
from htl_monai.models.model_record import NETWORK
from htl_monai.ranking.forgetting_table import nearest_level, primary_column
from htl_monai.report.notes import run_notes
from htl_monai.report.summary import at_sparsity, mined_table
from htl_monai.runs.output_folder import owns_folder
from htl_monai.runs.overlays import check_all_apply, collect_changes, merged_config, refuse_fixed
from htl_monai.runs.provenance import origin_of, write_provenance
from htl_monai.runs.stage import Stage
from htl_monai.runs.workflow import run_stage
from htl_monai.scores import metadata_of, read_scores
from htl_monai.settings.checks import require_good_settings

__all__ = ["evaluate_with", "mine_with"]

_MINING = Stage(
    "mining", "mining", ("train.json", "stages/mine.json"), (), ("scores.nc", "ranking.csv", "sparsity.csv")
)
# What the weights of a network were made for: another value would not load.
_SHAPE = (*(key for key in NETWORK if key != "spatial_size"), "num_classes")
_EVALUATING = Stage("evaluating", "evaluating", ("train.json", "stages/evaluate.json"), (), ("scores.nc", "scores.csv"))


@owns_folder("mine")
def mine_with(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    split: str = "training",
    overlays: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Mine the images of one split of ``data`` with a trained model.

    Each image, and its mask, is opened first, as ``htl run`` does. A model that classifies needs diagnoses and no
    masks. As in the weakly supervised setting, its training images are the unlabelled ones where there are some.

    Args:
        model: see :func:`~htl_monai.models.find_model.find_model`.
        data: see :func:`~htl_monai.data.readers.datalists.load_datalists`.
        out: the folder for ``scores.nc``, ``ranking.csv``, ``sparsity.csv``, ``impact.csv``, ``groups.csv`` and
            ``notes.csv``; for ``data.json``, the images that were mined; and for ``skipped.csv``, those that were left
            out, and why.
        split: ``training``, ``validation``, ``test``, ``unlabelled`` or ``all``.
        overlays: config files applied on top of the bundle's.
        settings: config entries to replace; ``skip_unusable`` leaves out images that cannot be used.
        progress: show on standard error how far it is.
        say: receives progress messages.

    Returns:
        ``out``. ``groups.csv`` is of the sparsity nearest to 0.7, the paper's.

    Raises:
        FileNotFoundError: model or data are not there.
        ValueError: there is nothing to mine, an image cannot be used, or the diagnoses are not those of the model.
    """
    folder, trained = Path(out).resolve(), find_localizer(model)
    paths = {"split": split, "progress": progress, "dense_path": str(trained.weights)}
    _run(_MINING, trained, split, data, folder, overlays, settings or {}, paths, say)
    scores = read_scores(folder / "scores.nc")
    table, nearest = mined_table(scores), nearest_level(scores)
    write_csv(folder / "impact.csv", impact(table, primary_column(scores)))
    columns = list(metadata_of(scores))
    write_csv(folder / "groups.csv", groups_of_forgetting(at_sparsity(table, nearest), columns=columns))
    write_csv(folder / "notes.csv", run_notes(table, {}, table, nearest))
    return folder


@owns_folder("evaluate")
def evaluate_with(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    split: str = "test",
    overlays: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Score a trained model on one split of ``data``; the arguments are those of :func:`mine_with`.

    Returns:
        ``out``, with ``scores.nc``, ``scores.csv``, ``data.json`` and ``skipped.csv``.
    """
    folder, trained = Path(out).resolve(), find_localizer(model)
    paths = {"split": split, "progress": progress, "model_path": str(trained.weights)}
    _run(_EVALUATING, trained, split, data, folder, overlays, settings or {}, paths, say)
    return folder


def _run(
    stage: Stage,
    trained: Model,
    split: str,
    data: str | os.PathLike[str],
    folder: Path,
    overlays: Sequence[str],
    settings: Mapping[str, Any],
    paths: Mapping[str, Any],
    say: Callable[[str], None],
) -> None:
    classes = trained.class_entries
    places = {"bundle_root": str(trained.bundle), "dataset_dir": str(data)}
    places |= {"output_dir": str(folder), "stage_dir": str(folder), **paths}
    changes = _entries(stage, trained, classes, overlays, settings, places)
    config = merged_config(trained.bundle, stage, changes)
    require_good_settings(config)
    masks = stage is _EVALUATING or not classes
    split, datalists = _checked(data, config, split, masks, folder, bool(paths["progress"]), say)
    images = images_of(datalists, split, masks)
    if classes and stage is _MINING and isinstance(config["classes"], Mapping):
        _require_all_classes(images, classes["num_classes"], trained)
        changes["classes"] = class_names(images)
    say(f"{stage.name}: {len(images)} {'' if split == 'all' else f'{split} '}images with {trained.weights}")
    places |= {"dataset_dir": str(folder / "data.json"), "split": split}
    start = time.monotonic()
    run_stage(trained.bundle, stage, {**changes, **places}, folder / "log.txt")
    details = {
        "bundle": trained.bundle.name,
        "run_id": stage.run_id,
        "seconds": round(time.monotonic() - start, 1),
    }
    inputs = {trained.weights.name: sha256(trained.weights)}
    origin = origin_of(config, stage.run_id, inputs, data_digest(datalists))
    write_provenance(folder, origin, config, details, [folder / name for name in stage.outputs])


def _entries(
    stage: Stage,
    trained: Model,
    classes: Mapping[str, Any],
    overlays: Sequence[str],
    settings: Mapping[str, Any],
    places: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the entries that describe the model, with the user's applied on top.

    Raises:
        KeyError: an entry that the stage does not have, or an overlay's that no stage has.
        ValueError: an entry that is not the user's to set: the command sets it, or the weights have it.
    """
    changes = collect_changes(overlays, None, settings)
    check_all_apply(settings, {stage.name: merged_config(trained.bundle, stage, {})})
    check_all_apply(changes, {path.name: read_json(path, "correct it") for path in stage_configs(trained.bundle)})
    refuse_fixed(changes, dict.fromkeys(places, "leave it out, and see the options of the command"))
    network = {**trained.entries, **_known(classes)}
    size = network.pop("spatial_size", None)
    for key, value in changes.items():
        if key in network and value != network[key] or key in _SHAPE and key not in network:
            own = network.get(key, ", ".join(f"{name} {network[name]}" for name in network))
            raise ValueError(f"{key} must be that of {trained.weights} ({own}), got {value!r}; leave it out")
    names = changes.get("classes", [])
    if isinstance(names, list) and names and len(names) != network.get("num_classes"):
        number = network.get("num_classes", "no")
        raise ValueError(
            f"classes must be the {number} of {trained.weights}, got {', '.join(names)}; name each of them"
        )
    return {**trained.heat_maps, **_known({"spatial_size": size}), **changes, **network}


def _known(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def _checked(
    data: str | os.PathLike[str],
    config: Mapping[str, Any],
    split: str,
    masks: bool,
    folder: Path,
    progress: bool,
    say: Callable[[str], None],
) -> tuple[str, Datalists]:
    """Open the images of the split; write them, and which are left out, into ``folder``; return split and lists."""
    source, notes = Path(data).resolve(), list[str]()
    if source.suffix.lower() == ".json" and config["columns"]:
        raise ValueError(f"columns must be left out for {data}, got {config['columns']}; they name those of a CSV")
    datalists = load_datalists(source, config["columns"], on_missing="keep", say=notes.append)
    if split == "training" and not masks and datalists[UNLABELLED]:
        split = UNLABELLED
    for note in notes:
        say(f"{note}; --split all takes every image")
    datalists, skipped = check_lists(datalists, source, split, masks, bool(config["skip_unusable"]), progress)
    if skipped:
        say(f"{len(skipped)} images are left out: {name_first([row['id'] for row in skipped])}; see skipped.csv")
    used = {name: datalists[name] if name in lists_of(split, masks) else [] for name in LISTS}
    write_skipped(folder / "skipped.csv", skipped)
    write_json(folder / "data.json", with_mark(used, notes))
    return split, used


def _require_all_classes(items: Sequence[Item], number: int, trained: Model) -> None:
    """Refuse to guess which of the model's classes the diagnoses of the data are."""
    names = class_names(items)
    if len(names) != number:
        raise ValueError(
            f"diagnosis must have the {number} values that {trained.weights} was trained on, got {', '.join(names)}; "
            "give the run's folder, whose data list names them, or set classes"
        )
