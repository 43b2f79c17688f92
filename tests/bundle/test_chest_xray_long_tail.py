"""The chest X-ray bundle: every combination of configs parses, its stages run on tiny data, MONAI's own command too."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import DataLoader
from PIL import Image

from htl_monai.data.images.image_cache import CachedImages, ImageCache
from htl_monai.engines.picture_batch import PictureBatch
from htl_monai.handlers.epoch_log import EpochLog
from htl_monai.models.bundles import bundle_config, find_bundle, find_config
from htl_monai.scores import read_scores

BUNDLE = find_bundle("chest_xray_long_tail")
ROOT = BUNDLE.parents[1]
# The other sizes' networks are not those of this bundle.
OVERLAYS = sorted([*ROOT.glob("configs/sizes/*_chest.json"), *ROOT.glob("configs/pruners/*.json")])
OVERLAYS.append(ROOT / "configs" / "trainings" / "from_scratch.json")
COMPRESSIONS = {name: f"pruners/{name}.json" for name in ("random", "structured", "low_rank")}
COMPRESSIONS["quantized"] = "stages/mine_quantized.json"
MINING = ["train.json", "stages/mine.json"]
CONFIG_SETS = [
    ("preparing", ["train.json", "stages/prepare.json"]),
    ("training", ["train.json"]),
    ("mining", MINING),
    *(("mining", [*MINING, name]) for name in (*COMPRESSIONS.values(), "stages/mine_training.json")),
    ("selecting", ["train.json", "stages/select.json", "stages/select_pies.json"]),
    ("training", ["train.json", "stages/train_halfway.json"]),
    ("finetuning", ["train.json", "stages/attend.json"]),
    ("finetuning", ["train.json", "stages/attend.json", "stages/remine.json"]),
    ("evaluating", ["train.json", "stages/evaluate.json"]),
    ("reporting", ["train.json", "stages/report.json", "stages/pies.json"]),
]
PARALLEL = {
    "training": "stages/multi_gpu.json",
    "finetuning": "stages/multi_gpu.json",
    "mining": "stages/multi_gpu.json",
    "evaluating": "stages/multi_gpu.json",
}
CLASSES = ["Mass", "Hernia", "No Finding"]
NETWORK = {
    "_target_": "ResNet",
    "block": "basic",
    "layers": [1, 1, 1, 1],
    "block_inplanes": [8, 8, 16, 16],  # fewer than 8 crash oneDNN in channels-last 1×1 strided convolutions
    "spatial_dims": 2,
    "n_input_channels": 1,
    "conv1_t_size": 3,
    "conv1_t_stride": 1,
    "num_classes": "@num_classes",
}
TINY = {
    "network_def": NETWORK,
    "mean": [0.5],
    "std": [0.25],
    "spatial_size": [16, 16],
    "batch_size": 4,
    "learning_rate": 0.01,
    "finetune_learning_rate": 0.001,
    "max_epochs": 2,
    "finetune_epochs": 1,
    "num_workers": 1,
    "precision": "fp32",
    "seed": 3,
    "sparsities": [0.5, 0.9],
}


def draw(folder: Path) -> Path:
    """Write 13 grey pictures of which one in three has a bright spot, with a label that is not known, as a CSV."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(13):
        picture = rng.integers(0, 120, (24, 20), dtype=np.uint8)
        found = number % 3 == 0
        picture[4:12, 4:12] += np.uint8(120 * found)
        Image.fromarray(picture).save(folder / f"{number:02}.png")
        split = "training" if number < 7 else "validation" if number < 10 else "test"
        hernia = "" if number == 1 else int(number in (2, 8, 11))
        rows.append([f"{number:02}", f"{number:02}.png", split, int(found), hernia, int(not found)])
    table = pd.DataFrame(rows, columns=["id", "image", "split", *CLASSES])
    table.to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set, seven images to train on, three each for validation and test; to be read only."""
    return draw(tmp_path_factory.mktemp("findings"))


@pytest.fixture
def run_stage(workflow: Callable[..., Any], findings: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run one stage of the tiny data set in this process; return its workflow."""

    def run(run_id: str, files: list[str], out: Path = tmp_path, **entries: Any) -> Any:
        places = {"dataset_dir": entries.pop("dataset_dir", findings), "output_dir": out}
        # An entry that a stage lacks is another stage's, as in `htl run`.
        known = {key for name in files for key in json.loads(bundle_config(BUNDLE, name).read_text(encoding="utf-8"))}
        settings = {key: value for key, value in {**TINY, **entries}.items() if key.split("#")[0] in known}
        stage = workflow(files, "train", run_id=run_id, **settings, **places)
        stage.initialize()
        stage.run()
        stage.finalize()
        return stage

    return run


def test_every_reference_resolves(combination: tuple[str, list[str], list[Path]], parsed, lost_references) -> None:
    run_id, files, overlays = combination
    parser = parsed(files, overlays)
    assert run_id in parser and "run" in parser
    assert not lost_references(parser)


def test_every_entry_of_an_overlay_is_known_to_some_stage(unknown_entries) -> None:
    assert not {path.name: unknown_entries(path) for path in OVERLAYS if unknown_entries(path)}


def test_the_recipe_is_the_papers(parsed) -> None:
    train, mine = parsed(["train.json"]), parsed(MINING)
    recipe = {"spatial_size": [256, 256], "batch_size": 256, "learning_rate": 1e-4, "max_epochs": 60, "patience": 15}
    assert {key: train[key] for key in recipe} == recipe
    assert train["rotate_range"] == pytest.approx(np.deg2rad(15), abs=1e-4)
    assert train["train#augmentation"]["vertical_flip_prob"] == 0
    assert mine["sparsities"] == pytest.approx(np.arange(1, 20) * 0.05)
    assert parsed([*MINING, "stages/mine_quantized.json"])["amounts"] == [
        1 - bits / 32 for bits in (16, 8, 6, 5, 4, 3, 2)
    ]


def test_inference_is_of_the_network_that_the_cpu_setting_trains(parsed, lost_references) -> None:
    assert "htl_monai" not in (BUNDLE / "configs" / "inference.json").read_text(encoding="utf-8")
    inference, cpu = parsed(["inference.json"]), ROOT / "configs" / "sizes" / "cpu_chest.json"
    assert not lost_references(inference)
    trained = parsed(["train.json"], [cpu])
    for entry in ("network_def", "spatial_size", "mean", "std"):
        assert inference[entry] == trained[entry], entry


def test_metadata_agree_with_the_configs_and_the_pinned_packages(parsed) -> None:
    inference = parsed(["inference.json"])
    metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text(encoding="utf-8"))
    formats = metadata["network_data_format"]
    image, pred = formats["inputs"]["image"], formats["outputs"]["pred"]
    assert image["spatial_shape"] == inference["spatial_size"]
    assert image["num_channels"] == len(inference["mean"]) == inference["network_def"]["n_input_channels"]
    assert list(pred["channel_def"].values()) == inference["classes"]
    assert pred["num_channels"] == inference["num_classes"] == len(inference["classes"])
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").casefold().splitlines()
    packages = dict(metadata["required_packages_version"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert packages.pop("htl-monai") == project["version"]
    packages |= {name: metadata[f"{key}_version"] for name, key in (("monai", "monai"), ("torch", "pytorch"))}
    assert not [name for name, version in packages.items() if f"{name}=={version}" not in pins]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["version"] == project["version"]


@pytest.mark.parametrize("size", [(24, 20), (16, 16), (40, 64)])
def test_inference_sees_what_training_sees(findings: Path, tmp_path: Path, parsed, size: tuple[int, int]) -> None:
    inference = parsed(["inference.json"])
    inference.update({"spatial_size": list(size), "mean": [0.4, 0.5], "std": [0.2, 0.3]})
    image = findings.parent / "05.png"
    seen = inference.get_parsed_content("preprocessing")({"image": str(image)})["image"]
    items = [{"id": "05", "image": str(image), "label": [0.0]}]
    batch = next(iter(DataLoader(CachedImages(items, ImageCache(tmp_path / "images", size)), batch_size=1)))
    trained, _ = PictureBatch([0.4, 0.5], [0.2, 0.3])(batch)
    torch.testing.assert_close(torch.as_tensor(seen), trained[0], atol=1e-6, rtol=0)


def test_the_stages_of_one_seed(run_stage, tmp_path: Path) -> None:
    training = run_stage("training", ["train.json"])
    folder = tmp_path / "seed_3"
    assert sorted(path.name for path in (folder / "training").iterdir()) == ["checkpoint.pt", "dense.pt", "epochs.csv"]
    log = pd.read_csv(folder / "training" / "epochs.csv")
    assert {"epoch", "loss", "learning_rate", "val_loss", "val_mean_ap"} == set(log.columns) and len(log) == 2
    assert training.check_properties() in (None, [])

    run_stage("mining", MINING)
    run_stage("evaluating", ["train.json", "stages/evaluate.json"], model_path=str(folder / "training" / "dense.pt"))
    mined = read_scores(folder / "mining" / "scores.nc")["probability"]
    evaluated = read_scores(folder / "evaluating_dense" / "scores.nc")["probability"]
    assert mined["level"].values.tolist() == [0.0, 0.5, 0.9] and evaluated["level"].values.tolist() == [0.0]
    assert mined["sample"].values.tolist() == evaluated["sample"].values.tolist() == ["10", "11", "12"]
    assert mined["class"].values.tolist() == list(CLASSES)
    np.testing.assert_array_equal(mined.sel(level=0), evaluated.sel(level=0))
    assert not np.allclose(mined.sel(level=0), mined.sel(level=0.9))
    assert (folder / "mining" / "sparsity.csv").is_file()

    run_stage("mining", [*MINING, "stages/mine_training.json"], sparsities=[0.9])
    training_images = read_scores(folder / "mining_training" / "scores.nc")
    assert training_images.sizes["sample"] == 7 and training_images["level"].values.tolist() == [0.0, 0.9]


@pytest.mark.slow
def test_from_files_to_the_report(run_stage, findings: Path, tmp_path: Path) -> None:
    run_stage("preparing", ["train.json", "stages/prepare.json"])
    places = {"dataset_dir": tmp_path / "preparing" / "data.json"}
    run_stage("training", ["train.json"], max_epochs=1, **places)
    run_stage("mining", [*MINING, "stages/mine_training.json"], **places)
    run_stage("mining", MINING, **places)
    for name, config in COMPRESSIONS.items():
        folder = tmp_path / "seed_3" / f"mining_{name}"
        run_stage("mining", [*MINING, config], stage_dir=str(folder), **places)
        assert (folder / "scores.nc").is_file()
    chosen = {"pie_share": 0.3}
    selecting = ["train.json", "stages/select.json", "stages/select_pies.json"]
    run_stage("selecting", selecting, arms={"upweighted": {}}, **chosen, **places)
    for arm in ("left_alone", "upweighted"):
        policy = json.loads(find_config("arms", arm).read_text(encoding="utf-8"))["policy"]
        run_stage("finetuning", ["train.json", "stages/attend.json"], arm=arm, policy=policy, **places)
        model = tmp_path / "seed_3" / f"finetuning_{arm}" / "model.pt"
        run_stage("evaluating", ["train.json", "stages/evaluate.json"], arm=arm, model_path=str(model), **places)
    arms = {"arms": ["left_alone", "upweighted"], "reference": "left_alone"}
    run_stage("reporting", ["train.json", "stages/report.json", "stages/pies.json"], **chosen, **arms, **places)
    tables = {path.name for path in (tmp_path / "reporting").glob("*.csv")}
    assert {"class_changes.csv", "overall.csv", "pies.csv", "arms.csv"} <= tables


@pytest.mark.parametrize("activations", ["static", "none"])
def test_activations_are_quantised_by_one_entry(run_stage, tmp_path: Path, activations: str) -> None:
    run_stage("training", ["train.json"], max_epochs=1)
    files = [*MINING, "stages/mine_quantized.json"]
    found = []
    for kind in ("dynamic", activations):
        run_stage("mining", files, activations=kind, amounts=[0.875])
        found.append(read_scores(tmp_path / "seed_3" / "mining_quantized" / "scores.nc")["probability"])
    np.testing.assert_array_equal(found[0].sel(level=0), found[1].sel(level=0))
    assert not np.array_equal(found[0].sel(level=0.875), found[1].sel(level=0.875))


class Killed(Exception):
    pass


def test_a_training_that_was_killed_ends_as_one_that_was_not(run_stage, tmp_path: Path, monkeypatch) -> None:
    recipe = {"max_epochs": 6, "patience": 1, "learning_rate": 0.05, "record_dynamics": True}
    run_stage("training", ["train.json"], tmp_path / "whole", **recipe)
    log = (tmp_path / "whole" / "seed_3" / "training" / "epochs.csv").read_bytes()
    n_epochs = len(log.splitlines()) - 1
    assert 1 < n_epochs < 6, "the recipe must stop early for this test to say anything"

    def kill(handler: EpochLog, engine: Any) -> None:
        if engine.state.epoch == n_epochs:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochLog, "_collect", kill)
        with pytest.raises(RuntimeError):
            run_stage("training", ["train.json"], tmp_path / "torn", **recipe)
    run_stage("training", ["train.json"], tmp_path / "torn", **recipe)
    assert (tmp_path / "torn" / "seed_3" / "training" / "epochs.csv").read_bytes() == log
    weights = [torch.load(tmp_path / run / "seed_3" / "training" / "dense.pt") for run in ("whole", "torn")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    recorded = [read_scores(tmp_path / run / "seed_3" / "training" / "dynamics.nc") for run in ("whole", "torn")]
    assert recorded[0].identical(recorded[1]) and recorded[0].sizes["epoch"] == n_epochs


def test_rare_findings_weigh_more_by_one_entry(run_stage) -> None:
    weighted = run_stage("training", ["train.json"], max_epochs=1, class_weighted=True)
    loss = weighted.parser.get_parsed_content("loss")
    # Of the seven training images three have a mass, one of the six that are known a hernia, four no finding.
    torch.testing.assert_close(loss.pos_weight, torch.tensor([4 / 3, 5.0, 3 / 4]))


def test_fine_tuning_may_start_from_scratch(parsed) -> None:
    overlay = ROOT / "configs" / "trainings" / "from_scratch.json"
    config = parsed(["train.json", "stages/attend.json"], [overlay])
    config.update({"device": "cpu"})
    assert config.get_parsed_content("initial_weights") is None
    assert config.get_parsed_content("train#trainer#max_epochs") == 60
    assert config.get_parsed_content("optimizer#lr") == 1e-4


@pytest.mark.slow
def test_training_and_inference_run_by_monais_command(findings: Path, tmp_path: Path, run_by_monai) -> None:
    chosen = {"network_def": NETWORK, "mean": [0.5], "std": [0.25], "spatial_size": [16, 16]}
    quick = {"max_epochs": 1, "batch_size": 4, "precision": "fp32"}
    run_by_monai("training", "train.json", dataset_dir=findings, output_dir=tmp_path, **quick, **chosen)
    dense = tmp_path / "seed_10" / "training" / "dense.pt"
    run_by_monai(
        "inference",
        "inference.json",
        dataset_dir=findings.parent,
        output_dir=tmp_path / "found",
        checkpoint=dense,
        num_classes=3,
        classes=CLASSES,
        num_workers=0,
        **chosen,
    )
    table = pd.read_csv(tmp_path / "found" / "predictions.csv")
    assert table.columns.tolist() == ["image", *CLASSES] and len(table) == 13
    assert table["image"].tolist() == sorted(str(path) for path in findings.parent.glob("*.png"))
    assert table[CLASSES].stack().between(0, 1).all()
