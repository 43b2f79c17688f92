"""The closing tables of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from htl_monai.analysis.groups_of_forgetting import groups_of_forgetting
from htl_monai.analysis.means import mean_scores
from htl_monai.report.summary import write_report
from htl_monai.scores import make_scores, read_scores, table_of
from htl_monai.statistics.holm import holm

WriteTable = Callable[..., Path]
SCORE_NAMES = ("foreground_iou", "background_iou", "foreground_dice", "background_dice")


def scores(seed: int, better: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = {name: rng.uniform(0.2, 0.7, 16) + better for name in SCORE_NAMES}
    return pd.DataFrame({"id": [f"{number:03d}" for number in range(16)], **values})


def forgetting(planted: bool) -> pd.DataFrame:
    """Eight images at two sparsities; women lose half of their score at 0.7, men a tenth."""
    rows = []
    for number in range(8):
        for sparsity in (0.5, 0.7):
            share = (0.5 if number % 2 else 0.1) * (1 if sparsity == 0.7 else 0.1)
            row = {"id": f"{number:03d}", "sex": "female" if number % 2 else "male", "age": 20.0 + 10 * number}
            row |= {"diagnosis": None, "sparsity": sparsity}
            for name in SCORE_NAMES:
                row |= {f"{name}_dense": 0.8, f"{name}_pruned": 0.8 * (1 - share)}
            row |= {"forgetting": 0.8 * share, "forgetting_relative": share}
            rows.append(row | ({"hard": number % 2} if planted else {}))
    return pd.DataFrame(rows)


def of_boxes(table: pd.DataFrame) -> pd.DataFrame:
    """The same images without masks: at 0.7 the boxes move by what was forgotten."""
    drop = table["forgetting_relative"].where(table["sparsity"] == 0.7, 0.0)
    columns = {f"{name}_agreement_{state}": 1.0 for name in ("box", "mask") for state in ("dense", "pruned")}
    columns |= {"box_agreement_pruned": 1 - drop, "x_min_px_dense": 0.0, "x_min_px_pruned": 0.0}
    masks = [f"{name}_{state}" for name in SCORE_NAMES for state in ("dense", "pruned")]
    return table.drop(columns=masks).assign(forgetting=drop, forgetting_relative=drop, **columns)


@pytest.fixture
def paths(write_table: WriteTable, tmp_path: Path) -> dict[str, Path]:
    reference = scores(0)
    tables = {"dense": reference, "htl": reference.copy(), "random": scores(0)}
    tables["htl"]["foreground_iou"] += 0.1
    return {
        model: write_table(tmp_path / f"evaluating_{model}" / "scores.nc", table) for model, table in tables.items()
    }


def test_mean_scores_by_hand(write_table: WriteTable, tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b"], **{name: [0.2, 0.4] for name in SCORE_NAMES}})
    table["background_iou"] = [0.8, np.nan]
    dense = read_scores(write_table(tmp_path / "dense.nc", table))
    row = mean_scores({"dense": dense}).iloc[0]
    assert row["n"] == 2 and row["model"] == "dense"
    assert row["foreground_iou"] == pytest.approx(0.3) and row["background_iou"] == pytest.approx(0.8)
    assert row["mean_iou"] == pytest.approx(0.55) and row["dice"] == pytest.approx(0.3)


def test_the_mean_of_classes_is_their_average_precision() -> None:
    probability, label = np.array([[0.9, 0.5], [0.8, 0.5], [0.7, 0.5]]), np.array([[1.0, 0], [0, 0], [1, 0]])
    scores = {"probability": (("sample", "level", "class"), probability[:, None]), "label": label}
    found = make_scores([{"id": i} for i in "abc"], list("abc"), scores, [0.0], ["Mass", "Hernia"])
    assert mean_scores({"dense": found})["mean_average_precision"].item() == pytest.approx(5 / 6)  # of Mass alone


WRITTEN = {"scores", "comparison", "impact", "groups", "pairs", "slices", "rankings", "notes"}


@pytest.mark.parametrize("planted", [True, False])
def test_tables_are_written(paths: dict[str, Path], tmp_path: Path, planted: bool, write_table: WriteTable) -> None:
    write_table(tmp_path / "mining" / "scores.nc", forgetting(planted))
    tables = write_report(tmp_path, tmp_path / "out", [*paths])
    written = WRITTEN | ({"detection"} if planted else set())
    assert set(tables) == {path.stem for path in (tmp_path / "out").iterdir()} == written
    comparison = tables["comparison"].set_index(["model", "reference", "score"])
    gain = comparison.loc[("htl", "dense", "foreground_iou")]
    assert gain["difference"] == pytest.approx(0.1) and gain["note"] == "too few to say"
    assert comparison["p_holm"].to_numpy() == pytest.approx(holm(comparison["p_value"]))
    assert comparison.loc[("random", "dense", "foreground_iou"), "difference"] == 0
    assert comparison.loc[("htl", "random", "foreground_iou"), "difference"] == pytest.approx(0.1)
    assert tables["impact"]["sparsity"].tolist() == [0.5, 0.7]
    assert tables["impact"]["foreground_drop_percent"].tolist() == pytest.approx([3, 30])
    if planted:
        found = tables["detection"].set_index("ranking")
        assert found.index.tolist() == ["forgetting_relative", "forgetting", "dense_error"]
        assert found["auroc"].tolist() == [1, 1, 0.5]


def test_networks_of_no_use_are_noted(paths: dict[str, Path], tmp_path: Path, write_table: WriteTable) -> None:
    table = forgetting(planted=False)
    write_table(tmp_path / "mining" / "scores.nc", table.assign(background_iou_dense=0.0))
    for model in ("htl", "whole"):
        scored = scores(0).assign(foreground_iou=0.2, whole_image_iou=0.25)
        write_table(tmp_path / f"evaluating_{model}" / "scores.nc", scored)
    tables = write_report(tmp_path, tmp_path / "out", [*paths], baselines=["whole"])
    assert [note.split(";")[0] for note in tables["notes"]["note"]] == [
        "On the mined images the dense network calls every pixel of all 8 images foreground (background IoU 0)",
        "On the test images the network htl is no better than a mask of the whole image: mean foreground IoU 0.200, at "
        "most 0.250",
    ]


def test_a_group_says_how_few_were_forgotten() -> None:
    mined = forgetting(planted=False).query("sparsity == 0.7")
    table = groups_of_forgetting(mined).set_index(["column", "group"])
    women, men = table.loc[("sex", "female")], table.loc[("sex", "male")]
    assert (women["n_forgotten"], women["share_of_forgotten"]) == (4, 1) and men["n_forgotten"] == 0
    ends = ["share_of_forgotten_low", "share_of_forgotten_high"]
    assert women[ends].tolist() == pytest.approx([0.025**0.25, 1]) and men[ends].tolist() == pytest.approx(
        [0, 1 - 0.025**0.25]
    )
    assert table.loc[("sex", "unknown"), ends].isna().all() and (table["note"].loc["sex"] != "").sum() == 2
    of_one = groups_of_forgetting(mined.assign(subject="patient")).set_index(["column", "group"])
    assert of_one.loc[("sex", "female"), ends[0]] == pytest.approx(0.025)


def test_one_image_that_gains_much_does_not_decide_a_mean() -> None:
    mined = forgetting(planted=False).query("sparsity == 0.7").reset_index(drop=True)
    mined.loc[0, "forgetting_relative"] = -5.2
    table = groups_of_forgetting(mined).set_index(["column", "group"])
    assert table.loc[("sex", "male"), "mean"] == pytest.approx((3 * 0.1 - 1) / 4)


def test_images_without_mask_have_tables_of_their_own(
    paths: dict[str, Path], tmp_path: Path, write_table: WriteTable
) -> None:
    labelled = forgetting(planted=True)
    write_table(tmp_path / "mining" / "scores.nc", labelled)
    table = of_boxes(labelled).drop(columns="diagnosis").assign(id="u" + labelled["id"], site=labelled["age"] > 50)
    write_table(tmp_path / "mining_unlabelled" / "scores.nc", table, "box_agreement")
    labels = pd.DataFrame({"id": table["id"].unique(), "confidence": [0.9, 0.8] * 4})  # the hard ones are less sure
    (tmp_path / "pseudo_labelling").mkdir()
    labels.to_csv(tmp_path / "pseudo_labelling" / "pseudo_labels.csv", index=False)
    tables = write_report(tmp_path, tmp_path / "out", [*paths], mined=["mining", "mining_unlabelled"])
    assert {path.stem for path in (tmp_path / "out").iterdir()} == set(tables)
    assert tables["impact"]["foreground_drop_percent"].tolist() == pytest.approx([3, 30])  # of the labelled ones
    impact = tables["impact_unlabelled"]
    assert impact["box_drop"].tolist() == pytest.approx([0, 0.3]) and impact["box_forgotten"].tolist() == [0, 0.5]
    found = tables["detection"].set_index("ranking")
    assert found.index.tolist() == ["forgetting", "pseudo_label_doubt"]  # the share is the drop itself
    assert (found["auroc"] == 1).all()
    assert set(tables["groups"]["column"]) == {"sex", "age_group", "site"}


def test_without_any_mask_the_tables_are_of_boxes(
    paths: dict[str, Path], tmp_path: Path, write_table: WriteTable
) -> None:
    write_table(tmp_path / "mining" / "scores.nc", of_boxes(forgetting(planted=True)), "box_agreement")
    for model, path in paths.items():
        scored = table_of(read_scores(path), 0.0).assign(box_iou=0.7 if model == "htl" else 0.5)
        write_table(path, scored.assign(box_foreground_iou=0.4))
    shutil.copytree(tmp_path / "evaluating_dense", tmp_path / "evaluating_whole")
    tables = write_report(tmp_path, tmp_path / "out", [*paths], baselines=["whole"])
    assert set(tables) == WRITTEN | {"detection"}
    assert tables["notes"].empty
    means = tables["scores"].set_index("model")
    assert means.index.tolist() == ["dense", "htl", "random", "whole"]
    assert means["box_iou"].tolist() == pytest.approx([0.5, 0.7, 0.5, 0.5])
    assert means["box_foreground_iou"].tolist() == pytest.approx([0.4] * 4)
    comparison = tables["comparison"].set_index(["model", "reference", "score"])
    assert set(comparison.index.get_level_values("model")) == {"htl", "random"}
    assert comparison.loc[("htl", "random", "box_iou"), "difference"] == pytest.approx(0.2)
    assert comparison.loc[("random", "dense", "box_foreground_iou"), "difference"] == 0
    assert tables["impact"]["box_drop"].tolist() == pytest.approx([0, 0.3])
    assert tables["detection"]["ranking"].tolist() == ["forgetting"] and tables["detection"]["auroc"].tolist() == [1]


def test_groups_show_whom_forgetting_hits() -> None:
    mined = forgetting(planted=False).query("sparsity == 0.7")
    groups = groups_of_forgetting(mined).set_index(["column", "group"])
    assert set(groups.index.get_level_values("column")) == {"sex", "age_group"}  # no diagnosis is known
    assert groups.loc[("sex", "female"), "share_of_images"] == 0.5
    assert groups.loc[("sex", "female"), "share_of_forgotten"] == 1
    assert groups.loc[("sex", "male"), "share_of_forgotten"] == 0
    assert groups.loc[("sex", "female"), "mean"] == pytest.approx(0.5)
    # Ages 20..90: two up to 30 (one forgotten), two to 50 (one), four above (two).
    assert groups.loc[("age_group", "> 50"), "share_of_images"] == 0.5
    assert groups.loc[("age_group", "> 50"), "share_of_forgotten"] == 0.5


def test_images_never_learned_are_counted_in_each_group() -> None:
    mined = forgetting(planted=False).query("sparsity == 0.7").reset_index(drop=True)
    mined.loc[[1, 2, 3], ["foreground_iou_dense", "forgetting"]] = 0.0
    mined.loc[[1, 2, 3], "forgetting_relative"] = np.nan
    mined.loc[3, "sex"] = None
    groups = groups_of_forgetting(mined).set_index(["column", "group"])
    assert groups.loc["sex", "n_never_learned"].to_dict() == {"female": 1, "male": 1, "unknown": 1}
    assert groups.loc["sex", "n_forgotten"].to_dict() == {"female": 2, "male": 0, "unknown": 0}


def test_planted_images_that_were_never_learned_are_found(
    paths: dict[str, Path], tmp_path: Path, write_table: WriteTable
) -> None:
    table = forgetting(planted=True)
    unlearned = table["id"].isin(["001", "003"])  # two of the four that are planted
    table.loc[unlearned, [f"{name}_{state}" for name in SCORE_NAMES for state in ("dense", "pruned")]] = 0.0
    table.loc[unlearned, ["forgetting", "forgetting_relative"]] = 0.0, np.nan
    write_table(tmp_path / "mining" / "scores.nc", table)
    found = write_report(tmp_path, tmp_path / "out", [*paths])["detection"].set_index("ranking")
    for ranking in ("forgetting_relative", "forgetting"):
        assert found.loc[ranking, ["auroc", "n_unscored", "n_never_learned"]].tolist() == [1, 0, 2]


def test_where_nothing_is_forgotten_there_is_no_share() -> None:
    mined = forgetting(planted=False).query("sparsity == 0.5")
    groups = groups_of_forgetting(mined)
    assert groups.loc[groups["group"].isin(["male", "female"]), "share_of_forgotten"].isna().all()


def test_a_table_without_metadata_gives_no_groups() -> None:
    assert groups_of_forgetting(pd.DataFrame({"id": ["a"], "forgetting": 0.4, "forgetting_relative": 0.5})).empty
