"""Tests of the interval of a share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from htl_monai.statistics.share_interval import effective_number, share_interval


@pytest.mark.parametrize(("events", "n"), [(0, 1), (1, 1), (0, 10), (1, 20), (3, 20), (20, 20), (56, 2000)])
def test_it_is_the_exact_interval_of_scipy(events, n):
    reference = binomtest(events, n).proportion_ci(0.9, method="exact")
    found = share_interval([1] * events + [0] * (n - events), 0.9)
    assert found == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_it_covers_with_few_images_and_with_several_a_subject(share):
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(25), 4)
    covered, naive = [], []
    for _ in range(300):
        # Three in four images of a subject are as the first.
        own, others = rng.random(100) < share, (rng.random(25) < share)[subjects]
        events = np.where(rng.random(100) < 0.75, others, own)
        for found, whom in ((covered, subjects), (naive, None)):
            low, high = share_interval(events, subjects=whom)
            found.append(low <= share <= high)
    assert np.mean(covered) >= 0.93 and np.mean(naive) < np.mean(covered) - 0.03


def test_effective_number():
    assert effective_number([1, 0, 1, 0]) == 4
    alike = np.repeat(np.random.default_rng(1).random(40) < 0.3, 3)
    assert effective_number(alike, np.repeat(np.arange(40), 3)) == pytest.approx(39)
    assert effective_number([0] * 12, np.repeat(np.arange(4), 3)) == 4
    apart = np.tile([1, 0], 20)  # each subject has one of each: no more than the images
    assert effective_number(apart, np.repeat(np.arange(20), 2)) == 40


def test_nothing_says_nothing():
    assert np.isnan(share_interval([])).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="^is_event must be 0 or 1, got 0.5; 1 marks an event"):
        share_interval([0.5])
    with pytest.raises(ValueError, match=r"^confidence must be in \(0, 1\), got 95"):
        share_interval([1], 95)
