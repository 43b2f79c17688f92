"""The spread of a mean that varies with two things, such as seeds and images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtrit

_SMALLEST_P = 1e-200


@dataclass(frozen=True)
class TwoSpreads:
    """Two variances of one mean, with their degrees of freedom, and Cochran's t for their sum.

    Each variance brings its own t quantile, weighted by its size. Satterthwaite's single number of degrees of freedom
    covers too little where one of the two rests on few seeds and is the larger.

    Args:
        of_seeds: variance of the mean by the choice of seeds.
        of_images: variance of the mean by the choice of images, or of subjects.
        n_seeds: how many there are, at least 2.
        n_images: how many images or subjects, at least 2.

    Example:
        >>> spread = TwoSpreads(of_seeds=0.01, of_images=0.0, n_seeds=3, n_images=100)
        >>> round(spread.half_width(0.95), 3), round(spread.p_value(0.43), 3)
        (0.43, 0.05)
    """

    of_seeds: float
    of_images: float
    n_seeds: int
    n_images: int

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return float(np.sqrt(self.of_seeds + self.of_images))

    def half_width(self, confidence: float) -> float:
        """Return how far the interval reaches to either side."""
        return self._quantile(1 - confidence) * self.error

    def p_value(self, difference: float) -> float:
        """Return the two-sided p-value of no difference: one less the confidence whose interval ends at 0."""
        statistic = abs(difference) / self.error
        if statistic >= self._quantile(_SMALLEST_P):
            return _SMALLEST_P
        log_p = brentq(lambda log_alpha: self._quantile(np.exp(log_alpha)) - statistic, np.log(_SMALLEST_P), 0.0)
        return float(np.exp(log_p))

    def _quantile(self, alpha: float) -> float:
        quantiles = -stdtrit(np.array([self.n_seeds - 1, self.n_images - 1]), alpha / 2)
        return float(np.average(quantiles, weights=[self.of_seeds, self.of_images]))
