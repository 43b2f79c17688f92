"""Tests of the search for slices: what was planted is found, and by chance nothing is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.io import imread

from htl_monai.analysis.picture_properties import picture_properties
from htl_monai.analysis.slices import FOUND, find_slices
from htl_monai.phantoms.lesion_phantom import write_phantom


def drawn(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Return metadata, properties and a skewed score that depends on none of them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"sex": rng.choice(["male", "female"], n), "site": rng.choice(["arm", "back", "leg"], n)})
    table = table.assign(age=5.0 * rng.integers(3, 18, n), label_size=rng.beta(1, 6, n), blur=rng.gamma(3, 1, n))
    return table.assign(id=[f"{number}" for number in range(n)], iou=rng.beta(8, 1.5, n))


def plant(table: pd.DataFrame, by: float = 0.2) -> pd.Series:
    """Make small lesions of men worse, and return which these are."""
    hit = (table["label_size"] <= table["label_size"].quantile(0.3)) & (table["sex"] == "male")
    table["iou"] -= by * hit
    return hit


def met(table: pd.DataFrame, conditions: str) -> pd.Series:
    """Return which images meet conditions, read as a page reads them."""
    tests = {"is": lambda column, x: column == x, "at_most": lambda column, x: column <= x}
    tests["above"] = lambda column, x: column > x
    parts = [
        tests[relation](table[one["column"]], value)
        for one in json.loads(conditions)
        for relation, value in one.items()
        if relation != "column"
    ]
    return pd.concat(parts, axis=1).all(axis=1)


def test_a_planted_pair_is_found_and_confirmed() -> None:
    table = drawn(500)
    hit = plant(table)
    first = find_slices(table, {"iou": True}).iloc[0]
    assert first["note"] == FOUND and first["p_holm"] < 0.001 and first["gap"] < -0.1
    assert first["slice"].startswith("sex = male and label size ≤ 0.")
    inside = met(table, first["conditions"])
    assert (inside & hit).sum() / (inside | hit).sum() > 0.7
    assert first["n_found"] + first["n_confirmed"] == inside.sum()
    means = (first["n_found"] * first["mean_found"] + first["n_confirmed"] * first["mean_confirmed"]) / inside.sum()
    assert means == pytest.approx(table.loc[inside, "iou"].mean())
    assert first["low"] < first["mean_confirmed"] < first["high"]


def test_a_measure_of_which_less_is_better_is_searched_the_other_way() -> None:
    table = drawn()
    plant(table)
    expected, mirrored = find_slices(table, {"iou": True}), table.assign(iou=-table["iou"])
    found = find_slices(mirrored, {"iou": False})
    assert found["slice"].tolist() == expected["slice"].tolist()
    assert found["gap"].tolist() == pytest.approx((-expected["gap"]).tolist())
    assert found["p_holm"].tolist() == pytest.approx(expected["p_holm"].tolist(), nan_ok=True)


def test_on_shuffled_metadata_nothing_is_found_in_95_of_100() -> None:
    table = drawn(160)
    plant(table)
    metadata, false = ["sex", "site", "age", "label_size", "blur"], 0
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(len(table))
        shuffled = table.assign(**{name: table[name].to_numpy()[order] for name in metadata})
        false += int((find_slices(shuffled, {"iou": True}, seed=seed)["note"] == FOUND).any())
    assert false <= 10


def test_the_planted_group_of_the_phantom_is_found_by_its_pictures(tmp_path: Path) -> None:
    folder = write_phantom(tmp_path, {"test": 200}, size=(48, 64), hard_fraction=0.5)
    table = pd.read_csv(folder / "data.csv").drop(columns=["lesion_fraction", "contrast"])
    pictures = [
        picture_properties(np.moveaxis(imread(folder / image), -1, 0), imread(folder / mask)[None])
        for image, mask in zip(table["image"], table["label"], strict=True)
    ]
    planted = table["hard_group"] == "small"
    noise = np.random.default_rng(0).normal(0, 0.05, len(table))
    table = pd.concat([table, pd.DataFrame(pictures)], axis=1).assign(iou=0.8 - 0.3 * planted + noise)
    found = find_slices(table.drop(columns=["image", "label", "hard_group"]), {"iou": True})
    assert found["note"].iloc[0] == FOUND
    inside = met(table, found["conditions"].iloc[0])
    assert (inside & planted).sum() / (inside | planted).sum() > 0.7
    assert {one["column"] for one in json.loads(found["conditions"].iloc[0])} <= {"label_size", "label_contrast"}


def test_images_of_a_subject_are_never_both_searched_and_confirmed() -> None:
    table = drawn(40)
    plant(table)
    many = pd.concat([table] * 10, ignore_index=True).assign(subject=[f"s{n % 40}" for n in range(400)])
    assert not (find_slices(many, {"iou": True})["note"] == FOUND).any()  # 40 subjects are few, whatever their images
    assert (find_slices(many.drop(columns="subject"), {"iou": True})["note"] == FOUND).any()


def test_where_there_is_little_to_search_there_is_an_empty_table() -> None:
    columns = ["measure", "slice", "conditions", "n_found", "note"]
    for table in (drawn(5), drawn()[["id", "iou"]], drawn().assign(iou=0.5), drawn().assign(iou=np.nan)):
        found = find_slices(table, {"iou": True})
        assert found.empty and {*columns} <= {*found}


def test_missing_values_and_odd_names_meet_no_condition() -> None:
    table = drawn()
    table['<b>männlich</b> "x"'] = plant(table, 0.4).map({True: 'a"<&', False: None})
    table.loc[::3, "label_size"] = np.nan
    table["name"] = [f"n{number}" for number in range(len(table))]
    found = find_slices(
        table, {"iou": True}, columns=[*table.columns[-2:], "label_size", "not there"], max_conditions=1
    )
    assert all(len(json.loads(one)) == 1 for one in found["conditions"]) and (found["note"] == FOUND).any()


def test_properties_are_joined_by_id_and_never_replace_a_column() -> None:
    table = drawn()
    plant(table)
    expected = find_slices(table, {"iou": True}, ["sex", "label_size"])
    properties = table[["id", "label_size"]].iloc[::-1].assign(sex="nobody")
    found = find_slices(table.drop(columns="label_size"), {"iou": True}, ["sex"], properties=properties)
    pd.testing.assert_frame_equal(found, expected)


def test_bad_options_are_refused() -> None:
    table = drawn(20)
    with pytest.raises(KeyError, match="table must have the columns .*dice.*, got .*; name one of these"):
        find_slices(table, {"dice": True})
    for option, value in (("max_conditions", 3), ("min_size", 1), ("share_confirm", 1.0)):
        with pytest.raises(ValueError, match=f"^{option} must be .*, got {value}; "):
            find_slices(table, {"iou": True}, **{option: value})
