"""Jobs in processes of their own: in order, with one thread, and ended together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from htl_monai.runs.stage_processes import Job, ready_jobs, run_in_processes

Say = Callable[[str], None]


def note(name: str, folder: Path, inputs: tuple[str, ...], say: Say) -> None:
    """Say when it begins, check that what it reads is there, and write what it is to write."""
    say(f"{name}: running")
    assert all((folder / path).is_file() for path in inputs)
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "out").touch()


def count_threads(say: Say) -> None:
    say(str(torch.get_num_threads()))


def fail(say: Say) -> None:
    raise KeyError("columns must be there")


def end_hard(say: Say) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_ever(marks: Path, say: Say) -> None:
    try:
        (marks / f"begun_{os.getpid()}").touch()
        say("waiting")
        time.sleep(300)
    finally:
        (marks / f"ended_{os.getpid()}").touch()


def run(jobs: list[Job], say: Say = lambda text: None, cores: int = 2) -> None:
    run_in_processes(jobs, (), say, allowed=lambda: cores, idle=lambda: cores)


def assert_all_ended(marks: Path, count: int) -> None:
    pids = [int(path.name.split("_")[1]) for path in marks.glob("begun_*")]
    assert len(pids) == count and all((marks / f"ended_{pid}").is_file() for pid in pids)
    assert not [child for child in multiprocessing.active_children() if child.pid in pids]


@pytest.mark.parametrize("cores", [0, 1, 3])
def test_a_job_waits_for_those_that_it_reads_from(cores: int, tmp_path: Path) -> None:
    names = {"a": (), "b": ("a/out",), "c": ("a/out",), "d": ("b/out", "c/out")}
    jobs = [Job(name, inputs, partial(note, name, tmp_path, inputs)) for name, inputs in names.items()]
    said: list[str] = []
    run(jobs, said.append, cores)
    assert said[0] == "a: running" and said[-1] == "d: running"
    assert sorted(said) == [f"{name}: running" for name in names]


def test_what_is_ready_needs_nothing_that_is_to_come() -> None:
    jobs = [Job("a", (), fail), Job("b", ("a/x", "z/y"), fail), Job("seed_0/c", ("seed_0/a/x",), fail)]
    assert [job.name for job in ready_jobs(jobs, {"z"})] == ["a"]
    assert [job.name for job in ready_jobs(jobs[1:], {"a", "z", "seed_0"})] == ["b"]


def test_each_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    threads = torch.get_num_threads()
    run([Job("a", (), count_threads)], said.append)
    assert said == ["1"] and torch.get_num_threads() == threads


def test_an_error_arrives_as_it_was_raised_and_ends_the_others(tmp_path: Path) -> None:
    def say(text: str) -> None:
        assert text == "waiting"

    jobs = [Job("b", (), partial(wait_for_ever, tmp_path)), Job("a", (), partial(fail_once_begun, tmp_path))]
    with pytest.raises(KeyError, match="columns must be there"):
        run(jobs, say)
    assert_all_ended(tmp_path, 1)


def fail_once_begun(marks: Path, say: Say) -> None:
    while not list(marks.glob("begun_*")):
        time.sleep(0.005)
    fail(say)


def test_a_killed_process_is_told_of() -> None:
    with pytest.raises(RuntimeError, match="a must run to its end, got a process that ended with exit code -9; the"):
        run([Job("a", (), end_hard)])


def test_an_interrupt_ends_all(tmp_path: Path) -> None:
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([Job(name, (), partial(wait_for_ever, tmp_path)) for name in "ab"], say)
    assert_all_ended(tmp_path, 2)
