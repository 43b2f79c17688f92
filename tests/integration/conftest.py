"""What the tests of whole runs share: how to kill, to start two processes, to compare."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from htl_monai.models.bundles import find_bundle
from htl_monai.runs.graph import stages_of
from htl_monai.runs.setting import read_setting


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A run of the test's own, copied from the module's ``finished`` one."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture(scope="session")
def kill_when(start_process: Callable[..., ForkServerProcess]) -> Callable[..., None]:
    """Return a function that calls ``target`` in a process of its own and sends SIGKILL once ``ready()``."""

    def run_and_kill(ready: Callable[[], bool], target: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        process = start_process(target, *args, **kwargs)
        try:
            while not ready():
                assert process.is_alive(), "the run ended before it could be killed"
                time.sleep(0.005)
        finally:
            process.kill()
            process.join()
        assert process.exitcode == -signal.SIGKILL

    return run_and_kill


@pytest.fixture
def in_two_processes(as_modules: Callable[..., None]) -> Callable[..., None]:
    """Return a function that runs ``python -m monai.bundle run …`` as torchrun would: twice, each told its rank."""

    def run_bundle(bundle: str, run_id: str, configs: list[str], entries: Mapping[str, object]) -> None:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        group = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""}
        ranks = [{**group, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
        as_modules("monai.bundle", bundle_arguments(run_id, configs, entries), find_bundle(bundle), *ranks)

    return run_bundle


@pytest.fixture
def by_torchrun() -> Callable[..., None]:
    """Return a function that does the same with torchrun itself, which starts and imports three times."""

    def run_bundle(bundle: str, run_id: str, configs: list[str], entries: Mapping[str, object]) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv-backend=c10d"]
        command += ["--rdzv-endpoint=localhost:0", "-m", "monai.bundle", *bundle_arguments(run_id, configs, entries)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        result = subprocess.run(command, cwd=find_bundle(bundle), env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-6000:]

    return run_bundle


def configs_of(names: list[str]) -> list[str]:
    """Return config files as a person names them in a bundle's folder."""
    return [f"../../configs/{name}" if "/" in name else f"configs/{name}" for name in names]


def bundle_arguments(run_id: str, configs: list[str], entries: Mapping[str, object]) -> list[str]:
    # Without a precision it would be what the processor does fastest.
    chosen = {"precision": "fp32", **entries}
    arguments = ["run", run_id, "--config_file", str(configs_of(configs))]
    return arguments + [text for key, value in chosen.items() for text in (f"--{key}", str(value))]


@pytest.fixture(scope="session")
def assert_same_results() -> Callable[[str, Path, Path], None]:
    """Return a check that two runs of a setting wrote the same: tables byte by byte, weights bit by bit."""

    def compare_runs(setting: str, run_a: Path, run_b: Path) -> None:
        for stage in stages_of(read_setting(setting)):
            for name in stage.outputs:
                path_a, path_b = run_a / stage.name / name, run_b / stage.name / name
                if path_a.suffix == ".pt":
                    state_a, state_b = (torch.load(path, weights_only=True) for path in (path_a, path_b))
                    assert state_a.keys() == state_b.keys()
                    assert all(torch.equal(state_a[key], state_b[key]) for key in state_a), path_b
                else:
                    assert path_a.read_bytes() == path_b.read_bytes(), path_b

    return compare_runs
