"""What lies beside weights is data: whatever is written there, predict and audit run none of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

import htl_monai
from htl_monai.clinic.predict import predict
from htl_monai.models.bundles import find_bundle, find_overlay, own_bundles
from htl_monai.models.find_model import find_model
from htl_monai.models.model_record import HEAT_MAPS, NETWORK, is_plain_text
from htl_monai.networks.unet_sizes import UNET_SIZES
from htl_monai.runs.overlays import collect_changes
from htl_monai.settings.setting_rules import SCHEMA

Command = Callable[[Path], Any]


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    """The file that a payload makes when it runs."""
    return tmp_path / "executed"


@pytest.fixture
def payload(executed: Path) -> str:
    return f"$__import__('pathlib').Path({str(executed)!r}).touch()"


@pytest.fixture
def payloads(payload: str, executed: Path, tmp_path: Path) -> list[Any]:
    """The same code as an expression, inside of lists, as an object, through a macro and through references."""
    macro = tmp_path / "macro.json"
    macro.write_text(json.dumps({"entry": payload}))
    touch = {"_target_": "pathlib.Path.touch", "self": {"_target_": "pathlib.Path", "_args_": [str(executed)]}}
    called = {"_target_": "subprocess.call", "args": ["touch", str(executed)]}
    return [payload, [payload], [1, 1, 1, 1, 1, payload], [48, payload], touch, called, f"%{macro}#entry", "@device"]


@pytest.fixture
def foreign_bundle(tmp_path: Path) -> Path:
    """The folder of a bundle that is not the package's."""
    folder = tmp_path / "my_bundle"
    shutil.copytree(own_bundles()["lesion_weak_localization"] / "configs", folder / "configs")
    (folder / "models").mkdir()
    (folder / "models" / "model.pt").touch()
    return folder


@pytest.fixture
def commands(tiny_diagnoses: Path, tmp_path: Path) -> dict[str, Command]:
    out, images = tmp_path / "out", tiny_diagnoses.parent / "phantom" / "images"
    return {
        "predict": lambda model: predict(model, images, out, progress=False),
        "audit": lambda model: htl_monai.audit(model, tiny_diagnoses, out, device="cpu"),
        "heat maps": lambda model: htl_monai.audit(model, tiny_diagnoses, out, task="heat_map_localization"),
    }


def test_the_payload_runs_where_it_is_parsed(payload: str, executed: Path) -> None:
    ConfigParser({"entry": payload}).get_parsed_content("entry")
    assert executed.exists()


@pytest.mark.parametrize("place", ["network", "config"])
@pytest.mark.parametrize("key", [*NETWORK, *HEAT_MAPS])
def test_a_record_is_never_run(
    place: str, key: str, payloads: list[Any], weak_run: Path, commands: dict[str, Command], executed: Path
) -> None:
    for value in payloads:
        record = {"bundle": "lesion_weak_localization", place: {key: value}}
        (weak_run / "training" / "provenance.json").write_text(json.dumps(record))
        for command in commands.values():
            with pytest.raises(ValueError, match=rf"^{place}\.{key} in .*training/provenance.json must be .*; correct"):
                command(weak_run)
    assert not executed.exists()


def test_a_record_names_one_of_the_packages_bundles(
    payload: str, weak_run: Path, foreign_bundle: Path, commands: dict[str, Command], executed: Path
) -> None:
    plant(foreign_bundle, payload)
    for bundle in (str(foreign_bundle), "../../my_bundle", payload, ["lesion_localization"], None, 3):
        (weak_run / "training" / "provenance.json").write_text(json.dumps({"bundle": bundle}))
        for command in commands.values():
            with pytest.raises(
                ValueError, match=r"^bundle in .*/provenance.json must be one of chest_xray_long_tail, "
            ):
                command(weak_run)
    assert not executed.exists()


def test_configs_above_a_checkpoint_are_never_run(
    payload: str, foreign_bundle: Path, commands: dict[str, Command], executed: Path
) -> None:
    plant(foreign_bundle, payload)
    for command in commands.values():
        with pytest.raises(ValueError, match=r"^model must be a bundle's folder where .*; give .*/my_bundle, whose"):
            command(foreign_bundle / "models" / "model.pt")
    assert not executed.exists()


def test_configs_in_the_folder_of_a_run_are_never_run(
    payload: str, weak_run: Path, foreign_bundle: Path, executed: Path
) -> None:
    plant(foreign_bundle, payload)
    shutil.copytree(foreign_bundle / "configs", weak_run / "configs")
    with pytest.raises(ValueError, match="model must be a bundle's folder where its weights lie in one"):
        find_model(weak_run)
    assert not executed.exists()


def test_names_in_a_data_list_are_never_run(
    payloads: list[Any], weak_run: Path, commands: dict[str, Command], executed: Path
) -> None:
    path = weak_run / "preparing" / "data.json"
    lists = json.loads(path.read_text())
    for value in payloads:
        for item in lists["training"]:
            item["diagnosis"] = value if item["diagnosis"] in ("nevus", value) else item["diagnosis"]
        path.write_text(json.dumps(lists))
        for item in lists["training"]:
            item["diagnosis"] = "nevus" if item["diagnosis"] == value else item["diagnosis"]
        for command in commands.values():
            with pytest.raises(ValueError, match=r"^diagnosis .*/preparing/data.json must "):
                command(weak_run)
    assert not executed.exists()


def test_the_working_directory_shadows_no_name(
    payload: str, foreign_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executed: Path
) -> None:
    plant(foreign_bundle, payload)
    here = tmp_path / "here"
    shutil.copytree(foreign_bundle, here / "lesion_localization")
    (here / "sizes").mkdir()
    (here / "sizes" / "cpu.json").write_text(json.dumps({"network_size": payload}))
    monkeypatch.chdir(here)
    assert find_model("lesion_localization").bundle == own_bundles()["lesion_localization"]
    assert find_bundle("lesion_localization") == own_bundles()["lesion_localization"]
    assert collect_changes(["sizes/cpu.json"], None, {})["network_size"] == "slim"
    assert find_bundle("./lesion_localization") == here / "lesion_localization"
    assert find_overlay("./sizes/cpu.json") == here / "sizes" / "cpu.json"
    assert not executed.exists()


def test_a_path_must_look_like_one(foreign_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"got 'my_bundle'; write ./my_bundle to use what is there$"):
        find_bundle("my_bundle")
    with pytest.raises(FileNotFoundError, match=r"^model must be .*, got my_bundle; write ./my_bundle to run"):
        find_model("my_bundle")
    with pytest.raises(FileNotFoundError, match=r"got 'mine.json'; write ./mine.json to use what is there$"):
        find_overlay("mine.json")
    (tmp_path / "mine.yaml").write_text("{}")
    with pytest.raises(FileNotFoundError, match="overlay must be one of .* or the path of a .json file, got './mine."):
        find_overlay("./mine.yaml")
    with pytest.raises(FileNotFoundError, match="overlay must be one of pruners/low_rank.json, .*; check it$"):
        find_overlay("sizes/../../pyproject.toml")


def test_one_line_says_that_code_from_outside_runs(
    foreign_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find_model("lesion_localization")
    find_model(own_bundles()["lesion_localization"])
    find_model(own_bundles()["lesion_localization"] / "models" / "model.pt")
    collect_changes(["sizes/cpu.json"], None, {})
    assert capsys.readouterr().err == ""
    overlay = tmp_path / "mine.json"
    overlay.write_text("{}")
    find_model(foreign_bundle)
    collect_changes([str(overlay)], None, {})
    words = "is not part of the package, and can run code: use it only if you trust it"
    assert capsys.readouterr().err.splitlines() == [f"htl: {foreign_bundle} {words}", f"htl: {overlay} {words}"]


def test_a_run_is_described_by_values(finished_run: Path) -> None:
    record = json.loads((finished_run / "training" / "provenance.json").read_text())
    assert record["network"] == {
        "network_size": "classical",
        "features": [8, 8, 16, 16, 32, 8],
        "spatial_size": [48, 64],
    }
    assert find_model(finished_run).entries == record["network"]


def test_an_older_record_may_hold_the_bundles_own_expressions(weak_run: Path) -> None:
    sizes = "{'classical': [64, 128, 256, 512, 1024, 64], 'slim': [32, 32, 64, 128, 256, 32]}"
    config = {"network_size": "slim", "features": f"${sizes}[@network_size]", "feature_channels": "$@features[-1]"}
    path = weak_run / "training" / "provenance.json"
    path.write_text(json.dumps({"bundle": "lesion_weak_localization", "config": config}))
    assert find_model(weak_run).entries["feature_channels"] == "$@features[-1]"
    path.write_text(json.dumps({"bundle": "lesion_weak_localization", "config": {"feature_channels": "$@features[0]"}}))
    with pytest.raises(ValueError, match=r"feature_channels in .* must be a whole number from 1 to 2048, got '\$@feat"):
        find_model(weak_run)


def test_weights_inside_the_packages_own_bundle_are_described_by_it() -> None:
    for name in ("lesion_localization", "lesion_weak_localization"):
        folder = own_bundles()[name]
        assert find_model(folder / "models" / "model.pt") == find_model(name) == find_model(folder)


def test_network_sizes_are_those_of_the_bundles() -> None:
    sizes = SCHEMA["properties"]["network_size"]["enum"]
    for name in ("lesion_localization", "lesion_weak_localization"):
        config = ConfigParser.load_config_file(str(own_bundles()[name] / "configs" / "train.json"))
        for size in sizes:
            assert len(ConfigParser({**config, "network_size": size}).get_parsed_content("features")) == 6
    assert sizes == list(UNET_SIZES)


@pytest.mark.parametrize("name", ["a @# b", "%#b", "x %:: y", "$x", "@x", "%x"])
def test_text_that_a_config_would_change_is_not_plain(name: str) -> None:
    assert not is_plain_text(name)


def test_bad_numbers_of_a_record(weak_run: Path) -> None:
    for key, values in bad_values():
        for value in values:
            record = {"bundle": "lesion_weak_localization", "network": {key: value}}
            (weak_run / "training" / "provenance.json").write_text(json.dumps(record))
            with pytest.raises(ValueError, match=rf"^network.{key} in .* must be "):
                find_model(weak_run)


def bad_values() -> Iterator[tuple[str, list[Any]]]:
    whole = [0, -1, 1.5, True, 10**400, "8", None]
    yield "feature_channels", whole
    yield "hidden_channels", [*whole, [8]]
    yield "features", [[], [8] * 5, [8] * 7, *([8] * 5 + [value] for value in whole), 8, {}]
    yield "spatial_size", [[], [48], [48, 48, 48], *([48, value] for value in (*whole, 15)), [48, 4097]]
    yield "cam_threshold", [-1, 0, 256, True, "180", None, 10**400, []]
    yield "cam_method", ["", "EigenCAM", "a b", "os.system('x')", None, 1]
    yield "cam_layer", ["", ".a", "a.", "a-b", 1, []]
    yield "network_size", ["", "huge", None, 1, ["tiny"]]


def plant(bundle: Path, payload: str) -> None:
    """Put the payload where every command would run it."""
    for path in (bundle / "configs").glob("*.json"):
        content = json.loads(path.read_text())
        content |= {key: payload for key in ("network_def", "network_size", "classes", "imports") if key in content}
        path.write_text(json.dumps(content))
