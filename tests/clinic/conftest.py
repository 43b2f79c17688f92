"""Bundles with made-up weights and an asymmetric picture."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.networks.nets import BasicUNet

BUNDLES = Path(__file__).parents[2] / "bundle"
BUNDLE = BUNDLES / "lesion_localization"
WEAK_BUNDLE = BUNDLES / "lesion_weak_localization"


@pytest.fixture
def slim_bundle(tmp_path: Path, picture: np.ndarray) -> Path:
    """The shipped configs with a slim U-Net of seeded random weights that calls about half of ``picture`` lesion."""
    folder = tmp_path / "slim_bundle"
    shutil.copytree(BUNDLE / "configs", folder / "configs")
    torch.manual_seed(0)
    features = json.loads((folder / "configs" / "inference.json").read_text(encoding="utf-8"))["features"]
    network = BasicUNet(2, 3, 2, features, act=("relu", {"inplace": False}), norm="batch").eval()
    with torch.no_grad():
        background, lesion = network(torch.from_numpy(picture.transpose(2, 0, 1)[None] / np.float32(255)))[0]
        network.final_conv.bias[0] += (lesion - background).median()
    (folder / "models").mkdir()
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    return folder


@pytest.fixture
def dark_bundle(tmp_path: Path) -> Path:
    """The shipped configs around a 1x1 convolution that calls dark pixels lesion, at the size of ``picture``."""
    folder = tmp_path / "dark_bundle"
    shutil.copytree(BUNDLE / "configs", folder / "configs")
    path = folder / "configs" / "inference.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["spatial_size"] = [60, 90]
    config["network_def"] = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 2, "kernel_size": 1}
    path.write_text(json.dumps(config), encoding="utf-8")
    weight = torch.tensor([10.0, -10.0]).reshape(2, 1, 1, 1).expand(2, 3, 1, 1).contiguous()
    (folder / "models").mkdir()
    torch.save({"weight": weight, "bias": torch.tensor([-12.0, 12.0])}, folder / "models" / "model.pt")
    return folder


@pytest.fixture
def weak_bundle(tmp_path: Path) -> Path:
    """The shipped configs of the weakly supervised bundle with seeded random weights."""
    folder = tmp_path / "weak_bundle"
    shutil.copytree(WEAK_BUNDLE / "configs", folder / "configs")
    torch.manual_seed(0)
    config = ConfigParser.load_config_file(str(folder / "configs" / "inference.json"))
    network = ConfigParser(config).get_parsed_content("network_def")
    with torch.no_grad():
        for _ in range(10):
            network(torch.rand(4, 3, 48, 64))
    (folder / "models").mkdir()
    torch.save(network.state_dict(), folder / "models" / "model.pt")
    return folder


@pytest.fixture
def dark_looking_bundle(tmp_path: Path) -> Path:
    """The weakly supervised configs around a classifier that looks at dark pixels alone, at the size of ``picture``."""
    folder = tmp_path / "dark_looking_bundle"
    shutil.copytree(WEAK_BUNDLE / "configs", folder / "configs")
    path = folder / "configs" / "inference.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"spatial_size": [60, 90], "classes": ["with a spot", "plain"], "num_classes": 2}
    config["network_def"] = (
        "$torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(3, 1, 1), activation=torch.nn.ReLU(), "
        "pool=torch.nn.AdaptiveAvgPool2d(1), flatten=torch.nn.Flatten(), head=torch.nn.Linear(1, @num_classes)))"
    )
    config["imports"].append("$import collections")
    path.write_text(json.dumps(config), encoding="utf-8")
    state = {"conv.weight": -torch.ones(1, 3, 1, 1), "conv.bias": torch.tensor([1.5])}
    state |= {"head.weight": torch.tensor([[1.0], [-1.0]]), "head.bias": torch.zeros(2)}
    (folder / "models").mkdir()
    torch.save(state, folder / "models" / "model.pt")
    return folder
