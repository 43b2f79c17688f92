"""Scores, agreement and doubt of classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import log_loss
from torch.nn import functional

from htl_monai.tasks.multiclass_classification import MulticlassClassification
from htl_monai.tasks.multilabel_classification import MultilabelClassification

NAMES = ("mass", "edema", "hernia", "nodule")
SINGLE, MULTI = MulticlassClassification(NAMES), MultilabelClassification(NAMES)
BOTH = pytest.mark.parametrize("task", [SINGLE, MULTI], ids=lambda task: task.name)


def logits(seed: int = 0, n: int = 5) -> torch.Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))


def test_several_findings_by_hand():
    pred = torch.logit(torch.tensor([[0.9, 0.2, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]))
    label = torch.tensor([[1.0, 0.0, 1.0, math.nan], [math.nan] * 4])
    scores = MULTI.scores({"pred": pred, "label": label})
    assert scores["probability"].dtype == torch.float32
    torch.testing.assert_close(scores["probability"], torch.sigmoid(pred))
    assert scores["true_prob"][0].item() == pytest.approx((0.9 + 0.8 + 0.5) / 3)
    assert scores["loss"][0].item() == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.5)) / 3)
    assert scores["true_prob"][1].isnan() and scores["loss"][1].isnan()


@pytest.mark.parametrize("shape", ["numbers", "column", "one-hot"])
def test_one_diagnosis_has_the_loss_of_scikit_learn(shape):
    pred, label = logits(), torch.tensor([0, 3, 1, 1, 2])
    forms = {"numbers": label, "column": label[:, None], "one-hot": functional.one_hot(label, 4).float()}
    scores = SINGLE.scores({"pred": pred, "label": forms[shape]})
    probs = torch.softmax(pred, dim=1)
    assert scores["loss"].mean().item() == pytest.approx(
        log_loss(label, torch.softmax(pred.double(), dim=1), labels=range(4)), rel=1e-6
    )
    torch.testing.assert_close(scores["true_prob"], probs[range(5), label])
    torch.testing.assert_close(SINGLE.of_label(forms[shape])["label"], functional.one_hot(label, 4).float())


def test_an_unknown_diagnosis_is_not_measured():
    scores = SINGLE.scores({"pred": logits(n=2), "label": torch.tensor([1.0, math.nan])})
    assert scores["true_prob"].isnan().tolist() == scores["loss"].isnan().tolist() == [False, True]


@BOTH
def test_without_label_there_are_probabilities(task):
    assert list(task.scores({"pred": logits(), "label": None})) == ["probability"]


@BOTH
def test_agreement_equals_scipy_and_numpy(task):
    before, after = logits(0), logits(1)
    before[0, 1] = before[0, 2]
    agreement = task.agreement(after, before)
    first, second = (task.scores({"pred": pred})["probability"].double().numpy() for pred in (before, after))
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(agreement["spearman"], expected, atol=1e-12)
    np.testing.assert_allclose(agreement["taxicab"], np.abs(first - second).sum(axis=1))
    assert agreement["modal"].tolist() == (first.argmax(1) == second.argmax(1)).astype(float).tolist()
    assert 0 < agreement["modal"].sum() < 5


@BOTH
def test_agreement_with_itself(task):
    agreement = task.agreement(logits(), logits())
    torch.testing.assert_close(agreement["spearman"], torch.ones(5, dtype=torch.float64))
    assert agreement["modal"].tolist() == [1.0] * 5 and agreement["taxicab"].tolist() == [0.0] * 5
    assert task.agreement(torch.zeros(1, 4), logits(n=1))["spearman"].isnan().item()


def test_doubt_by_hand():
    probs = torch.tensor([[0.7, 0.1, 0.1, 0.1]])
    entropy = -0.7 * math.log(0.7) - 0.3 * math.log(0.1)
    doubt = SINGLE.doubt(probs.log())
    wanted = {"entropy": entropy, "confidence": 0.7, "expected_error": 1 - 0.49 - 0.03}
    assert {name: value.item() for name, value in doubt.items()} == pytest.approx(wanted, rel=1e-5)
    doubt = MULTI.doubt(torch.logit(probs))
    entropy = (entropy - 0.3 * math.log(0.3) - 2.7 * math.log(0.9)) / 4
    wanted = {"entropy": entropy, "confidence": (0.7 + 2.7) / 4, "expected_error": (0.21 + 0.27) / 4}
    assert {name: value.item() for name, value in doubt.items()} == pytest.approx(wanted, rel=1e-5)


@BOTH
def test_probabilities_score_like_logits(task):
    own = type(task)(NAMES, probabilities=True)
    prob = task.scores({"pred": logits()})["probability"]
    label = torch.eye(4)[[0, 1, 2, 3, 0]]
    wanted = task.scores({"pred": logits(), "label": label}) | task.doubt(logits())
    torch.testing.assert_close(own.scores({"pred": prob, "label": label}) | own.doubt(prob), wanted)


@pytest.mark.parametrize(
    ("task", "pred", "label", "message"),
    [
        (SINGLE, torch.zeros(2, 3), None, r"pred must be logits \(N, 4\), got shape \(2, 3\)"),
        (MULTI, torch.zeros(2, 4, 5, 5), None, r"pred must be logits \(N, 4\)"),
        (SINGLE, torch.zeros(2, 4), torch.tensor([0, 4]), "label must hold the classes 0 to 3 only, got 4 in sample 1"),
        (SINGLE, torch.zeros(2, 4), torch.zeros(2, 3), r"label must be \(2,\) numbers of classes or \(2, 4\) one-hot"),
        (MULTI, torch.zeros(2, 4), torch.zeros(2, 3), r"label must be \(2, 4\), one column a class, got \(2, 3\)"),
        (MULTI, torch.zeros(1, 4), torch.tensor([[0, 1, 2, 0]]), "label must hold 0, 1 or NaN for unknown, got 2"),
    ],
)
def test_what_does_not_fit(task, pred, label, message):
    with pytest.raises(ValueError, match=message):
        task.scores({"pred": pred, "label": label})
