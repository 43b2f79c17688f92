"""The loss over known labels: torch's own where all are known, and blind to the rest."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from htl_monai.losses.masked_bce import MaskedBCEWithLogits

NAN = float("nan")


def draw(seed: int, n: int = 6, c: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, c, generator=generator), (torch.rand(n, c, generator=generator) > 0.5).float()


@pytest.mark.parametrize("pos_weight", [None, torch.tensor([1.0, 2.0, 0.5, 9.0])])
def test_it_is_torchs_loss_where_every_label_is_known(pos_weight: torch.Tensor | None) -> None:
    logits, labels = draw(0)
    expected = nn.BCEWithLogitsLoss(pos_weight=pos_weight)(logits, labels)
    torch.testing.assert_close(MaskedBCEWithLogits(pos_weight)(logits, labels), expected)


@given(st.integers(0, 1000), st.floats(0.1, 0.9))
def test_it_is_the_mean_over_the_known_ones(seed: int, share: float) -> None:
    logits, labels = draw(seed)
    known = torch.rand(labels.shape, generator=torch.Generator().manual_seed(seed + 1)) < share
    known[0, 0] = True
    expected = nn.BCEWithLogitsLoss()(logits[known], labels[known])
    torch.testing.assert_close(MaskedBCEWithLogits()(logits, labels.where(known, NAN)), expected)


def test_what_is_not_known_moves_nothing() -> None:
    logits = torch.tensor([[0.3, 2.0], [float("inf"), -1.0]], requires_grad=True)
    loss = MaskedBCEWithLogits()(logits, torch.tensor([[1.0, NAN], [NAN, 0.0]]))
    loss.backward()
    assert logits.grad is not None and torch.isfinite(loss)
    assert logits.grad[0, 1] == logits.grad[1, 0] == 0 and (logits.grad.diagonal() != 0).all()


def test_nothing_known_is_no_loss_and_no_gradient() -> None:
    logits, labels = draw(1)
    logits.requires_grad_()
    loss = MaskedBCEWithLogits()(logits, torch.full_like(labels, NAN))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_labels_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must have the shape of the logits \(6, 4\), got \(6, 3\)"):
        MaskedBCEWithLogits()(draw(0)[0], torch.zeros(6, 3))
