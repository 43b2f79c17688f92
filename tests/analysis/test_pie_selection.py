"""Tests of the data lists that PIEs are left alone, up-weighted and removed in."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from htl_monai.analysis.pie_selection import write_pie_selections
from htl_monai.attention.htl import finetuning_list
from htl_monai.attention.selection import PIE_ARMS as ARMS
from htl_monai.data.files import sha256
from htl_monai.ranking.label_quality import label_quality
from htl_monai.scores import make_scores, read_scores, write_scores

N, CLASSES = 40, ("Atelectasis", "Edema", "Hernia", "No Finding")


@pytest.fixture
def mined(tmp_path):
    """Two seeds' predictions of 40 images, stored in another order than the data list's, and the data list."""
    rng = np.random.default_rng(0)
    ids = [f"image_{i:02}" for i in range(N)]
    data = [{"id": i, "image": f"/data/{i}.png", "label": rng.integers(0, 2, 4).tolist()} for i in ids]
    data[3]["label"][1] = None
    paths = []
    for seed in range(2):
        dense = rng.random((N, 4))
        pruned = np.clip(dense + rng.normal(0, 0.02, dense.shape), 0, 1)
        pruned[[5, 17]] = dense[[5, 17]][:, ::-1]
        values = {"probability": np.stack([dense, dense, pruned], axis=1).astype(np.float32)}
        scores = make_scores(data[::-1], ids, values, (0.0, 0.5, 0.9), CLASSES)
        paths.append(write_scores(tmp_path / f"seed_{seed}" / "scores.nc", scores))
    return data, paths


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_lists_hold_what_their_names_say(mined, tmp_path):
    data, paths = mined
    counts = write_pie_selections(data, paths, tmp_path / "selecting", share=0.1, times=3, seed=1)
    assert counts == {"n_total": 40, "n_pies": 4, "n_never_learned": 0, "n_unranked": 0}
    lists = {arm: read(tmp_path / "selecting" / f"{arm}.json") for arm in ARMS}
    table = pd.read_csv(tmp_path / "selecting" / "pies.csv")
    pies = set(table.loc[table["is_pie"], "id"])
    assert lists["left_alone"]["data"] == data
    times = Counter(item["id"] for item in lists["upweighted"]["data"])
    assert times == {item["id"]: 3 if item["id"] in pies else 1 for item in data}
    assert lists["removed"]["data"] == [item for item in data if item["id"] not in pies]
    kept = {item["id"] for item in lists["removed_random"]["data"]}
    assert len(kept) == 36 and pies <= kept
    for arm, content in lists.items():
        assert content["rule"]["arm"] == arm and content["n_pies"] == 4
        assert content["table_sha256"] == sha256(tmp_path / "selecting" / "pies.csv")


def test_the_stage_finetuning_reads_them_as_they_are(mined, tmp_path):
    data, paths = mined
    write_pie_selections(data, paths, tmp_path, share=0.1)
    for arm in ARMS:
        assert finetuning_list(data, tmp_path / f"{arm}.json") == read(tmp_path / f"{arm}.json")["data"]


def test_pies_are_the_lowest_rank_correlations_of_the_mean_over_seeds(mined, tmp_path):
    data, paths = mined
    write_pie_selections(data, paths, tmp_path, share=0.05)
    table = pd.read_csv(tmp_path / "pies.csv")
    stacked = np.stack([read_scores(path)["probability"] for path in paths]).astype(float)[:, :, ::-1]
    dense, pruned = stacked[:, 0].mean(axis=0), stacked[:, 2].mean(axis=0)
    expected = [spearmanr(a, b).statistic for a, b in zip(dense, pruned, strict=True)]
    np.testing.assert_allclose(table["spearman"], expected, atol=1e-9)
    np.testing.assert_allclose(table["taxicab"], np.abs(dense - pruned).sum(axis=1), atol=1e-9)
    assert table["id"].tolist() == [item["id"] for item in data]
    assert set(np.flatnonzero(table["is_pie"])) == set(np.argsort(expected, kind="stable")[:2])
    labels = np.array([item["label"] for item in data], dtype=float)
    np.testing.assert_allclose(table["label_quality"], label_quality(labels, dense), atol=1e-12)


def test_the_seed_changes_the_random_list_alone(mined, tmp_path):
    data, paths = mined
    for seed in (1, 2):
        write_pie_selections(data, paths, tmp_path / str(seed), share=0.1, seed=seed)
    write_pie_selections(data, paths, tmp_path / "again", share=0.1, seed=1)
    for name in ("pies.csv", "left_alone.json", "upweighted.json", "removed.json", "removed_random.json"):
        first, second, again = ((tmp_path / folder / name).read_bytes() for folder in ("1", "2", "again"))
        assert first == again
        assert (first == second) == (name != "removed_random.json")


def test_bad_input_is_refused_and_nothing_is_written(mined, tmp_path):
    data, paths = mined
    out = tmp_path / "selecting"
    with pytest.raises(KeyError, match="sparsity must be one of 0, 0.5, 0.9, got 0.7; mine at it"):
        write_pie_selections(data, paths, out, sparsity=0.7)
    with pytest.raises(ValueError, match=r"^scores in .* must be of the training images .*, got 1 .*\(image_39\)"):
        write_pie_selections(data[:-1], paths, out)
    with pytest.raises(ValueError, match=r"^id must be unique over all splits, got 1 repeated: image_00"):
        write_pie_selections([*data, data[0]], paths, out)
    with pytest.raises(ValueError, match=r"^share must be in \(0, 0.5\], got 5; "):
        write_pie_selections(data, paths, out, share=5)
    with pytest.raises(ValueError, match=r"^times must be a whole number from 2, got 1; 1 would be the arm left_alone"):
        write_pie_selections(data, paths, out, times=1)
    assert not out.exists()


def test_of_a_single_class_the_farthest_probabilities_are_chosen(mined, tmp_path):
    data, _ = mined
    single = [{**item, "label": item["label"][:1]} for item in data]
    dense = np.linspace(0.1, 0.5, N, dtype=np.float32)
    pruned = dense.copy()
    pruned[[7, 30]] += 0.4
    values = {"probability": np.stack([dense, pruned], axis=1)[..., None]}
    scores = make_scores(data, [item["id"] for item in data], values, (0, 0.9), ["Edema"])
    path = write_scores(tmp_path / "single.nc", scores)
    write_pie_selections(single, [path], tmp_path / "selecting", share=0.05)
    table = pd.read_csv(tmp_path / "selecting" / "pies.csv")
    assert table.loc[table["is_pie"], "id"].tolist() == ["image_07", "image_30"]
    assert read(tmp_path / "selecting" / "removed.json")["rule"]["by"] == "taxicab"


@pytest.mark.parametrize(
    ("never_learned", "expected"),
    [("exclude", {"image_05", "image_17"}), ("include", {"image_05", "image_08"}), ("only", {"image_08"})],
)
def test_images_never_learned_are_pies_by_choice(mined, tmp_path, never_learned, expected):
    data, paths = mined
    for path in paths:
        scores = read_scores(path)
        scores["probability"].loc[{"sample": "image_08"}] = 0.5
        write_scores(path, scores)
    counts = write_pie_selections(data, paths, tmp_path / "selecting", share=0.05, never_learned=never_learned)
    table = pd.read_csv(tmp_path / "selecting" / "pies.csv").set_index("id")
    assert set(table.index[table["is_pie"]]) == expected
    assert table.index[table["never_learned"]].tolist() == ["image_08"] and table.loc["image_08", "rank"] == 1
    assert counts["n_never_learned"] == 1
    rule = read(tmp_path / "selecting" / "upweighted.json")["rule"]
    assert rule["never_learned"] == never_learned


def test_a_choice_that_leaves_no_image_is_refused(mined, tmp_path):
    data, paths = mined
    with pytest.raises(ValueError, match="^never_learned must leave an image to choose, got 'only' while 0 of 40 were"):
        write_pie_selections(data, paths, tmp_path / "selecting", never_learned="only")
    assert not (tmp_path / "selecting").exists()
