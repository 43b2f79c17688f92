"""Tells the classes of a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from htl_monai.data.files import read_json
from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.models.bundles import bundle_config
from htl_monai.models.model_record import is_plain_text
from htl_monai.networks.tensor_file import read_state

__all__ = ["class_entries"]

_HEAD = "head.weight"


def class_entries(weights: Path, bundle: Path, data: Path | None) -> dict[str, Any]:
    """Return the config entries ``num_classes`` and ``classes`` of a network that classifies.

    How many there are is read from the weights, since a run's record holds the expression and not its value. Their
    names are those of the run's data list, or of the bundle that ships the weights.

    Args:
        weights: a checkpoint of any network.
        bundle: its bundle, one of the package's.
        data: the data list of the run that it comes from, or None.

    Returns:
        Empty where the checkpoint has no ``head``; ``classes`` is None where their names are not known.

    Raises:
        FileNotFoundError: the checkpoint does not exist.
        ValueError: the checkpoint is unreadable, the names are not as many as the classes, or a name in a data list is
            no plain text: in a config it would be run.
    """
    state = read_state(weights)
    if _HEAD not in state or state[_HEAD].ndim != 2:
        return {}
    number, names = len(state[_HEAD]), _names(weights, bundle, data)
    if names is not None and len(names) != number:
        source = data or bundle / "configs" / "inference.json"
        raise ValueError(
            f"classes must be the {number} of {weights}, got {', '.join(names)} in {source}; "
            "give the data list that it was trained on"
        )
    return {"num_classes": number, "classes": names}


def _names(weights: Path, bundle: Path, data: Path | None) -> list[str] | None:
    if data is not None:
        names = class_names(load_datalists(data)["training"])
        for name in names:
            if not is_plain_text(name):
                raise ValueError(
                    f"diagnosis in {data} must not begin with $, @ or %, got {name!r}; rename it, or move the "
                    "weights out of that run's folder"
                )
        return names
    if bundle not in weights.parents:
        return None
    config = read_json(bundle_config(bundle, "inference.json"), f"correct the bundle {bundle}")
    names = config.get("classes")
    return names if isinstance(names, list) else None
