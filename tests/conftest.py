"""A small phantom, the settings of a tiny run, and one finished run that tests read."""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import re
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.bundle import ConfigParser
from monai.networks.nets import BasicUNet

from htl_monai.data.preparation.prepared import prepare_diagnoses
from htl_monai.models.bundles import find_bundle
from htl_monai.phantoms.lesion_phantom import write_phantom
from htl_monai.runs.plan import plan_setting
from htl_monai.runs.workflow import run_plan
from htl_monai.scores import make_scores, write_scores

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# One process that has imported everything and is copied where a test needs a process of its own.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["htl_monai.runs.workflow"])

CHROMIUM = runpy.run_path(str(Path(__file__).resolve().parents[1] / "scripts" / "chromium.py"))
REPORT_IN_USE = runpy.run_path(str(Path(__file__).with_name("report_in_use.py")))

FEATURES = [8, 8, 16, 16, 32, 8]
TINY = {
    "features": FEATURES,
    "network_def#norm": ["batch", {"momentum": 0.5}],  # so that few batches suffice
    "spatial_size": [48, 64],
    "max_epochs": 4,
    "milestones": [3],
    "learning_rate": 0.1,
    "finetune_epochs": 4,
    "finetune_milestones": [3],
    "batch_size": 2,
    "num_workers": 0,
    "device": "cpu",
    "precision": "fp32",
    "sparsities": [0.5, 0.7],
    "rule": "top",
    "amount": 0.3,
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Sums then have one order, so that runs can be compared byte by byte; and test processes do not fight."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def one_precision() -> Iterator[None]:
    """What is fastest differs from processor to processor, and with it the results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("htl_monai.engines.precision.fastest_precision", lambda device: "fp32")
        yield


@pytest.fixture(autouse=True)
def logging_goes_on() -> Iterator[None]:
    """A script silences the logging of its process, which is here that of all tests."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def start_process() -> Callable[..., ForkServerProcess]:
    """Return a function that calls another one in a process of its own."""

    def start(target: Callable[..., Any], *args: Any, **kwargs: Any) -> ForkServerProcess:
        process = FORKS.Process(target=with_one_thread, args=(target, args, kwargs))
        process.start()
        return process

    return start


def with_one_thread(target: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    torch.set_num_threads(1)
    target(*args, **kwargs)


def run_module(module: str, arguments: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path) -> None:
    """Do what ``python -m MODULE ARGUMENTS`` in a folder does, and write what it prints to ``log``."""
    os.chdir(folder)
    os.environ.update(variables)
    sys.argv[:] = [module, *arguments]
    with log.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


@pytest.fixture
def as_modules(tmp_path: Path, start_process: Callable[..., ForkServerProcess]) -> Callable[..., None]:
    """Return a function that runs ``python -m MODULE ARGUMENTS`` from a folder, once for each set of variables.

    The processes run beside each other and are copies of one that has imported everything, which takes longest.
    """

    def run(module: str, arguments: Sequence[str], folder: Path, *variables: Mapping[str, str]) -> None:
        logs = [tmp_path / f"process_{number}.log" for number in range(len(variables))]
        processes = [
            start_process(run_module, module, arguments, folder, values, log)
            for values, log in zip(variables, logs, strict=True)
        ]
        for process in processes:
            process.join()
        said = "\n".join(log.read_text(encoding="utf-8")[-6000:] for log in logs)
        assert [process.exitcode for process in processes] == [0] * len(processes), said

    return run


@pytest.fixture(scope="session")
def write_table() -> Callable[..., Path]:
    """Return a function that writes a table as the scores that give it: one row a sample, or a sample and sparsity."""

    def write(path: Path, table: pd.DataFrame, primary: str = "foreground_iou") -> Path:
        swept, first = "sparsity" in table, table.drop_duplicates("id")
        levels = [0.0, *(sorted(table["sparsity"].unique()) if swept else ())]
        names = [str(column) for column in table if re.search("_dense$" if swept else "iou|dice", str(column))]
        found: dict[str, Any] = {}
        for name in [name.removesuffix("_dense") for name in names]:
            columns = [first.set_index("id")[f"{name}_dense" if swept else name]]
            columns += [table[table["sparsity"] == level].set_index("id")[f"{name}_pruned"] for level in levels[1:]]
            found[name] = (("sample", "level"), pd.concat(columns, axis=1).loc[first["id"]].to_numpy(dtype=float))
        measured = "iou|dice|agreement|px|sparsity|forgetting|learned|rank"
        metadata = [column for column in first if not re.search(measured, column)]
        data = [{key: None if pd.isna(value) else value for key, value in row.items()}
                for row in first[metadata].to_dict("records")]  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_scores(path, make_scores(data, list(first["id"]), found, levels, ["all"], primary=primary))

    return write


@pytest.fixture(scope="session")
def tiny_settings() -> dict[str, Any]:
    """Settings of a run that takes seconds; to be read only, see ``tiny``."""
    return TINY


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A copy of the settings, to be changed at will."""
    return dict(TINY)


@pytest.fixture
def tiny_unet() -> BasicUNet:
    """A seeded U-Net whose batch norm has seen data and which calls about half of the pixels lesion."""
    torch.manual_seed(0)
    network = BasicUNet(2, 3, 2, FEATURES, act=("relu", {"inplace": False}), norm="batch")
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(4, 3, 48, 64))
        background, lesion = network.eval()(torch.rand(1, 3, 48, 64))[0]
        network.final_conv.bias[0] += (lesion - background).median()
    return network


@pytest.fixture(scope="session")
def tiny_phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine training images (an odd number, for uneven shards), three for validation and four for the test."""
    counts = {"training": 9, "validation": 3, "test": 4}
    return write_phantom(tmp_path_factory.mktemp("phantom"), counts, size=(48, 64), seed=1, hard_fraction=0.25)


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of MLflow for all tests, as a new one takes seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="session")
def finished_run(tiny_phantom: Path, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages of the supervised setting on the phantom, told to MLflow; to be read only, see ``tiny_run``."""
    out = tmp_path_factory.mktemp("finished") / "run"
    settings = {**TINY, "mlflow": True, "mlflow_uri": mlflow_uri}
    return run_plan(plan_setting("supervised", tiny_phantom, out, settings=settings, progress=False), lambda text: None)


@pytest.fixture
def tiny_run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def tiny_diagnoses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data list of the weakly supervised setting: three diagnoses to train on, three test images with masks.

    The phantom that it is made of lies in the folder ``phantom`` beside it.
    """
    folder = tmp_path_factory.mktemp("diagnoses")
    counts = {"training": 3, "validation": 1, "test": 3, "unlabelled": 14}
    phantom = write_phantom(folder / "phantom", counts, size=(48, 64), seed=1, hard_fraction=0.25)
    prepare_diagnoses(phantom, folder / "data.json", validation_share=0.2, leave_out_near_duplicates=False)
    return folder / "data.json"


@pytest.fixture
def weak_run(tiny_diagnoses: Path, tmp_path: Path) -> Path:
    """The folder of a weakly supervised run, with seeded random weights for the dense network."""
    run = tmp_path / "weak_run"
    (run / "preparing").mkdir(parents=True)
    shutil.copy(tiny_diagnoses, run / "preparing" / "data.json")
    configs = find_bundle("lesion_weak_localization") / "configs"
    config = ConfigParser.load_config_file(str(configs / "train.json"))
    config |= {"features": FEATURES, "spatial_size": [48, 64], "hidden_channels": 6, "cam_threshold": 150}
    parser = ConfigParser({**config, "num_classes": 3})
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(4, 3, 48, 64))
    (run / "training").mkdir()
    torch.save(network.state_dict(), run / "training" / "dense.pt")
    record = {"bundle": "lesion_weak_localization", "config": config}
    (run / "training" / "provenance.json").write_text(json.dumps(record), encoding="utf-8")
    return run


@pytest.fixture
def picture() -> np.ndarray:
    """Light skin (60, 90, 3) with a dark block in the upper right and a reddish one below: no symmetry at all."""
    pixels = np.full((60, 90, 3), (220, 180, 160), dtype=np.uint8)
    pixels[6:18, 60:84] = (20, 10, 30)
    pixels[40:50, 5:15] = (250, 120, 110)
    return pixels


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """The one Chromium of all tests, without a window; what it saves goes to ``browser.downloads``."""
    folder = tmp_path_factory.mktemp("chromium")
    try:
        chrome = CHROMIUM["start_chromium"](folder)
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error))
    chrome.downloads = folder / "downloads"
    yield chrome
    chrome.quit()


@pytest.fixture
def open_page(browser: Chrome) -> Iterator[Callable[..., Chrome]]:
    """Return a function that opens a page; at the end, its console must be empty and no server have been asked.

    Files that are missing are no fault of the page.
    """

    def opened(path: Path, **look: Any) -> Chrome:
        CHROMIUM["show_as"](browser, **look)
        browser.get(path.resolve().as_uri())
        return browser

    for log in ("browser", "performance"):
        browser.get_log(log)
    yield opened
    said = [entry["message"] for entry in browser.get_log("browser")]
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    browser.get("about:blank")
    assert not [text for text in said if "ERR_FILE_NOT_FOUND" not in text]
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]


@pytest.fixture
def use_report(open_page: Callable[..., Chrome]) -> Callable[[Path], None]:
    """Return a function that uses the report of a folder as a person does, whatever it is of."""
    return lambda folder: REPORT_IN_USE["use_report"](open_page(folder / "report.html"))
