"""Relative forgetting: the share of its score that pruning costs a sample."""

from htl_monai.ranking.forgetting import Forgetting
from htl_monai.ranking.hardness import relative_forgetting
from htl_monai.ranking.ranking import Values


class RelativeForgetting(Forgetting):
    """Rank by the drop of the score as a share of the dense one, so that small lesions count as much as large ones."""

    name = "relative_forgetting"
    meaning = "Which share of its score the sample loses when the network is pruned."

    def drop(self, dense: Values, pruned: Values) -> Values:
        """Return the share; NaN where the dense score is 0."""
        return relative_forgetting(dense, pruned)
