"""Weights of positive labels: negatives to positives, counted by hand."""

from __future__ import annotations

import numpy as np
import torch

from htl_monai.losses.masked_bce import MaskedBCEWithLogits
from htl_monai.losses.positive_weights import positive_weights

NAN = float("nan")


def test_it_is_the_ratio_of_negative_to_positive_labels_that_are_known() -> None:
    labels = [[1, 0, NAN], [0, 0, 1], [0, 0, 1], [0, NAN, 0]]
    assert positive_weights(labels).tolist() == [3.0, 1.0, 0.5]


def test_none_are_made_where_none_are_wanted() -> None:
    assert positive_weights([[1, 0]], wanted=False) is None


def test_a_class_with_one_side_only_weighs_one() -> None:
    assert positive_weights([[1, 0, NAN], [1, 0, NAN]]).tolist() == [1.0, 1.0, 1.0]


def test_both_sides_of_a_class_then_pull_alike() -> None:
    labels = (np.random.default_rng(0).random((500, 3)) < [0.02, 0.2, 0.7]).astype(np.float32)
    logits = torch.zeros(500, 3, requires_grad=True)
    MaskedBCEWithLogits(positive_weights(labels))(logits, torch.from_numpy(labels)).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.sum(dim=0), torch.zeros(3), atol=1e-6, rtol=0)
