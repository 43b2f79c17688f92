"""The tables, JSON files and checkpoints that fuzz_inputs.py damages, and what reads them."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fuzz_mutations import NASTY_TEXT, mutated_bytes, mutated_cells, mutated_json, with_code
from monai.networks.nets import BasicUNet
from torch import nn

from htl_monai.attention.selection import read_selection
from htl_monai.data.files import read_note, read_table
from htl_monai.data.preparation.check import check_data
from htl_monai.data.preparation.diagnoses import class_names
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.models.find_model import find_model
from htl_monai.networks.weights import load_weights
from htl_monai.report.reader_ratings import read_key, read_ratings
from htl_monai.runs.overlays import collect_changes
from htl_monai.settings.checks import require_good_settings

__all__ = ["Case", "damaged_checkpoint", "damaged_json", "damaged_table", "tiny_network"]

Case = Callable[[], object]

_IMAGES = "id,image,label,split,age,sex,diagnosis,site\n" + "".join(
    f"{number},{number}.png,{number}.png,{split},{40 + number},{sex},{diagnosis},\n"
    for number, (split, sex, diagnosis) in enumerate(
        (("training", "m", "nevus"), ("validation", "female", ""), ("test", "", "melanoma"), ("unlabelled", "f", "NA"))
    )
)
_FINDINGS = "image,split,Mass,Edema,subject\n1.png,train,1,0,a\n2.png,val,0,,a\n3.png,test,-1,1,b\n4.png,test,0,0,c\n"
_RATINGS = (
    "study,reader,case,label_noise,image_quality,difficulty,remarks\n"
    "abcd,reader_1,case_1,1,2,3,\nabcd,reader_1,case_2,5,,4,fine\n"
)
_KEY = "study,case,id,is_pie\nabcd,case_1,7,True\nabcd,case_2,8,False\n"
_FORGETTING = "id,sparsity,forgetting,forgetting_relative\n0,0.5,0.1,0.2\n1,0.5,0.0,\n0,0.7,0.3,0.4\n"


def damaged_table(rng: random.Random, folder: Path, _marker: Path) -> Case:
    """Write one damaged CSV file and return what reads it."""
    cases = ["case_1", "case_2"]
    key = pd.DataFrame({"study": "abcd", "case": cases, "id": ["7", "8"], "is_pie": [True, False]})
    sources = {
        _IMAGES: (_load_lists, _check_lists),
        _FINDINGS: (lambda path: load_datalists(path, on_missing="keep", findings=True),),
        _RATINGS: (lambda path: read_ratings([path], key),),
        _KEY: (read_key,),
        _FORGETTING: (read_table,),
    }
    if rng.random() < 0.2:
        path, text, read = _official_table(rng, folder / str(rng.randrange(10**9)))
    else:
        text = rng.choice(list(sources))
        path, read = folder / f"{rng.randrange(10**9)}.csv", rng.choice(sources[text])
    if rng.random() < 0.6:
        encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
        path.write_bytes(mutated_cells(rng, text).encode(encoding, errors="replace"))
    else:
        path.write_bytes(mutated_bytes(rng, text.encode()))
    return lambda: read(path)


def _official_table(rng: random.Random, folder: Path) -> tuple[Path, str, Callable[[Path], object]]:
    """Make a folder in an official layout; return one of its tables, what stands in it, and what reads the folder."""
    if rng.random() < 0.5:
        text = "id,Mass,Edema,No Finding,subject_id\n00000001_000.png,1,0,0,1\n00000002_000.png,0,0,1,2\n"
        tables = [folder / f"miccai2023_nih-cxr-lt_labels_{split}.csv" for split in ("train", "val", "test")]
    else:
        text = "image,MEL,NV\nISIC_1,1.0,0.0\nISIC_2,0.0,1.0\n"
        (folder / "ISIC2018_Task3_Training_Input").mkdir(parents=True)
        tables = [folder / "ISIC2018_Task3_Training_GroundTruth" / "ISIC2018_Task3_Training_GroundTruth.csv"]
    for number, table in enumerate(tables):
        table.parent.mkdir(exist_ok=True)
        table.write_text(text.replace("0000000", f"{number}000000"))
    return rng.choice(tables), text, lambda path: _load_lists(folder)


def _load_lists(path: Path) -> object:
    return load_datalists(path, on_missing="keep")


def _check_lists(path: Path) -> object:
    return check_data(load_datalists(path, on_missing="keep", unique_ids=False), decode=False, require_masks=False)


_ITEM = {"id": "a", "image": "a.png", "label": "a.png", "age": 40.0, "sex": "male", "diagnosis": "nevus"}
_LISTS = {name: [{**_ITEM, "id": name}] for name in ("training", "validation", "test", "unlabelled")}
_RECORD = {
    "bundle": "lesion_weak_localization",
    "network": {
        "features": [8, 8, 16, 16, 32, 8],
        "feature_channels": 8,
        "hidden_channels": 6,
        "spatial_size": [48, 64],
        "cam_method": "GradCAMPlusPlus",
        "cam_layer": "activation",
        "cam_threshold": 120,
    },
    "versions": {"torch": "2", "code": {}},
}
_SELECTION = {"rule": {"kind": "top", "amount": 0.3}, "n_total": 2, "scores_sha256": ["0"], "data": [_ITEM]}
_VALUES = {
    "features": [8, 8, 16, 16, 32, 8],
    "spatial_size": [48, 64],
    "max_epochs": 4,
    "milestones": [3],
    "learning_rate": 0.1,
    "batch_size": 2,
    "device": "cpu",
    "precision": "fp32",
    "sparsities": [0.5, 0.7],
    "rule": "top",
    "amount": 0.3,
    "columns": {"id": "name"},
}
_NOTE = {
    "stage": "training",
    "fingerprint": "0",
    "inputs": {"a": "0"},
    "data": "0",
    "code": {"htl_monai.runs.demo": "0"},
}


def damaged_json(rng: random.Random, folder: Path, marker: Path) -> Case:
    """Write one damaged JSON file and return what reads it."""
    sources: list[tuple[Any, str, Callable[[Path], object]]] = [
        (_RECORD, "provenance.json", _find_network),
        (_LISTS, "data.json", load_datalists),
        (_LISTS, "data.json", lambda path: class_names(load_datalists(path)["training"])),
        ({"classes": ["Mass"], **_LISTS}, "data.json", partial(load_datalists, findings=True)),
        (_SELECTION, "htl.json", read_selection),
        (_VALUES, "overlay.json", lambda path: collect_changes([str(path)], None, {})),
        (_VALUES, "overlay.json", _check_settings),
        (_NOTE, "started.json", read_note),
    ]
    content, name, read = rng.choice(sources)
    path = folder / str(rng.randrange(10**9)) / name
    path.parent.mkdir()
    (path.parent / "dense.pt").touch()
    text = mutated_json(rng, content, with_code(str(marker)))
    raw = rng.random() < 0.3 and "overlay" not in name
    path.write_bytes(mutated_bytes(rng, json.dumps(content).encode()) if raw else text.encode())
    return lambda: read(path)


def _find_network(path: Path) -> object:
    return find_model(path.parent / "dense.pt")


def _check_settings(path: Path) -> None:
    try:
        require_good_settings(collect_changes([str(path)], None, {}))
    except ValueError as error:  # a line for each setting
        raise ValueError(str(error).splitlines()[0]) from error


class _Payload:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def tiny_network() -> nn.Module:
    """Return the network whose checkpoints are damaged."""
    torch.manual_seed(0)
    return BasicUNet(2, 3, 2, (4, 4, 4, 4, 4, 4), act=("relu", {"inplace": False}), norm="batch").eval()


def damaged_checkpoint(rng: random.Random, folder: Path, marker: Path) -> Case:
    """Write one damaged checkpoint and return what loads it."""
    network = tiny_network()
    path = folder / f"{rng.randrange(10**9)}.pt"
    state: dict[Any, Any] = dict(network.state_dict())
    kind = rng.randrange(6)
    if kind == 0:
        path.write_bytes(_with_payload(rng, state, marker))
    elif kind <= 2:
        path.write_bytes(mutated_bytes(rng, _saved(state, rng.random() < 0.7)))
    else:
        path.write_bytes(_saved(_other_values(rng, state), rng.random() < 0.7))

    def load() -> None:
        load_weights(network, path)
        broken = [name for name, value in network.state_dict().items() if not torch.isfinite(value).all()]
        assert not broken, f"weights that are not finite were taken: {broken[0]}"

    return load


def _saved(content: Any, as_zip: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=as_zip)
    return file.getvalue()


def _with_payload(rng: random.Random, state: dict[Any, Any], marker: Path) -> bytes:
    """Return code as a plain pickle, as a value of a checkpoint, or in the place of a checkpoint's own pickle."""
    kind = rng.randrange(3)
    if kind == 0:
        return pickle.dumps(_Payload(marker), protocol=rng.choice((0, 2, 4)))
    if kind == 1:
        state[rng.choice(list(state))] = _Payload(marker)
        return _saved(state, rng.random() < 0.5)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_saved(state, True))) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, pickle.dumps(_Payload(marker)) if name.endswith("data.pkl") else content)
    return changed.getvalue()


def _other_values(rng: random.Random, state: dict[Any, Any]) -> Any:
    """Return a state as it is, with something else in one place, or something else in its place."""
    if rng.random() < 0.15:
        return state
    name = rng.choice(list(state))
    value = state[name]
    nan = torch.full(value.shape, rng.choice((float("nan"), float("inf"))))
    others: list[Any] = [
        nan,
        nan,
        value.to(torch.complex64),
        value.to(torch.float64),
        value.to_sparse(),
        torch.zeros(1).expand(10**6, *value.shape),
        torch.zeros(0),
        value[None],
        np.float64(1),
        {"model": value},
        *NASTY_TEXT[:6],
        None,
        7,
        [],
    ]
    if rng.random() < 0.1:
        return rng.choice(([state], None, 7, "text", value, {}, {"model": 3}, {"model": {}}, {"model": [state]}))
    if rng.random() < 0.1:
        del state[name]
    state[rng.choice((name, name, name, 5, "", "other", (1, 2)))] = rng.choice(others)
    return {"model": state} if rng.random() < 0.3 else state


def clear(folder: Path) -> None:
    """Make an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
