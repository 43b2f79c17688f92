"""Makes the input of a classifier from a batch of cached grey pictures, on the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.utils import CommonKeys as Keys
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PictureBatch:
    """Scale, augment, normalise and repeat to channels: the ``prepare_batch`` of a trainer or an evaluator.

    Pictures travel to the device as they lie in the cache, one byte per pixel, a twelfth of what the network is given.

    Args:
        mean: of each channel, of intensities in [0, 1]; a grey picture is repeated to as many channels.
        std: of each channel, above 0.
        augmentation: another ``prepare_batch``, given the scaled grey pictures, such as
            :class:`~htl_monai.engines.batch_augmentation.BatchAugmentation`; None for none.

    Raises:
        ValueError: ``mean`` and ``std`` are not of one length, or a deviation is not above 0.

    Example:
        >>> grey = {"image": torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1), "label": torch.ones(2, 4)}
        >>> image, label = PictureBatch(mean=[0.5, 0.0], std=[0.5, 1.0])(grey)
        >>> image.flatten(1).tolist()
        [[-1.0, 0.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        augmentation: Callable[..., tuple[Tensor, Any]] | None = None,
    ) -> None:
        if not mean or len(mean) != len(std) or min(std) <= 0:
            raise ValueError(
                f"mean and std must have one number a channel, std above 0, got {list(mean)} and {list(std)}; "
                "give both for each channel of the network"
            )
        self.mean, self.std = tuple(mean), tuple(std)
        self.augmentation = augmentation

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Return images ``(N, channels, H, W)`` and labels ``(N, C)``, float32 on ``device``, of a batch with ``image``
        ``(N, 1, H, W)`` uint8; None where it has no ``label``.
        """
        pictures, labels = batchdata[Keys.IMAGE], batchdata.get(Keys.LABEL)
        if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.shape[1] != 1:
            raise ValueError(
                f"image must be uint8 (N, 1, H, W), got {pictures.dtype} {tuple(pictures.shape)}; "
                "take it from the cache"
            )
        image = pictures.to(device=device, non_blocking=non_blocking, **kwargs).float() / 255
        if labels is not None:
            labels = labels.to(device=device, non_blocking=non_blocking, **kwargs).float()
        if self.augmentation is not None:
            image, labels = self.augmentation({Keys.IMAGE: image, Keys.LABEL: labels}, device, non_blocking)
        mean, std = (image.new_tensor(values).view(1, -1, 1, 1) for values in (self.mean, self.std))
        return (image - mean) / std, labels
