"""Says how sure the ratio of two shares is, however few events they rest on."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep


def ratio_interval(
    events: float, n: float, other_events: float, other_n: float, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return the score interval of ``(events / n) / (other_events / other_n)`` and Fisher's exact p-value.

    The interval (Koopman 1984) needs no minimum of events: a share of 0 has an upper end, and a ratio to a share of 0
    a lower one. A bootstrap says nothing there, and too much of one or two events.

    Args:
        events: of the first share; need not be whole, see
            :func:`~htl_monai.statistics.share_interval.effective_number`.
        n: what the first share is of.
        other_events: of the second share.
        other_n: what the second share is of.
        confidence: level of the interval, in (0, 1).

    Returns:
        Lower end, upper end (which may be infinite) and two-sided p-value of a ratio of 1, from the counts rounded to
        whole ones. NaN where one of the shares is of nothing, or where both are 0 or both 1.

    Example:
        >>> [round(number, 2) for number in ratio_interval(0, 27, 30, 522)]
        [0.0, 2.2, 0.39]
    """
    rest, other_rest = n - events, other_n - other_events
    if not (n > 0 and other_n > 0 and events + other_events > 0 and rest + other_rest > 0):
        return np.nan, np.nan, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # statsmodels divides by shares of 0
        low, high = confint_proportions_2indep(
            events, n, other_events, other_n, method="score", compare="ratio", alpha=1 - confidence, correction=False
        )
    table = np.rint([[events, rest], [other_events, other_rest]]).astype(int)
    ends = (0.0 if events == 0 else float(np.real(low)), np.inf if other_events == 0 else float(np.real(high)))
    return *ends, float(fisher_exact(table).pvalue)
