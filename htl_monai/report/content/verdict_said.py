"""The verdict, in words: did it help; of an audit, how good the model is and how much it only seems to hold."""

from __future__ import annotations

import math

import numpy as np

from htl_monai.ranking.ranking import over_seeds
from htl_monai.report.content.curves import FORGOTTEN_SHARE, forgotten_share, mean_at
from htl_monai.report.content.found import Found
from htl_monai.report.content.plain_words import count, label_of, percent, with_interval
from htl_monai.report.verdict import verdict
from htl_monai.scores import at_level, of_samples

__all__ = ["say_verdict"]


def say_verdict(found: Found) -> list[str]:
    """Return the sentence on the arms, where some were compared, and what pruning shows of the network."""
    compared = verdict(found.tables)
    return [*([compared] if compared else []), *_how_good(found), *_forgotten(found)]


def _how_good(found: Found) -> list[str]:
    if found.main is None or not found.is_labelled:
        return []
    mean, low, high = mean_at(found.main)
    if not math.isfinite(mean):
        return []
    values = over_seeds(of_samples(at_level(found.main, 0.0))).values
    n_bad, n = int((values < found.below).sum()), int((~np.isnan(values)).sum())
    name = label_of(str(found.main.attrs["primary"]))
    return [
        f"The mean {name} is {with_interval(mean, low, high)}; {n_bad:,} of {count(n, 'image')} ({percent(n_bad / n)}) "
        f"score below {found.below:g}."
    ]


def _forgotten(found: Found) -> list[str]:
    if found.main is None or found.level is None:
        return []
    share = forgotten_share(found.main, found.level)
    if not math.isfinite(share):
        return []
    level = percent(found.level)
    after = mean_at(found.main, found.level)[0]
    what = label_of(str(found.main.attrs["primary"]))
    lost = f"{percent(share)} of the images lose {percent(FORGOTTEN_SHARE)} or more of their {what}"
    return [f"When {level} of the weights are removed, {lost}, and its mean becomes {with_interval(after)}."]
