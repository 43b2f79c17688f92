"""What a network decides beside the label, against numbers by hand, cleanlab and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cleanlab.segmentation.rank import get_label_quality_scores
from torch.nn import functional

from htl_monai.tasks.decisions import decisions


def test_of_one_decision_the_measures_are_those_of_the_papers():
    logits = torch.tensor([[2.0, 0.5, 1.0], [0.0, 3.0, -1.0]])
    label = torch.tensor([0, 2])
    found = decisions(logits, functional.one_hot(label, 3), exclusive=True).dynamics()
    prob = torch.softmax(logits, dim=1).numpy()
    errors = [np.linalg.norm(prob[i] - np.eye(3)[int(label[i])]) for i in range(2)]
    assert found["dynamics_error"].tolist() == pytest.approx(errors)
    assert found["dynamics_margin"].tolist() == pytest.approx([1.0, -4.0])
    assert found["dynamics_confidence"].tolist() == pytest.approx([prob[0, 0], prob[1, 2]])


def test_of_several_findings_the_known_ones_count_alike():
    logits = torch.tensor([[1.0, -2.0, 5.0], [0.5, 0.5, 0.5]])
    targets = torch.tensor([[1.0, 1.0, torch.nan], [torch.nan] * 3])
    found = {name: values.tolist() for name, values in decisions(logits, targets, exclusive=False).dynamics().items()}
    right = 1 / (1 + np.exp([-1.0, 2.0]))
    assert found["dynamics_margin"] == pytest.approx([-0.5, np.nan], nan_ok=True)
    assert found["dynamics_confidence"] == pytest.approx([right.mean(), np.nan], nan_ok=True)
    assert found["dynamics_error"] == pytest.approx([np.sqrt(((1 - right) ** 2).mean()), np.nan], nan_ok=True)


def test_each_class_of_a_mask_counts_alike_however_few_pixels_it_has():
    # One pixel of lesion that is missed by 4, nine of background that are right by 2.
    logits = torch.zeros(1, 2, 10)
    logits[:, 0, 1:], logits[:, 0, 0] = 2.0, 4.0
    targets = functional.one_hot(torch.tensor([[1] + [0] * 9]), 2).movedim(2, 1)
    balanced = decisions(logits, targets, exclusive=True, balanced=True)
    assert balanced.dynamics()["dynamics_margin"].tolist() == pytest.approx([(-4 + 2) / 2])
    plain = decisions(logits, targets, exclusive=True)
    assert plain.dynamics()["dynamics_margin"].tolist() == pytest.approx([(-4 + 9 * 2) / 10])
    sigmoid = decisions(logits[:, 1:] - logits[:, :1], targets[:, 1:], exclusive=False, balanced=True)
    torch.testing.assert_close(sigmoid.dynamics()["dynamics_margin"], balanced.dynamics()["dynamics_margin"])


@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 2)])
def test_masks_of_any_size_weigh_as_much_as_one_decision(shape):
    logits = torch.randn(4, 3, *shape, generator=torch.Generator().manual_seed(0))
    label = torch.randint(0, 2, (4, *shape), generator=torch.Generator().manual_seed(1))
    targets = functional.one_hot(label, 3).movedim(-1, 1)
    for exclusive in (True, False):
        weight = decisions(logits, targets, exclusive, balanced=True).weight
        assert weight.sum(dim=1).tolist() == pytest.approx([1.0] * 4, rel=1e-5)


def test_the_softmin_of_pixels_is_cleanlab_s():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5, 3, 8, 6, generator=generator)
    label = torch.randint(0, 3, (5, 8, 6), generator=generator)
    targets = functional.one_hot(label, 3).movedim(-1, 1)
    expected, _ = get_label_quality_scores(label.numpy(), torch.softmax(logits, dim=1).numpy(), verbose=False)
    found = decisions(logits, targets, exclusive=True).softmin()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    order = [3, 0, 4, 1, 2]
    permuted = decisions(logits[order], targets[order], exclusive=True).softmin()
    torch.testing.assert_close(permuted, found[order])
