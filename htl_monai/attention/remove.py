"""Removal: leaves the chosen images out, as noise or as mislabelled (PruneCXR)."""

from htl_monai.attention.policy import Items, Policy


class Remove(Policy):
    """Show all images but the chosen ones."""

    name = "remove"
    meaning = "Train on without the chosen images."
    one_scale = True

    def items(self, data: Items, chosen: Items, seed: int) -> Items:
        """Return the others.

        Raises:
            ValueError: there are none.
        """
        taken = {item["id"] for item in chosen}
        rest = [item for item in data if item["id"] not in taken]
        if not rest:
            raise ValueError(f"amount must leave images to train on, got all {len(taken)} chosen; lower it")
        return rest
