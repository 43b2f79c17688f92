"""Giving hard-to-learn images more attention."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from xarray import Dataset

from htl_monai.attention.htl import HTLWeightedSampler, finetuning_list, forgetting_weights, sampler_of
from htl_monai.scores import make_scores, write_scores


@pytest.fixture
def data() -> list[dict]:
    return [{"id": f"image_{number}", "image": f"{number}.jpg"} for number in range(10)]


@pytest.fixture
def selection(data: list[dict], tmp_path: Path) -> Path:
    path = tmp_path / "htl.json"
    path.write_text(json.dumps({"data": [data[7], data[2]]}))
    return path


def mined(data: list[dict], dense: list[float], pruned: list[float]) -> Dataset:
    values = np.stack([dense, np.array(dense) / 2, pruned], axis=1)
    return make_scores(data, [item["id"] for item in data], {"iou": values}, [0, 0.5, 0.7], ["all"])


@pytest.fixture
def scores(data: list[dict]) -> Dataset:
    """At 0.7 an image forgets the more the higher its number, and half of what it knew; nothing was learned of 0."""
    return mined(data, [0.14 * number for number in range(10)], [0.07 * number for number in range(10)])


@pytest.mark.parametrize(
    ("never_learned", "expected"), [("exclude", [1, 1, 3]), ("include", [5, 1, 3]), ("only", [5, 1, 1])]
)
def test_weights_of_images_never_learned(never_learned: str, expected: list[float]) -> None:
    data = [{"id": id_} for id_ in "abc"]
    scores = mined(data, [0.0, 0.5, 1.0], [0.2, 0.5, 0.5])
    for column in ("forgetting", "forgetting_relative"):
        assert forgetting_weights(data, scores, column=column, never_learned=never_learned) == expected
    sampler = HTLWeightedSampler(list("abc"), data, strength=4.0, never_learned=never_learned)
    sampler.refresh(scores)
    assert sampler.weights == expected


def test_a_choice_that_does_not_exist_is_refused_before_anything_is_drawn(data: list[dict]) -> None:
    with pytest.raises(ValueError, match="^never_learned must be one of exclude, include, only, got 'some'"):
        HTLWeightedSampler(data, data, never_learned="some")


def test_the_selected_images_alone_hardest_first(data: list[dict], selection: Path) -> None:
    assert finetuning_list(data, selection) == [data[7], data[2]]


@pytest.mark.parametrize(("ratio", "count"), [(0.5, 1), (2, 4), (100, 8)])
def test_replay_adds_others(data: list[dict], selection: Path, ratio: float, count: int) -> None:
    chosen = [item["id"] for item in finetuning_list(data, selection, ratio, seed=3)]
    assert chosen[:2] == ["image_7", "image_2"] and len(chosen) == 2 + count == len(set(chosen))
    assert chosen == [item["id"] for item in finetuning_list(data, selection, ratio, seed=3)]


def test_the_list_gives_the_paths_of_now(data: list[dict], selection: Path) -> None:
    moved = [{**item, "image": f"/new/{item['image']}"} for item in data]
    assert finetuning_list(moved, selection)[0]["image"] == "/new/7.jpg"


def test_selections_that_do_not_fit_are_refused(data: list[dict], selection: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must name images of the training list, got 2 of which 1 are unknown"):
        finetuning_list(data[:5], selection)
    (tmp_path / "empty.json").write_text('{"data": []}')
    with pytest.raises(ValueError, match="got 0 of which 0 are unknown; run the stage selecting"):
        finetuning_list(data, tmp_path / "empty.json")
    with pytest.raises(ValueError, match="replay_ratio must be at least 0, got -1"):
        finetuning_list(data, selection, -1)


def test_weights_grow_with_forgetting(data: list[dict], scores: Dataset) -> None:
    scores["iou"].loc[{"sample": "image_1", "level": 0.7}] = 0.54  # improved
    scores["iou"].loc[{"sample": "image_2", "level": 0.7}] = np.nan  # nothing to measure
    mixed = scores.isel(sample=np.random.default_rng(0).permutation(10))
    weights = forgetting_weights(data, mixed, sparsity=0.7, strength=2.0)
    assert weights == pytest.approx([1, 1, 1] + [1 + 2 * 0.07 * number for number in range(3, 10)])
    assert forgetting_weights(data, scores, strength=0) == [1.0] * 10
    relative = forgetting_weights(data, scores, sparsity=0.5, strength=2, column="forgetting_relative")
    assert relative == pytest.approx([1.0] + [2.0] * 9)


def test_scores_that_do_not_fit_are_refused(data: list[dict], scores: Dataset) -> None:
    with pytest.raises(ValueError, match="strength must be at least 0, got -1"):
        forgetting_weights(data, scores, strength=-1)
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, 0.7, got 0.9"):
        forgetting_weights(data, scores, sparsity=0.9)
    with pytest.raises(ValueError, match="scores must be of every image, got none for 1, first image_0; mine this"):
        forgetting_weights(data, scores.isel(sample=slice(1, None)))


def test_the_sampler_draws_forgotten_images_more_often(data: list[dict], tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores.nc", mined(data, [1.0] * 10, [float(i != 4) for i in range(10)]))
    sampler = HTLWeightedSampler(data, data, path, strength=9.0, seed=1)
    assert len(sampler) == 10
    drawn: Counter[int] = Counter()
    for epoch in range(300):
        sampler.set_epoch(epoch)
        drawn.update(int(index) for index in sampler)
    assert sum(drawn.values()) == 3000
    assert drawn[4] / 3000 == pytest.approx(10 / 19, abs=0.03)
    assert all(drawn[index] / 3000 == pytest.approx(1 / 19, abs=0.02) for index in range(10) if index != 4)


def test_weights_belong_to_the_htl_arm_and_to_weighted_sampling(
    data: list[dict], scores: Dataset, selection: Path, tmp_path: Path
) -> None:
    path = write_scores(tmp_path / "scores.nc", scores)
    assert sampler_of("selected", None, data, data, path) is None
    weights = {arm: sampler_of("weighted", None, data, data, path, arm=arm).weights for arm in ("htl", "random")}
    assert set(weights["random"]) == {1.0} and max(weights["htl"]) > 1
    assert [item["id"] for item in finetuning_list(data, selection, sampling="weighted")] == [d["id"] for d in data]


def test_an_epoch_is_drawn_from_seed_and_epoch_alone(data: list[dict]) -> None:
    first, second = (HTLWeightedSampler(data, data, seed=1) for _ in range(2))
    first.set_epoch(1)
    list(first)
    for sampler in (first, second):
        sampler.set_epoch(2)
    drawn = list(first)
    assert drawn == list(second)
    other = HTLWeightedSampler(data, data, seed=2)
    other.set_epoch(2)
    assert drawn != list(other)


def test_refreshed_weights_count_in_the_next_epoch(data: list[dict]) -> None:
    sampler = HTLWeightedSampler(data, data, strength=1e6)
    sampler.refresh(mined(data, [1.0] * 10, [float(i != 4) for i in range(10)]))
    sampler.set_epoch(1)
    assert {int(index) for index in sampler} == {4}
