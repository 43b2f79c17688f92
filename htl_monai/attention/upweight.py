"""Upweighting: shows all images, the chosen ones several times (PruneCXR)."""

from dataclasses import dataclass

from htl_monai.attention.policy import Items, Policy


@dataclass(frozen=True)
class Upweight(Policy):
    """Show the whole training list, and the chosen images several times.

    Args:
        times: how often a chosen image is shown, a whole number from 2.
    """

    name = "upweight"
    meaning = "Train on with all images, the chosen ones several times."

    times: int = 4

    def __post_init__(self) -> None:
        if self.times < 2 or self.times != int(self.times):
            raise ValueError(f"times must be a whole number from 2, got {self.times}; once is the policy everything")

    def items(self, data: Items, chosen: Items, seed: int) -> Items:
        """Return the training list, then the chosen images in its order, then those of them that it lacks."""
        taken, known = {item["id"] for item in chosen}, {item["id"] for item in data}
        again = [item for item in data if item["id"] in taken]
        new = [item for item in chosen if item["id"] not in known]
        return [*data, *again * (self.times - 1), *new * self.times]
