"""Tests of the groups of a run: whom forgetting hits, and for whom each arm scores worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.groups_of_run import groups_of_run
from htl_monai.scores import make_scores


def scores(ids: list[str], worse: np.ndarray, by: float) -> object:
    rng = np.random.default_rng(0)
    data = [{"id": id_, "sex": "male" if int(id_) % 2 else "female", "site": f"{int(id_) % 3}"} for id_ in ids]
    iou = 0.8 - by * worse + rng.normal(0, 0.02, len(ids))
    variables = {"iou": np.stack([iou, iou], axis=1)[:, None]}
    attributes = {"task": "binary_segmentation", "primary": "iou", "foreground": ["lesion"], "compression": ""}
    return make_scores(data, ids, variables, [0.0], ["background", "lesion"], **attributes)


def test_tables_are_of_forgetting_and_of_every_arm() -> None:
    ids, rng = [f"{n}" for n in range(240)], np.random.default_rng(0)
    size = rng.random(240)
    small = size < 0.3
    mined = pd.DataFrame({"id": ids, "sex": ["female", "male"] * 120, "sparsity": 0.7, "forgetting": 0.1})
    mined["forgetting_relative"] = np.where(mined["sex"] == "male", 0.6, 0.1) + rng.normal(0, 0.02, 240)
    properties = pd.DataFrame({"id": ids, "label_size": size})
    scored = {arm: scores(ids, small, by) for arm, by in (("dense", 0.4), ("htl", 0.0))}
    found = groups_of_run(mined, ["id", "sex"], scored, properties)
    groups, pairs, slices = found["groups"], found["pairs"], found["slices"]
    arms = {"foreground_iou_dense", "foreground_iou_htl"}
    assert {*groups["measure"]} == {"forgetting_relative", *arms} and {*pairs["measure"]} == arms
    sex = groups.set_index(["measure", "group"]).loc["forgetting_relative"]
    assert sex.loc["male", "gap_best"] == pytest.approx(0.5, abs=0.02) and sex.loc["male", "p_holm"] < 1e-9
    assert sex["n_forgotten"].tolist() == [0, 120, 0] and groups["n_forgotten"].isna().sum() == len(groups) - len(sex)
    noted = slices[slices["note"] == "found"].set_index("measure")["slice"]
    assert noted["forgetting_relative"] == "sex = male" and noted["foreground_iou_dense"].startswith("label size ≤ 0.2")
    assert "foreground_iou_htl" not in noted
    assert {*pairs["column"]} == {"sex × site"}


def test_without_arms_and_without_metadata_there_are_tables_nevertheless() -> None:
    mined = pd.DataFrame({"id": ["a", "b"], "forgetting": 0.1, "forgetting_relative": [0.1, 0.2]})
    found = groups_of_run(mined, ["id"], {})
    assert all(table.empty and "measure" in table for table in found.values())
