"""What a bundle's metadata and configs say of one output of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import Draft202012Validator

__all__ = ["Activation", "OutputFormat", "activation_in", "output_formats"]

Activation = Literal["softmax", "sigmoid"]
_OUTPUT = {
    "type": "object",
    "properties": {
        "num_channels": {"type": ["integer", "null"], "minimum": 0},
        "spatial_shape": {"type": ["array", "null"]},
        "channel_def": {"type": ["object", "null"], "propertyNames": {"pattern": "^[0-9]+$"}},
    },
}
_OUTPUTS = {"type": "object", "properties": {"outputs": {"type": "object", "additionalProperties": _OUTPUT}}}
_SCHEMA = Draft202012Validator({"properties": {"network_data_format": _OUTPUTS}})


@dataclass(frozen=True)
class OutputFormat:
    """One output.

    Args:
        key: its name in metadata.json.
        kind: ``segmentation``, ``classification``, ``heat map``, or what metadata calls it.
        channels: of the network's output.
        classes: their names; of a single channel of masks also ``background``.
        activation: what makes probabilities of it; None = nothing says it.
    """

    key: str
    kind: str
    channels: int
    classes: tuple[str, ...]
    activation: Activation | None


def output_formats(metadata: Mapping[str, Any], activation: Activation | None = None) -> list[OutputFormat]:
    """Return the outputs that a metadata.json describes, ``pred`` first.

    Args:
        metadata: its content.
        activation: what the bundle's configs say, see :func:`activation_in`.

    Raises:
        ValueError: it describes no output, or not the names of its channels.
    """
    for fault in _SCHEMA.iter_errors(metadata):
        place = "#".join(map(str, fault.absolute_path))
        raise ValueError(f"{place} of metadata.json must fit, got: {fault.message:.200}; correct it")
    outputs = metadata.get("network_data_format", {}).get("outputs", {})
    if not outputs:
        raise ValueError(
            "metadata.json must describe network_data_format#outputs, got none; add them, or name the task (--task)"
        )
    keys = sorted(outputs, key=lambda key: key != "pred")
    return [_format(key, outputs[key], activation) for key in keys if outputs[key].get("num_channels")]


def activation_in(config: Any) -> Activation | None:
    """Return what the postprocessing, the metrics and the loss of a bundle's configs take for its activation.

    Returns:
        None where they say nothing, or both.

    Example:
        >>> activation_in({"postprocessing": [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}]})
        'sigmoid'
        >>> activation_in({"loss": {"_target_": "torch.nn.CrossEntropyLoss"}})
        'softmax'
    """
    said = set(_activations(config))
    return said.pop() if len(said) == 1 else None


def _activations(config: Any) -> Iterator[Activation]:
    if isinstance(config, Mapping):
        target = str(config.get("_target_", ""))
        if config.get("sigmoid") is True or "bce" in target.lower():
            yield "sigmoid"
        argmax = config.get("argmax")
        if config.get("softmax") is True or argmax is True or (isinstance(argmax, list) and True in argmax):
            yield "softmax"
        if target.endswith("CrossEntropyLoss"):
            yield "softmax"
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _activations(value)


def _format(key: str, entry: Mapping[str, Any], activation: Activation | None) -> OutputFormat:
    channels, shape = int(entry["num_channels"]), list(entry.get("spatial_shape") or ())
    kind = str(entry.get("format"))
    if "heat" in kind:
        kind = "heat map"
    elif kind in ("classes", "classification", "labels") and shape[:1] == [1]:
        kind = "classification"
    elif kind == "labels":
        kind = "segmentation"
    classes = _class_names(key, entry.get("channel_def"), channels, kind, activation)
    if kind == "segmentation" and activation is None:
        activation = "sigmoid" if channels == 1 else "softmax" if classes[0].lower() == "background" else None
    return OutputFormat(key, kind, channels, classes, "sigmoid" if channels == 1 else activation)


def _class_names(
    key: str, channel_def: Mapping[str, str] | None, channels: int, kind: str, activation: Activation | None
) -> tuple[str, ...]:
    masks = kind in ("segmentation", "heat map")
    names = [str(channel_def[number]) for number in sorted(channel_def, key=int)] if channel_def else []
    if not names:
        names = [f"class {i}" for i in range(channels)]
        if masks and channels > 1 and activation != "sigmoid":
            names[0] = "background"
    if masks and channels == 1 and len(names) == 1:
        names = ["background", *names]
    if len(names) != channels and not (masks and channels == 1 and len(names) == 2):
        raise ValueError(
            f"channel_def of output {key!r} must name its {channels} channels, got {len(names)} names; correct "
            "metadata.json, or name the task and classes"
        )
    return tuple(names)
