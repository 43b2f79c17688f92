"""Which methods of the grad-cam package are offered."""

from __future__ import annotations

import pytest
import pytorch_grad_cam

from htl_monai.localization.cam_methods import METHODS, cam_method


def test_the_methods_are_the_package_s() -> None:
    assert {cam_method(name) for name in METHODS} == {getattr(pytorch_grad_cam, name) for name in METHODS}


@pytest.mark.parametrize("name", ["EigenCAM", "AblationCAM", "FullGrad", "BaseCAM", ""])
def test_methods_that_do_not_suit_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^method must be one of {', '.join(METHODS)}, got '{name}'; choose one"):
        cam_method(name)
