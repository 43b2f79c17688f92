"""Names the sizes of the U-Net."""

from __future__ import annotations

__all__ = ["UNET_SIZES", "unet_features"]

UNET_SIZES = {
    "classical": (64, 128, 256, 512, 1024, 64),
    "slim": (32, 32, 64, 128, 256, 32),
    "tiny": (16, 16, 32, 64, 128, 16),
}


def unet_features(size: str) -> list[int]:
    """Return the six numbers of channels of MONAI's ``BasicUNet``: five ways down, and the last way up.

    Raises:
        KeyError: there is no such size.

    Example:
        >>> unet_features("tiny")
        [16, 16, 32, 64, 128, 16]
    """
    if size not in UNET_SIZES:
        raise KeyError(f"size must be one of {', '.join(UNET_SIZES)}, got {size!r}; choose one, or give the features")
    return list(UNET_SIZES[size])
