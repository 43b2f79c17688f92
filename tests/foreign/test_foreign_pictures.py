"""Cases of bundles that know nothing of this package are drawn with what their networks say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monai.utils import CommonKeys as Keys

from htl_monai.data.readers.datalists import load_datalists
from htl_monai.engines.restored_task import RestoredTask
from htl_monai.models.model import Model
from htl_monai.pruning import GlobalMagnitude
from htl_monai.report.pictures.case_pictures import CasePictures, case_pictures
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.tasks.from_metadata import from_metadata

DATA = {"organ_3d": "dataset.json", "organs_3d": "", "tumour_regions": "datalist.json"}


def drawn(bundle: Path, item: dict[str, Any]) -> CasePictures:
    model = Model.from_bundle(bundle, device_name="cpu")
    task = RestoredTask(from_metadata(model.metadata, None, model.configs.content), model)
    networks = {"dense": Drawn(model, task, "dense network")}
    networks["pruned"] = Drawn(model, task, "pruned network", "pruned", 0.5, GlobalMagnitude())
    return case_pictures(item, networks)


@pytest.mark.parametrize("name", DATA)
def test_the_truth_of_a_volume_lies_on_what_is_bright(name: str, foreign_bundles: dict[str, Path]) -> None:
    bundle = foreign_bundles[name]
    lists = load_datalists(bundle / "data" / DATA[name])
    for item in lists["validation"][:2] or lists["training"][:2]:
        found = drawn(bundle, item)
        assert {"truth", "dense", "pruned"} == {*found.slices[found.first].outlines} and len(found.slices) > 3
        assert "cannot" not in found.note and "Nothing" not in found.note
        bright = [inside(one) for one in found.slices if one.outlines["truth"]]
        assert np.mean(bright) > 40


def inside(one: Any) -> float:
    """Return how much brighter the middle of the longest outline of the truth is than the whole picture."""
    grey = np.asarray(one.picture.convert("L"), dtype=float)
    x, y = np.array(one.outlines["truth"][0]).mean(axis=0).astype(int)
    return float(grey[max(0, y - 4) : y + 4, max(0, x - 4) : x + 4].mean() - grey.mean())


def test_a_tile_is_shown_with_its_classes(foreign_bundles: dict[str, Path]) -> None:
    item = load_datalists(foreign_bundles["tissue_2d"] / "data" / "samples.json")["validation"][0]
    found = drawn(foreign_bundles["tissue_2d"], {**item, Keys.LABEL: np.array(item["label"])})
    assert len(found.classes) == 3 and found.classes[0]["truth"] == 1
    assert abs(sum(row["pruned"] for row in found.classes) - 1) < 1e-3
    assert found.slices[0].picture.mode == "RGB"
