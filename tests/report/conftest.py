"""A run of the setting chest_xray as its stages leave it, with predictions that forget rare classes first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from htl_monai.scores import make_scores, write_scores

CLASSES = ("Effusion", "Mass", "Hernia", "No Finding")
FREQUENCIES = (0.4, 0.25, 0.12)
SPARSITIES = (0.0, 0.5, 0.9)

WriteRun = Callable[..., Path]


def draw_labels(rng: np.random.Generator, n: int, frequencies: Sequence[float]) -> np.ndarray:
    """Labels of ``n`` images, ``(N, C)``; the last class is that of no finding."""
    labels = (rng.random((n, len(frequencies))) < frequencies).astype(float)
    return np.column_stack([labels, labels.sum(axis=1) == 0])


def draw_predictions(
    rng: np.random.Generator, labels: np.ndarray, sparsities: Sequence[float], forgetting: np.ndarray
) -> np.ndarray:
    """Probabilities ``(K, N, C)`` whose signal fades with sparsity, faster for the classes of high ``forgetting``."""
    signal, noise = 3.0 * np.nan_to_num(labels), rng.normal(size=(2, *labels.shape))
    left = np.array([np.clip(1 - step * forgetting, 0, 1) for step in sparsities])[:, None]
    logits = -2 + left * (signal + 0.7 * noise[0]) + (1 - left) * noise[1]
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def of_classes(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """What a classification scores: the probabilities, the labels, and how probable these are held, in the mean."""
    true = np.where(labels == 1, probabilities, np.where(labels == 0, 1 - probabilities, np.nan))
    return {
        "probability": (("level", "sample", "class"), probabilities),
        "true_prob": (("level", "sample"), np.nanmean(true, axis=-1)),
        "label": (("sample", "class"), labels),
    }


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """A function that writes a run and returns its folder."""

    def write(
        seeds: Sequence[int] = (3, 10, 20),
        stages: Sequence[str] = ("mining", "mining_random"),
        sparsities: Sequence[float] = SPARSITIES,
        n: int = 120,
        classes: Sequence[str] = CLASSES,
        frequencies: Sequence[float] = FREQUENCIES,
        change_labels: Callable[[np.ndarray], Any] = lambda labels: None,
        metadata: Callable[[int], dict[str, Any]] = lambda i: {},
        name: str = "run",
    ) -> Path:
        run, rng, lists, labels = tmp_path / name, np.random.default_rng(7), {}, {}
        for split, count in {"training": 2 * n, "validation": n, "test": n}.items():
            labels[split] = draw_labels(rng, count, frequencies)
            change_labels(labels[split])
            lists[split] = [
                {"id": f"{split}{i:03d}", "image": f"/images/{split}{i:03d}.png", "subject": f"{split}{i // 2}"}
                | {"label": [None if np.isnan(value) else float(value) for value in row]}
                | metadata(i)
                for i, row in enumerate(labels[split])
            ]
        (run / "preparing").mkdir(parents=True)
        content = {"classes": list(classes), **lists, "unlabelled": []}
        (run / "preparing" / "data.json").write_text(json.dumps(content), encoding="utf-8")
        ids = [item["id"] for item in lists["test"]]
        for seed in seeds:
            for i, stage in enumerate(stages):
                steps = (0.0,) if stage.startswith("evaluating") else tuple(sparsities)
                forgetting = np.linspace(0.4, 1.0, len(classes)) + 0.05 * i
                found = draw_predictions(np.random.default_rng([seed, i]), labels["test"], steps, forgetting)
                path = run / f"seed_{seed}" / stage / "scores.nc"
                scores = of_classes(found, labels["test"])
                write_scores(path, make_scores(lists["test"], ids, scores, steps, classes, primary="true_prob"))
        return run

    return write
