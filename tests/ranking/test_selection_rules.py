"""Choosing samples by the numbers of a ranking, and random ones."""

from __future__ import annotations

import numpy as np
import pytest

from htl_monai.ranking.selection import select, select_random, top_share, wrong_amount

IDS = list("abcde")
RELATIVE = [0.5, 0.4, -0.3, 0.35, np.nan]
ABSOLUTE = [0.1, 0.3, -0.2, 0.3, np.nan]


@pytest.mark.parametrize(
    ("rule", "amount", "values", "expected"),
    [
        ("threshold", 0.4, RELATIVE, ["a", "b"]),  # at least 40 %: the border belongs to it
        ("threshold", 0.3, ABSOLUTE, ["b", "d"]),
        ("threshold", -0.25, RELATIVE, ["a", "b", "d"]),  # not every ranking is positive, or ends at 1
        ("top", 0.5, RELATIVE, ["a", "b"]),
        ("top", 1.0, RELATIVE, ["a", "b", "d", "c"]),
        ("top", 0.01, RELATIVE, ["a"]),
        ("count", 3, RELATIVE, ["a", "b", "d"]),
        ("count", 1, ABSOLUTE, ["b"]),  # a tie keeps the order
        ("count", 99, RELATIVE, ["a", "b", "d", "c"]),
    ],
)
def test_rules(rule, amount, values, expected):
    assert select(values, IDS, rule, amount) == expected


@pytest.mark.parametrize(
    ("never_learned", "rule", "amount", "values", "expected"),
    [
        ("exclude", "top", 1.0, RELATIVE, ["a", "b", "d", "c"]),
        ("exclude", "top", 1.0, ABSOLUTE, ["b", "d", "a", "c"]),
        ("include", "threshold", 0.4, RELATIVE, ["x", "y", "a", "b"]),
        ("include", "threshold", 0.3, ABSOLUTE, ["x", "y", "b", "d"]),
        ("include", "top", 0.5, RELATIVE, ["x", "y", "a"]),  # of the six that are measured or never learned
        ("include", "count", 1, RELATIVE, ["x"]),
        ("only", "threshold", 0.4, RELATIVE, ["x", "y"]),
        ("only", "top", 0.5, RELATIVE, ["x"]),
    ],
)
def test_samples_never_learned_are_the_hardest_where_they_take_part(never_learned, rule, amount, values, expected):
    assert select([*values, np.inf, np.inf], [*IDS, "x", "y"], rule, amount, never_learned) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("worst", 1), "^rule must be one of threshold, top, count, got 'worst'; choose"),
        (("top", 0), r"^amount must be in \(0, 1\] for rule top, got 0; give the fraction"),
        (("top", 1.5), r"^amount must be in \(0, 1\] for rule top, got 1.5; give the fraction"),
        (("count", 0), "^amount must be a whole number from 1 for rule count, got 0; give a number"),
        (("count", 2.5), "^amount must be a whole number from 1 for rule count, got 2.5; give a number"),
        (
            ("threshold", 0.6),
            "^amount must leave .* got 0.6 for rule threshold while the largest value is 0.500; lower",
        ),
        (("top", 1, "drop"), "^never_learned must be one of exclude, include, only, got 'drop'; choose one of them"),
        (
            ("top", 1, "only"),
            "^values must have an image that was never learned, got none of 5, .* set never_learned to",
        ),
    ],
)
def test_what_is_out_of_range_or_chooses_nothing_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        select(RELATIVE, IDS, *options)


def test_a_sample_that_is_there_twice_is_refused():
    with pytest.raises(ValueError, match="^ids must be unique, got 5 repeated; keep the samples of one level"):
        select(RELATIVE * 2, IDS * 2)


def test_a_threshold_of_relative_forgetting_is_a_share():
    assert wrong_amount("threshold", 0.4) is None
    assert wrong_amount("threshold", 40, "labelled_").startswith("labelled_amount must be in (0, 1] for labelled_rule")


def test_random_images_are_seeded_and_drawn_once():
    ids = [f"image_{number}" for number in range(50)]
    drawn = select_random(ids, 20, seed=4)
    assert drawn == select_random(ids, 20, seed=4) != select_random(ids, 20, seed=5)
    assert len(set(drawn)) == 20 and set(drawn) <= set(ids)
    with pytest.raises(ValueError, match="count must be at most 50, the number of images, got 51"):
        select_random(ids, 51, seed=4)


def test_the_hardest_share_is_of_the_measured_and_ties_go_to_the_earlier():
    assert np.flatnonzero(top_share([-0.3, 0.5, -0.9, -0.1, -0.7], 0.4)).tolist() == [1, 3]
    assert np.flatnonzero(top_share([np.nan, 0.1, np.nan, 0.9, 0.5], 0.5)).tolist() == [3, 4]
    assert np.flatnonzero(top_share([0.5, 0.5, 0.5, 0.5], 0.5)).tolist() == [0, 1]
    assert top_share([0.1, np.inf, 0.2], 0.001).tolist() == [False, True, False]
    assert not top_share([np.nan, np.nan], 0.05).any()
    with pytest.raises(ValueError, match=r"^share must be in \(0, 1\], got 5; 0.05 means 5 %"):
        top_share([0.1, 0.2], 5)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5, 1.0])
def test_the_rule_top_chooses_the_hardest_share(share):
    values = np.random.default_rng(1).normal(size=60).round(1)  # with ties
    values[::7] = np.nan
    ids = [str(number) for number in range(60)]
    assert set(select(values, ids, "top", share)) == {ids[i] for i in np.flatnonzero(top_share(values, share))}
