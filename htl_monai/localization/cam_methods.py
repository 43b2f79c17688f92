"""Which methods of the grad-cam package are offered."""

from __future__ import annotations

import pytorch_grad_cam
from pytorch_grad_cam.base_cam import BaseCAM

METHODS = tuple(
    "GradCAMPlusPlus GradCAM GradCAMElementWise HiResCAM LayerCAM XGradCAM SegEigenCAM FEM ScoreCAM".split()
)


def cam_method(name: str) -> type[BaseCAM]:
    """Return the grad-cam package's class of a method.

    Offered are those whose map of an image is the same in any batch and which leave the network as it is. FEM looks at
    the activations alone; ScoreCAM runs the network once for each channel of the layer; SegEigenCAM decomposes a
    matrix of pixels by pixels, which only suits a coarse layer. Left out are EigenCAM, EigenGradCAM and KPCA_CAM (the
    sign of their component is arbitrary, so a map and its inverse are equally likely), RandomCAM, ShapleyCAM (fails
    where the network is linear after the layer), AblationCAM (swaps layers of the network), FullGrad (looks at no
    single layer), and FinerCAM, RefineCAM and SESS (wrap another method).

    Raises:
        ValueError: ``name`` is another one.
    """
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}; choose one that works here")
    chosen: type[BaseCAM] = getattr(pytorch_grad_cam, name)
    return chosen
