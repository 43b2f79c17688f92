"""Runs stages beside each other, each in a process of its own with one compute thread."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import PurePosixPath
from typing import Any

from htl_monai.runs.free_cores import allowed_cores, idle_cores

__all__ = ["Job", "ready_jobs", "run_in_processes"]

Say = Callable[[str], None]
# How long a process may take to end, and how often cores are counted while a job waits for one.
_PATIENCE_S, _RECOUNT_S = 30.0, 30.0
_AGAIN_S = 1.0


@dataclass(frozen=True)
class Job:
    """What one process does.

    Args:
        name: of the stage; its outputs lie in the folder of this name.
        inputs: the files of other stages that it reads.
        work: called in the process with what tells the user something; it is sent there, so it must pickle.
    """

    name: str
    inputs: tuple[str, ...]
    work: Callable[[Say], None]


@dataclass
class _Running:
    """The jobs that are under way, by the end of the pipe that they speak into."""

    processes: dict[Connection, tuple[Job, BaseProcess]] = field(default_factory=dict)

    def start(self, job: Job, context: Any) -> None:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_in_process, args=(job.work, sender), name=job.name)
        process.start()
        sender.close()
        self.processes[receiver] = (job, process)

    def end_all(self) -> None:
        """Ask every process to end, as Ctrl-C would, and insist after a while.

        A signal that comes just before Python begins to wait for something is noticed only when that is over, or when
        another one comes: so it is sent again.
        """
        processes = [process for _, process in self.processes.values()]
        deadline = time.monotonic() + _PATIENCE_S
        while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
            for process in processes:
                process.terminate()
            wait([process.sentinel for process in processes if process.is_alive()], _AGAIN_S)
        for process in processes:
            process.kill()
            process.join()


def run_in_processes(
    jobs: Sequence[Job],
    done: Collection[str],
    say: Say,
    allowed: Callable[[], int] = allowed_cores,
    idle: Callable[[], int] = idle_cores,
) -> None:
    """Do every job once those whose files it reads are done, and as many at a time as there are cores for.

    A single thread sums in one order: the results depend neither on the number of cores nor on what else they do. And
    no thread waits for another that has no core: other work costs its share of the time and not a multiple of it.

    Args:
        jobs: in the order in which they are preferred.
        done: names of jobs that need not be done.
        say: told what the jobs tell.
        allowed: how many cores there are for all.
        idle: how many of them are idle; asked whenever a job could start.

    Raises:
        BaseException: what a job raised; the others are ended first. So they are when this process is interrupted.
        RuntimeError: the process of a job was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["htl_monai.runs.workflow"])
    waiting, ended, running = list(jobs), set(done), _Running()
    try:
        while waiting or running.processes:
            ready = ready_jobs(waiting, ended)
            room = min(allowed() - len(running.processes), idle()) if ready else 0
            # One always runs, however busy the machine.
            for job in ready[: max(room, 0 if running.processes else 1)]:
                running.start(job, context)
                waiting.remove(job)
            ended |= _hear(running, say, _RECOUNT_S if ready else None)
    finally:
        running.end_all()


def ready_jobs(waiting: Sequence[Job], done: Collection[str]) -> list[Job]:
    """Return the waiting jobs that read nothing of a job that is not done.

    Args:
        waiting: jobs that have not begun.
        done: the names of those that have ended.
    """
    return [job for job in waiting if {str(PurePosixPath(name).parent) for name in job.inputs} <= set(done)]


def _hear(running: _Running, say: Say, timeout_s: float | None) -> set[str]:
    """Wait until some job tells something, or the time is over; return the names of those that have ended."""
    ended = set()
    for connection in wait(list(running.processes), timeout_s):
        assert isinstance(connection, Connection)
        job, process = running.processes[connection]
        try:
            kind, content = connection.recv()
        except EOFError:
            kind, content = "killed", None
        if kind == "say":
            say(content)
            continue
        process.join()
        del running.processes[connection]
        if kind == "error":
            raise content
        if kind == "killed":
            raise RuntimeError(
                f"{job.name} must run to its end, got a process that ended with exit code {process.exitcode}; the same "
                "command goes on from the last checkpoint, and -9 hints at too little memory"
            )
        ended.add(job.name)
    return ended


def _in_process(work: Callable[[Say], None], sender: Connection) -> None:
    """Do a job, and send what it tells and how it ends."""
    import threadpoolctl
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first one ends the others
    signal.signal(signal.SIGTERM, _interrupt)  # so that no half-written file stays
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        try:
            work(lambda message: sender.send(("say", message)))
        except KeyboardInterrupt:
            raise SystemExit(130) from None
        except BaseException as error:  # told to the process that waits, whatever it is
            sender.send(("error", _sendable(error)))
        else:
            sender.send(("done", None))


def _interrupt(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked again, it goes on to end
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, killed perhaps."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _sendable(error: BaseException) -> BaseException:
    """Return an error that survives the way to the other process, with a note of where it was raised."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
