"""A folder is one command's and one process's: refusals, locks that heal, what killed processes leave."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from htl_monai.data.files import TEMPORARY, write_text
from htl_monai.runs.output_folder import LOCK, NOTE, locked_folder, output_folder

FORKS = multiprocessing.get_context("fork")


def fill(out: Path, command: str) -> None:
    with output_folder(out, command) as folder:
        write_text(folder / "table.csv", f"made by {command}")


def hold(out: Path, command: str, held: Connection) -> None:
    """Write into ``out`` until killed."""
    with output_folder(out, command) as folder:
        write_text(folder / "table.csv", "half of a run")
        (folder / f"{TEMPORARY}1234.csv").write_text("half of a fi", encoding="utf-8")
        held.send(True)
        signal.pause()


@pytest.fixture
def in_another_process() -> Callable[[Path, str], int]:
    """Return a function that lets another process write into a folder; what it starts is killed at the end."""
    started = []

    def start(out: Path, command: str) -> int:
        here, there = FORKS.Pipe()
        process = FORKS.Process(target=hold, args=(out, command, there))
        process.start()
        started.append(process)
        assert here.recv()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.mark.parametrize("command", ["run", "audit"])
def test_a_folder_in_which_another_process_writes_is_refused(
    in_another_process: Callable, tmp_path: Path, command: str
) -> None:
    out = tmp_path / "out"
    number = in_another_process(out, "run")
    words = rf"out must be a folder that no other process is writing into, got {out}, where htl run is at work since "
    with pytest.raises(RuntimeError, match=words + rf"\d{{4}}-.* \(process {number} on .*\); wait until it has ended"):
        fill(out, "run")
    with pytest.raises(RuntimeError, match=words), locked_folder(out, command):
        pass
    assert (out / "table.csv").read_text(encoding="utf-8") == "half of a run"
    assert (out / f"{TEMPORARY}1234.csv").exists()  # the other may be writing it


def test_the_lock_of_a_killed_process_is_none_and_its_half_written_files_go(
    in_another_process: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    number = in_another_process(out, "run")
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    fill(out, "run")
    assert {path.name for path in out.iterdir()} == {LOCK, NOTE, "table.csv"}
    assert json.loads((out / NOTE).read_text(encoding="utf-8")) == {"made_by": "run"}


def test_half_written_files_in_another_commands_folder_inside_stay(tmp_path: Path) -> None:
    fill(tmp_path / "run", "run")
    fill(tmp_path / "run" / "mined", "audit")
    for folder in ("run/mined", "run/training/masks"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{TEMPORARY}1.csv").touch()
    (tmp_path / "run" / ".of_the_user").touch()
    fill(tmp_path / "run", "run")
    left = [path.relative_to(tmp_path / "run").as_posix() for path in tmp_path.rglob(f"{TEMPORARY}*")]
    assert left == [f"mined/{TEMPORARY}1.csv"] and (tmp_path / "run" / ".of_the_user").exists()


def test_a_folder_of_another_command_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    fill(tmp_path, "run")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    words = f"out must be a new folder or one that htl audit made, got {tmp_path}, which htl run made; choose another"
    with pytest.raises(FileExistsError, match=words):
        fill(tmp_path, "audit")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    fill(tmp_path, "run")  # its own may be filled again


@pytest.mark.parametrize("command", ["audit", "run"])
@pytest.mark.parametrize("has_note", [True, False])
def test_the_folder_of_a_stage_is_a_part_of_its_run(tmp_path: Path, command: str, has_note: bool) -> None:
    fill(tmp_path, "run")
    (tmp_path / "mining").mkdir()
    for name in ("started.json", "ranking.csv"):
        (tmp_path / "mining" / name).touch()
    if not has_note:
        (tmp_path / NOTE).unlink()
    with pytest.raises(FileExistsError, match=f"got {tmp_path}/mining, which is a part of {tmp_path}; choose another"):
        fill(tmp_path / "mining", command)
    assert not (tmp_path / "mining" / NOTE).exists()
    fill(tmp_path / "elsewhere" / "mined", command)  # a new folder inside a run is one of its own


def test_a_folder_of_the_user_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="which holds other files, such as thesis.tex; choose another folder"):
        fill(tmp_path, "run")
    with pytest.raises(FileExistsError, match="out must be a folder, got the file .*thesis.tex; choose another name"):
        fill(tmp_path / "thesis.tex", "run")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(("sign", "command"), [("training/started.json", "run"), ("phantom.json", "data phantom")])
def test_a_folder_that_is_older_than_the_notes_is_known_by_its_files(tmp_path: Path, sign: str, command: str) -> None:
    (tmp_path / sign).parent.mkdir(exist_ok=True)
    (tmp_path / sign).touch()
    with pytest.raises(FileExistsError, match=f"which htl {command} made"):
        fill(tmp_path, "predict")
    fill(tmp_path, command)


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'"run"', b"\xff", b'{"made_by": null, "writer": 3}'])
def test_a_damaged_note_says_nothing(tmp_path: Path, note: bytes) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "started.json").touch()
    (tmp_path / NOTE).write_bytes(note)
    fill(tmp_path, "run")
    assert json.loads((tmp_path / NOTE).read_text(encoding="utf-8")) == {"made_by": "run"}


@pytest.mark.parametrize("was_there", [True, False])
def test_a_command_that_wrote_nothing_leaves_nothing(tmp_path: Path, was_there: bool) -> None:
    out = tmp_path / "out"
    if was_there:
        out.mkdir()
    with pytest.raises(ValueError, match="no data"), output_folder(out, "audit"):
        raise ValueError("no data")
    assert out.exists() == was_there and not (was_there and list(out.iterdir()))
    fill(out, "run")


def test_a_part_of_a_command_has_the_folder_with_it(tmp_path: Path) -> None:
    with output_folder(tmp_path / "out", "demo"):
        fill(tmp_path / "out", "run")
        assert json.loads((tmp_path / "out" / NOTE).read_text(encoding="utf-8"))["made_by"] == "demo"
    with pytest.raises(FileExistsError, match="which htl demo made"):
        fill(tmp_path / "out", "run")


def test_a_table_may_be_added_to_a_run(tmp_path: Path) -> None:
    fill(tmp_path, "run")
    with locked_folder(tmp_path, "pie"):
        assert json.loads((tmp_path / NOTE).read_text(encoding="utf-8"))["writer"]["command"] == "pie"
    assert json.loads((tmp_path / NOTE).read_text(encoding="utf-8")) == {"made_by": "run"}
    fill(tmp_path, "run")
    with locked_folder(tmp_path / "nowhere", "pie"):
        pass
    assert not (tmp_path / "nowhere").exists()
