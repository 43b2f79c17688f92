"""What every segmentation shares: overlap of each class, agreement of two outputs, doubt; in any dimension."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from htl_monai.tasks.decisions import Decisions, decisions
from htl_monai.tasks.surface_distance import surface_distance
from htl_monai.tasks.task import Task, as_plain
from htl_monai.tasks.usefulness import useless_masks

__all__ = ["Segmentation", "whole_numbers"]

Counts = tuple[Tensor, Tensor, Tensor]
"""Pixels in both masks, in the first and in the second: ``(N, C)`` each."""


@dataclass(frozen=True)
class Segmentation(Task):
    """Score masks, each sample and class by itself.

    ``pred`` are logits ``(N, C, ...)`` or masks that a postprocessing made of them, one-hot or as numbers of classes
    ``(N, 1, ...)``; ``label`` likewise. A class that is absent from both masks has nothing to measure (NaN); one that
    is absent from one of them scores 0. A sample with NaN in its prediction has NaN in all scores.

    Scores: ``iou`` and ``dice`` ``(N, C)`` float64 in [0, 1] (Attend Who is Weak, Algorithm 1, line 4).

    Args:
        surface_distance: score also ``surface_distance`` ``(N, C)``, lower = better: MONAI's symmetric average, in the
            unit of the label's ``pixdim`` where it has one, else in pixels.
    """

    surface_distance: bool = False
    primary: ClassVar[str] = "iou"
    exclusive: ClassVar[bool] = True
    """A pixel has one of the classes."""
    primary_agreement: ClassVar[str] = "mask_agreement"
    says: ClassVar[tuple[str, ...]] = ("mask_agreement", "entropy", "entropy_per_area", "confidence", "expected_error")
    says_of_labels: ClassVar[tuple[str, ...]] = ("iou", "dice", "whole_image_iou", "label_quality", "loss")

    def scores(self, output: Mapping[str, Any]) -> dict[str, Tensor]:
        if output.get("label") is None:
            return {}
        pred, label = as_plain(output["pred"]), as_plain(output["label"])
        drawn = self.drawn(pred)
        actual = self.actual(label)
        self._match(drawn, actual, "label")
        scores = overlap(self.counts(drawn, actual), with_nan(pred))
        if self.surface_distance:
            masks = self.one_hot(drawn), self.one_hot(actual)
            scores["surface_distance"] = surface_distance(*masks, like=output["label"])
        return scores

    def agreement(self, pred: Tensor, dense: Tensor) -> dict[str, Tensor]:
        """Return ``mask_agreement``: the mean IoU of the foreground classes that either draws, 1 where none does."""
        pred, dense = as_plain(pred), as_plain(dense)
        first, second = self.drawn(pred), self.drawn(dense)
        self._match(first, second, "dense")
        iou = overlap(self.counts(first, second), None)["iou"][:, self._foreground()]
        agreement = torch.nanmean(iou, dim=1).nan_to_num(1.0)
        return {"mask_agreement": agreement.masked_fill_(with_nan(pred) | with_nan(dense), torch.nan)}

    def doubt(self, pred: Tensor) -> dict[str, Tensor]:
        """Tell from the probabilities how unsure masks are.

        ``entropy`` is the mean over the pixels, ``entropy_per_area`` the sum over the pixels by those of foreground,
        ``confidence`` the mean probability of the foreground where it is drawn (both NaN where none is).
        ``expected_error`` is 1 - the IoU that the probabilities promise: of mask M and probability p
        ``sum_M p / (|M| + sum_not-M p)``, expected intersection by expected union; the mean over the foreground classes
        that are drawn, or over all if none is.

        Raises:
            TypeError: ``pred`` are masks already, which have no doubt.
        """
        pred = as_plain(pred)
        if not pred.is_floating_point():
            raise TypeError(f"pred must be logits to have doubt, got {pred.dtype}; keep them beside the masks")
        of_pixels = self.pixel_probabilities(pred.float())
        entropy = self.pixel_entropy(of_pixels).flatten(1)
        foreground = self._foreground()
        drawn = self.one_hot(self.drawn(pred))[:, foreground].flatten(2)
        prob = of_pixels[:, foreground].flatten(2)
        area = drawn.sum(dim=2).double()
        inside, total = (prob * drawn).sum(dim=2, dtype=torch.float64), prob.sum(dim=2, dtype=torch.float64)
        error = 1 - inside / (area + total - inside)
        counting = (area > 0) | (area == 0).all(dim=1, keepdim=True)
        any_area = drawn.any(dim=1).sum(dim=1).double()
        return {
            "entropy": entropy.mean(dim=1, dtype=torch.float64),
            "entropy_per_area": _ratio(entropy.sum(dim=1, dtype=torch.float64), any_area),
            "confidence": _ratio(inside.sum(dim=1), area.sum(dim=1)),
            "expected_error": torch.nanmean(error.where(counting, torch.nan), dim=1),
        }

    def dynamics(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Tell how the network stands to the label, each class of it counting the same.

        A sample is right where the mean IoU of the foreground is at least one half, or nothing is there and drawn. This
        is ours: the papers know one decision a sample.
        """
        iou = torch.nanmean(self.scores({"pred": pred, "label": label})["iou"][:, self._foreground()], dim=1)
        right = ~(iou < 0.5)
        return self._decided(pred, label, balanced=True).dynamics() | {"dynamics_correct": right.double()}

    def plausibility(self, pred: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Tell how plausible the network finds the label.

        Returns:
            ``label_quality``, cleanlab's softmin of the pixels, in [0, 1]; lower = more likely an error; and ``loss``,
            the mean cross-entropy of the pixels (and classes, where they do not exclude each other), in nats.
        """
        decided = self._decided(pred, label, balanced=False)
        return {"label_quality": decided.softmin(), "loss": decided.mean(-torch.log(decided.prob)).double()}

    def of_label(self, label: Tensor) -> dict[str, Tensor]:
        """Return ``whole_image_iou``: the IoU that a mask of the whole image would have, the mean of the foreground."""
        actual = self.actual(as_plain(label))
        _, _, area = self.counts(actual, actual)
        n_pixels = label[0, 0].numel()
        return {"whole_image_iou": (area[:, self._foreground()].double() / n_pixels).mean(dim=1)}

    def useless(self, scores: Mapping[str, NDArray[Any]]) -> str | None:
        """Judge the masks by their mean IoU."""
        if self.primary not in scores:
            return None
        foreground = self._foreground()
        rest = [number for number in range(len(self.classes)) if number not in foreground]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Mean of empty slice")
            means = {
                name: np.nanmean(scores["iou"][:, of], axis=1)
                for name, of in (("foreground_iou", foreground), ("background_iou", rest or foreground))
            }
        return useless_masks({**scores, **means})

    @abstractmethod
    def drawn(self, pred: Tensor) -> Tensor:
        """Return the masks of a prediction, ``(N, ...)`` in the task's own form."""

    @abstractmethod
    def actual(self, label: Tensor) -> Tensor:
        """Return the masks of a label in the same form; its values must be those of the classes."""

    @abstractmethod
    def counts(self, drawn: Tensor, actual: Tensor) -> Counts:
        """Count the pixels of each class."""

    @abstractmethod
    def one_hot(self, drawn: Tensor) -> Tensor:
        """Return one mask a class, bool ``(N, C, ...)``."""

    @abstractmethod
    def pixel_probabilities(self, pred: Tensor) -> Tensor:
        """Return the probability of each class at each pixel, ``(N, C, ...)``."""

    def pixel_entropy(self, prob: Tensor) -> Tensor:
        """Return the entropy at each pixel, ``(N, ...)``, of classes that exclude each other."""
        return torch.special.entr(prob).sum(dim=1)

    def _decided(self, pred: Tensor, label: Tensor, balanced: bool) -> Decisions:
        """Hold the probabilities of the pixels, at least 1e-7, against the label."""
        prob = self.pixel_probabilities(as_plain(pred).float()).clamp(1e-7, 1 - 1e-7)
        targets = self.one_hot(self.actual(as_plain(label)))
        return decisions(torch.log(prob) if self.exclusive else torch.logit(prob), targets, self.exclusive, balanced)

    def _foreground(self) -> list[int]:
        return [self.classes.index(name) for name in self.foreground]

    def _match(self, drawn: Tensor, other: Tensor, name: str) -> None:
        if drawn.shape != other.shape:
            raise ValueError(
                f"{name} must have the samples and the size of pred, {tuple(drawn.shape)}, got {tuple(other.shape)}; "
                "give both the same transforms, or bring pred back to the original size"
            )


def overlap(counts: Counts, unmeasured: Tensor | None) -> dict[str, Tensor]:
    """Return IoU and Dice from counts of pixels.

    Args:
        counts: in both, in the first and in the second mask, ``(N, C)`` whole numbers.
        unmeasured: bool ``(N,)``, samples that score NaN.
    """
    intersection, both = counts[0].double(), (counts[1] + counts[2]).double()
    if unmeasured is not None:
        intersection.masked_fill_(unmeasured[:, None], torch.nan)
    return {"iou": intersection / (both - intersection), "dice": 2 * intersection / both}


def whole_numbers(values: Tensor, n_classes: int, name: str) -> Tensor:
    """Return numbers of classes as int64.

    Raises:
        ValueError: one is NaN, no whole number, or not in ``0 .. n_classes - 1``; it would count as another class.
    """
    numbers = values.long()
    odd = (numbers < 0) | (numbers >= n_classes)
    if values.is_floating_point():
        odd |= numbers != values
    if odd.any():
        wrong = int(odd.reshape(len(odd), -1).any(dim=1).nonzero()[0])
        raise ValueError(
            f"{name} must hold the classes 0 to {n_classes - 1} only, got {values[odd][0].item():g} in sample {wrong} "
            "of the batch; correct the mask, or map its values"
        )
    return numbers


def with_nan(pred: Tensor) -> Tensor:
    """Tell of each sample whether something in its prediction is NaN: it is no answer then."""
    if not pred.is_floating_point():
        return torch.zeros(len(pred), dtype=torch.bool, device=pred.device)
    # The maximum keeps NaN, and takes a tenth of the time of looking at each number.
    return torch.isnan(pred.flatten(1).amax(dim=1))


def _ratio(total: Tensor, area: Tensor) -> Tensor:
    return torch.where(area > 0, total / area, torch.nan)
