"""The bundle's inference.json: complete, alone with MONAI, upright, and the same as ``predict``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow, ckpt_export, verify_net_in_out
from PIL import Image

from htl_monai.clinic.predict import predict


def run_inference(bundle: Path, dataset_dir: Path, output_dir: Path, **override: object) -> ConfigWorkflow:
    workflow = ConfigWorkflow(
        config_file=str(bundle / "configs" / "inference.json"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        workflow_type="infer",
        run_id="inference",
        bundle_root=str(bundle),
        dataset_dir=str(dataset_dir),
        output_dir=str(output_dir),
        device="cpu",
        num_workers=0,
        **override,
    )
    workflow.initialize()
    workflow.run()
    workflow.finalize()
    return workflow


def write_images(folder: Path, picture: np.ndarray) -> None:
    image = Image.fromarray(picture)
    (folder / "sub").mkdir(parents=True)
    image.save(folder / "rgb.png")
    image.crop((10, 0, 90, 50)).convert("L").save(folder / "sub" / "grey.JPG", quality=95)
    image.convert("RGBA").save(folder / "rgba.png")
    image.quantize(8).save(folder / "palette.png")


def test_masks_have_the_original_size_and_orientation(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    write_images(tmp_path / "in", picture)
    (tmp_path / "in" / "notes.txt").write_text("no image", encoding="utf-8")
    workflow = run_inference(dark_bundle, tmp_path / "in", tmp_path / "out")
    assert workflow.check_properties() == []
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert written == ["palette_mask.png", "rgb_mask.png", "rgba_mask.png", "sub/grey_mask.png"]
    expected = np.zeros((60, 90), dtype=np.uint8)
    expected[6:18, 60:84] = 255
    for name in written[:3]:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / name)), expected, err_msg=name)
    grey = np.asarray(Image.open(tmp_path / "out" / "sub" / "grey_mask.png"))
    assert grey.shape == (50, 80) and (grey[7:17, 51:73] == 255).all() and (grey > 0).sum() < 340


@pytest.mark.parametrize("size", [(90, 60), (131, 77)])
def test_predict_equals_the_bundles_own_run(
    tmp_path: Path, slim_bundle: Path, picture: np.ndarray, size: tuple[int, int]
) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC).save(tmp_path / "in" / "a.png")
    run_inference(slim_bundle, tmp_path / "in", tmp_path / "own")
    predict(slim_bundle, tmp_path / "in" / "a.png", tmp_path / "ours", progress=False)
    own = np.asarray(Image.open(tmp_path / "own" / "a_mask.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "ours" / "a_mask.png")), own)
    assert 0 < (own > 0).mean() < 1


def test_prediction_ends_in_class_numbers_of_uint8(tmp_path: Path, dark_bundle: Path, picture: np.ndarray) -> None:
    write_images(tmp_path / "in", picture)
    evaluator = run_inference(dark_bundle, tmp_path / "in", tmp_path / "out").evaluator
    pred = evaluator.state.output[0]["pred"]
    assert pred.dtype == torch.uint8 and pred.unique().tolist() == [0, 1]


def test_config_needs_nothing_of_ours(slim_bundle: Path) -> None:
    assert "htl_monai" not in (slim_bundle / "configs" / "inference.json").read_text(encoding="utf-8")


def test_metadata_fits_the_network_and_the_config(tmp_path: Path, slim_bundle: Path) -> None:
    metadata = json.loads((slim_bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    config = json.loads((slim_bundle / "configs" / "inference.json").read_text(encoding="utf-8"))
    formats = metadata["network_data_format"]
    assert metadata["version"] in metadata["changelog"]
    assert formats["inputs"]["image"]["spatial_shape"] == config["spatial_size"]
    assert formats["outputs"]["pred"]["spatial_shape"] == config["spatial_size"]
    files = {
        "meta_file": str(slim_bundle / "configs" / "metadata.json"),
        "config_file": str(slim_bundle / "configs" / "inference.json"),
    }
    verify_net_in_out(net_id="network_def", device="cpu", bundle_root=str(slim_bundle), **files)
    exported = tmp_path / "model.ts"
    weights = str(slim_bundle / "models" / "model.pt")
    ckpt_export("network_def", str(exported), ckpt_file=weights, bundle_root=str(slim_bundle), **files)
    assert torch.jit.load(exported)(torch.zeros(1, 3, *config["spatial_size"])).shape[1] == 2
