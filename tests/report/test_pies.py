"""The tables of the images that pruning changes most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from htl_monai.report.long_tail import tables_of_pies
from htl_monai.report.notes import pie_notes
from htl_monai.report.run_scores import read_run
from htl_monai.scores import read_scores, write_scores

WriteRun = Callable[..., Path]


def test_pies_against_scipy(write_run: WriteRun) -> None:
    run = read_run(write_run())
    tables = tables_of_pies(run, sparsity=0.9, share=0.1)
    pies = tables["pies"].set_index("id")
    found = run.of_test("mining")["probability"]
    dense, pruned = (found.sel(level=level).values.mean(axis=0) for level in (0.0, 0.9))
    expected = [spearmanr(a, b).statistic for a, b in zip(dense, pruned, strict=True)]
    assert pies.loc[list(found.indexes["sample"]), "spearman"].to_numpy() == pytest.approx(expected)
    assert pies.loc[list(found.indexes["sample"]), "taxicab"].to_numpy() == pytest.approx(
        np.abs(dense - pruned).sum(axis=1)
    )
    assert tables["pies"]["spearman"].is_monotonic_increasing
    assert pies["is_pie"].sum() == pies["is_pie_taxicab"].sum() == 12
    assert pies["is_pie"].iloc[:12].all()
    assert pies.loc[pies["is_pie_taxicab"], "taxicab"].min() >= pies.loc[~pies["is_pie_taxicab"], "taxicab"].max()
    image = pies.loc["test005"]
    known = [name for name, value in zip(run.classes, run.labels[5], strict=True) if value == 1]
    assert image["labels"] == "; ".join(known) and image["image"] == "/images/test005.png"
    assert image["n_findings"] == len([name for name in known if name != "No Finding"])


def test_ratios_by_hand(write_run: WriteRun) -> None:
    tables = tables_of_pies(read_run(write_run()), share=0.1)
    pies, ratios = tables["pies"], tables["pie_ratios"].set_index(["definition", "group"])
    for definition, column in (("spearman", "is_pie"), ("modal", "is_pie_modal"), ("taxicab", "is_pie_taxicab")):
        is_pie = pies[column]
        two = pies["n_findings"] == 2
        assert ratios.loc[(definition, "2 findings"), "ratio"] == pytest.approx(
            two[is_pie].mean() / two[~is_pie].mean()
        )
        mass = pies["labels"].str.contains("Mass")
        assert ratios.loc[(definition, "Mass"), "n_pie"] == mass[is_pie].sum()
    is_class = tables["pie_ratios"].query("definition == 'modal'").set_index("group")["is_class"]
    assert is_class.index[is_class].tolist() == ["Effusion", "Mass", "Hernia", "No Finding"]
    assert is_class.index[~is_class].tolist()[0] == "0 findings"


def test_planted_images_are_held_against_the_scores(write_run: WriteRun) -> None:
    def planted(number: int) -> dict[str, int]:
        return {"hard": int(number % 9 == 0), "noisy": int(number % 7 == 0)}

    tables = tables_of_pies(read_run(write_run(metadata=planted)))
    pies, found = tables["pies"], tables["planted"].set_index(["planted", "ranking"])
    assert len(found) == 6
    assert found.loc[("hard", "spearman"), "auroc"] == pytest.approx(roc_auc_score(pies["hard"], -pies["spearman"]))
    quality = roc_auc_score(pies["noisy"], -pies["label_quality"])
    assert found.loc[("noisy", "label_quality"), "auroc"] == pytest.approx(quality)
    assert "planted" not in tables_of_pies(read_run(write_run(name="real")))


def test_label_quality_and_verdict_stand_beside_forgetting(write_run: WriteRun) -> None:
    run = read_run(write_run())
    tables = tables_of_pies(run)
    noise, pies = tables["noise"].set_index("id"), tables["pies"].set_index("id")
    assert noise.index.tolist() == [item["id"] for item in run.data["test"]]
    assert (1 - noise["forgetting"]).to_numpy() == pytest.approx(pies.loc[noise.index, "spearman"].to_numpy())
    assert noise["label_quality"].equals(pies.loc[noise.index, "label_quality"])
    assert (noise["verdict"] == "hard").sum() + (noise["verdict"] == "both").sum() == 6


def test_an_unknown_label_leaves_the_number_of_findings_open(write_run: WriteRun) -> None:
    def forget_one(labels: np.ndarray) -> None:
        labels[0, 1] = np.nan

    tables = tables_of_pies(read_run(write_run(change_labels=forget_one)))
    pies = tables["pies"].set_index("id")
    assert pies["n_findings"].isna().sum() == 1 and pies.index[pies["n_findings"].isna()].item() == "test000"
    ratios = tables["pie_ratios"].set_index("group")
    assert (ratios.loc[["Mass", "2 findings"], "n_known"] == 119).all()
    assert (ratios.loc["Hernia", "n_known"] == 120).all()
    assert "1 test images have an unknown label" in "\n".join(pie_notes(tables)["note"])


def test_a_single_class_has_no_rank_correlation_and_says_so(write_run: WriteRun) -> None:
    def all_ill(labels: np.ndarray) -> None:
        labels[:, 0] = np.arange(len(labels)) % 2

    run = read_run(write_run(classes=("Hernia",), frequencies=(), change_labels=all_ill))
    tables = tables_of_pies(run)
    pies = tables["pies"]
    assert pies["spearman"].isna().all() and not pies["is_pie"].any()
    assert pies["is_pie_taxicab"].sum() == 6 and pies["is_pie_taxicab"].iloc[:6].all()
    assert tables["pie_ratios"].query("definition == 'spearman'")["ratio"].isna().all()
    said = "\n".join(pie_notes(tables)["note"])
    assert "No image has a rank correlation" in said
    assert "By the definition modal no image, or every one, is a PIE" in said


def test_rare_groups_are_named(write_run: WriteRun) -> None:
    def without_hernia(labels: np.ndarray) -> None:
        labels[:, 2] = 0

    notes = pie_notes(tables_of_pies(read_run(write_run(change_labels=without_hernia))))
    assert "In no test image: Hernia" in "\n".join(notes["note"])


def test_a_sparsity_that_is_missing(write_run: WriteRun) -> None:
    run = read_run(write_run())
    with pytest.raises(KeyError, match="must be one of 0, 0.5, 0.9, got 0.8"):
        tables_of_pies(run, sparsity=0.8)
    with pytest.raises(ValueError, match="share must be in"):
        tables_of_pies(run, share=0.0)


def test_images_never_learned_come_first_and_are_no_pies(write_run: WriteRun) -> None:
    folder = write_run(metadata=lambda i: {"hard": int(i == 7), "noisy": 0})
    for path in folder.glob("seed_*/mining/scores.nc"):
        content = read_scores(path)
        content["probability"][:, 7] = 0.5
        write_scores(path, content)
    tables = tables_of_pies(read_run(folder), share=0.1)
    first = tables["pies"].iloc[0]
    assert first["id"] == "test007" and first["never_learned"] and first["rank"] == 1 and not first["is_pie"]
    assert tables["pies"]["never_learned"].sum() == 1
    found = tables["planted"].set_index(["planted", "ranking"]).loc[("hard", "spearman")]
    assert found["auroc"] == 1 and found["n_unscored"] == 0 and found["n_never_learned"] == 1
    groups = tables["pie_ratios"].query("definition == 'spearman'").set_index("group")
    assert groups.loc[[f"{n} findings" if n != 1 else "1 finding" for n in range(4)], "n_never_learned"].sum() == 1
    assert any("Image test007 never learned" in note for note in pie_notes(tables)["note"])
