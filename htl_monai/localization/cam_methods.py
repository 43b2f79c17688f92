"""Which methods of the grad-cam package are offered, and their arithmetic on the activations of one layer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytorch_grad_cam
import torch
from numpy.typing import NDArray
from pytorch_grad_cam.base_cam import BaseCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import Tensor, nn

from htl_monai.localization.cam_targets import ImageTarget

METHODS = tuple(
    "GradCAMPlusPlus GradCAM GradCAMElementWise HiResCAM LayerCAM XGradCAM SegEigenCAM FEM ScoreCAM".split()
)
GRADIENT_FREE = (pytorch_grad_cam.FEM, pytorch_grad_cam.ScoreCAM)

_EPSILON = 1e-6  # of the package's GradCAMPlusPlus


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


def cam_images(
    method: type[BaseCAM],
    network: nn.Module,
    inputs: Tensor,
    targets: Sequence[ImageTarget],
    activations: Tensor,
    gradients: Tensor | None,
) -> Tensor:
    """Return the heat map of each image, scaled as the package scales it.

    The package works on one image at a time: its temporary arrays then stay in the cache of a CPU, which takes half
    the time of a whole batch. Activations on a GPU stay there for GradCAMPlusPlus, since copying them would take longer
    than the network.

    Args:
        method: from :func:`cam_method`.
        network: what a method may run again, in eval mode.
        activations: of the layer, ``(N, K, h, w)``.
        gradients: of the targets for the activations, same shape; None for a method without.

    Returns:
        ``(N, H, W)`` float32 on the CPU, each image from 0 to 1; where the unscaled map is constant, all 0.
    """
    size = (inputs.shape[-1], inputs.shape[-2])
    if method is pytorch_grad_cam.GradCAMPlusPlus and gradients is not None and activations.device.type != "cpu":
        raw = grad_cam_plus_plus(activations.float(), gradients.float()).cpu().numpy()
    else:
        raw = _package_images(method, network, inputs, targets, activations, gradients)
    coarse = scale_cam_image(np.maximum(raw, 0), size)
    return torch.from_numpy(scale_cam_image(np.maximum(coarse, 0)))


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    """Return the unscaled GradCAM++ maps ``(N, h, w)`` of ``(N, K, h, w)`` on their device.

    Equation 19 of Chattopadhay et al. (2018) as the package's GradCAMPlusPlus computes it with numpy.
    """
    squared = gradients.square()
    totals = activations.sum(dim=(2, 3), keepdim=True)
    alpha = squared / (2 * squared + totals * squared * gradients + _EPSILON)
    alpha = torch.where(gradients != 0, alpha, 0)
    weights = (gradients.clamp(min=0) * alpha).sum(dim=(2, 3), keepdim=True)
    return (weights * activations).sum(dim=1)


def _package_images(
    method: type[BaseCAM],
    network: nn.Module,
    inputs: Tensor,
    targets: Sequence[ImageTarget],
    activations: Tensor,
    gradients: Tensor | None,
) -> NDArray[np.float32]:
    cam = method(network, [])  # without a layer it hooks nothing
    values = activations.float().cpu().numpy()
    slopes = [None] * len(values) if gradients is None else list(gradients.float().cpu().numpy()[:, None])
    ones = [slice(i, i + 1) for i in range(len(values))]
    with contextlib.redirect_stderr(io.StringIO()):  # ScoreCAM draws a progress bar for every image
        images = [
            cam.get_cam_image(inputs[one], None, targets[one], values[one], slope, False)
            for one, slope in zip(ones, slopes, strict=True)
        ]
    return np.concatenate(images)
