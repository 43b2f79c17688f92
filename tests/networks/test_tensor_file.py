"""Files of tensors: what they hold, and one sentence in our words for each that cannot be used."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from htl_monai.networks.tensor_file import load_tensors, read_state, save_tensors


class Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


def test_tensors_and_plain_values_come_back(tmp_path: Path) -> None:
    content = {
        "epoch": 3,
        "state": {"a": torch.ones(2), "b": [torch.zeros(1), "text", None]},
        "half": torch.ones(1).half(),
    }
    found = load_tensors(save_tensors(content, tmp_path / "a.pt"))
    assert (
        found["epoch"] == 3
        and torch.equal(found["state"]["a"], torch.ones(2))
        and found["state"]["b"][1:] == ["text", None]
    )


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_in_our_words_and_not_run(tmp_path: Path, zipped: bool) -> None:
    content = {"a": Payload(tmp_path / "executed")}
    torch.save(content, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="would run as code; give a file of a network's state_dict$") as raised:
        load_tensors(tmp_path / "evil.pt")
    assert not (tmp_path / "executed").exists()
    assert "weights_only" not in str(raised.value) and "\n" not in str(raised.value)
    pickle.loads(pickle.dumps(content))
    assert (tmp_path / "executed").exists()


def damaged(kind: str) -> bytes:
    file = io.BytesIO()
    torch.save(nn.Linear(50, 50).state_dict(), file)
    content = file.getvalue()
    if kind == "short":
        return content[:-300]
    if kind == "changed":
        middle = len(content) // 2
        return content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 20]) + content[middle + 20 :]
    return {"text": b"no checkpoint", "empty": b"", "pickle": pickle.dumps(3)}[kind]


@pytest.mark.parametrize("kind", ["short", "changed", "text", "empty", "pickle"])
def test_damaged_files_are_refused_in_our_words(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.pt").write_bytes(damaged(kind))
    words = "a.pt cannot be read as tensors: it is damaged, or torch.save did not write it; give a file of a network's"
    with pytest.raises(ValueError, match=words):
        load_tensors(tmp_path / "a.pt")


def test_an_archive_that_grows_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(100_000)}, tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as whole,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for entry in whole.infolist():
            small.writestr(entry.filename, whole.read(entry))
    with pytest.raises(ValueError, match="b.pt cannot be read as tensors: it is damaged, or torch.save did not write"):
        load_tensors(tmp_path / "b.pt")


def test_what_is_no_mapping_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none.pt does not exist; run the stage that writes it"):
        load_tensors(tmp_path / "none.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(ValueError, match="tensor.pt must hold a state_dict, got Tensor"):
        load_tensors(tmp_path / "tensor.pt")


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation:UserWarning")
def test_tensors_that_are_none_of_a_network(tmp_path: Path) -> None:
    for tensor, words in (
        (torch.zeros(3).to_sparse(), "plain tensors, got one of another kind in more.1;"),
        (torch.zeros(3, device="meta"), "plain tensors, got one of another kind in more.1;"),
        (torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8), "plain tensors, got one of another kind in"),
        (torch.zeros(1).expand(10**6, 10**6), "every number of its tensors, got fewer in more.1;"),
        (torch.tensor([1.0, torch.nan]), "finite numbers, got NaN or infinity in more.1;"),
        (torch.tensor([torch.inf]).to(torch.float8_e5m2), "finite numbers, got NaN or infinity in more.1;"),
    ):
        torch.save({"fine": torch.zeros(1), "more": [1, tensor]}, tmp_path / "a.pt")
        with pytest.raises(ValueError, match=f"a.pt must hold {words}"):
            load_tensors(tmp_path / "a.pt")


def test_a_container_inside_itself_is_read_once(tmp_path: Path) -> None:
    content: dict[str, Any] = {"a": torch.zeros(1)}
    content["self"] = content
    torch.save(content, tmp_path / "a.pt")
    assert load_tensors(tmp_path / "a.pt").keys() == {"a", "self"}


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_a_state_lies_bare_or_under_a_key(tmp_path: Path, key: str | None) -> None:
    state = nn.Linear(1, 1).state_dict()
    torch.save({key: state, "epoch": 3} if key else state, tmp_path / "a.pt")
    assert read_state(tmp_path / "a.pt").keys() == {"weight", "bias"}


@pytest.mark.parametrize(
    ("name", "value"), [("bias", 3), ("bias", [torch.zeros(1)]), ("bias", None), (5, torch.zeros(1))]
)
def test_a_state_with_anything_else_is_refused(tmp_path: Path, name: Any, value: Any) -> None:
    torch.save({"weight": torch.zeros(1, 1), name: value}, tmp_path / "a.pt")
    words = rf"a.pt must hold tensors by name, got {type(value).__name__} under {name!r}; give a file"
    with pytest.raises(ValueError, match=words):
        read_state(tmp_path / "a.pt")
