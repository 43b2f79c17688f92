"""Infers the task of a bundle from its metadata.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from htl_monai.tasks.output_format import OutputFormat, activation_in, output_formats
from htl_monai.tasks.task import Task, task_named, task_types

__all__ = ["from_metadata"]


def from_metadata(metadata: Mapping[str, Any], name: str | None = None, config: Any = None) -> Task:
    """Return the task that a bundle's network was made for.

    Metadata often keeps silent on softmax or sigmoid: then the bundle's postprocessing, metrics or loss tell, and of
    masks a channel called background. That a type reads ``probabilities`` means nothing: many bundles describe so what
    their postprocessing makes of logits.

    Args:
        metadata: the content of metadata.json.
        name: the task to take, of those in :func:`~htl_monai.tasks.task.task_types`; inferred by default.
        config: the content of the bundle's other configs, parsed or not.

    Raises:
        ValueError: no task is known for what metadata describes, or ``name`` contradicts it.

    Example:
        >>> names = {"0": "background", "1": "spleen"}
        >>> outputs = {"pred": {"format": "segmentation", "num_channels": 2, "channel_def": names}}
        >>> from_metadata({"network_data_format": {"outputs": outputs}}).name
        'binary_segmentation'
    """
    formats = output_formats(metadata, activation_in(config))
    types = task_types() if name is None else {name: task_named(name)}
    for output in formats:
        reading = [task for task in types.values() if any(task.reads(each) for each in _possible(output, name))]
        # A task that narrows another down, and reads what that reads, is taken by its name alone.
        for task in reading:
            if not any(issubclass(task, other) for other in reading if other is not task):
                several = len(formats) > 1 and output.key != "pred"
                return task(output.classes, selector=output.key if several else None)
    described = "; ".join(
        f"{output.key}: {output.kind} of {output.channels} channels, {output.activation or 'softmax or sigmoid?'}"
        for output in formats
    )
    if name is None:
        raise ValueError(
            f"metadata.json must describe a task that is known, got {described or 'no channels'}; "
            f"name the task: one of {', '.join(types)}"
        )
    raise ValueError(f"task must fit metadata.json, got {name!r} for {described}; correct one of the two")


def _possible(output: OutputFormat, name: str | None) -> list[OutputFormat]:
    if output.activation is not None or name is None:
        return [output]
    return [replace(output, activation="softmax"), replace(output, activation="sigmoid")]
