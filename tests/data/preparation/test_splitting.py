"""Laws of a split by subject: nothing lost, no subject in two splits, shares and diagnoses kept."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htl_monai.data.preparation.splitting import split_by_subject

SHARES = {"training": 0.7, "validation": 0.1, "test": 0.2}

# Lesions as in ISIC-2018: each of one diagnosis, of one to six images, or not known to be one.
lesions = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 6)), max_size=40)
shares = st.lists(st.floats(0.05, 1), min_size=1, max_size=4).map(
    lambda weights: {f"split{number}": weight / sum(weights) for number, weight in enumerate(weights)}
)


def images(lesions: list[tuple[str, int]]) -> list[dict[str, Any]]:
    return [
        {"id": f"{lesion}_{number}", "subject": lesion if count else None, "diagnosis": diagnosis}
        for lesion, (diagnosis, count) in enumerate(lesions)
        for number in range(max(count, 1))
    ]


@given(lesions=lesions, shares=shares, seed=st.integers(0, 99))
def test_every_image_once_and_no_subject_in_two_splits(lesions: list[tuple[str, int]], shares: dict, seed: int) -> None:
    items = images(lesions)
    parts = split_by_subject(items, shares, seed)
    assert list(parts) == list(shares)
    assert sorted(item["id"] for part in parts.values() for item in part) == sorted(item["id"] for item in items)
    places = defaultdict(set)
    for name, part in parts.items():
        for item in part:
            places[item["subject"]].add(name)
    assert all(len(names) == 1 for subject, names in places.items() if subject is not None)


@given(lesions=lesions, shares=shares, seed=st.integers(0, 99))
def test_a_diagnosis_with_enough_subjects_is_in_each_split(
    lesions: list[tuple[str, int]], shares: dict, seed: int
) -> None:
    parts = split_by_subject(images(lesions), shares, seed)
    for diagnosis in {name for name, _ in lesions}:
        if sum(name == diagnosis for name, _ in lesions) >= len(shares):
            assert all(any(item["diagnosis"] == diagnosis for item in part) for part in parts.values())


@given(lesions=lesions, seed=st.integers(0, 99), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(
    lesions: list[tuple[str, int]], seed: int, shuffle: random.Random
) -> None:
    items = images(lesions)
    shuffled = shuffle.sample(items, len(items))
    first, second = (split_by_subject(order, SHARES, seed) for order in (items, shuffled))
    assert {name: {item["id"] for item in part} for name, part in first.items()} == {
        name: {item["id"] for item in part} for name, part in second.items()
    }


@given(seed=st.integers(0, 99), counts=st.lists(st.integers(1, 4), min_size=100, max_size=200))
def test_the_shares_are_met_within_each_diagnosis(seed: int, counts: list[int]) -> None:
    items = images([("AAAB"[number % 4], count) for number, count in enumerate(counts)])
    parts = split_by_subject(items, SHARES, seed)
    for diagnosis in "AB":
        total = sum(item["diagnosis"] == diagnosis for item in items)
        for name, share in SHARES.items():
            got = sum(item["diagnosis"] == diagnosis for item in parts[name])
            assert abs(got - share * total) <= 4  # at most one subject


def test_the_seed_decides() -> None:
    items = images([("A", 1)] * 50)
    assert split_by_subject(items, SHARES, 1) == split_by_subject(items, SHARES, 1)
    assert split_by_subject(items, SHARES, 1) != split_by_subject(items, SHARES, 2)


def test_a_rare_diagnosis_goes_to_the_largest_split() -> None:
    items = images([("A", 1)] * 30 + [("B", 2)])
    assert [item["diagnosis"] for item in split_by_subject(items, SHARES)["training"]].count("B") == 2


def test_unknown_subjects_and_diagnoses() -> None:
    items = [{"id": str(number), "subject": None, "diagnosis": None} for number in range(10)]
    assert [len(part) for part in split_by_subject(items, SHARES).values()] == [7, 1, 2]
    assert split_by_subject([], SHARES) == {"training": [], "validation": [], "test": []}


@pytest.mark.parametrize("shares", [{}, {"a": 0.5, "b": 0.6}, {"a": 1.0, "b": 0.0}, {"a": 1.5, "b": -0.5}])
def test_shares_that_cannot_be(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares must be above 0 and sum to 1, got"):
        split_by_subject([], shares)
