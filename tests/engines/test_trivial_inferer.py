"""The inferer of the plain baselines."""

from __future__ import annotations

import pytest
import torch
from monai.inferers import SimpleInferer
from torch import nn

from htl_monai.engines.trivial_inferer import TrivialInferer, inferer_of_arm
from htl_monai.localization.trivial import centre_box, dark_side, whole_image

IMAGES = torch.rand(2, 3, 8, 10, generator=torch.Generator().manual_seed(0))


class Untouchable(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        raise AssertionError("a baseline looks at no network")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("whole", whole_image(IMAGES)), ("centre_box", centre_box(IMAGES, 0.7)), ("otsu", dark_side(IMAGES))],
)
def test_each_kind_is_its_function(kind: str, expected: torch.Tensor) -> None:
    assert torch.equal(TrivialInferer(kind, 0.7)(IMAGES, Untouchable()), expected)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="^kind must be one of whole, centre_box, otsu, got 'center'; choose one"):
        TrivialInferer("center")
    with pytest.raises(ValueError, match=r"^fraction must be in \(0, 1\], got 0; give the share"):
        TrivialInferer("centre_box", 0)


def test_an_arm_is_inferred_by_the_network_unless_it_is_a_baseline() -> None:
    network = SimpleInferer()
    assert inferer_of_arm("htl", network) is network
    assert torch.equal(inferer_of_arm("centre_box", network, fraction=0.7)(IMAGES), centre_box(IMAGES, 0.7))
