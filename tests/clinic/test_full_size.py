"""What is brought to a picture's size is what the whole in floats would give, in a few bytes per pixel."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from htl_monai.clinic import full_size
from htl_monai.clinic.full_size import at_full_size

SIZE = (230, 170)


@pytest.mark.parametrize("band_pixels", [1, 2000, 2**22])
@pytest.mark.parametrize("channels", [1, 2])
def test_bands_are_enlarged_as_torch_enlarges(monkeypatch: pytest.MonkeyPatch, band_pixels: int, channels: int) -> None:
    monkeypatch.setattr(full_size, "_BAND_PIXELS", band_pixels)
    scores = torch.rand(channels, 9, 13, generator=torch.Generator().manual_seed(0))
    found = at_full_size(scores, SIZE, threshold=128)
    whole = torch.nn.functional.interpolate(scores[None], SIZE[::-1], mode="bilinear")[0].numpy()
    expected = whole[1] > whole[0] if channels == 2 else 255 * whole[0] >= 128
    assert found.mask.shape == SIZE[::-1] and (found.mask != expected).mean() < 1e-4
    assert found.mean == pytest.approx(whole[-1][expected].mean(), abs=1e-4)
    assert (found.heat is None) == (channels == 2)
    if found.heat is not None:
        assert np.abs(found.heat.astype(int) - (255 * whole[0]).astype(int)).max() <= 1


def test_scores_of_the_right_size_stay_as_they_are() -> None:
    scores = torch.tensor([[[0.2, 0.6], [1.0, 0.5]]])
    found = at_full_size(scores, (2, 2), threshold=128)
    assert found.mask.tolist() == [[False, True], [True, False]] and found.mean == pytest.approx(0.8)
    assert found.heat is not None and found.heat.tolist() == [[51, 153], [255, 127]]


def test_nothing_found_has_no_mean() -> None:
    found = at_full_size(torch.tensor([0.9, 0.1]).view(2, 1, 1), (3, 2))
    assert not found.mask.any() and found.mean is None


def test_a_few_bytes_a_pixel_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_size, "_BAND_PIXELS", 2**12)
    scores = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))
    tracemalloc.start()
    at_full_size(scores, (1000, 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 1000 * 1000
