"""``htl rank``: a list of the rankings, and the table of a file, of a run and of its seeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from htl_monai.ranking.forgetting_events import ForgettingEvents
from htl_monai.ranking.rank_all import rank_all
from htl_monai.ranking.registry import rankings
from htl_monai.report.ranked_run import scores_of
from htl_monai.scores import make_scores, read_scores, write_scores

Htl = Callable[..., tuple[int, str, str]]
IDS = [f"case_{i}" for i in range(12)]


def scores(seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    variables = {"iou": rng.random((12, 2, 2)), "entropy": rng.random(12)}
    data = [{"id": id_, "sex": "female"} for id_ in IDS]
    return make_scores(data, IDS, variables, [0, 0.7], ["background", "lesion"], foreground=["lesion"])


def recorded(seed: int = 0) -> xr.Dataset:
    """What a training recorded of the last ten samples and of one more, in another order; epochs differ by seed."""
    ids = [*IDS[:1:-1], "another"]
    found = make_scores([{"id": id_} for id_ in ids], ids, {}, [0.0], ["background", "lesion"])
    correct = np.random.default_rng(seed).integers(0, 2, (4 + seed % 4, 11)).astype(np.float32)
    found.attrs["primary"] = "dynamics_correct"
    return found.assign(dynamics_correct=(("epoch", "sample"), correct))


def test_the_list_names_every_ranking_and_says_what_lacks(htl: Htl, tmp_path: Path) -> None:
    code, out, err = htl("rank", "--list")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(rankings())
    path = write_scores(tmp_path / "scores.nc", scores())
    code, out, err = htl("rank", str(path), "--list")
    text = " ".join(out.split())
    assert (code, err) == (0, "") and "There is no mask_agreement among the scores." in text
    assert "There is no entropy " not in text and "There is no iou" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["scores.nc"]
    code, out, err = htl("rank")
    assert code == 1 and err.startswith("htl: scores must be the folder of a run or a file of scores, got none; ")


def test_a_file_of_scores_is_ranked_beside_it_or_elsewhere(htl: Htl, tmp_path: Path) -> None:
    path = write_scores(tmp_path / "scores.nc", scores())
    code, out, err = htl("rank", str(path))
    assert (code, err) == (0, "") and out.count("case_") == 10 and "by relative_forgetting" in out
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "ranked.csv"), rank_all(scores()), check_dtype=False)
    assert htl("rank", str(path), "--by", "entropy", "--out", str(tmp_path / "hard.csv"))[0] == 0
    assert (pd.read_csv(tmp_path / "hard.csv")["entropy"].diff().dropna() <= 0).all()
    code, _, err = htl("rank", str(path), "--by", "luck")
    assert code == 1 and "ranking must be one of aum, " in err
    code, _, err = htl("rank", str(path), "--by", "mask_change")
    assert code == 1 and "There is no mask_agreement among the scores." in err


def test_a_run_is_ranked_with_what_its_training_recorded(htl: Htl, tmp_path: Path) -> None:
    write_scores(tmp_path / "mining" / "scores.nc", scores())
    write_scores(tmp_path / "training" / "dynamics.nc", recorded())
    (tmp_path / "mining" / "ranking.csv").write_text("of the stage")
    assert htl("rank", str(tmp_path))[0] == 0
    assert (tmp_path / "mining" / "ranking.csv").read_text() == "of the stage"
    events = pd.read_csv(tmp_path / "mining" / "ranked.csv").set_index("id")["forgetting_events"]
    assert events[IDS[:2]].isna().all()  # not trained on
    expected = ForgettingEvents().of_epochs(recorded()["dynamics_correct"].values)
    np.testing.assert_array_equal(events[IDS[:1:-1]], expected[:-1])
    with pytest.raises(FileNotFoundError, match="evaluating.* do not exist; run the stage"):
        scores_of(tmp_path, "evaluating")


def test_the_seeds_of_a_run_are_joined(htl: Htl, tmp_path: Path) -> None:
    for seed in (10, 2):
        write_scores(tmp_path / f"seed_{seed}" / "mining" / "scores.nc", scores(seed))
        write_scores(tmp_path / f"seed_{seed}" / "training" / "dynamics.nc", recorded(seed))
    joined = scores_of(tmp_path)
    assert joined["seed"].values.tolist() == [2, 10] and joined["dynamics_correct"].dims == ("seed", "epoch", "sample")
    assert htl("rank", str(tmp_path), "--by", "entropy")[0] == 0
    table = pd.read_csv(tmp_path / "ranked.csv").set_index("id").loc[IDS]
    both = [scores(seed)["entropy"].values for seed in (2, 10)]
    np.testing.assert_allclose(table["entropy"], np.mean(both, axis=0))
    pair = [ForgettingEvents().of_epochs(recorded(seed)["dynamics_correct"].values) for seed in (2, 10)]
    np.testing.assert_array_equal(table["forgetting_events"][IDS[:1:-1]], np.mean(pair, axis=0)[:-1])


def test_what_a_training_recorded_survives_its_file_and_is_ranked_alone(htl: Htl, tmp_path: Path) -> None:
    path = write_scores(tmp_path / "dynamics.nc", recorded())
    np.testing.assert_array_equal(read_scores(path)["dynamics_correct"], recorded()["dynamics_correct"])
    assert htl("rank", str(path), "--by", "forgetting_events")[0] == 0
    table = pd.read_csv(tmp_path / "ranked.csv")
    assert table.columns.tolist() == ["id", "rank", "ranked_by", "forgetting_events", "random"]
    np.testing.assert_array_equal(table["forgetting_events"], np.sort(table["forgetting_events"])[::-1])
