"""Tests of the project's own rules: versions agree, imports run downwards, files stay small, the wheel is whole."""

from __future__ import annotations

import ast
import email
import importlib.metadata
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import htl_monai

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "htl_monai"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# From top to bottom, in a strict order: a room may import from itself and from every room below.
ROOMS = (
    *(
        "cli",
        "clinic",
        "runs",
        "settings",
        "report",
        "analysis",
        "handlers",
        "engines",
        "attention",
        "ranking",
        "scores",
    ),
    *("models", "tasks", "phantoms", "pruning", "localization", "data", "networks", "losses", "statistics"),
)
# Any room may write files atomically, look for a bundle's and keep a folder to itself: these import nothing of the
# package but each other and how text is kept from being a formula.
EVERYWHERE = {
    "htl_monai.data.files",
    "htl_monai.models.bundles",
    "htl_monai.runs.layout",
    "htl_monai.runs.output_folder",
    *("htl_monai.settings.setting_rules", "htl_monai.settings.one_file_each"),
}

FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}
MAX_LINES = 400
MAX_FILES = 15
# Rooms of many small ideas of one kind, one a file: a ranking, a pruner, a handler, …
MORE_FILES = {
    **{"ranking": 35, "analysis": 24, "attention": 24, "handlers": 24, "pruning": 24, "tasks": 24},
    **{"cli": 24, "report": 24, "runs": 24},
}


def python_files() -> list[Path]:
    return sorted(path for folder in ("htl_monai", "scripts", "tests") for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> int:
    """Return how deep a module lies; 0 is the top."""
    room = module.split(".")[1]
    assert room in ROOMS, (
        f"{module} must be in a room of {ROOMS}, got {room!r}; give it a place here and in CONTRIBUTING.md"
    )
    return ROOMS.index(room)


def imports(path: Path, modules: set[str]) -> Iterator[str]:
    """Yield the modules of the package that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in modules or node.module in modules:
                    yield name if name in modules else node.module


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """Which module of the package imports which others."""
    files = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    return {name: set(imports(path, set(files))) - {"htl_monai"} for name, path in files.items() if name != "htl_monai"}


def test_imports_run_downwards(graph: dict[str, set[str]]) -> None:
    upward = [
        f"{module} imports {other}"
        for module, others in sorted(graph.items())
        for other in sorted(others - EVERYWHERE)
        if layer(other) < layer(module)
    ]
    assert not upward


def test_imports_go_in_no_circle(graph: dict[str, set[str]]) -> None:
    TopologicalSorter(graph).prepare()  # raises CycleError naming the circle


def test_the_import_parser_sees_each_form(tmp_path: Path) -> None:
    file = tmp_path / "every_form.py"
    file.write_text(
        "import htl_monai.a\nfrom htl_monai import b\nfrom htl_monai.c import thing\n"
        "def late():\n    from htl_monai.d import thing\nimport os\nfrom json import loads\n"
    )
    modules = {"htl_monai", *(f"htl_monai.{name}" for name in "abcd")}
    assert set(imports(file, modules)) == {f"htl_monai.{name}" for name in "abcd"}


def test_no_relative_imports() -> None:
    relative = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert not relative


def test_own_tables_have_one_writer_and_one_reader() -> None:
    """Text is kept from being a formula on writing, which reading must undo; tables of others are read as they are."""
    others = {"csv_data.py", "reader_ratings.py"}
    files = [path for folder in ("htl_monai", "scripts") for path in (ROOT / folder).rglob("*.py")]
    using = {path.name for path in files if re.search(r"pd\.read_csv\(|\.to_csv\(", path.read_text())}
    assert using <= others | {"files.py"}


def test_files_are_named_after_one_idea() -> None:
    assert not [str(path.relative_to(ROOT)) for path in python_files() if path.stem in FORBIDDEN_NAMES]


def test_files_stay_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    assert not {name: length for name, length in lengths.items() if length >= MAX_LINES}


def test_rooms_stay_small() -> None:
    folders = [folder for folder in PACKAGE.rglob("*") if any(folder.glob("*.py"))]
    counts = {folder: sum(path.stem != "__init__" for path in folder.glob("*.py")) for folder in folders}
    assert len(counts) > len(ROOMS)
    assert not {folder.name: n for folder, n in counts.items() if n > MORE_FILES.get(folder.name, MAX_FILES)}


def test_contributing_states_the_rooms() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (stated,) = re.findall(r"^    (cli → [\w →\n]+)$", text, flags=re.MULTILINE)
    assert tuple(re.split(r"\s*→\s*", stated.strip())) == ROOMS


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert not {name for name in names if names.count(name) > 1}


def test_configs_say_each_thing_once() -> None:
    """What two bundles share lies in configs/; logic is tested code, and no expression."""
    own = [path for path in (ROOT / "bundle").glob("*/configs/*") if path.is_file()]
    assert sum(len(path.read_text().splitlines()) for path in own) <= 1929
    configs = [*own, *(ROOT / "configs").rglob("*.json")]
    assert sum('"$' in line for path in configs for line in path.read_text().splitlines()) < 200
    assert not {path.name for path in (ROOT / "configs/arms").glob("*.json") if len(path.read_text().splitlines()) > 20}
    files = [path for path in (ROOT / "bundle").rglob("*") if path.is_file() and is_kept(path)]
    contents = [(path.name, path.read_bytes()) for path in files if path.name not in ("LICENSE", "logging.conf")]
    assert not {name for name, content in contents if contents.count((name, content)) > 1}


def test_changelog_begins_with_the_version_of_the_package() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## [")]
    released = [heading for heading in headings if "Unreleased" not in heading]
    assert released[0].startswith(f"## [{PROJECT['version']}] - ")


def test_constraints_pin_each_direct_dependency_to_an_allowed_version() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    extras = PROJECT["optional-dependencies"]
    for text in [*PROJECT["dependencies"], *extras["tracking"], *extras["dev"]]:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name != "htl-monai":
            assert name in pins, f"constraints.txt must pin {name}"
            assert requirement.specifier.contains(pins[name]), f"{text} does not allow {pins[name]}"


def test_the_wheel_holds_the_bundles_and_the_configs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling, of the extra dev")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("bundle", "configs"):
        wanted = {f"htl_monai/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.json") if is_kept(path)}
        assert wanted and wanted <= names
    assert {f"htl_monai/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*.py")} <= names
    drawn = [path for suffix in ("css", "html", "js", "LICENSE") for path in PACKAGE.rglob(f"*.{suffix}")]
    assert {f"htl_monai/{path.relative_to(PACKAGE)}" for path in drawn} <= names and len(drawn) > 15
    assert "htl_monai/py.typed" in names
    assert_metadata(wheel)
    assert not [name for name in names if re.search(r"__pycache__|/bundle/[^/]+/runs/|^tests/", name)]
    networks = [path.stat().st_size for path in (ROOT / "bundle").glob("*/models/*.pt")]
    assert max(networks) < 10e6 and wheel.stat().st_size < sum(networks) + 2e6


def assert_metadata(wheel: Path) -> None:
    """What an index shows of the package: who made it, on what it runs, that it is typed, and its license."""
    archive = zipfile.ZipFile(wheel)
    (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(archive.read(path))
    assert metadata["Author"] == "HTL-MONAI maintainers"
    assert metadata["License-Expression"] == "Apache-2.0" and metadata.get_all("License-File") == ["LICENSE"]
    first_words = {text.split(" :: ")[0] for text in metadata.get_all("Classifier")}
    assert {"Development Status", "Operating System", "Typing"} <= first_words


def test_the_package_knows_its_version() -> None:
    assert htl_monai.__version__ == importlib.metadata.version("htl-monai")


def test_an_uninstalled_source_tree_still_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", find_nothing)
    assert runpy.run_path(str(PACKAGE / "__init__.py"))["__version__"] == "0+unknown"


def is_kept(path: Path) -> bool:
    return "runs" not in path.relative_to(ROOT).parts
