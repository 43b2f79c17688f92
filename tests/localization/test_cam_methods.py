"""The arithmetic of GradCAM++ on tensors against the grad-cam package's numpy, and which methods are offered."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from htl_monai.localization.cam_methods import GRADIENT_FREE, METHODS, cam_method, grad_cam_plus_plus


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.floats(1e-6, 10), st.tuples(*[st.integers(1, 6)] * 4))
def test_grad_cam_plus_plus_on_tensors_equals_the_package(seed: int, scale: float, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(seed)
    activations = torch.rand(shape, generator=generator)
    gradients = scale * torch.randn(shape, generator=generator).relu()  # with exact zeros, and without the poles
    cam = pytorch_grad_cam.GradCAMPlusPlus(nn.Conv2d(1, 1, 1), [])
    expected = cam.get_cam_image(None, None, None, activations.numpy(), gradients.numpy())
    np.testing.assert_allclose(grad_cam_plus_plus(activations, gradients).numpy(), expected, rtol=1e-5, atol=1e-30)


def test_the_methods_are_the_package_s() -> None:
    assert {cam_method(name) for name in METHODS} == {getattr(pytorch_grad_cam, name) for name in METHODS}


def test_those_without_gradients_are_the_ones_that_the_package_says() -> None:
    free = [name for name in METHODS if not cam_method(name)(nn.Conv2d(1, 1, 1), []).uses_gradients]
    assert {cam_method(name) for name in free} == set(GRADIENT_FREE)


@pytest.mark.parametrize("name", ["EigenCAM", "AblationCAM", "FullGrad", "BaseCAM", ""])
def test_methods_that_do_not_suit_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^method must be one of {', '.join(METHODS)}, got '{name}'; choose one"):
        cam_method(name)
