"""What a heat map explains: the score of a class, or the lesion that a segmentation network outlines."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class ImageTarget:
    """The scalar of one image's output that a heat map explains; one object an image and call.

    A vector of class logits gives the logit of ``class_index``, or of the class predicted; logits ``(2, H, W)`` give
    the sum of the foreground's over the pixels predicted foreground (the grad-cam package's
    SemanticSegmentationTarget with the network's own mask). What is predicted is read from the first output that the
    target sees, and holds for later ones: a method that runs the network again asks for the same class or pixels.

    Args:
        class_index: the class to explain; None for the predicted one.
    """

    def __init__(self, class_index: int | None = None) -> None:
        self.class_index = class_index
        self.chosen: Tensor | None = None

    def __call__(self, output: Tensor) -> Tensor:
        """Return the scalar of one image's output, ``(C,)`` or ``(2, H, W)``."""
        if self.chosen is None:
            self.chosen = self._choose(output.detach())
        if output.ndim == 1:
            return output.index_select(0, self.chosen).sum()
        return torch.where(self.chosen, output[1], 0).sum()

    def _choose(self, output: Tensor) -> Tensor:
        if output.ndim == 3:
            return output[1] > output[0]
        if self.class_index is None:
            return output.argmax().view(1)
        return torch.tensor([self.class_index], device=output.device)

    def is_empty(self) -> Tensor:
        """Return whether a segmentation network predicts no foreground; a class is never empty."""
        if self.chosen is None:
            raise RuntimeError("a target must see an output before it knows what is predicted, got none; call it first")
        return ~self.chosen.any() if self.chosen.dtype == torch.bool else torch.zeros_like(self.chosen[0]).bool()


def image_targets(class_index: int | Sequence[int] | Tensor | None, count: int) -> list[ImageTarget]:
    """Return one target an image: one class for all images, one per image, or None for what the network predicts.

    Raises:
        ValueError: there are not as many classes as images.
    """
    if class_index is None:
        return [ImageTarget() for _ in range(count)]
    indices = torch.as_tensor(class_index).flatten().tolist()
    indices = indices * count if isinstance(class_index, int) else indices
    if len(indices) != count:
        raise ValueError(
            f"class_index must be one class an image ({count}), got {len(indices)}; pass as many as images"
        )
    return [ImageTarget(int(index)) for index in indices]


def check_output(output: object, targets: Sequence[ImageTarget]) -> Tensor:
    """Return the output of a network if the targets can explain it: logits of classes, or of two segments.

    Raises:
        TypeError: it is no tensor.
        ValueError: its shape is neither ``(N, C)`` nor ``(N, 2, H, W)``, a class is asked of a segmentation network, or
            a class does not exist.
    """
    if not isinstance(output, Tensor):
        raise TypeError(
            f"network must return one tensor, got {type(output).__name__}; wrap it to return the logits alone"
        )
    count, shape = len(targets), tuple(output.shape)
    segments = output.ndim == 4 and shape[1] == 2
    if shape[:1] != (count,) or not (output.ndim == 2 or segments):
        raise ValueError(
            f"network must return logits (N, C) or (N, 2, H, W) of {count} images, got {shape}; "
            "wrap it to return the logits of classes, or of background and foreground"
        )
    wanted = {target.class_index for target in targets} - {None}
    if segments and wanted:
        raise ValueError(
            f"class_index must be None where the network segments, got {sorted(wanted)}; leave it out"  # type: ignore[type-var]
        )
    missing = [index for index in wanted if index is not None and not 0 <= index < shape[1]]
    if missing:
        raise ValueError(f"class_index must be in 0..{shape[1] - 1}, got {missing[0]}; name a class of the network")
    return output.as_subclass(Tensor)  # type: ignore[attr-defined,no-any-return]
