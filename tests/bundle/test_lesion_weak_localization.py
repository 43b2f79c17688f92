"""The weakly supervised bundle: every combination of configs parses, and MONAI's own command runs it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from htl_monai.localization.boxes import mask_to_box
from htl_monai.models.bundles import find_bundle
from htl_monai.runs.graph import stages_of
from htl_monai.runs.setting import read_setting

BUNDLE = find_bundle("lesion_weak_localization")
ROOT = BUNDLE.parents[1]
# The others' networks are not its own.
OVERLAYS = sorted(
    path
    for folder in ("pruners", "sizes", "trainings")
    for path in (ROOT / "configs" / folder).glob("*.json")
    if not path.stem.endswith("_chest")
)
CONFIG_SETS = [
    ("preparing", ["train.json", "stages/prepare.json"]),
    ("training", ["train.json"]),
    ("mining", ["train.json", "stages/mine.json"]),
    ("selecting", ["train.json", "stages/select.json"]),
    ("finetuning", ["train.json", "stages/attend.json", "stages/remine.json"]),
    ("evaluating", ["train.json", "stages/evaluate.json"]),
    ("reporting", ["train.json", "stages/report.json"]),
]
PARALLEL = {
    "training": "stages/multi_gpu.json",
    "finetuning": "stages/multi_gpu.json",
    "mining": "stages/multi_gpu.json",
    "evaluating": "stages/multi_gpu.json",
}
CLASSES = ["melanoma", "nevus", "seborrheic_keratosis"]


def test_every_reference_resolves(combination: tuple[str, list[str], list[Path]], parsed, lost_references) -> None:
    run_id, files, overlays = combination
    parser = parsed(files, overlays)
    assert run_id in parser and "run" in parser
    assert not lost_references(parser)


def test_every_stage_of_the_setting_is_a_run_id_of_its_configs(parsed) -> None:
    setting = read_setting("weakly_supervised")
    assert setting.bundle == BUNDLE.name
    for stage in stages_of(setting):
        parser = parsed(stage.configs)
        assert stage.run_id in parser
        assert all(entry in parser for entry in stage.settings)


def test_every_entry_of_an_overlay_is_known_to_some_stage(unknown_entries) -> None:
    assert not {path.name: unknown_entries(path) for path in OVERLAYS if unknown_entries(path)}


def test_inference_is_of_the_network_that_is_trained(parsed, lost_references) -> None:
    inference, train = parsed(["inference.json"]), parsed(["train.json"])
    assert not lost_references(inference)
    for entry in ("backbone", "network_def", "cam_method", "cam_layer"):
        assert inference[entry] == train[entry], entry


def test_metadata_agree_with_the_configs_and_the_pinned_packages(parsed) -> None:
    inference = parsed(["inference.json"])
    metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text(encoding="utf-8"))
    formats = metadata["network_data_format"]
    assert formats["inputs"]["image"]["spatial_shape"] == inference["spatial_size"]
    assert formats["outputs"]["heat"]["spatial_shape"] == inference["spatial_size"]
    assert list(formats["outputs"]["pred"]["channel_def"].values()) == inference["classes"]
    assert formats["outputs"]["pred"]["num_channels"] == inference["num_classes"] == len(inference["classes"])
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").casefold().splitlines()
    packages = dict(metadata["required_packages_version"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert packages.pop("htl-monai") == project["version"]
    packages |= {name: metadata[f"{key}_version"] for name, key in (("monai", "monai"), ("torch", "pytorch"))}
    assert not [name for name, version in packages.items() if f"{name}=={version}" not in pins]


@pytest.mark.parametrize(
    ("files", "kind"),
    [(["train.json"], "train"), (["train.json", "stages/evaluate.json"], "train"), (["inference.json"], "infer")],
)
def test_monai_finds_the_properties_that_it_asks_for(
    tiny_diagnoses: Path, tmp_path: Path, tiny: dict, workflow, files: list[str], kind: str
) -> None:
    chosen = {key: tiny[key] for key in ("features", "spatial_size", "batch_size", "num_workers")}
    chosen |= {"dataset_dir": tiny_diagnoses, "output_dir": tmp_path}
    if kind == "infer":
        chosen |= {"dataset_dir": tiny_diagnoses.parent / "phantom" / "images", "load_pretrain": False}
    checked = workflow(files, kind, **chosen)
    checked.initialize()
    assert checked.check_properties() in (None, [])
    if kind == "train":
        training = json.loads(tiny_diagnoses.read_text(encoding="utf-8"))["training"]
        assert len(checked.train_dataset) == len(training) and checked.max_epochs == 100
    else:
        assert len(checked.dataset) == 21


@pytest.mark.slow
def test_training_and_inference_run_by_monais_command(tiny_diagnoses: Path, tmp_path: Path, run_by_monai) -> None:
    network = {"features": "[8,8,16,16,32,8]", "feature_channels": 8, "spatial_size": "[48,64]", "num_workers": 0}
    places = {"dataset_dir": tiny_diagnoses, "output_dir": tmp_path}
    quick = {"max_epochs": 1, "batch_size": 4, "precision": "fp32", "record_dynamics": True}
    run_by_monai("training", "train.json", **network, **places, **quick)
    written = sorted(path.name for path in (tmp_path / "training").iterdir())
    assert written == ["checkpoint.pt", "dense.pt", "dynamics.nc", "epochs.csv"]

    images, found = tiny_diagnoses.parent / "phantom" / "images", tmp_path / "found"
    run_by_monai(
        "inference",
        "inference.json",
        **network,
        dataset_dir=images,
        output_dir=found,
        checkpoint=tmp_path / "training" / "dense.pt",
        num_classes=3,
        classes=CLASSES,
    )
    assert len(list(found.iterdir())) == 3 * len(list(images.iterdir()))
    threshold = json.loads((BUNDLE / "configs" / "inference.json").read_text(encoding="utf-8"))["cam_threshold"]
    for path in images.iterdir():
        mask, heat = (np.asarray(Image.open(found / f"{path.stem}_{kind}.png")) for kind in ("mask", "heat"))
        np.testing.assert_array_equal(mask > 0, heat >= threshold)
        box = json.loads((found / f"{path.stem}_box.json").read_text(encoding="utf-8"))
        expected = mask_to_box(mask)
        assert box["box"] == (expected._asdict() if expected else None) and box["size"] == [64, 48]
        assert box["class_name"] == CLASSES[box["class_index"]] and 1 / 3 <= box["class_prob"] <= 1
