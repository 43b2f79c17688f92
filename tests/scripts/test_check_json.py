"""Tests of scripts/check_json.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_json", ROOT / "scripts/check_json.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "text", ["{}", "[]\n", '{\n    "a": {\n        "b": [1, 2]\n    },\n    "b": null\n}\n', '{"a": "NaN"}']
)
def test_good_files_pass(script: ModuleType, tmp_path: Path, text: str) -> None:
    (tmp_path / "good.json").write_text(text)
    script.check_json(tmp_path / "good.json", indented=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,}', "must be strict JSON, got "),
        ("", "must be strict JSON, got "),
        ('{"x": {"a": 1, "b": 2, "a": 1}}', "the key 'a' more than once in one object"),
        ('{"a": NaN}', "the constant NaN, which JSON does not have"),
        ('{"a": -Infinity}', "the constant -Infinity"),
        ('{\n  "a": 1\n}\n', "indented by 4 spaces a level, got line 2"),
        ('{\n    "a": 1,\n\t"b": 2\n}\n', "indented by 4 spaces a level, got line 3"),
    ],
)
def test_faults_are_named(script: ModuleType, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ValueError, match=words):
        script.check_json(tmp_path / "bad.json", indented=True)


def test_indentation_is_free_unless_asked_for(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text('{\n  "a": 1\n}\n')
    script.check_json(tmp_path / "table.json")


def test_exit_code_tells_whether_a_fault_was_found(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text("{}")
    bad.write_text("{")
    assert script.main([str(good)]) == 0
    assert script.main([str(good), str(bad)]) == 1
    assert str(bad) in capsys.readouterr().err
