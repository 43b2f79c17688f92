"""The bundle's configs: every combination parses, its references resolve, and the stages run by MONAI's own command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from htl_monai.bundles import find_bundle
from htl_monai.settings import SETTINGS

BUNDLE = find_bundle("lesion_localization")
CONFIGS = BUNDLE / "configs"
OVERLAYS = sorted(path for path in (BUNDLE.parents[1] / "configs").glob("*/*.json"))
STAGES = {
    "training": ["train.json"],
    "mining": ["train.json", "mine.json"],
    "selecting": ["train.json", "select.json"],
    "finetuning": ["train.json", "finetune.json"],
    "evaluating": ["train.json", "evaluate.json"],
    "preparing": ["train.json", "prepare.json"],
    "reporting": ["train.json", "report.json"],
    "pseudo_labelling": ["train.json", "pseudo_label.json"],
}
# What the semi-supervised setting lays upon these stages.
UNLABELLED = {
    "mining": "mine_unlabelled.json",
    "selecting": "select_unlabelled.json",
    "finetuning": "finetune_unlabelled.json",
}
CONFIG_SETS = [
    *STAGES.items(),
    *((run_id, [*STAGES[run_id], config]) for run_id, config in UNLABELLED.items()),
]
PARALLEL = {
    "training": "multi_gpu_train.json",
    "finetuning": "multi_gpu_train.json",
    "mining": "multi_gpu_mine.json",
    "evaluating": "multi_gpu_evaluate.json",
    "pseudo_labelling": "multi_gpu_pseudo_label.json",
}
COMBINATIONS = [
    *((run_id, files, []) for run_id, files in CONFIG_SETS),
    *((run_id, [*files, PARALLEL[run_id]], []) for run_id, files in CONFIG_SETS if run_id in PARALLEL),
    *((run_id, files, [overlay]) for run_id, files in CONFIG_SETS for overlay in OVERLAYS),
]


def names(combination: tuple[str, list[str], list[Path]]) -> str:
    return "+".join([*(Path(name).stem for name in combination[1]), *(path.stem for path in combination[2])])


def parser_of(files: list[str], overlays: list[Path]) -> ConfigParser:
    """Merge as ``htl run`` does: an overlay's entries that a stage does not have are another stage's."""
    parser = ConfigParser(ConfigParser.load_config_files([str(CONFIGS / name) for name in files]))
    known = set(parser.get())
    for path in overlays:
        entries = json.loads(path.read_text(encoding="utf-8"))
        parser.update({key: value for key, value in entries.items() if key.split("#")[0].lstrip("+") in known})
    parser.parse()
    return parser


def references(parser: ConfigParser) -> Iterator[tuple[str, str]]:
    for item_id, item in parser.ref_resolver.items.items():
        for reference in parser.ref_resolver.find_refs_in_config(config=item.get_config(), id=item_id):
            yield item_id, reference


@pytest.mark.parametrize("combination", COMBINATIONS, ids=names)
def test_every_reference_resolves(combination: tuple[str, list[str], list[Path]]) -> None:
    run_id, files, overlays = combination
    parser = parser_of(files, overlays)
    assert run_id in parser and "run" in parser
    lost = [(where, name) for where, name in references(parser) if name not in parser.ref_resolver.items]
    assert not lost


@pytest.mark.parametrize("setting", ["supervised", "semi_supervised"])
def test_every_stage_of_the_setting_is_a_run_id_of_its_configs(setting: str) -> None:
    for stage in SETTINGS[setting].stages:
        parser = parser_of(list(stage.configs), [])
        assert stage.run_id in parser
        assert all(entry in parser for entry in stage.settings)


def test_every_entry_of_an_overlay_is_known_to_some_stage() -> None:
    known = {key for _, files in CONFIG_SETS for key in parser_of(files, []).get()}
    for path in OVERLAYS:
        entries = json.loads(path.read_text(encoding="utf-8"))
        assert not [key for key in entries if key.split("#")[0].lstrip("+") not in known], path


def test_inference_needs_monai_alone() -> None:
    text = (CONFIGS / "inference.json").read_text(encoding="utf-8")
    assert "htl_monai" not in text
    parser = ConfigParser(json.loads(text))
    parser.parse()
    assert not [(where, name) for where, name in references(parser) if name not in parser.ref_resolver.items]


def workflow(finished_run: Path, tiny: dict, files: list[str], kind: str, **entries) -> ConfigWorkflow:
    chosen = {key: tiny[key] for key in ("features", "spatial_size", "batch_size", "num_workers", "network_def#norm")}
    places = {"bundle_root": str(BUNDLE), "output_dir": str(entries.pop("output_dir", finished_run))}
    return ConfigWorkflow(
        config_file=[str(CONFIGS / name) for name in files],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=False,
        workflow_type=kind,
        device=torch.device("cpu"),
        **chosen,
        **places,
        **{"dataset_dir": str(finished_run / "preparing" / "data.json"), **entries},
    )


@pytest.mark.parametrize(
    ("files", "kind"),
    [(["train.json"], "train"), (["train.json", "evaluate.json"], "train"), (["inference.json"], "infer")],
)
def test_monai_finds_the_properties_that_it_asks_for(
    finished_run: Path, tiny_phantom: Path, tiny: dict, files: list[str], kind: str
) -> None:
    extra = {"dataset_dir": str(tiny_phantom / "images"), "load_pretrain": False} if kind == "infer" else {}
    checked = workflow(finished_run, tiny, files, kind, **extra)
    checked.initialize()
    assert checked.check_properties() in (None, [])
    if kind == "train":
        assert len(checked.train_dataset) == 9 and checked.max_epochs == 100
    else:
        assert len(checked.dataset) == 16


def test_tensorboard_is_one_entry(finished_run: Path, tmp_path: Path, tiny: dict) -> None:
    pytest.importorskip("tensorboard")
    training = workflow(
        finished_run, tiny, ["train.json"], "train", output_dir=tmp_path, max_epochs=1, tensorboard=True
    )
    training.initialize()
    training.run()
    training.finalize()
    assert list((tmp_path / "training" / "tensorboard").rglob("events.out.tfevents.*"))


@pytest.mark.timeout(1800)  # processes of their own import for minutes where others compute
def test_training_runs_by_monais_command(finished_run: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", "configs/train.json"),
        *("--meta_file", "configs/metadata.json", "--logging_file", "configs/logging.conf"),
        *("--dataset_dir", str(finished_run / "preparing" / "data.json"), "--output_dir", str(tmp_path)),
        *("--features", "[8,8,16,16,32,8]", "--spatial_size", "[48,64]", "--max_epochs", "1", "--num_workers", "0"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    result = subprocess.run(command, cwd=BUNDLE, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    assert sorted(path.name for path in (tmp_path / "training").iterdir()) == [
        "checkpoint.pt",
        "dense.pt",
        "epochs.csv",
    ]
