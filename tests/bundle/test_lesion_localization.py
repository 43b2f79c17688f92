"""The bundle's configs: every combination parses, its references resolve, and the stages run by MONAI's own command."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient

from htl_monai.data.files import read_note
from htl_monai.models.bundles import find_bundle
from htl_monai.runs.graph import stages_of
from htl_monai.runs.setting import read_setting
from htl_monai.scores import read_scores

BUNDLE = find_bundle("lesion_localization")
# Those are for the networks of the other bundles.
OTHERS = ("cpu_weak", "cpu_chest", "demo_chest")
OVERLAYS = sorted(
    path
    for folder in ("pruners", "sizes", "trainings")
    for path in (BUNDLE.parents[1] / "configs" / folder).glob("*.json")
    if path.stem not in OTHERS
)
STAGES = {
    "training": ["train.json"],
    "mining": ["train.json", "stages/mine.json"],
    "selecting": ["train.json", "stages/select.json"],
    "finetuning": ["train.json", "stages/attend.json"],
    "evaluating": ["train.json", "stages/evaluate.json"],
    "preparing": ["train.json", "stages/prepare.json"],
    "reporting": ["train.json", "stages/report.json"],
    "pseudo_labelling": ["train.json", "stages/pseudo_label.json"],
}
# What the semi-supervised setting lays upon these stages.
UNLABELLED = {
    "mining": "stages/mine_unlabelled.json",
    "selecting": "stages/select_unlabelled.json",
    "finetuning": "stages/attend_unlabelled.json",
}
CONFIG_SETS = [
    *STAGES.items(),
    ("training", ["train.json", "stages/train_halfway.json"]),
    ("finetuning", [*STAGES["finetuning"], "stages/remine.json"]),
    *((run_id, [*STAGES[run_id], config]) for run_id, config in UNLABELLED.items()),
]
PARALLEL = {
    "training": "stages/multi_gpu.json",
    "finetuning": "stages/multi_gpu.json",
    "mining": "stages/multi_gpu.json",
    "evaluating": "stages/multi_gpu.json",
    "pseudo_labelling": "stages/multi_gpu.json",
}


def test_every_reference_resolves(combination: tuple[str, list[str], list[Path]], parsed, lost_references) -> None:
    run_id, files, overlays = combination
    parser = parsed(files, overlays)
    assert run_id in parser and "run" in parser
    assert not lost_references(parser)


@pytest.mark.parametrize("setting", ["supervised", "semi_supervised"])
def test_every_stage_of_the_setting_is_a_run_id_of_its_configs(setting: str, parsed) -> None:
    for stage in stages_of(read_setting(setting)):
        parser = parsed(stage.configs)
        assert stage.run_id in parser
        assert all(entry in parser for entry in stage.settings.keys() - read_setting(setting).entries.keys())


def test_every_entry_of_an_overlay_is_known_to_some_stage(unknown_entries) -> None:
    assert not {path.name: unknown_entries(path) for path in OVERLAYS if unknown_entries(path)}


def test_inference_needs_monai_alone(parsed, lost_references) -> None:
    assert "htl_monai" not in (BUNDLE / "configs" / "inference.json").read_text(encoding="utf-8")
    assert not lost_references(parsed(["inference.json"]))


def chosen(tiny: dict) -> dict:
    return {key: tiny[key] for key in ("features", "spatial_size", "batch_size", "num_workers", "network_def#norm")}


@pytest.mark.parametrize(
    ("files", "kind"),
    [(["train.json"], "train"), (["train.json", "stages/evaluate.json"], "train"), (["inference.json"], "infer")],
)
def test_monai_finds_the_properties_that_it_asks_for(
    finished_run: Path, tiny_phantom: Path, tiny: dict, workflow, files: list[str], kind: str
) -> None:
    places = {"dataset_dir": finished_run / "preparing" / "data.json", "output_dir": finished_run}
    if kind == "infer":
        places |= {"dataset_dir": tiny_phantom / "images", "load_pretrain": False}
    checked = workflow(files, kind, **chosen(tiny), **places)
    checked.initialize()
    assert checked.check_properties() in (None, [])
    if kind == "train":
        assert len(checked.train_dataset) == 9 and checked.max_epochs == 100
    else:
        assert len(checked.dataset) == 16


def test_evaluating_scores_the_shipped_network(finished_run: Path, tmp_path: Path, workflow) -> None:
    places = {"dataset_dir": finished_run / "preparing" / "data.json", "output_dir": tmp_path}
    files = ["train.json", "sizes/cpu.json", "stages/evaluate.json"]
    evaluating = workflow(files, "train", run_id="evaluating", **places, num_workers=0, precision="fp32")
    evaluating.initialize()
    evaluating.run()
    network = evaluating.parser.get_parsed_content("single_network").state_dict()
    shipped = torch.load(BUNDLE / "models" / "model.pt", weights_only=True)
    assert all(torch.equal(network[name], tensor) for name, tensor in shipped.items())
    assert (tmp_path / "evaluating_dense" / "scores.csv").is_file()


def test_monai_label_trains_on_lists_without_ids_and_without_a_data_set(
    tiny_phantom: Path, tmp_path: Path, tiny: dict, workflow
) -> None:
    pictures = sorted((tiny_phantom / "images").iterdir())[:6]
    items = [{"image": str(path), "label": str(tiny_phantom / "masks" / f"{path.stem}.png")} for path in pictures]
    lists = {"train#dataset#data": items[:4], "validate#dataset#data": items[4:]}
    training = workflow(["train.json"], "train", **chosen(tiny), **lists, output_dir=tmp_path, max_epochs=1)
    training.initialize()
    training.run()
    assert (tmp_path / "training" / "dense.pt").is_file()


def test_trackers_and_a_record_are_one_entry_each(
    finished_run: Path, tmp_path: Path, tiny: dict, mlflow_uri: str, workflow
) -> None:
    places = {"dataset_dir": finished_run / "preparing" / "data.json", "output_dir": tmp_path}
    handlers = {"tensorboard": True, "mlflow": True, "mlflow_uri": mlflow_uri, "record_dynamics": True}
    training = workflow(["train.json"], "train", **chosen(tiny), **places, max_epochs=1, **handlers)
    training.initialize()
    training.run()
    training.finalize()
    assert list((tmp_path / "training" / "tensorboard").rglob("events.out.tfevents.*"))
    told = MlflowClient(mlflow_uri).get_run(read_note(tmp_path / "training" / "mlflow.json")["run_id"])
    assert told.info.status == "FINISHED" and {"train_loss", "val_foreground_iou"} <= set(told.data.metrics)
    recorded = read_scores(tmp_path / "training" / "dynamics.nc")["dynamics_confidence"]
    assert dict(recorded.sizes) == {"epoch": 1, "sample": 9}
    # The last batch is left out where it is not full.
    assert recorded.isnull().sum() == 9 % tiny["batch_size"] and 0 <= recorded.min() <= recorded.max() <= 1


@pytest.mark.slow
def test_training_runs_by_monais_command(finished_run: Path, tmp_path: Path, run_by_monai) -> None:
    run_by_monai(
        "training",
        "train.json",
        dataset_dir=finished_run / "preparing" / "data.json",
        output_dir=tmp_path,
        features="[8,8,16,16,32,8]",
        spatial_size="[48,64]",
        max_epochs=1,
        num_workers=0,
        precision="fp32",
    )
    written = sorted(path.name for path in (tmp_path / "training").iterdir())
    assert written == ["checkpoint.pt", "dense.pt", "epochs.csv"]
