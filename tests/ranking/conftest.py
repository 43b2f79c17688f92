"""Drawn scores of a segmentation and of a classification, of one seed or of two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from htl_monai.scores import make_scores

LEVELS = (0.0, 0.5, 0.7, 0.9)
N = 24


@pytest.fixture(scope="session")
def masks() -> xr.Dataset:
    """A segmentation of background and lesion; sample 3 was never learned, of sample 5 nothing could be measured."""
    rng = np.random.default_rng(0)
    iou = rng.random((N, 4, 2))
    iou[3, :, 1], iou[5] = 0.0, np.nan
    agreement = rng.random((N, 4))
    edge = np.where(np.arange(N) == 7, np.nan, rng.random(N))
    doubt = {name: rng.random(N) for name in ("entropy", "entropy_per_area", "confidence", "expected_error")}
    of_training = {f"dynamics_{name}": rng.random((5, N)) for name in ("error", "margin", "correct", "confidence")}
    variables = {
        "iou": iou,
        "mask_agreement": agreement,
        "box_agreement": agreement**2,
        "x_min": edge,
        "label_quality": rng.random(N),
        "loss": rng.random((N, 4)),
        **doubt,
    }
    data = [{"id": f"s{i:02}", "sex": ("female", "male", None)[i % 3], "age": 20.0 + i} for i in range(N)]
    ids = [item["id"] for item in data]
    options = {"foreground": ["lesion"], "task": "binary_segmentation", "primary": "iou"}
    scores = make_scores(data, ids, variables, LEVELS, ["background", "lesion"], **options)
    return scores.assign({name: (("epoch", "sample"), values) for name, values in of_training.items()})


@pytest.fixture(scope="session")
def findings() -> Callable[[int], xr.Dataset]:
    """A classifier of five findings, by seed; sample 2 was never learned, and two labels are unknown."""

    def of_seed(seed: int) -> xr.Dataset:
        rng = np.random.default_rng(seed)
        probability = rng.random((N, 4, 5)).astype(np.float32)
        probability[2, 0] = 0.5
        label = np.random.default_rng(9).integers(0, 2, (N, 5)).astype(float)
        label[4, 1] = label[6, 0] = np.nan
        data = [{"id": f"c{i:02}"} for i in range(N)]
        variables = {"probability": probability, "label": label, "true_prob": probability.mean(axis=2)}
        options = {"task": "multilabel_classification", "primary": "true_prob"}
        return make_scores(data, [item["id"] for item in data], variables, LEVELS, list("abcde"), **options)

    return of_seed


@pytest.fixture(scope="session")
def seeds(findings: Callable[[int], xr.Dataset]) -> xr.Dataset:
    """The classifiers of three seeds, joined as :func:`htl_monai.scores.join_seeds` does."""
    parts = [findings(seed) for seed in range(3)]
    joined = xr.concat([part.drop_vars("label") for part in parts], dim="seed", coords="minimal", compat="override")
    return joined.assign(label=parts[0]["label"]).assign_coords(seed=[0, 1, 2])
