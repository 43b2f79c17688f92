"""Choosing where boxes come from."""

from __future__ import annotations

import pytest

from htl_monai.engines.box_source import inferer_of
from htl_monai.engines.precision import PrecisionInferer


def test_mask_or_heat_map() -> None:
    mask, cam = PrecisionInferer(), PrecisionInferer()
    assert inferer_of("mask", mask, None) is mask
    assert inferer_of("cam", mask, cam) is cam


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="box_from must be one of mask, cam, got 'grad'"):
        inferer_of("grad", PrecisionInferer(), None)
    with pytest.raises(ValueError, match="cam must be an inferer of heat maps for box_from 'cam', got None"):
        inferer_of("cam", PrecisionInferer(), None)
