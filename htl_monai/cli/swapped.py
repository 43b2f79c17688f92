"""Notices a model where the data should be, and the other way round."""

from __future__ import annotations

from pathlib import Path

_WEIGHTS = (".pt", ".pth", ".ckpt", ".ts")


def refuse_swapped(model: str, data: str, name: str = "data") -> None:
    """Refuse a command whose second word, the data called ``name``, is a model while the first is none.

    Raises:
        ValueError: they look swapped.
    """
    if _looks_like_model(data) and not _looks_like_model(model):
        raise ValueError(
            f"model must be a bundle, a run's folder or a checkpoint, got {model} as model and {data} as {name}, which "
            f"look as if they were swapped; give the model first"
        )


def _looks_like_model(name: str) -> bool:
    from htl_monai.models.bundles import own_bundles

    path = Path(name)
    parts = ("training/dense.pt", "models/model.pt", "configs/metadata.json")
    return name in own_bundles() or path.suffix in _WEIGHTS or any((path / part).is_file() for part in parts)
