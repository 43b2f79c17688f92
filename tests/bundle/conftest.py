"""How configs are combined, checked and run; a test file names its ``BUNDLE``, ``CONFIG_SETS`` and ``OVERLAYS``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from htl_monai.models.bundles import bundle_config

Combination = tuple[str, list[str], list[Path]]


def combinations(module: Any) -> list[Combination]:
    """Each stage's configs alone, with those for several processes, and with each overlay."""
    return [
        *((run_id, files, []) for run_id, files in module.CONFIG_SETS),
        *(
            (run_id, [*files, module.PARALLEL[run_id]], [])
            for run_id, files in module.CONFIG_SETS
            if run_id in module.PARALLEL
        ),
        *((run_id, files, [overlay]) for run_id, files in module.CONFIG_SETS for overlay in module.OVERLAYS),
    ]


def name_of(combination: Combination) -> str:
    return "+".join([*(Path(name).stem for name in combination[1]), *(path.stem for path in combination[2])])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "combination" in metafunc.fixturenames:
        metafunc.parametrize("combination", combinations(metafunc.module), ids=name_of)


def references(parser: ConfigParser) -> Iterator[tuple[str, str]]:
    for item_id, item in parser.ref_resolver.items.items():
        for reference in parser.ref_resolver.find_refs_in_config(config=item.get_config(), id=item_id):
            yield item_id, reference


@pytest.fixture
def parsed(request: pytest.FixtureRequest) -> Callable[..., ConfigParser]:
    """Merge as ``htl run`` does: an overlay's entries that a stage does not have are another stage's."""

    def parse(files: Sequence[str], overlays: Sequence[Path] = ()) -> ConfigParser:
        paths = [str(bundle_config(request.module.BUNDLE, name)) for name in files]
        parser = ConfigParser(ConfigParser.load_config_files(paths))
        known = set(parser.get())
        for path in overlays:
            entries = json.loads(path.read_text(encoding="utf-8"))
            parser.update({key: value for key, value in entries.items() if key.split("#")[0].lstrip("+") in known})
        parser.parse()
        return parser

    return parse


@pytest.fixture
def lost_references() -> Callable[[ConfigParser], list[tuple[str, str]]]:
    """Where a parsed config refers to what, of that which does not exist."""
    return lambda parser: [pair for pair in references(parser) if pair[1] not in parser.ref_resolver.items]


@pytest.fixture
def unknown_entries(parsed: Callable[..., ConfigParser], request: pytest.FixtureRequest) -> Callable[[Path], list[str]]:
    """The entries of an overlay that no stage has."""
    known = {key for _, files in request.module.CONFIG_SETS for key in parsed(files).get()}

    def entries_of(overlay: Path) -> list[str]:
        entries = json.loads(overlay.read_text(encoding="utf-8"))
        return [key for key in entries if key.split("#")[0].lstrip("+") not in known]

    return entries_of


@pytest.fixture
def workflow(request: pytest.FixtureRequest) -> Callable[..., ConfigWorkflow]:
    """Build MONAI's workflow of the bundle's configs, on the CPU."""

    def build(files: Sequence[str], kind: str, **entries: Any) -> ConfigWorkflow:
        bundle = request.module.BUNDLE
        return ConfigWorkflow(
            config_file=[str(bundle_config(bundle, name)) for name in files],
            meta_file=str(bundle / "configs" / "metadata.json"),
            logging_file=False,
            workflow_type=kind,
            device=torch.device("cpu"),
            bundle_root=str(bundle),
            **{key: str(value) if isinstance(value, Path) else value for key, value in entries.items()},
        )

    return build


@pytest.fixture
def run_by_monai(request: pytest.FixtureRequest, as_modules: Callable[..., None]) -> Callable[..., None]:
    """Run one run id by MONAI's own command, in a process of its own, from the bundle's folder."""

    def run(run_id: str, config: str, **entries: Any) -> None:
        arguments = ["run", run_id, "--config_file", f"configs/{config}"]
        arguments += ["--meta_file", "configs/metadata.json", "--logging_file", "configs/logging.conf"]
        arguments += [part for key, value in entries.items() for part in (f"--{key}", str(value))]
        as_modules("monai.bundle", arguments, request.module.BUNDLE, {"CUDA_VISIBLE_DEVICES": ""})

    return run
