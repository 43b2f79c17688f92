"""Finding the package's bundles and overlays, and others by their path."""

from __future__ import annotations

from pathlib import Path

import pytest

from htl_monai.models.bundles import bundle_config, find_bundle, find_overlay, own_bundles, stage_configs


def test_each_bundle_of_the_package_is_found_by_name_and_by_path_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = own_bundles()
    assert set(own) == {"chest_xray_long_tail", "lesion_localization", "lesion_weak_localization"}
    for name, folder in own.items():
        assert find_bundle(name) == find_bundle(str(folder)) == folder and (folder / "LICENSE").is_file()
    assert find_overlay("sizes/cpu.json").is_file()
    assert capsys.readouterr().err == ""


def test_another_bundle_or_overlay_is_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "configs").mkdir()
    assert find_bundle(str(tmp_path)) == tmp_path.resolve()
    assert f"{tmp_path.resolve()} is not part of the package, and can run code" in capsys.readouterr().err
    overlay = tmp_path / "mine.json"
    overlay.write_text("{}", encoding="utf-8")
    assert find_overlay(str(overlay)) == overlay.resolve()
    assert "mine.json is not part of the package, and can run code" in capsys.readouterr().err


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="bundle must be one of chest_xray_long_tail, .*, got 'lesions'"):
        find_bundle("lesions")
    with pytest.raises(FileNotFoundError, match="overlay must be one of .*sizes/cpu.json.*, got 'cpu.json'"):
        find_overlay("cpu.json")
    with pytest.raises(FileNotFoundError, match="bundle must be one of"):
        find_bundle(str(tmp_path))  # a folder without configs


def test_a_config_that_is_not_there_or_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    with pytest.raises(FileNotFoundError, match="train.json"):
        bundle_config(tmp_path, "train.json")
    (tmp_path / "configs" / "train.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="train.json must hold JSON"):
        bundle_config(tmp_path, "train.json")


def test_a_stage_is_shared_unless_the_bundle_has_one_of_its_own(tmp_path: Path) -> None:
    shared = bundle_config(tmp_path, "stages/mine.json")
    assert shared.parts[-3:] == ("configs", "stages", "mine.json") and tmp_path not in shared.parents
    assert shared in stage_configs(tmp_path)
    own = tmp_path / "configs" / "stages" / "mine.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}", encoding="utf-8")
    assert bundle_config(tmp_path, "stages/mine.json") == own
