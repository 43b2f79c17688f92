"""A task: what a network says of a sample, and how good, how steady and how doubtful that is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

import htl_monai.tasks
from htl_monai.settings.one_file_each import kinds_in
from htl_monai.tasks.output_format import OutputFormat

__all__ = ["Task", "as_plain", "task_named", "task_types"]


@dataclass(frozen=True)
class Task(ABC):
    """How one sample is scored. A new task is one file in this folder: a subclass with a ``name``.

    All scores are tensors ``(N,)`` or ``(N, C)``, one number a sample, or a sample and class; NaN = nothing to measure.

    Args:
        classes: names of the classes, in the order of the network's channels.
        foreground: the classes that count in the number of a sample; by default all but ``background``.
        selector: which part of the network's output is scored: an index, a key, or a function that takes it out. By
            default the first of a list (deep supervision) or the only tensor of a dict.
        probabilities: the network ends in its own softmax or sigmoid, so that it returns no logits.
    """

    name: ClassVar[str]
    primary: ClassVar[str]
    """The score that counts first, higher = better."""
    primary_agreement: ClassVar[str]
    """What counts first where there is no label."""
    says: ClassVar[tuple[str, ...]] = ()
    """The names of what mining writes of a sample without label."""
    says_of_labels: ClassVar[tuple[str, ...]] = ()
    """The names of what it writes more of one with a label."""

    classes: tuple[str, ...]
    foreground: tuple[str, ...] = ()
    selector: int | str | Callable[[Any], Tensor] | None = None
    probabilities: bool = False

    def __post_init__(self) -> None:
        classes = tuple(self.classes)
        if not classes or len(set(classes)) < len(classes):
            raise ValueError(f"classes must be different names, got {list(classes)}; give one for each channel")
        foreground = tuple(self.foreground) or tuple(name for name in classes if name.lower() != "background")
        if not foreground or not set(foreground) <= set(classes):
            raise ValueError(
                f"foreground must be some of the classes {list(classes)}, got {list(self.foreground)}; "
                "name the classes that count"
            )
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "foreground", foreground)

    def select(self, output: Any) -> Tensor:
        """Return the tensor of a network's output that is scored.

        Raises:
            ValueError: a dict of several tensors without a selector, or what is selected is no tensor.
        """
        selected = output
        if callable(self.selector):
            selected = self.selector(output)
        elif self.selector is not None and not isinstance(output, Tensor):
            selected = self._picked(output)
        elif isinstance(output, Mapping):
            tensors = {key: value for key, value in output.items() if isinstance(value, Tensor)}
            if len(tensors) != 1:
                raise ValueError(
                    f"selector must name one of the network's outputs {list(output)}, got None; set it, of an audit "
                    "with --bind output=KEY"
                )
            (selected,) = tensors.values()
        elif isinstance(output, list | tuple) and output:
            selected = output[0]
        if not isinstance(selected, Tensor):
            raise ValueError(
                f"selector must lead to a tensor in the network's output, got {type(selected).__name__} by "
                f"{self.selector!r}; give the index, the key or a function"
            )
        return selected

    @abstractmethod
    def scores(self, output: Mapping[str, Any]) -> dict[str, Tensor]:
        """Score a batch of ``pred`` against ``label``; without label (None) only what needs none."""

    @abstractmethod
    def agreement(self, pred: Tensor, dense: Tensor) -> dict[str, Tensor]:
        """Compare what two networks say, without label: ``(N,)`` each."""

    @abstractmethod
    def doubt(self, pred: Tensor) -> dict[str, Tensor]:
        """Tell from one network's own output how unsure it is.

        Returns:
            ``(N,)`` each: ``entropy`` (nats), ``confidence``, ``expected_error``, and for masks ``entropy_per_area``.
        """

    @abstractmethod
    def dynamics(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Tell how a network in training stands to the label, ``(N,)`` each, NaN where that is unknown.

        Returns:
            Those of :meth:`.decisions.Decisions.dynamics`, and ``dynamics_correct``: whether the sample is right.
        """

    def plausibility(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Return what a network says of the label beyond its scores: of masks ``label_quality`` and ``loss``."""
        return {}

    @abstractmethod
    def of_label(self, label: Tensor) -> dict[str, Tensor]:
        """Return what is worth keeping of the label itself: the same at every level of pruning."""

    def useless(self, scores: Mapping[str, NDArray[Any]]) -> str | None:
        """Tell why a network that scores so learned nothing, see :mod:`htl_monai.tasks.usefulness`; None = it may have.

        Args:
            scores: what :meth:`scores` and :meth:`of_label` said of some samples.
        """
        return None

    @classmethod
    @abstractmethod
    def reads(cls, output: OutputFormat) -> bool:
        """Tell whether this is the task of an output that a bundle's metadata describes."""

    def _picked(self, output: Any) -> Any:
        try:
            return output[self.selector]
        except (KeyError, IndexError, TypeError):
            there = list(output) if isinstance(output, Mapping) else f"{type(output).__name__} of {len(output)}"
            raise ValueError(
                f"selector must be in the network's output {there}, got {self.selector!r}; name one of these"
            ) from None


def task_types() -> dict[str, type[Task]]:
    """Return the tasks by name: every class with a ``name`` in a file of this folder."""
    return kinds_in(htl_monai.tasks, Task)


def task_named(name: str) -> type[Task]:
    """Return a task by its name.

    Example:
        >>> task_named("binary_segmentation").primary
        'iou'
    """
    types = task_types()
    if name not in types:
        raise ValueError(f"task must be one of {', '.join(types)}, got {name!r}; choose one of these")
    return types[name]


def as_plain(values: Tensor) -> Tensor:
    """Return a tensor without MONAI's metadata, which costs time in every operation."""
    return values.detach().as_subclass(torch.Tensor)  # type: ignore[attr-defined, no-any-return]
