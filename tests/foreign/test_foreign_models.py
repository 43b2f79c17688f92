"""The model of any bundle in the zoo's style: its parts are found and run as its own evaluator runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import decollate_batch, list_data_collate
from monai.inferers import SimpleInferer, SlidingWindowInferer
from monai.utils.enums import CommonKeys as Keys
from PIL import Image

from htl_monai.models.find_model import find_model
from htl_monai.models.model import Model


@pytest.fixture
def organ(foreign_bundles: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a bundle that a test may change."""
    return Path(shutil.copytree(foreign_bundles["organ_3d"], tmp_path / "organ_3d"))


def model_of(bundle: Path, **options: object) -> Model:
    model = Model.from_bundle(bundle, device_name="cpu", **options)
    model.configs.update({"dataset_dir": str(bundle / "data")})
    return model


def test_nothing_is_written(foreign_bundles: dict[str, Path]) -> None:
    for name in ("organ_3d", "tumour_regions"):
        steps = model_of(foreign_bundles[name]).postprocessing.transforms
        assert len(steps) == 3 + (name != "organ_3d") and not [s for s in steps if type(s).__name__ == "SaveImaged"]


def test_entries_and_keys_are_found_by_their_usual_names(foreign_bundles: dict[str, Path]) -> None:
    regions, tissue = (model_of(foreign_bundles[name]) for name in ("tumour_regions", "tissue_2d"))
    assert (regions.image_key, regions.label_key) == ("img", "seg") and isinstance(
        regions.inferer, SlidingWindowInferer
    )
    assert tissue.keys == ("image",) and isinstance(tissue.inferer, SimpleInferer)
    assert list(tissue.metadata["network_data_format"]["outputs"]["pred"]["channel_def"].values())[1] == "gland"
    assert str(regions.device) == "cpu" and not regions.network.training


def test_a_sample_without_label_is_prepared_too(foreign_bundles: dict[str, Path]) -> None:
    model = model_of(foreign_bundles["organ_3d"])
    image = str(foreign_bundles["organ_3d"] / "data" / "imagesTr" / "case_4.nii.gz")
    batch = list_data_collate([model.prepare({"image": image})])
    output = model.predict(batch)
    assert set(output) == {Keys.IMAGE, Keys.PRED}
    (sample,) = decollate_batch({**batch, **output})
    restored = model.restore(sample)["pred"]
    original = nib.load(image)
    assert restored.shape == (2, *original.shape) != tuple(sample["pred"].shape)
    torch.testing.assert_close(restored.sum(dim=0).as_tensor(), torch.ones(original.shape))
    assert model.postprocessing(sample)["pred"].unique().tolist() == [0, 1]


def test_a_missing_entry_is_named_with_the_way_to_name_it(organ: Path) -> None:
    path = organ / "configs" / "train.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["my_windows"] = config["validate"].pop("inferer")
    config["validate"]["evaluator"].pop("inferer")
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        KeyError, match=r"inferer must be an entry .*organ_3d, .*validate#inferer.*--bind inferer=ENTRY"
    ):
        _ = model_of(organ).inferer
    assert isinstance(model_of(organ, bind={"inferer": "my_windows"}).inferer, SlidingWindowInferer)


@pytest.mark.parametrize(
    ("bind", "sentence"),
    [
        ({"network": "netwrk"}, "bind must give network an entry of .*, got 'netwrk'; there are .*network"),
        ({"nets": "network"}, "bind must name one of network, .*, image, label or output, got 'nets'"),
        ({"image": "picture"}, "image must be a key that .* takes, got picture where it takes image, label; .*--bind"),
        ({"network": "loss"}, "network of .* must be a torch.nn.Module|checkpoint .* is of another network"),
    ],
)
def test_what_cannot_be_bound(bind: dict[str, str], sentence: str, organ: Path) -> None:
    with pytest.raises((KeyError, TypeError, ValueError), match=sentence):
        model = model_of(organ, bind=bind)
        _ = model.configs, model.image_key, model.network


def test_configs_that_cannot_be_read_or_built(organ: Path) -> None:
    path = organ / "configs" / "train.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["network_def"] = {"_target_": "nowhere.Network"}
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(
        RuntimeError, match="network_def of .*organ_3d must be an entry that can be built, got: .*nowhere"
    ):
        _ = model_of(organ).network
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"train.json and .*evaluate.json must be JSON or YAML configs, got: "):
        model_of(organ)
    shutil.rmtree(organ / "configs")
    (organ / "configs").mkdir()
    with pytest.raises(ValueError, match=r"model must be a bundle with configs/train.json or .*, got .*organ_3d"):
        model_of(organ)


def test_other_weights_and_those_of_another_network(
    organ: Path, foreign_bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    other = organ / "models" / "other.pt"
    network = model_of(organ).network
    assert f"htl: {organ} is not part of the package" in capsys.readouterr().err
    torch.save({key: torch.zeros_like(value) for key, value in network.state_dict().items()}, other)
    assert not any(parameter.any() for parameter in find_model(organ, other, device_name="cpu").network.parameters())
    with pytest.raises(ValueError, match="checkpoint .* is of another network than UNet"):
        _ = find_model(organ, foreign_bundles["organs_3d"] / "models" / "model.pt", device_name="cpu").network


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_torchscript_file_runs_as_its_source_does(organ: Path, tmp_path: Path) -> None:
    network = model_of(organ).network
    path, inputs = tmp_path / "exported.ts", torch.rand(1, 1, 16, 16, 16)
    extra = {"metadata.json": (organ / "configs" / "metadata.json").read_text(encoding="utf-8")}
    torch.jit.save(torch.jit.trace(network, inputs), str(path), _extra_files=extra)
    model = find_model(path, device_name="cpu", task="segmentation")
    assert model.is_torchscript and model.task == "segmentation" and "outputs" in model.metadata["network_data_format"]
    with torch.no_grad():
        expected = network(inputs)
    torch.testing.assert_close(model.predict({"image": inputs})["pred"], expected)
    prepared = model.prepare({"image": str(organ / "data" / "imagesTr" / "case_0.nii.gz")})["image"]
    assert prepared.shape[0] == 1 and prepared.ndim == 4
    mask = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0))
    mask.save(tmp_path / "mask.png")
    both = {"image": str(tmp_path / "mask.png"), "label": str(tmp_path / "mask.png")}
    stored = model.prepare(both)
    assert (stored["image"].max(), stored["label"].max()) == (255, 1)  # pictures hold 255 for a mask's 1
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"model must be a TorchScript file, got .*exported.ts, which cannot be read"):
        _ = find_model(path, device_name="cpu").network
