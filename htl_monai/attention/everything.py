"""Everything: trains on with all images alike."""

from htl_monai.attention.policy import Policy


class Everything(Policy):
    """Show the whole training list."""

    name = "everything"
    meaning = "Train on with all images: what longer training brings by itself."
    chooses = False
