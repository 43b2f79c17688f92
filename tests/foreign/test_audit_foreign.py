"""Bundles that know nothing of this package are audited unmodified, and scored as their own evaluators do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

import htl_monai
import htl_monai.cli.audit
import htl_monai.runs.audit
from htl_monai.attention.selection import read_selection
from htl_monai.data.files import read_table
from htl_monai.engines.forgetting_evaluator import ForgettingEvaluator
from htl_monai.ranking.rank_all import why_not
from htl_monai.report.ranked_run import scores_of
from htl_monai.runs.audit_result import Audit
from htl_monai.runs.output_folder import LOCK, NOTE
from htl_monai.scores import at_level, of_samples, read_scores

LISTS = {
    "organ_3d": "dataset.json",
    "organs_3d": "",
    "tissue_2d": "samples.json",
    "tumour_regions": "datalist.json",
}


@pytest.fixture(scope="session")
def audits(foreign_bundles: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Audit, Path]]:
    """What an audit of all samples of each bundle found, and its folder."""
    out, found = tmp_path_factory.mktemp("audits"), {}
    for name, bundle in foreign_bundles.items():
        found[name] = (run(bundle, bundle / "data" / LISTS[name], out / name), out / name)
    return found


@pytest.fixture
def organ(foreign_bundles: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a bundle and its data that a test may change; four volumes for validation and no other."""
    bundle = Path(shutil.copytree(foreign_bundles["organ_3d"], tmp_path / "organ_3d"))
    path = bundle / "data" / "dataset.json"
    lists = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({"validation": lists["validation"][:2]}), encoding="utf-8")
    return bundle


def run(bundle: Path, data: Path, out: Path | None = None, **options: Any) -> Audit:
    return htl_monai.audit(bundle, data, out, sparsities=options.pop("sparsities", (0.5, 0.9)), device="cpu", **options)


@pytest.mark.parametrize("name", LISTS)
def test_the_dense_mean_is_that_of_the_own_evaluator(
    name: str, audits: dict[str, tuple[Audit, Path]], own_scores: dict[str, float]
) -> None:
    scores = audits[name][0].scores
    ids = scores["sample"].values[scores["split"].values == "validation"]
    if name == "organs_3d":  # nnU-Net's raw folders have no validation; the bundle takes the last cases
        ids = sorted(scores["sample"].values)[-4:]
    dense = at_level(scores.sel(sample=ids), 0.0).assign_attrs(scores.attrs)
    if name == "tissue_2d":  # the bundle compares the classes of the one-hot vectors one by one
        of_largest = [dense[key].values.argmax(axis=1)[:, None] == np.arange(3) for key in ("probability", "label")]
        mean = np.equal(*of_largest).mean()
    else:
        mean = float(of_samples(dense, "dice").mean())
    assert mean == pytest.approx(own_scores[name], abs=1e-6) and mean > 0


@pytest.mark.parametrize("name", LISTS)
def test_every_case_is_one_row_with_paths_rankings_and_metadata(
    name: str, audits: dict[str, tuple[Audit, Path]]
) -> None:
    found, out = audits[name]
    ranking = read_table(out / "ranking.csv")
    assert sorted(ranking["id"]) == sorted(found.scores["sample"].values) and ranking["id"].is_unique
    assert ranking["rank"].tolist() == [*range(1, len(ranking) + 1)] and all(
        map(Path.is_file, map(Path, ranking["image"]))
    )
    wanted = {
        "entropy",
        "dense_error",
        "relative_forgetting",
        "mask_change",
        "mask_confidence",
        "label_quality",
        "loss",
    }
    wanted = {"entropy", "loss", "pie_spearman", "pie_taxicab", "label_quality"} if name == "tissue_2d" else wanted
    assert wanted | {"split"} <= {*ranking} and found.hardest(3)["id"].tolist() == ranking["id"].head(3).tolist()
    rankings = read_table(out / "rankings.csv").set_index("ranking")
    assert wanted <= {*rankings.index} and {"spearman_error", "auroc", "n_bad", "spearman_random"} <= {*rankings}
    assert (
        np.diag(rankings.filter(regex="^spearman_(?!error)").dropna(how="all").dropna(axis=1, how="all")) == 1
    ).all()
    first = "pie_spearman" if name == "tissue_2d" else "relative_forgetting"
    notes = read_table(out / "notes.csv")["note"].tolist()
    assert (ranking["ranked_by"] == first).all() and notes == list(found.notes)
    assert f"ranking.csv is ordered by {first}. " in notes[-2] and "Rank correlation with the error" in notes[-1]
    told = rankings["spearman_error"].drop(["dense_error", "label_quality", "loss"], errors="ignore")
    assert f": {told.idxmax()} {told.max():.2f}" in notes[-1] and f" {first} {told[first]:.2f};" in notes[-1]
    selection = read_selection(out / "selections" / "entropy.json")
    assert selection.rule["ranking"] == "entropy" and {*selection.hardness} == {*ranking["id"]}
    assert selection.data[0]["id"] == ranking.sort_values("entropy", ascending=False)["id"].iloc[0]
    assert read_scores(out / "scores.nc").sizes["level"] == 3 and (out / "sparsity.csv").is_file()


def test_groups_are_by_every_column_that_makes_some(audits: dict[str, tuple[Audit, Path]]) -> None:
    found, out = audits["tumour_regions"]
    groups = read_table(out / "groups.csv")
    assert {*groups["column"]} == {"site", "split"}
    by_site = found.groups(by="site").set_index(["measure", "group"])
    iou = found.ranking.groupby("site")["iou"].mean()
    assert by_site.loc[("iou", "a"), "mean"] == pytest.approx(iou["a"]) and by_site.loc[("iou", "b"), "n"] == 4
    pairs = found.pairs()
    assert read_table(out / "pairs.csv")["group"].tolist() == pairs["group"].tolist()
    assert {*pairs["column"]} == {"site × split"} and {*pairs["measure"]} == {"iou", found.ranking["ranked_by"].iloc[0]}
    assert [*read_table(out / "slices.csv")] == [*found.slices()]
    with pytest.raises(KeyError, match="by must be a column that makes groups, got age; there are .*site"):
        found.groups(by="age")


def test_labels_are_optional_and_change_nothing_that_needs_none(
    organ: Path, audits: dict[str, tuple[Audit, Path]], tmp_path: Path
) -> None:
    path = organ / "data" / "dataset.json"
    lists = json.loads(path.read_text(encoding="utf-8"))
    del lists["validation"][1]["label"]
    path.write_text(json.dumps(lists), encoding="utf-8")
    mixed = run(organ, organ / "data", tmp_path / "mixed").scores
    complete, complete_notes = (
        audits["organ_3d"][0].scores.sel(sample=mixed["sample"].values),
        audits["organ_3d"][0].notes,
    )
    for name in mixed.data_vars:
        expected = (
            complete[name].where(complete["sample"] == mixed["sample"].values[0])
            if name in LABELLED
            else complete[name]
        )
        np.testing.assert_allclose(mixed[name].values, expected.values, atol=1e-9, err_msg=str(name))
    assert mixed["mask"].values.tolist()[1] is None or pd.isna(mixed["mask"].values[1])
    del lists["validation"][0]["label"]
    path.write_text(json.dumps(lists), encoding="utf-8")
    assert (tmp_path / "mixed" / "selections" / "dense_error.json").is_file()
    without = run(organ, organ / "data", tmp_path / "mixed")
    assert not (tmp_path / "mixed" / "selections" / "dense_error.json").exists()
    assert {"forgetting", "dense_error"} <= {*why_not(scores_of(tmp_path / "mixed"))}
    assert {"mask_change", "entropy"} <= {*without.ranking} and "iou" not in without.ranking
    assert without.notes[-1].startswith("ranking.csv is ordered by mask_change.")
    assert "auroc" not in without.rankings and "relative_forgetting" not in without.rankings["ranking"].tolist()
    assert any("No sample has a label" in note and "such as forgetting" in note for note in without.notes)
    assert not any("random_within" in note or "cannot be made" in note for note in (*without.notes, *complete_notes))


LABELLED = {"iou", "dice", "whole_image_iou", "label_quality", "loss"}


def test_at_the_networks_size_other_pixels_are_counted(organ: Path, audits: dict[str, tuple[Audit, Path]]) -> None:
    scores = run(organ, organ / "data", sparsities=(0.5,), score_at="network").scores
    original = audits["organ_3d"][0].scores.sel(sample=scores["sample"].values, level=[0.0, 0.5])
    np.testing.assert_allclose(scores["entropy"].values, original["entropy"].values, atol=1e-9)
    assert (scores["iou"].values[:, 0] != original["iou"].values[:, 0]).any()  # of another spacing
    np.testing.assert_allclose(scores["iou"].values, original["iou"].values, atol=0.1)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_network_alone_is_audited_by_the_name_of_its_task(organ: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(4, 2, 1))
    torch.jit.save(torch.jit.script(network), str(tmp_path / "alone.ts"))
    found = run(tmp_path / "alone.ts", organ / "data", task="binary_segmentation")
    assert found.scores.attrs["task"] == "binary_segmentation" and found.scores.indexes["class"][0] == "background"
    agreement = found.scores["mask_agreement"]
    assert (agreement.sel(level=0.0) == 1).all() and (agreement.sel(level=0.9) < 1).all()
    assert found.scores["iou"].notnull().all()
    torch.jit.save(torch.jit.script(torch.nn.Sequential(network, torch.nn.Softmax(dim=1))), str(tmp_path / "own.ts"))
    own = run(tmp_path / "own.ts", organ / "data", task="binary_segmentation")
    np.testing.assert_allclose(own.scores["entropy"].values, found.scores["entropy"].values, rtol=1e-5)
    assert any("ends in softmax or sigmoid" in note for note in own.notes)
    with pytest.raises(ValueError, match="metadata.json must describe .*, or name the task"):
        run(tmp_path / "alone.ts", organ / "data")
    torch.jit.save(torch.jit.script(_Several(network)), str(tmp_path / "several.ts"))
    with pytest.raises(ValueError, match=r"selector must name one of .*\['features', 'masks'\].* --bind output=KEY"):
        run(tmp_path / "several.ts", organ / "data", task="binary_segmentation")
    chosen = run(tmp_path / "several.ts", organ / "data", task="binary_segmentation", bind={"output": "masks"})
    np.testing.assert_array_equal(chosen.scores["iou"].values, found.scores["iou"].values)


class _Several(torch.nn.Module):
    """A network of two outputs."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"features": image, "masks": self.network(image)}


def test_a_network_that_cannot_take_the_images_is_one_sentence(organ: Path) -> None:
    path = organ / "configs" / "train.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["validate"]["inferer"] = {"_target_": "SimpleInferer"}
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ValueError, match="images must be such as the network of .* takes, got: Sizes of tensors"):
        run(organ, organ / "data")


def test_pictures_of_several_sizes_go_through_together_and_alone(
    foreign_bundles: dict[str, Path], audits: dict[str, tuple[Audit, Path]]
) -> None:
    bundle = foreign_bundles["tissue_2d"]
    alone = run(bundle, bundle / "data" / "samples.json", batch_size=1, split="validation").scores
    together = audits["tissue_2d"][0].scores.sel(sample=alone["sample"].values)
    np.testing.assert_allclose(alone["probability"].values, together["probability"].values, atol=1e-5)


def broken(organ: Path, change: str) -> tuple[dict[str, Any], str]:
    """Break the copy; return the options of the audit and the sentence that is expected."""
    data, configs = organ / "data", organ / "configs"
    path, metadata = data / "dataset.json", json.loads((configs / "metadata.json").read_text(encoding="utf-8"))
    lists = json.loads(path.read_text(encoding="utf-8"))
    first = data / lists["validation"][0]["label"]
    volume = nib.load(first)
    if change == "label outside":
        nib.save(nib.Nifti1Image(np.asarray(volume.dataobj) * 3, volume.affine), first)
        return {}, r"label must hold the classes 0 to 1 only, got 3 .*; the batch is of imagesTr/case_4.nii.gz"
    if change == "label gone":
        first.unlink()
        return {}, "label of imagesTr/case_4.nii.gz must be the path of a mask .*, got .*gz', which is no file; correct"
    if change == "sizes":
        return {"batch_size": 2}, r"batch_size must be 1 where sizes differ, got image \(1, .* of imagesTr/case_4"
    if change == "unreadable":
        (data / lists["validation"][1]["image"]).write_bytes(b"nothing")
        return {}, "image imagesTr/case_5.nii.gz must be a NIfTI file that can be read, got: .*; repair it"
    if change == "gone":
        (data / lists["validation"][1]["image"]).unlink()
        return {}, "image imagesTr/case_5.nii.gz must be there, got no file .*case_5.nii.gz; add it.*; --skip-unusable"
    if change == "number":
        lists["validation"][0]["label"] = 1
        path.write_text(json.dumps(lists), encoding="utf-8")
        return {}, "label of imagesTr/case_4.nii.gz must be the path of a mask for binary_segmentation, got 1"
    if change == "large":
        header = nib.Nifti1Header()
        header.set_data_shape((30000, 30000, 3000))
        raw = header.binaryblock + b"\0" * 4
        target = data / "imagesTr" / "huge.nii"
        target.write_bytes(raw)
        path.write_text(json.dumps({"validation": ["imagesTr/huge.nii"]}), encoding="utf-8")
        return {}, r"image imagesTr/huge.nii must fit in memory, got about .* GB for \(30000, 30000, 3000\) voxels"
    if change == "metadata":
        return {"task": "multilabel_classification"}, "task must fit metadata.json, got 'multilabel_classification' for"
    if change == "shape":
        metadata["network_data_format"]["outputs"]["pred"] |= {"num_channels": 5, "channel_def": None}
        (configs / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        return {}, r"pred must be \(N, 5, ...\) or numbers of classes .*, got \(1, 2, "
    return {"split": "test"}, r"split must be one with images, got test of .*, which has 2 in validation"


@pytest.mark.parametrize(
    "change",
    ["label outside", "label gone", "sizes", "unreadable", "gone", "number", "large", "metadata", "shape", "split"],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_written(change: str, organ: Path, tmp_path: Path) -> None:
    options, sentence = broken(organ, change)
    with pytest.raises(ValueError, match=sentence) as caught:
        run(organ, organ / "data", tmp_path / "out", sparsities=(0.5,), **options)
    assert "\n" not in str(caught.value)
    assert {path.name for path in (tmp_path / "out").rglob("*.*")} <= {"log.txt", LOCK, NOTE}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"score_at": "half"}, "score_at must be one of original, network, got 'half'"),
        ({"below": float("nan")}, r"below must be in \[0, 1\], got nan"),
        ({"columns": {"id": "case"}}, "columns must be left out for .*dataset.json, got .*; they name those of a CSV"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"split": "dev"}, "split must be one of training, .*, all, got 'dev'"),
        ({"pruner": "magic"}, "pruner must be one of .*random, structured or the path"),
    ],
)
def test_options_that_are_none(options: dict[str, Any], sentence: str, organ: Path) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        run(organ, organ / "data" / "dataset.json", **options)


def test_the_command_prints_what_a_person_needs(
    foreign_bundles: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(htl_monai.cli.audit, "use_free_cores", lambda: None)
    bundle = foreign_bundles["tumour_regions"]
    options: dict[str, Any] = {
        "split": "validation",
        "sparsities": [0.5],
        "device": "cpu",
        "bind": {"network": "segmenter"},
    }
    htl_monai.cli.audit.audit(str(bundle), str(bundle / "data" / "datalist.json"), str(tmp_path / "out"), **options)
    out, err = capsys.readouterr()
    assert (
        "audit: 4 images with" in out and "multilabel_segmentation of Tumor core, Whole tumor, Enhancing tumor" in out
    )
    assert "The hardest samples" in out and "imagesTr/p4.nii.gz" in out and "What each ranking is good for" in out
    assert "note: 4 samples, 4 with a label; levels 0, 0.5." in out and f"Written to {tmp_path / 'out'}" in out
    assert f"htl: {bundle} is not part of the package, and can run code" in err


def test_mixed_precision_is_the_bundles_own_and_a_folded_copy_the_users_choice(
    organ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, bool]] = []

    class Seen(ForgettingEvaluator):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            seen.append((self.amp, self.folded))

    monkeypatch.setattr(htl_monai.runs.audit, "ForgettingEvaluator", Seen)
    plain, fast = (run(organ, organ / "data", sparsities=(0.5,), fast=fast).scores for fast in (False, True))
    assert seen == [(True, False), (True, True)]  # its own evaluator has "amp": true
    for name in plain.data_vars:
        np.testing.assert_allclose(fast[name].values, plain[name].values, atol=1e-3, err_msg=str(name))


@pytest.mark.browser
@pytest.mark.parametrize("name", ["organ_3d", "tissue_2d"])
def test_the_report_of_an_audit_in_use(
    name: str, audits: dict[str, tuple[Audit, Path]], use_report: Callable[[Path], None]
) -> None:
    found, out = audits[name]
    found.report(out)
    use_report(out)
