"""Giving hard-to-learn images more attention."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.attention.htl import HTLWeightedSampler, finetuning_list, forgetting_weights, sampler_of


@pytest.fixture
def data() -> list[dict]:
    return [{"id": f"image_{number}", "image": f"{number}.jpg"} for number in range(10)]


@pytest.fixture
def selection(data: list[dict], tmp_path: Path) -> Path:
    path = tmp_path / "htl.json"
    path.write_text(json.dumps({"data": [data[7], data[2]]}))
    return path


@pytest.fixture
def table(data: list[dict]) -> pd.DataFrame:
    rows = [
        {"id": item["id"], "sparsity": sparsity, "forgetting": 0.1 * number * sparsity, "forgetting_relative": 0.5}
        for number, item in enumerate(data)
        for sparsity in (0.5, 0.7)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("never_learned", "expected"), [("exclude", [1, 1, 3]), ("include", [5, 1, 3]), ("only", [5, 1, 1])]
)
def test_weights_of_images_never_learned(never_learned: str, expected: list[float]) -> None:
    data = [{"id": id_} for id_ in "abc"]
    drops = {"forgetting": [-0.2, 0.0, 0.5], "forgetting_relative": [np.nan, 0.0, 0.5]}
    table = pd.DataFrame({"id": list("abc"), "sparsity": 0.7, **drops})
    for column in drops:
        assert forgetting_weights(data, table, column=column, never_learned=never_learned) == expected
    sampler = HTLWeightedSampler(list("abc"), data, strength=4.0, never_learned=never_learned)
    sampler.refresh(table)
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


def test_weights_grow_with_forgetting(data: list[dict], table: pd.DataFrame) -> None:
    table.loc[table["id"] == "image_1", "forgetting"] = -0.4  # improved
    table.loc[table["id"] == "image_2", "forgetting"] = np.nan  # nothing to measure
    weights = forgetting_weights(data, table.sample(frac=1, random_state=0), sparsity=0.7, strength=2.0)
    assert weights == pytest.approx([1, 1, 1] + [1 + 2 * 0.07 * number for number in range(3, 10)])
    assert forgetting_weights(data, table, strength=0) == [1.0] * 10
    assert forgetting_weights(data, table, strength=2, column="forgetting_relative") == [2.0] * 10


def test_tables_that_do_not_fit_are_refused(data: list[dict], table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="strength must be at least 0, got -1"):
        forgetting_weights(data, table, strength=-1)
    with pytest.raises(ValueError, match="every image at sparsity 0.9, got none for 10, first image_0"):
        forgetting_weights(data, table, sparsity=0.9)


def test_the_sampler_draws_forgotten_images_more_often(data: list[dict], table: pd.DataFrame, tmp_path: Path) -> None:
    table["forgetting"] = (table["id"] == "image_4").astype(float)
    table.to_csv(tmp_path / "forgetting.csv", index=False)
    sampler = HTLWeightedSampler(data, data, tmp_path / "forgetting.csv", strength=9.0, seed=1)
    assert len(sampler) == 10
    drawn: Counter[int] = Counter()
    for epoch in range(300):
        sampler.set_epoch(epoch)
        drawn.update(int(index) for index in sampler)
    assert sum(drawn.values()) == 3000
    assert drawn[4] / 3000 == pytest.approx(10 / 19, abs=0.03)
    assert all(drawn[index] / 3000 == pytest.approx(1 / 19, abs=0.02) for index in range(10) if index != 4)


def test_weights_belong_to_the_htl_arm_and_to_weighted_sampling(
    data: list[dict], table: pd.DataFrame, selection: Path, tmp_path: Path
) -> None:
    path = tmp_path / "forgetting.csv"
    table.to_csv(path, index=False)
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


def test_refreshed_weights_count_in_the_next_epoch(data: list[dict], table: pd.DataFrame) -> None:
    sampler = HTLWeightedSampler(data, data, strength=1e6)
    table["forgetting"] = (table["id"] == "image_4").astype(float)
    sampler.refresh(table)
    sampler.set_epoch(1)
    assert {int(index) for index in sampler} == {4}
