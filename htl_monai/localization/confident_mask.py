"""Turns a segmentation network's output into a mask of the original image, and says how sure it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def confident_mask(logits: Tensor, size: tuple[int, int]) -> tuple[Tensor, float]:
    """Return the mask that the network draws at the size of the original image, and its confidence.

    The probabilities are resized bilinearly and the larger one decides, so that the outline is smooth at full size. For
    two classes that is where the resized foreground probability is above one half; a tie is background.

    Args:
        logits: background and foreground of one image, ``(2, h, w)``.
        size: height and width of the original image in pixels.

    Returns:
        The mask, bool of shape ``(H, W)`` on the device of ``logits``; and the mean foreground probability over its
        foreground, above 0.5 and at most 1, or 0 where the mask is empty. A pixel with NaN is background.

    Raises:
        ValueError: ``logits`` has not 2 channels.

    Example:
        >>> mask, confidence = confident_mask(torch.tensor([[[0.0, 0.0]], [[3.0, -3.0]]]), (1, 2))
        >>> mask.tolist(), round(confidence, 3)
        ([[True, False]], 0.953)
    """
    if logits.ndim != 3 or logits.shape[0] != 2:
        raise ValueError(f"logits must be (2, h, w), got {tuple(logits.shape)}; pass both classes of one image")
    probability = torch.softmax(logits.float(), dim=0)[1]
    resized = interpolate(probability[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    mask = resized > 0.5
    return mask, float(resized[mask].double().mean()) if bool(mask.any()) else 0.0
