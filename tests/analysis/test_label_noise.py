"""Tests of label quality beside forgetting."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.multilabel_classification import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st

from htl_monai.analysis.detection import detection
from htl_monai.analysis.label_noise import noise_table
from htl_monai.ranking.label_quality import label_quality

CLASSES = ["Atelectasis", "Edema", "Hernia"]


def draw(n=200, n_classes=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, n_classes)) < np.geomspace(0.4, 0.05, n_classes)).astype(float)
    logits = 3 * labels - 2 + rng.normal(0, 0.8, labels.shape)
    return labels, 1 / (1 + np.exp(-logits))


def test_where_all_is_known_it_is_cleanlab_s_own_score():
    labels, probabilities = draw()
    expected = get_label_quality_scores([np.flatnonzero(row).tolist() for row in labels], probabilities)
    np.testing.assert_allclose(label_quality(labels, probabilities), expected, rtol=0, atol=1e-12)


def test_the_score_is_the_moving_average_from_the_most_to_the_least_plausible_label():
    # Self-confidences .9, .6, .2: .9 → .8 · .6 + .2 · .9 = .66 → .8 · .2 + .2 · .66 = .292.
    assert label_quality([[1, 0, 1]], [[0.9, 0.4, 0.2]]).tolist() == pytest.approx([0.292])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_an_unknown_label_counts_as_if_its_class_were_not_there(seed):
    labels, probabilities = draw(5, 4, seed)
    labels[:, 1] = np.nan
    kept = [0, 2, 3]
    expected = label_quality(labels[:, kept], probabilities[:, kept])
    np.testing.assert_allclose(label_quality(labels, probabilities), expected, rtol=0, atol=1e-12)


def test_labels_of_one_kind_one_class_and_one_image_have_a_quality():
    assert label_quality([[0], [0]], [[0.3], [0.8]]).tolist() == pytest.approx([0.7, 0.2])
    assert label_quality([[1]], [[0.25]]).tolist() == [0.25]


def test_planted_flips_are_found_and_hard_images_are_not_called_noise():
    labels, probabilities = draw(2000, 8, seed=1)
    rng = np.random.default_rng(2)
    flipped = rng.random(len(labels)) < 0.05
    columns = rng.integers(0, labels.shape[1], len(labels))
    labels[flipped, columns[flipped]] = 1 - labels[flipped, columns[flipped]]
    hard = (rng.random(len(labels)) < 0.05) & ~flipped
    forgetting = rng.normal(0, 1, len(labels)) + 4 * hard
    table = noise_table([str(i) for i in range(len(labels))], labels, probabilities, forgetting)
    assert detection(-table["label_quality"], flipped)["auroc"] > 0.9
    assert detection(table["forgetting"], flipped)["auroc"] < 0.6
    assert flipped[table["verdict"] == "likely noise"].mean() > 0.6
    assert hard[table["verdict"] == "hard"].mean() > 0.8
    suspected = flipped & (table["verdict"] == "likely noise")
    assert (table["worst_class"].astype(int)[suspected] == columns[suspected]).mean() > 0.9


def test_table_of_four_images_by_hand():
    labels = [[1, 0, 0], [0, 0, 1], [0, 1, np.nan], [1, 0, 0]]
    probabilities = [[0.9, 0.1, 0.1], [0.2, 0.1, 0.05], [0.1, 0.3, 0.9], [0.9, 0.2, 0.1]]
    table = noise_table(["a", "b", "c", "d"], labels, probabilities, [0.0, 0.9, 0.2, 0.5], CLASSES, share=0.5)
    assert table.columns.tolist() == [
        *("id", "label_quality", "worst_class", "forgetting", "quality_rank", "forgetting_rank", "verdict")
    ]
    assert table["id"].tolist() == ["a", "b", "c", "d"]
    assert table["worst_class"].tolist() == ["Atelectasis", "Hernia", "Edema", "Edema"]
    assert table["quality_rank"].tolist() == [4, 1, 2, 3]
    assert table["forgetting_rank"].tolist() == [4, 1, 3, 2]
    assert table["verdict"].tolist() == ["neither", "both", "likely noise", "hard"]


def test_what_cannot_be_measured_has_no_verdict():
    labels = [[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0]]
    table = noise_table(["a", "b", "c"], labels, [[0.9, 0.1], [0.5, 0.5], [0.3, 0.2]], [0.1, 0.2, np.nan])
    assert table["verdict"].isna().tolist() == [False, True, True]
    assert table["label_quality"].isna().tolist() == [False, True, False]
    assert table["worst_class"].isna().tolist() == [False, True, False]
    assert table["quality_rank"].isna().tolist() == [False, True, False]
    assert table["forgetting_rank"].isna().tolist() == [False, False, True]


def test_without_any_forgetting_the_quality_stands_and_there_is_no_verdict():
    table = noise_table(["a", "b"], [[1], [0]], [[0.9], [0.3]], [np.nan, np.nan])
    assert table["label_quality"].tolist() == pytest.approx([0.9, 0.7])
    assert table["verdict"].isna().all()


def test_bad_tables_are_refused():
    labels, probabilities = [[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]]
    with pytest.raises(ValueError, match=r"^probabilities must be \(N, C\) like labels, got \(2, 1\) and \(2, 2\); "):
        noise_table(["a", "b"], labels, [[0.9], [0.2]], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^labels must be 0, 1 or NaN for unknown, got 0.5; "):
        noise_table(["a"], [[0.5, 1]], [[0.1, 0.2]], [0.1])
    with pytest.raises(ValueError, match=r"^probabilities must be in \[0, 1\], got -2 to 3; pass them after sigmoid"):
        noise_table(["a", "b"], labels, [[-2, 3], [0, 0]], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^ids, forgetting and classes must fit labels of the shape \(2, 2\), got 1 "):
        noise_table(["a"], labels, probabilities, [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^ids must be unique, got 1 repeated; give one row per image"):
        noise_table(["a", "a"], labels, probabilities, [0.1, 0.2])
    with pytest.raises(ValueError, match=r"^share must be in \(0, 1\], got 5; "):
        noise_table(["a", "b"], labels, probabilities, [0.1, 0.2], share=5)
