"""What a heat map explains: the score of a class, or the lesion that a segmentation network outlines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor

Target = Callable[[Tensor], Tensor]


def image_targets(
    output: object, class_index: int | Sequence[int] | Tensor | None, count: int
) -> tuple[list[Target], Tensor]:
    """Return what is to be explained of each image, from what a network says of them.

    Class logits ``(N, C)`` give the logit of a class; logits ``(N, 2, H, W)`` the sum of the foreground's over the
    pixels predicted foreground (the grad-cam package's SemanticSegmentationTarget with the network's own mask).

    Args:
        output: of the network.
        class_index: one class for all images, one per image, or None for what the network predicts.
        count: how many images there are.

    Returns:
        a function of one image's output each, and whether the network predicts no foreground, bool ``(N,)``.

    Raises:
        TypeError: the output is no tensor.
        ValueError: it has another shape, a class is asked of a segmentation network, there are not as many classes as
            images, or a class does not exist.
    """
    if not isinstance(output, Tensor):
        raise TypeError(
            f"network must return one tensor, got {type(output).__name__}; wrap it to return the logits alone"
        )
    shape = tuple(output.shape)
    segments = output.ndim == 4 and shape[1] == 2
    if shape[:1] != (count,) or not (output.ndim == 2 or segments):
        raise ValueError(
            f"network must return logits (N, C) or (N, 2, H, W) of {count} images, got {shape}; "
            "wrap it to return the logits of classes, or of background and foreground"
        )
    if segments and class_index is not None:
        raise ValueError(f"class_index must be None where the network segments, got {class_index}; leave it out")
    if segments:
        masks = output.detach()[:, 1] > output.detach()[:, 0]
        return [partial(_foreground, mask=mask) for mask in masks], ~masks.flatten(1).any(dim=1)
    wanted = output.detach().argmax(dim=1) if class_index is None else torch.as_tensor(class_index).flatten()
    classes = wanted.tolist() * (count if isinstance(class_index, int) else 1)
    if len(classes) != count:
        raise ValueError(
            f"class_index must be one class an image ({count}), got {len(classes)}; pass as many as images"
        )
    missing = [index for index in classes if not 0 <= index < shape[1]]
    if missing:
        raise ValueError(f"class_index must be in 0..{shape[1] - 1}, got {missing[0]}; name a class of the network")
    return [ClassifierOutputTarget(index) for index in classes], torch.zeros(count, dtype=torch.bool)


def _foreground(output: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, output[1], 0).sum()
