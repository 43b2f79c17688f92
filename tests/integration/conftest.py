"""What the tests of whole runs share: how to kill, to start two processes, to compare."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from htl_monai.bundles import find_bundle
from htl_monai.settings import SETTINGS

# One process that has imported everything and is copied for each run to be killed.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["htl_monai.workflow"])


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A run of the test's own, copied from the module's ``finished`` one."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture(scope="session")
def kill_when() -> Callable[..., None]:
    """Return a function that calls ``target`` in a process of its own and sends SIGKILL once ``ready()``."""

    def run_and_kill(ready: Callable[[], bool], target: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        process = FORKS.Process(target=target, args=args, kwargs=kwargs)
        process.start()
        try:
            while not ready():
                assert process.is_alive(), "the run ended before it could be killed"
                time.sleep(0.005)
        finally:
            process.kill()
            process.join()
        assert process.exitcode == -signal.SIGKILL

    return run_and_kill


@pytest.fixture(scope="session")
def in_two_processes() -> Callable[..., None]:
    """Return a function that runs as ``torchrun --nproc_per_node=2 -m monai.bundle run …`` from a bundle's folder."""

    def run_bundle(bundle: str, run_id: str, configs: list[str], entries: Mapping[str, object]) -> None:
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"),
            *("--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"),
            *("-m", "monai.bundle", "run", run_id, "--config_file", str([f"configs/{name}" for name in configs])),
            *(text for key, value in entries.items() for text in (f"--{key}", str(value))),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        result = subprocess.run(command, cwd=find_bundle(bundle), env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-6000:]

    return run_bundle


@pytest.fixture(scope="session")
def assert_same_results() -> Callable[[str, Path, Path], None]:
    """Return a check that two runs of a setting wrote the same: tables byte by byte, weights bit by bit."""

    def compare_runs(setting: str, run_a: Path, run_b: Path) -> None:
        for stage in SETTINGS[setting].stages:
            for name in stage.outputs:
                path_a, path_b = run_a / stage.name / name, run_b / stage.name / name
                if path_a.suffix == ".pt":
                    state_a, state_b = (torch.load(path, weights_only=True) for path in (path_a, path_b))
                    assert state_a.keys() == state_b.keys()
                    assert all(torch.equal(state_a[key], state_b[key]) for key in state_a), path_b
                else:
                    assert path_a.read_bytes() == path_b.read_bytes(), path_b

    return compare_runs
