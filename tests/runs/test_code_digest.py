"""Which code a stage runs: a changed module shows where it is reached, and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from htl_monai.models.bundles import find_bundle
from htl_monai.runs import code_digest
from htl_monai.runs.code_digest import code_behind
from htl_monai.runs.graph import stages_of
from htl_monai.runs.overlays import merged_config
from htl_monai.runs.provenance import entries_behind
from htl_monai.runs.setting import read_setting


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's source that a test may change; it stands for the package's own."""
    copy = tmp_path / "htl_monai"
    sources = shutil.ignore_patterns("__pycache__", "bundle", "configs")
    shutil.copytree(code_digest._PACKAGE, copy, ignore=sources)
    monkeypatch.setattr(code_digest, "_PACKAGE", copy)
    return copy


def stages_that_differ(package: Path, module: str, old: str, new: str) -> set[str]:
    """Return the stages of the supervised setting whose code is another after a module was edited."""
    chosen = read_setting("supervised")
    bundle = find_bundle(chosen.bundle)
    entries = {
        stage.name: entries_behind(merged_config(bundle, stage, {}), stage.run_id) for stage in stages_of(chosen)
    }
    before = {name: code_behind(behind) for name, behind in entries.items()}
    path = package / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return {name for name, behind in entries.items() if code_behind(behind) != before[name]}


def test_a_changed_scorer_concerns_mining_and_what_scores_but_no_training(package: Path) -> None:
    differing = stages_that_differ(package, "tasks/segmentation.py", "return ", "return  0 or ")
    assert {"mining", "evaluating_dense", "evaluating_htl"} <= differing
    assert not differing & {"preparing", "training", "selecting", "reporting"}


def test_comments_docstrings_and_layout_concern_nothing(package: Path) -> None:
    before = (package / "tasks" / "segmentation.py").read_text(encoding="utf-8")
    assert not stages_that_differ(package, "tasks/segmentation.py", '"""', '"""Other words. ')
    assert not stages_that_differ(package, "tasks/segmentation.py", "\ndef ", "\n\n# A word of comment.\ndef ")
    assert (package / "tasks" / "segmentation.py").read_text(encoding="utf-8") != before


def test_what_shows_how_far_a_stage_is_concerns_nothing(package: Path) -> None:
    assert not stages_that_differ(package, "handlers/progress.py", "\nclass ", "\nCHANGED = 1\nclass ")


def test_a_module_that_is_imported_inside_a_function_counts(package: Path) -> None:
    (package / "late.py").write_text("def late():\n    from htl_monai import later\n", encoding="utf-8")
    (package / "later.py").write_text("RATE = 1\n", encoding="utf-8")
    entries = {"thing": "$htl_monai.late.late()"}
    before = code_behind(entries)
    assert {"htl_monai.late", "htl_monai.later"} <= set(before)
    (package / "later.py").write_text("RATE = 20\n", encoding="utf-8")
    after = code_behind(entries)
    assert after["htl_monai.later"] != before["htl_monai.later"] and after["htl_monai.late"] == before["htl_monai.late"]


def test_a_name_that_a_package_passes_on_leads_to_its_module_alone(package: Path) -> None:
    code = code_behind({"pruner": {"_target_": "htl_monai.pruning.GlobalMagnitude"}})
    assert "htl_monai.pruning.magnitude" in code and "htl_monai.pruning.structured" not in code


def test_names_that_are_no_code_of_the_package_are_left_alone() -> None:
    code = code_behind({"path": "htl_monai.nothing.there", "loss": {"_target_": "DiceCELoss"}, "word": "htl_monai"})
    assert set(code) == {"monai", "numpy", "torch"}
    assert not any("+" in version for version in code.values())
