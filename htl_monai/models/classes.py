"""Tells the classes of a trained network."""

from __future__ import annotations

from typing import Any

from htl_monai.data.files import read_json
from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.models.bundles import bundle_config
from htl_monai.models.model_record import is_plain_text
from htl_monai.models.trained_model import TrainedModel
from htl_monai.networks.tensor_file import read_state

__all__ = ["class_entries"]

_HEAD = "head.weight"


def class_entries(trained: TrainedModel) -> dict[str, Any]:
    """Return the config entries ``num_classes`` and ``classes`` of a network that classifies.

    How many there are is read from the weights, since a run's record holds the expression and not its value. Their
    names are those of the run's data list, or of the bundle that ships the weights.

    Args:
        trained: a checkpoint of any network.

    Returns:
        Empty where the checkpoint has no ``head``; ``classes`` is None where their names are not known.

    Raises:
        FileNotFoundError: the checkpoint does not exist.
        ValueError: the checkpoint is unreadable, the names are not as many as the classes, or a name in a data list is
            no plain text: in a config it would be run.
    """
    state = read_state(trained.weights)
    if _HEAD not in state or state[_HEAD].ndim != 2:
        return {}
    number, names = len(state[_HEAD]), _names(trained)
    if names is not None and len(names) != number:
        source = trained.data or trained.bundle / "configs" / "inference.json"
        raise ValueError(
            f"classes must be the {number} of {trained.weights}, got {', '.join(names)} in {source}; "
            "give the data list that it was trained on"
        )
    return {"num_classes": number, "classes": names}


def _names(trained: TrainedModel) -> list[str] | None:
    if trained.data is not None:
        names = class_names(load_datalists(trained.data)["training"])
        for name in names:
            if not is_plain_text(name):
                raise ValueError(
                    f"diagnosis in {trained.data} must not begin with $, @ or %, got {name!r}; rename it, or move the "
                    "weights out of that run's folder"
                )
        return names
    if trained.bundle not in trained.weights.parents:
        return None
    config = read_json(bundle_config(trained.bundle, "inference.json"), f"correct the bundle {trained.bundle}")
    names = config.get("classes")
    return names if isinstance(names, list) else None
