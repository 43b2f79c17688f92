"""The task of a bundle, told by its metadata and configs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from htl_monai.tasks.from_metadata import from_metadata
from htl_monai.tasks.output_format import activation_in
from htl_monai.tasks.own_activation import are_probabilities
from htl_monai.tasks.task import Task, task_named, task_types

SIGMOID = [{"_target_": "Activationsd", "keys": "pred", "sigmoid": True}]
SOFTMAX = [{"_target_": "Activationsd", "keys": "pred", "softmax": True}]
ARGMAX = [{"_target_": "AsDiscreted", "keys": ["pred", "label"], "argmax": [True, False], "to_onehot": 2}]


def metadata(format_: str, channels: int, names: list[str] | None, shape: list[Any] | None = None, key: str = "pred"):
    channel_def = None if names is None else {str(i): name for i, name in enumerate(names)}
    entry = {"type": "image", "format": format_, "num_channels": channels, "channel_def": channel_def}
    return {"network_data_format": {"outputs": {key: entry | {"spatial_shape": shape or [96, 96, 96]}}}}


# As the bundles of the model zoo describe themselves: spleen, endoscopic tool, btcv, brats, nuclick, renal structures,
# prostate, pediatric abdomen, in-body, breast density, tumour detection.
@pytest.mark.parametrize(
    ("meta", "config", "name", "classes"),
    [
        (metadata("segmentation", 2, ["background", "spleen"]), SOFTMAX, "binary_segmentation", None),
        (metadata("segmentation", 2, ["background", "tools"]), None, "binary_segmentation", None),
        (metadata("segmentation", 3, ["background", "a", "b"]), SOFTMAX, "multiclass_segmentation", None),
        (metadata("segmentation", 3, ["core", "whole", "enhancing"]), SIGMOID, "multilabel_segmentation", None),
        (metadata("segmentation", 1, ["Nuclei"]), SIGMOID, "binary_segmentation", ("background", "Nuclei")),
        (metadata("segmentation", 3, ["background", "artery", "vein"]), SIGMOID, "multilabel_segmentation", None),
        (metadata("labels", 3, ["background", "central", "zone"]), SOFTMAX, "multiclass_segmentation", None),
        (
            metadata("segmentation", 3, None),
            SOFTMAX,
            "multiclass_segmentation",
            ("background", "class 1", "class 2"),
        ),
        (metadata("classes", 2, ["in body", "out body"], [1, 2]), ARGMAX, "multiclass_classification", None),
        (metadata("labels", 4, ["A", "B", "C", "D"], [1, 4]), SIGMOID, "multilabel_classification", None),
        (metadata("classification", 1, ["metastasis"], [1, 1]), None, "multilabel_classification", ("metastasis",)),
        (metadata("heat map", 1, ["where"], [48, 64]), None, "heat_map_localization", ("background", "where")),
    ],
)
def test_tasks_of_many_bundles(meta, config, name, classes):
    task = from_metadata(meta, config=config)
    assert task.name == name
    described = meta["network_data_format"]["outputs"]["pred"]["channel_def"]
    assert task.classes == (classes or tuple(described.values()))


@pytest.mark.parametrize("bundle", ["lesion_localization", "lesion_weak_localization", "chest_xray_long_tail"])
def test_tasks_of_the_bundles(bundle, request):
    configs = request.config.rootpath / "bundle" / bundle / "configs"
    task = from_metadata(
        json.loads((configs / "metadata.json").read_text()), config=json.loads((configs / "train.json").read_text())
    )
    assert (task.name, len(task.classes)) == {
        "lesion_localization": ("binary_segmentation", 2),
        "lesion_weak_localization": ("multiclass_classification", 7),
        "chest_xray_long_tail": ("multilabel_classification", 15),
    }[bundle]


def test_a_named_task_takes_the_output_that_it_reads():
    meta = metadata("classes", 2, ["a", "b"], [1])
    meta["network_data_format"]["outputs"] |= metadata("heat map", 1, ["where"], [8, 8], "heat")["network_data_format"][
        "outputs"
    ]
    task = from_metadata(meta, "heat_map_localization")
    assert task.selector == "heat"
    assert task.select({"pred": torch.zeros(1, 2), "heat": torch.ones(1, 1, 2, 2)}).sum() == 4
    assert from_metadata(meta, "multilabel_classification").selector is None


def test_what_configs_say_in_turn_counts_as_silence():
    assert activation_in({"loss": {"_target_": "DiceCELoss", "sigmoid": True}, "post": SOFTMAX}) is None
    assert activation_in({"loss": {"_target_": "htl_monai.losses.masked_bce.MaskedBCE"}}) == "sigmoid"
    assert activation_in({"loss": {"_target_": "DiceLoss", "softmax": False, "sigmoid": "$@x"}}) is None


@pytest.mark.parametrize(
    ("meta", "name", "message"),
    [
        ({}, None, "metadata.json must describe network_data_format#outputs, got none; add them"),
        (
            metadata("magnitude", 1, ["image"]),
            None,
            "must describe a task that is known, got pred: magnitude of",
        ),
        (metadata("segmentation", 2, ["a", "b"]), None, r"got pred: segmentation of 2 channels, softmax or sigmoid\?"),
        (
            metadata("segmentation", 3, ["background", "a"]),
            None,
            "channel_def of output 'pred' must name its 3",
        ),
        (
            metadata("segmentation", 3, ["background", "a", "b"]),
            "binary_segmentation",
            "must fit metadata.json, got 'binary_segmentation' for pred: segmentation of 3 channels, softmax; corr",
        ),
        (metadata("segmentation", 2, ["background", "a"]), "multiclass_classification", "task must fit metadata.json"),
        (
            metadata("segmentation", 2, ["background", "a"]),
            "detection",
            "must be one of .*binary_seg.*got 'detection'",
        ),
    ],
)
def test_metadata_that_tells_no_task(meta, name, message):
    with pytest.raises(ValueError, match=message):
        from_metadata(meta, name)


def test_a_name_settles_what_metadata_leaves_open():
    meta = metadata("segmentation", 3, ["a", "b", "c"])
    assert from_metadata(meta, "multilabel_segmentation").name == "multilabel_segmentation"
    assert from_metadata(meta, "multiclass_segmentation").name == "multiclass_segmentation"


def test_the_registry_finds_a_task_by_its_file(monkeypatch, tmp_path):
    (tmp_path / "depth_estimation.py").write_text(
        "from htl_monai.tasks.binary_segmentation import BinarySegmentation\n"
        "class DepthEstimation(BinarySegmentation):\n    name = 'depth_estimation'\n"
    )
    before = set(task_types())
    monkeypatch.setattr("htl_monai.tasks.__path__", [*__import__("htl_monai.tasks").tasks.__path__, str(tmp_path)])
    (tmp_path / "area.py").write_text(
        "from htl_monai.tasks.binary_segmentation import BinarySegmentation\n"
        "class Area(BinarySegmentation):\n    name = 'area'\n"
    )
    assert set(task_types()) - before == {"area", "depth_estimation"}
    assert issubclass(task_named("area"), Task)
    meta = metadata("segmentation", 2, ["background", "a"])
    assert from_metadata(meta).name == "binary_segmentation"  # though "area" reads this, too, and comes first
    assert from_metadata(meta, "area").name == "area"


TASK = task_named("multilabel_classification")


def test_outputs_are_selected():
    first, second = torch.zeros(1, 2), torch.ones(1, 2)
    plain = TASK(("a", "b"))
    assert plain.select(first) is plain.select([first, second]) is plain.select((first,)) is first
    assert plain.select({"logits": first, "loss": 0.5}) is first
    assert TASK(("a", "b"), selector=-1).select([first, second]) is second
    assert TASK(("a", "b"), selector="b").select({"a": first, "b": second}) is second
    assert TASK(("a", "b"), selector=lambda output: output["deep"][1]).select({"deep": [first, second]}) is second


@pytest.mark.parametrize(
    "metadata",
    [
        {"network_data_format": 3},
        {"network_data_format": {"outputs": []}},
        {"network_data_format": {"outputs": {"pred": []}}},
        {"network_data_format": {"outputs": {"pred": {"num_channels": "x"}}}},
        {"network_data_format": {"outputs": {"pred": {"num_channels": 2, "spatial_shape": 3}}}},
        {"network_data_format": {"outputs": {"pred": {"num_channels": 2, "channel_def": {"a": "b"}}}}},
    ],
)
def test_metadata_that_are_no_metadata(metadata):
    with pytest.raises(ValueError, match=r"network_data_format.* of metadata.json must fit, got: .*; correct it"):
        from_metadata(metadata)


def test_masks_of_a_sigmoid_have_no_background_that_nobody_named():
    output = {"format": "segmentation", "num_channels": 2}
    found = from_metadata({"network_data_format": {"outputs": {"pred": output}}}, None, [{"sigmoid": True}])
    assert found.name == "multilabel_segmentation" and found.foreground == ("class 0", "class 1")


@pytest.mark.parametrize(
    ("pred", "exclusive", "expected"),
    [
        (torch.softmax(torch.arange(60.0).sin().view(2, 3, 10), dim=1), True, True),
        (torch.arange(60.0).sin().view(2, 3, 10), True, False),
        (torch.sigmoid(torch.arange(1200.0).sin().view(2, 1, 600)), True, True),
        (torch.sigmoid(torch.arange(1200.0).sin().view(2, 2, 300)), False, True),
        (torch.full((1, 3), 0.2), False, False),  # too few to tell
        (torch.sigmoid(torch.arange(16.0).sin().view(8, 2)), False, True),
        (torch.sigmoid(torch.arange(16.0).sin().view(16, 1)), True, True),
        (torch.zeros(1, 2, 600), False, False),
        (torch.zeros(1, 2, 600), True, False),
        (torch.ones(1, 1, 2000, dtype=torch.int64), True, False),
    ],
)
def test_probabilities_are_told_from_logits(pred, exclusive, expected):
    assert are_probabilities(pred, exclusive) is expected


@pytest.mark.parametrize(
    ("selector", "output", "message"),
    [
        (
            None,
            {"a": torch.ones(1), "b": torch.ones(1)},
            r"selector must name one of.*\['a', 'b'\], got None; set it, of an audit with --bind",
        ),
        (None, [], "selector must lead to a tensor in the network's output, got list"),
        ("c", {"a": torch.ones(1)}, r"selector must be in the network's output \['a'\], got 'c'; name one of these"),
        (3, [torch.ones(1)], "selector must be in the network's output list of 1, got 3"),
        ("a", {"a": "text"}, "selector must lead to a tensor in the network's output, got str by 'a'"),
    ],
)
def test_outputs_that_cannot_be_selected(selector, output, message):
    with pytest.raises(ValueError, match=message):
        TASK(("a", "b"), selector=selector).select(output)


@pytest.mark.parametrize(
    ("classes", "foreground", "message"),
    [
        ((), (), r"classes must be different names, got \[\]"),
        (("a", "a"), (), "classes must be different names"),
        (("a", "b"), ("c",), r"foreground must be some of the classes \['a', 'b'\], got \['c'\]"),
    ],
)
def test_classes_that_are_none(classes, foreground, message):
    with pytest.raises(ValueError, match=message):
        TASK(classes, foreground)
    with pytest.raises(ValueError, match="classes must be the background and one other"):
        task_named("binary_segmentation")(("a", "b", "c"))
