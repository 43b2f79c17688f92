"""Time and peak memory of the whole analysis of PruneCXR on drawn predictions: ``SEEDS SPARSITIES IMAGES CLASSES``."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from htl_monai.analysis.average_precision import average_precision
from htl_monai.analysis.correlations import correlations, pair_correlations
from htl_monai.analysis.fcd_regression import regress_fcd
from htl_monai.analysis.forgettability import (
    class_changes,
    first_drop,
    first_significant,
    forgettability_curves,
    overall_drop,
)
from htl_monai.analysis.over_representation import over_representation
from htl_monai.analysis.pairs_of_classes import class_pairs_table, co_occurrence_iou, forgettability_dissimilarity
from htl_monai.ranking.pie_modal import modal_disagreement
from htl_monai.ranking.pie_spearman import class_order_lost
from htl_monai.ranking.pie_taxicab import taxicab
from htl_monai.ranking.selection import top_share

__all__ = ["analysis_measured"]

PIE_SPARSITY = 0.9
CHECKED = 40  # average precisions that are compared with scikit-learn's


def analysis_measured(shape: Sequence[int]) -> dict[str, Any]:
    """Analyse drawn predictions of ``(seeds, sparsities, images, classes)`` in a process of its own.

    Returns:
        ``seconds`` by part, ``seconds_drawing``, ``peak_mib`` (with the array) and ``largest_difference`` of an average
        precision from scikit-learn's.
    """
    command = [sys.executable, str(Path(__file__).resolve()), *map(str, shape)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"the analysis must end well, got exit code {run.returncode}: {run.stderr}")
    result: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return result


def drawn(shape: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float32], list[float]]:
    """Draw labels with a long tail, and predictions that lose the labels as the sparsity grows, the rare ones first.

    Returns:
        labels ``(N, C)``, the last class being No Finding; probabilities ``(R, K, N, C)``; the sparsities.
    """
    n_seeds, n_sparsities, n_images, n_classes = shape
    generator = np.random.default_rng(0)
    frequencies = np.geomspace(0.2, 0.002, n_classes)
    labels = (generator.random((n_images, n_classes)) < frequencies).astype(np.float64)
    labels[: 2 * n_classes] += np.tile(np.eye(n_classes), (2, 1))  # two positives of each at least
    labels = labels.clip(max=1)
    labels[:, -1] = labels[:, :-1].sum(axis=1) == 0
    sparsities = [round(k / n_sparsities, 4) for k in range(n_sparsities)]
    probabilities = np.empty(tuple(shape), dtype=np.float32)
    frail = np.linspace(1, 3, n_classes, dtype=np.float32)
    for seed in range(n_seeds):
        noise = generator.standard_normal((n_images, n_classes), dtype=np.float32)
        for k, sparsity in enumerate(sparsities):
            kept = (1 - np.float32(sparsity)) ** frail
            more = generator.standard_normal((n_images, n_classes), dtype=np.float32)
            logits = 2 * kept * labels.astype(np.float32) + noise + np.float32(sparsity) * more
            np.divide(1, 1 + np.exp(-logits), out=probabilities[seed, k])
    return labels, probabilities, sparsities


def analyse(
    labels: NDArray[np.float64], probabilities: NDArray[np.float32], sparsities: Sequence[float]
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Run every part of the analysis once.

    Returns:
        seconds by part, and the average precisions ``(R, K, C)``.
    """
    seconds: dict[str, float] = {}

    def timed(part: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        seconds[part] = time.perf_counter() - start
        return result

    classes = [*(f"class {c}" for c in range(labels.shape[1] - 1)), "No Finding"]
    n_images = labels.sum(axis=0).astype(int)
    ap = timed("average precision", lambda: average_precision(labels, probabilities))
    curves = timed("forgettability curves", lambda: _curves(ap, classes, sparsities, n_images))
    timed("overall drop", lambda: first_significant(overall_drop(ap, sparsities)))
    co_occurrence = timed("co-occurrence", lambda: co_occurrence_iou(labels))
    timed("dissimilarity", lambda: forgettability_dissimilarity(curves))
    pairs = timed("pairs of classes", lambda: class_pairs_table(classes, curves, n_images, co_occurrence))
    timed("regression", lambda: [regress_fcd(pairs, response) for response in ("fcd_euclidean", "fcd_mse")])
    timed("correlations", lambda: _correlations(curves, sparsities, n_images, pairs))
    pies = timed("PIEs", lambda: _pies(probabilities, sparsities))
    timed("over-representation", lambda: [over_representation(labels, is_pie, classes) for is_pie in pies])
    return seconds, ap


def _curves(
    ap: NDArray[np.float64], classes: Sequence[str], sparsities: Sequence[float], n_images: NDArray[np.int64]
) -> NDArray[np.float64]:
    class_changes(ap, classes, sparsities, n_images.tolist())
    return forgettability_curves(ap)


def _correlations(
    curves: NDArray[np.float64], sparsities: Sequence[float], n_images: NDArray[np.int64], pairs: Any
) -> None:
    correlations(np.log(n_images), first_drop(curves, sparsities))
    correlations(np.log(n_images), curves[-1])
    for predictor in ("delta_log_frequency", "iou_root4"):
        pair_correlations(pairs, predictor, "fcd_euclidean")


def _pies(probabilities: NDArray[np.float32], sparsities: Sequence[float]) -> list[NDArray[np.bool_]]:
    at = int(np.abs(np.array(sparsities) - PIE_SPARSITY).argmin())
    dense, pruned = probabilities[:, 0], probabilities[:, at]
    means = dense.mean(axis=0), pruned.mean(axis=0)
    by_rank, by_distance = top_share(class_order_lost(*means), 0.05), top_share(taxicab(*means), 0.05)
    return [by_rank, by_distance, modal_disagreement(dense, pruned)]


def _largest_difference(
    ap: NDArray[np.float64], labels: NDArray[np.float64], probabilities: NDArray[np.float32]
) -> float:
    generator = np.random.default_rng(1)
    worst = 0.0
    for _ in range(CHECKED):
        r, k, c = (int(generator.integers(size)) for size in ap.shape)
        reference = average_precision_score(labels[:, c], probabilities[r, k, :, c])
        worst = max(worst, abs(float(ap[r, k, c]) - reference))
    return worst


def main() -> None:
    """Draw, analyse, and print what was measured as one line of JSON."""
    start = time.perf_counter()
    labels, probabilities, sparsities = drawn([int(size) for size in sys.argv[1:]])
    drawing = time.perf_counter() - start
    seconds, ap = analyse(labels, probabilities, sparsities)
    # Kilobytes on Linux, bytes on macOS. Linux hands down the peak of the starting process, which lies far below.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    result = {"seconds": seconds, "seconds_drawing": drawing, "peak_mib": peak}
    print(json.dumps({**result, "largest_difference": _largest_difference(ap, labels, probabilities)}))


if __name__ == "__main__":
    main()
