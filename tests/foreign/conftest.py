"""Four small bundles in the model zoo's style that know nothing of this package, each trained for one epoch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow
from monai.engines import SupervisedEvaluator
from PIL import Image

HERE = Path(__file__).parent
# Eight cases a data set, the last four for validation; no two sizes are alike.
CASES, VALIDATION = 8, 4


@pytest.fixture(scope="session")
def foreign_bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the trained bundles by name; the data of each lie in ``data`` within."""
    folder, found = tmp_path_factory.mktemp("foreign"), {}
    for name, draw in DATA.items():
        bundle = Path(shutil.copytree(HERE / name, folder / name))
        draw(bundle / "data")
        own_workflow(bundle, "train").run()
        found[name] = bundle
    return found


@pytest.fixture(scope="session")
def own_scores(foreign_bundles: dict[str, Path]) -> dict[str, float]:
    """What the bundle's own evaluator says of its network on its validation cases."""
    scores = {}
    for name, bundle in foreign_bundles.items():
        workflow = own_workflow(bundle, "train", "evaluate")
        workflow.run()
        evaluator = workflow.parser.get_parsed_content("validate#evaluator")
        assert isinstance(evaluator, SupervisedEvaluator)
        (scores[name],) = evaluator.state.metrics.values()
    return scores


def own_workflow(bundle: Path, *configs: str) -> ConfigWorkflow:
    files = [str(next((bundle / "configs").glob(f"{config}.*"))) for config in configs]
    workflow = ConfigWorkflow(
        config_file=files,
        meta_file=str(bundle / "configs" / "metadata.json"),
        logging_file=False,
        workflow_type="train",
        bundle_root=str(bundle),
        dataset_dir=str(bundle / "data"),
        device="$torch.device('cpu')",
    )
    workflow.initialize()
    return workflow


def draw_organ(folder: Path) -> None:
    """CT volumes with one bright ball, in a Decathlon list."""
    items = []
    for case in range(CASES):
        image, (ball,) = volume(case, 1)
        items.append({"image": f"imagesTr/case_{case}.nii.gz", "label": f"labelsTr/case_{case}.nii.gz"})
        write_volume(folder / items[-1]["image"], image, case)
        write_volume(folder / items[-1]["label"], ball.astype(np.uint8), case)
    write_list(folder / "dataset.json", [{"image": f"./{item['image']}", "label": item["label"]} for item in items])


def draw_organs(folder: Path) -> None:
    """CT volumes with three balls of different brightness, as raw data of nnU-Net."""
    for case in range(CASES):
        image, balls = volume(case, 3)
        label = np.zeros(image.shape, dtype=np.uint8)
        for number, ball in enumerate(balls, start=1):
            label[ball] = number
        write_volume(folder / "imagesTr" / f"case_{case}_0000.nii.gz", image, case)
        write_volume(folder / "labelsTr" / f"case_{case}.nii.gz", label, case)
    names = {"background": 0, "liver": 1, "spleen": 2, "kidney": 3}
    content = {"channel_names": {"0": "CT"}, "labels": names, "numTraining": CASES, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(content), encoding="utf-8")


def draw_tissue(folder: Path) -> None:
    """Pictures of three colours in one list, with class numbers."""
    items = []
    (folder / "tiles").mkdir(parents=True)
    for case in range(3 * CASES):
        generator = np.random.default_rng(case)
        pixels = generator.normal(90, 50, (30 + case, 34, 3))
        pixels[..., case % 3] += 60
        name = f"tiles/{case}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        items.append({"image": name, "label": case % 3})
    write_list(folder / "samples.json", items)


def draw_regions(folder: Path) -> None:
    """MR volumes of two channels with nested balls of the labels 2, 1 and 4."""
    items = []
    for case in range(CASES):
        image, (ball,) = volume(case, 1)
        label = ball.astype(np.uint8) * 2
        inner = np.argwhere(ball).mean(axis=0)
        distance = np.linalg.norm(np.indices(ball.shape) - inner[:, None, None, None], axis=0)
        label[distance < 4] = 1
        label[distance < 2] = 4
        items.append({"img": f"imagesTr/p{case}.nii.gz", "seg": f"labelsTr/p{case}.nii.gz", "site": "ab"[case % 2]})
        write_volume(folder / items[-1]["img"], np.stack([image, image + 40 * label], axis=-1), case)
        write_volume(folder / items[-1]["seg"], label, case)
    write_list(folder / "datalist.json", items)


def volume(case: int, balls: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return noise of a size of its own, with balls of 80 above it, and where they are."""
    generator = np.random.default_rng(case)
    size = (22 + case, 21 + case % 3, 18 + case % 5)
    image, found = generator.normal(0, 20, size), []
    for number in range(balls):
        centre = (0.25 + 0.25 * np.roll([number, 1, 2], case)[: len(size)]) * size
        ball = np.linalg.norm(np.indices(size) - centre[:, None, None, None], axis=0) < 4 + case % 3
        ball &= ~np.any(found, axis=0) if found else True
        image[ball] += 60 + 40 * number
        found.append(ball)
    return image.astype(np.float32), found


def write_volume(path: Path, array: np.ndarray, case: int) -> None:
    """Write a volume, every other one turned and with a spacing of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([-1.5, -1.5, 2, 1]) if case % 2 else np.diag([1.2, 1.5, 2.5, 1])
    nib.save(nib.Nifti1Image(array, affine), path)


def write_list(path: Path, items: list[dict]) -> None:
    lists = {"training": items[:-VALIDATION], "validation": items[-VALIDATION:], "test": []}
    path.write_text(json.dumps({"name": "drawn", **lists}), encoding="utf-8")


DATA: dict[str, Callable[[Path], None]] = {
    "organ_3d": draw_organ,
    "organs_3d": draw_organs,
    "tissue_2d": draw_tissue,
    "tumour_regions": draw_regions,
}
