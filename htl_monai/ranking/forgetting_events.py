"""Forgetting events: how often the training unlearns a sample."""

import numpy as np
import pandas as pd

from htl_monai.ranking.hardness import hardness
from htl_monai.ranking.of_training import OfTraining
from htl_monai.ranking.ranking import Values


class ForgettingEvents(OfTraining):
    """Rank by how often a sample was right and then wrong (Toneva et al., 2019)."""

    name = "forgetting_events"
    meaning = "How often the sample turns from right to wrong between epochs; infinite if never right."
    variables = ("dynamics_correct",)

    def of_epochs(self, recorded: Values) -> Values:
        """Return the number of events; epochs that did not see the sample are passed over."""
        seen = ~np.isnan(recorded).all(axis=0)
        right = pd.DataFrame(recorded).ffill().to_numpy() >= 0.5
        events = (right[:-1] & ~right[1:]).sum(axis=0)
        return hardness(np.where(seen, events, np.nan), seen & ~right.any(axis=0))
