"""A convolution that ends in a ReLU returns what the two layers return."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from htl_monai.networks.rectified_conv import RectifiedConv


@pytest.mark.skipif(not RectifiedConv.takes(nn.Conv2d(1, 1, 1)), reason="torch has no such kernel here")
@pytest.mark.parametrize("kind, size", [(nn.Conv1d, (9,)), (nn.Conv2d, (9, 7)), (nn.Conv3d, (5, 7, 6))])
@pytest.mark.parametrize("bias", [True, False])
def test_it_equals_the_layers(kind: type, size: tuple[int, ...], bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    conv = kind(4, 6, 3, stride=2, padding=2, dilation=2, groups=2, bias=bias).requires_grad_(False)
    images = torch.randn(2, 4, *size, generator=generator)
    found = RectifiedConv(conv)(images)
    assert (found == 0).any()
    torch.testing.assert_close(found, conv(images).relu())
    assert RectifiedConv(conv).state_dict().keys() == conv.state_dict().keys()


def test_what_it_does_not_take() -> None:
    assert not RectifiedConv.takes(nn.Conv2d(1, 1, 3, padding="same"))
    assert not RectifiedConv.takes(nn.Conv2d(1, 1, 3, padding_mode="reflect"))
    assert not RectifiedConv.takes(nn.Conv2d(1, 1, 3).double())
    assert not RectifiedConv.takes(nn.ConvTranspose2d(1, 1, 3))
