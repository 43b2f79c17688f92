"""A checkpoint is found with its own bundle, and its classes are those that it was trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from htl_monai.clinic.localized import load_localizer
from htl_monai.models.bundles import find_bundle
from htl_monai.models.find_model import find_model

NAMES = ["melanoma", "nevus", "seborrheic_keratosis"]


def test_a_run_is_of_the_bundle_that_its_record_names(weak_run: Path, finished_run: Path) -> None:
    weak = find_model(weak_run)
    assert weak.bundle == find_bundle("lesion_weak_localization")
    assert weak.weights == weak_run / "training" / "dense.pt" and weak.data == weak_run / "preparing" / "data.json"
    assert weak.entries["features"] == [8, 8, 16, 16, 32, 8] and weak.entries["hidden_channels"] == 6
    assert weak.heat_maps == {"cam_method": "GradCAMPlusPlus", "cam_layer": "activation", "cam_threshold": 150}
    for checkpoint in ("training/dense.pt", "finetuning_htl/model.pt"):
        outlines = find_model(finished_run / checkpoint)
        assert outlines.bundle == find_bundle("lesion_localization") and not outlines.heat_maps
        assert outlines.class_entries == {}
    record = json.loads((finished_run / "training" / "provenance.json").read_text(encoding="utf-8"))
    assert record["bundle"] == "lesion_localization"


@pytest.mark.parametrize("what", ["chest_xray_long_tail", "run"])
def test_a_model_that_only_classifies_is_refused(what: str, weak_run: Path) -> None:
    if what == "run":
        record = {"bundle": "chest_xray_long_tail", "config": {}}
        (weak_run / "training" / "provenance.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ValueError, match="model must be one that localizes, got .* of chest_xray_long_tail, which"):
        load_localizer(weak_run if what == "run" else what, "cpu")


def test_an_older_record_and_none_are_of_the_first_bundle(weak_run: Path) -> None:
    path = weak_run / "training" / "provenance.json"
    path.write_text('{"config": {"features": [1, 1, 1, 1, 1, 1]}}', encoding="utf-8")
    assert find_model(weak_run).bundle == find_bundle("lesion_localization")
    path.unlink()
    assert find_model(weak_run).bundle == find_bundle("lesion_localization")


def test_names_of_a_run_are_those_of_its_data_list(weak_run: Path, tmp_path: Path) -> None:
    assert find_model(weak_run).class_entries == {"num_classes": 3, "classes": NAMES}
    alone = Path(shutil.copytree(weak_run / "training", tmp_path / "somewhere" / "else"))
    assert find_model(alone / "dense.pt").class_entries == {"num_classes": 3, "classes": None}


def test_names_of_a_bundle_are_those_of_its_config(weak_bundle: Path) -> None:
    configs = find_model(weak_bundle).configs
    assert configs.value("num_classes") == 7
    assert configs.value("classes") == ["AKIEC", "BCC", "BKL", "DF", "MEL", "NV", "VASC"]


def test_names_that_are_not_as_many_as_the_classes(weak_run: Path) -> None:
    path = weak_run / "preparing" / "data.json"
    lists = json.loads(path.read_text(encoding="utf-8"))
    lists["training"] = [item for item in lists["training"] if item["diagnosis"] != "nevus"]
    path.write_text(json.dumps(lists), encoding="utf-8")
    with pytest.raises(ValueError, match=r"classes must be the 3 of .*dense.pt, got melanoma, seborrheic_keratosis in"):
        _ = find_model(weak_run).class_entries
