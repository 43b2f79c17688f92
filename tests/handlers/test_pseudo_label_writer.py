"""The handler that writes pseudo-labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import DataLoader
from monai.engines import SupervisedEvaluator
from PIL import Image
from torch import nn

from htl_monai.attention.pseudo_labels import pseudo_label_path, without_pseudo_label
from htl_monai.handlers.pseudo_label_writer import PseudoLabelWriter
from htl_monai.localization.confident_mask import confident_mask


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "dense.pt").write_bytes(b"weights")
    return tmp_path / "dense.pt"


@pytest.fixture
def items(build_items, tmp_path: Path) -> list[dict]:
    """Four images of 8 × 8 whose originals have sizes of their own."""
    items = []
    for number, item in enumerate(build_items(4)):
        path = tmp_path / f"{item['id']}.jpg"
        Image.new("RGB", (20 + number, 12 + number)).save(path)
        items.append({"id": item["id"], "image": item["image"], "path": str(path)})
    return items


def run(network: nn.Module, items: list[dict], writer: PseudoLabelWriter) -> None:
    batches = [{"id": item["id"], "image": item["image"]} for item in items]
    evaluator = SupervisedEvaluator(
        torch.device("cpu"), DataLoader(batches, batch_size=3), network, val_handlers=[writer], decollate=False
    )
    writer.attach(evaluator)  # a second time
    evaluator.run()


def test_masks_have_the_size_of_their_originals(
    network: nn.Module, items: list[dict], weights: Path, tmp_path: Path
) -> None:
    data = [{"id": item["id"], "image": item["path"]} for item in items]
    writer = PseudoLabelWriter(data, tmp_path / "stage", weights)
    run(network, items, writer)
    assert len(list((tmp_path / "stage" / "masks").iterdir())) == 4
    assert not (tmp_path / "stage" / "pseudo_labels.csv").exists()
    writer.write_table()
    table = pd.read_csv(tmp_path / "stage" / "pseudo_labels.csv")
    network.eval()
    for number, (item, row) in enumerate(zip(items, table.itertuples(), strict=True)):
        with torch.no_grad():
            mask, confidence = confident_mask(network(item["image"][None])[0], (12 + number, 20 + number))
        written = np.asarray(Image.open(tmp_path / "stage" / row.label))
        assert np.array_equal(written > 0, mask.numpy())
        assert row.confidence == pytest.approx(confidence, abs=1e-6) and row.area_px == mask.sum()


def test_an_interrupted_pass_goes_on(network: nn.Module, items: list[dict], weights: Path, tmp_path: Path) -> None:
    data = [{"id": item["id"], "image": item["path"]} for item in items]
    writer = PseudoLabelWriter(data, tmp_path / "stage", weights)
    run(network, items[:3], writer)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "stage" / "masks").iterdir()}
    left = {item["id"] for item in without_pseudo_label(data, tmp_path / "stage", weights)}
    assert left == {"image_3"}
    with pytest.raises(FileNotFoundError, match=r"got none for 1 \(image_3\); run the stage pseudo_labelling again"):
        writer.write_table()
    run(network, [item for item in items if item["id"] in left], writer)
    writer.write_table()
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    assert pseudo_label_path(tmp_path / "stage", "image_3").is_file()
    assert without_pseudo_label(data, tmp_path / "stage", weights) == []


def test_an_image_whose_prediction_is_not_finite_gets_no_mask(
    network: nn.Module, items: list[dict], weights: Path, tmp_path: Path
) -> None:
    items[1]["image"][0, 0, 0] = torch.nan
    data = [{"id": item["id"], "image": item["path"]} for item in items]
    with pytest.raises(FloatingPointError, match=f"must be finite, got NaN or infinity for {items[1]['id']}; use"):
        run(network, items, PseudoLabelWriter(data, tmp_path / "pseudo", weights))
    assert not (tmp_path / "pseudo").exists()
