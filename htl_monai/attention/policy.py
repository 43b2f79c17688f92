"""What a policy is: what a training does with the images that an arm chose. One file a policy, found by its name."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

import htl_monai.attention
from htl_monai.settings.one_file_each import kinds_in, one_named

__all__ = ["Item", "Items", "Policy", "policies", "policy_named"]

Item = Mapping[str, Any]
Items = Sequence[Item]


class Policy(ABC):
    """Say what an epoch shows.

    A policy is a class in a file of this package; if it has options, they are its fields, and it is a frozen dataclass.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    chooses: ClassVar[bool] = True
    """Whether it does anything with the images that were chosen."""
    start: ClassVar[str] = "dense"
    """The network that images are chosen by and that it trains on from: the ``dense`` one, or the ``intermediate`` one,
    from the middle of its training."""
    one_scale: ClassVar[bool] = False
    """Whether chosen images must be of the training list: those without mask are measured on another scale, or it
    would do nothing with them."""
    remine_every: int = 0

    def items(self, data: Items, chosen: Items, seed: int) -> Items:
        """Return the training list: of the whole one and of the images that were chosen, hardest first."""
        return data

    def weights(self, hardness: Sequence[float]) -> list[float] | None:
        """Return how often each image is drawn, relative to the others, by its hardness; None draws each as often."""
        return None

    def epoch(
        self, hardness: Sequence[float], count: int, epoch: int, n_epochs: int, generator: torch.Generator
    ) -> list[int]:
        """Return which ``count`` images an epoch shows, by their place in the training list.

        Each is shown once before one is shown again.

        Args:
            hardness: of each image, higher = harder; NaN where there is nothing to measure.
            count: how many to show.
            epoch: its number, from 1 to ``n_epochs``.
            n_epochs: of the training.
            generator: what is drawn comes from it.
        """
        weights = self.weights(hardness)
        if weights is not None:
            drawn = torch.multinomial(torch.tensor(weights, dtype=torch.float64), count, True, generator=generator)
            return [int(place) for place in drawn]
        return repeated(range(len(hardness)), count, generator)


def repeated(places: Sequence[int], count: int, generator: torch.Generator) -> list[int]:
    """Return ``count`` places: shuffled, and shuffled anew as often as needed."""
    found: list[int] = []
    while len(found) < count:
        found += [places[int(i)] for i in torch.randperm(len(places), generator=generator)]
    return found[:count]


def policies() -> dict[str, type[Policy]]:
    """Return every policy by its name, in alphabetical order."""
    return kinds_in(htl_monai.attention, Policy)


def policy_named(policy: str | Policy) -> Policy:
    """Return a policy by its name, with its default options; one that is a policy already as it is.

    Raises:
        KeyError: there is none of that name.
    """
    otherwise = "name one, or its class by _target_"
    return policy if isinstance(policy, Policy) else one_named(policy, policies(), "policy", otherwise)
