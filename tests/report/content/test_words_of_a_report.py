"""Sentences of a report: each says what the numbers carry, and nothing where they carry none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from htl_monai.report.content.cases import cases_of
from htl_monai.report.content.fails_for import hit_groups, say_fails_for
from htl_monai.report.content.found import find
from htl_monai.report.content.next_steps import say_next
from htl_monai.report.content.read_content import read_content
from htl_monai.report.content.tiles import tiles_of
from htl_monai.report.content.verdict_said import say_verdict
from htl_monai.report.content.warnings_said import say_warnings
from htl_monai.scores import make_scores, write_scores
from tests.report.content.conftest import WriteAudit


def groups(**rows: tuple[float, float, float]) -> pd.DataFrame:
    """A table of groups by name: mean, gap to the whole, and p."""
    table = pd.DataFrame(rows, index=["mean", "gap_whole", "p_holm"]).T.rename_axis("group").reset_index()
    return table.assign(measure="iou", column="sex", n=30, low=table["mean"] - 0.1, high=table["mean"] + 0.1, note="")


def test_only_worse_groups_that_survive_correction_are_named() -> None:
    table = groups(female=(0.6, -0.2, 0.01), male=(0.9, 0.1, 0.001), other=(0.5, -0.3, 0.4))
    (said,) = say_fails_for({"groups": table}, "iou")
    assert said == (
        "Sex female: mean IoU 0.60 [0.50, 0.70] in 30 images, 0.20 below that of all (p = 0.01 after correction for "
        "all groups)."
    )
    both = pd.concat([table.assign(measure="forgetting_relative"), table.assign(measure="foreground_iou_dense")])
    assert hit_groups(both, "iou")["group"].tolist() == ["female", "male"]  # by score, then by forgetting
    harder = table.assign(measure="relative_forgetting")
    assert hit_groups(harder, "iou")["group"].tolist() == ["male"]  # higher = harder: those above all are hit


def test_no_group_stands_out_is_said_only_where_some_were_tested() -> None:
    same = groups(female=(0.8, -0.01, 0.9), male=(0.8, 0.01, 0.9))
    assert say_fails_for({"groups": same}, "iou")[0].startswith("No group stands out (by sex):")
    few = same.assign(p_holm=np.nan, note="too few to say", n=3)
    assert say_fails_for({"groups": few}, "iou") == ["Too few images to say: sex female (3) and sex male (3)."]
    assert "Nothing is known" in say_fails_for({"groups": same.head(0)}, "iou")[0]
    assert say_fails_for({}, "iou") == []


def test_a_slice_is_named_if_held_out_images_confirm_it() -> None:
    slices = pd.DataFrame(
        {"measure": "iou", "slice": ["size ≤ 0.1 and sex = f", "age > 70"], "n_confirmed": 25, "p_holm": [0.01, 0.3]}
        | {"mean_confirmed": 0.4, "low": 0.3, "high": 0.5}
    )
    said = say_fails_for({"groups": groups(female=(0.8, 0, 1)), "slices": slices}, "iou")
    assert [sentence for sentence in said if "size ≤ 0.1 and sex = f; mean IoU 0.40 [0.30, 0.50] in 25" in sentence]
    assert not [sentence for sentence in said if "age > 70" in sentence]


def rankings(**aurocs: float) -> pd.DataFrame:
    return pd.DataFrame({"ranking": list(aurocs), "n": 40, "n_bad": 10, "auroc": list(aurocs.values())})


@pytest.mark.parametrize(
    ("aurocs", "said"),
    [
        (
            {"entropy": 0.91, "dense_error": 1.0, "random": 0.95},
            "look for bad cases by entropy: its AUROC at finding the 10 of 40 images",
        ),
        ({"entropy": 0.6}, "the best, entropy, has an AUROC of 0.60"),
    ],
)
def test_the_ranking_to_trust_needs_no_labels_and_is_better_than_chance(
    write_audit: WriteAudit, aurocs: dict[str, float], said: str
) -> None:
    found = find(write_audit(tables={"rankings": rankings(**aurocs)}))
    cases = cases_of(found)
    assert said in " ".join(say_next(found, cases, "iou"))
    assert tiles_of(found, cases, "iou")[-1]["value"] == f"{aurocs['entropy']:.2f}"


@pytest.mark.parametrize(
    ("n_seeds", "low", "high", "is_open"), [(1, 0.1, 0.3, True), (3, -0.1, 0.3, True), (3, 0.1, 0.3, False)]
)
def test_more_seeds_are_advised_as_long_as_the_verdict_is_open(
    tiny_run: Path, n_seeds: int, low: float, high: float, is_open: bool
) -> None:
    row = {"model": "htl", "reference": ["dense", "random"], "score": "foreground_iou", "difference": 0.2}
    pd.DataFrame(row | {"low": low, "high": high, "n_seeds": n_seeds}).to_csv(tiny_run / "reporting/comparison.csv")
    words = read_content(tiny_run)["words"]
    assert any(f"--seeds 0:{max(3, 2 * n_seeds)}" in sentence for sentence in words["next"]) == is_open


def test_the_verdict_of_an_audit_is_its_numbers(write_audit: WriteAudit) -> None:
    found = find(write_audit())
    good, lost = say_verdict(found)
    assert good.startswith("The mean IoU is 0.70 [") and good.endswith("; 20 of 40 images (50 %) score below 0.7.")
    assert lost.startswith("When 70 % of the weights are removed, 50 % of the images lose 40 % or more of their IoU")


def test_networks_of_no_use_are_warned_of_first_and_rankings_that_lack_not_at_all(write_audit: WriteAudit) -> None:
    notes = pd.DataFrame({"about": ["rankings", "classes", "usefulness"], "note": ["a", "b", "c"]})
    found = find(write_audit(tables={"notes": notes}))
    assert say_warnings(found, cases_of(found)) == ["c", "b"]


def test_what_was_never_learned_is_said(write_audit: WriteAudit, monkeypatch: Any) -> None:
    found = find(write_audit())
    cases = cases_of(found)
    cases.table.loc[:1, "never_learned"] = 1.0
    (said,) = say_warnings(found, cases)
    assert said.startswith("2 cases were never learned")


def test_a_class_that_is_never_found_is_named(write_audit: WriteAudit) -> None:
    folder, data = write_audit(), [{"id": "a"}, {"id": "b"}]
    iou = [[[0.8, 0.0, np.nan], [0.7, 0.0, np.nan]], [[0.9, 0.0, np.nan], [0.5, 0.0, np.nan]]]
    scores = make_scores(data, ["a", "b"], {"iou": iou}, [0, 0.7], ["liver", "kidney", "spleen"])
    write_scores(folder / "scores.nc", scores)
    found = find(folder)
    assert say_warnings(found, cases_of(found)) == ["The network finds nothing of kidney in any image."]
