"""Chooses where the boxes of a mining come from."""

from __future__ import annotations

from monai.inferers import Inferer

BOX_SOURCES = ("mask", "cam")


def inferer_of(box_from: str, mask: Inferer, cam: Inferer | None) -> Inferer:
    """Return the inferer around whose output boxes are drawn (Attend Who is Weak, Algorithm 2: ``BB(f(x))``).

    Args:
        box_from: ``mask`` for the predicted mask, ``cam`` for the heat map.
        mask: yields logits ``(N, 2, H, W)``.
        cam: yields heat maps ``(N, 1, H, W)``; None where they are not asked for.

    Raises:
        ValueError: ``box_from`` is another word, or ``cam`` without an inferer of heat maps.
    """
    if box_from not in BOX_SOURCES:
        raise ValueError(f"box_from must be one of {', '.join(BOX_SOURCES)}, got {box_from!r}; choose one of them")
    chosen = mask if box_from == "mask" else cam
    if chosen is None:
        raise ValueError(f"cam must be an inferer of heat maps for box_from {box_from!r}, got None; give one")
    return chosen
