"""Fine-tuning: shows the chosen images alone (Attend Who is Weak, Algorithm 1)."""

from htl_monai.attention.policy import Items, Policy


class FineTune(Policy):
    """Show the chosen images and no others."""

    name = "finetune"
    meaning = "Fine-tune on the chosen images alone."

    def items(self, data: Items, chosen: Items, seed: int) -> Items:
        """Return the chosen images."""
        return chosen
