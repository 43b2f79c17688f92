"""Tests of scripts/verify_bundle.py: each bundle passes, and a copy broken in one way fails for that reason."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from monai.utils import set_determinism

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("jsonschema", reason="needs jsonschema, of the extra dev")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_bundle", ROOT / "scripts/verify_bundle.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    source = ROOT / "bundle/lesion_localization"
    return Path(shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("models", "runs")))


@pytest.fixture(autouse=True)
def _undo_global_settings() -> Iterator[None]:
    yield
    set_determinism(seed=None)
    torch.use_deterministic_algorithms(False)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=4))


def metadata(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda bundle: edit(bundle / "configs/metadata.json", change)


def inference(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda bundle: edit(bundle / "configs/inference.json", change)


def train(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return lambda bundle: edit(bundle / "configs/train.json", change)


def of_another_network(bundle: Path) -> None:
    (bundle / "models").mkdir()
    torch.save(torch.nn.Conv2d(3, 2, 1).state_dict(), bundle / "models/model.pt")


def own_part_unsaid(bundle: Path) -> None:
    inference(lambda c: c["inferer"].update(_target_="htl_monai.engines.precision.PrecisionInferer"))(bundle)
    metadata(lambda m: m["required_packages_version"].pop("htl-monai"))(bundle)


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no licence": ("check_files", lambda bundle: (bundle / "LICENSE").unlink(), "LICENSE"),
    "no inference": ("check_files", lambda bundle: (bundle / "configs/inference.json").unlink(), "inference.json"),
    "no metadata": ("check_files", lambda bundle: (bundle / "configs/metadata.json").unlink(), "metadata.json"),
    "other headings": (
        "check_headings",
        lambda bundle: (bundle / "docs/README.md").write_text("# A bundle\n\n## Data\n"),
        r"got ['Data']",
    ),
    "new version": ("check_version", metadata(lambda m: m.update(version="9.9.9")), "'9.9.9'; add it to"),
    "no copyright": ("check_metadata", metadata(lambda m: m.pop("copyright")), "'copyright' is a required property"),
    "version of a kind": ("check_metadata", metadata(lambda m: m.update(numpy_version=2)), "numpy_version: 2 is not"),
    "no channels": (
        "check_metadata",
        metadata(lambda m: m["network_data_format"]["outputs"]["pred"].pop("channel_def")),
        "outputs#pred: 'channel_def' is a required property",
    ),
    "own part": (
        "check_packages",
        own_part_unsaid,
        "metadata.json must require htl-monai",
    ),
    "no trainer": ("check_properties", train(lambda c: c["train"].pop("trainer")), "train::trainer"),
    "no inferer": ("check_properties", inference(lambda c: c.pop("inferer")), "inferer"),
    "three classes": ("check_network", inference(lambda c: c["network_def"].update(out_channels=3)), "channel number"),
    "other weights": ("check_export", of_another_network, "Missing key"),
}


@pytest.mark.slow
def test_each_bundle_of_the_project_passes(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    folders = [path.name for path in sorted((ROOT / "bundle").iterdir()) if path.is_dir()]
    assert [line for line in said.splitlines() if not line.startswith("  ok")] == folders
    assert said.count("  ok  ") == len(folders) * len(script.CHECKS)


def test_own_parts_that_the_metadata_require_are_let_through(script: ModuleType, bundle: Path) -> None:
    assert script.check_packages(bundle) == "inference needs MONAI alone"
    inference(lambda c: c["inferer"].update(_target_="htl_monai.engines.precision.PrecisionInferer"))(bundle)
    assert script.check_packages(bundle) == "inference needs htl-monai, as the metadata say"


def test_weights_are_made_up_outside_the_bundle_and_it_is_said(script: ModuleType, bundle: Path) -> None:
    assert "made-up weights" in script.check_export(bundle)
    assert not (bundle / "models").exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_check(script: ModuleType, bundle: Path, fault: str) -> None:
    check, damage, words = FAULTS[fault]
    damage(bundle)
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011 - MONAI and torch raise what they like
        getattr(script, check)(bundle)
    assert words in str(caught.value)


def test_the_first_fault_is_one_sentence_and_an_exit_code(
    script: ModuleType, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata(lambda content: content.pop("task"))(bundle)
    assert script.main([str(bundle)]) == 1
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "check_metadata" in said.err and "'task' is a required property" in said.err
    assert "made-up" not in said.out  # later checks did not run


def test_a_folder_that_is_no_bundle_is_refused(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([str(tmp_path / "nowhere")]) == 1
    assert "the bundle must hold LICENSE" in capsys.readouterr().err
