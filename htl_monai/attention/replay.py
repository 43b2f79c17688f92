"""Replay: fine-tunes on the chosen images and some of the others, so that those are not forgotten."""

from dataclasses import dataclass

from htl_monai.attention.policy import Items, Policy
from htl_monai.ranking.selection import select_random


@dataclass(frozen=True)
class Replay(Policy):
    """Show the chosen images, and others at random.

    Args:
        ratio: other images for each chosen one, above 0; at most as many as there are.
    """

    name = "replay"
    meaning = "Fine-tune on the chosen images and on some of the others, drawn at random."

    ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.ratio <= 0:
            raise ValueError(f"ratio must be above 0, got {self.ratio}; give others per chosen image, or take finetune")

    def items(self, data: Items, chosen: Items, seed: int) -> Items:
        """Return the chosen images, then the others."""
        taken, by_id = {item["id"] for item in chosen}, {item["id"]: item for item in data}
        others = [id_ for id_ in by_id if id_ not in taken]
        drawn = select_random(others, min(round(self.ratio * len(chosen)), len(others)), seed)
        return [*chosen, *(by_id[id_] for id_ in drawn)]
