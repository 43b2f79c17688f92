"""A case is shown as a person sees it, with outlines where its networks draw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import (
    CenterSpatialCropd,
    Compose,
    EnsureChannelFirstd,
    EnsureTyped,
    Flipd,
    Invertd,
    LoadImaged,
    Resized,
    Spacingd,
)
from PIL import Image

from htl_monai.models.model import Model
from htl_monai.report.pictures.case_pictures import case_pictures
from htl_monai.report.pictures.drawn import Drawn
from htl_monai.tasks.heat_map_localization import HeatMapLocalization
from htl_monai.tasks.multiclass_classification import MulticlassClassification
from htl_monai.tasks.multilabel_segmentation import MultilabelSegmentation

Makes = Callable[..., Any]
Extent = Callable[[Any], list[float]]
# x and y of a bright block in a picture of 192 by 96 pixels, which is shown at twice that size.
BLOCK, SIZE = (24, 48, 96, 72), (192, 96)
SHOWN = [48, 96, 192, 144]
BY_ROWS = [
    LoadImaged("image", reader="PILReader", reverse_indexing=False),
    EnsureChannelFirstd("image", channel_dim="no_channel"),
]


def picture(path: Path, values: np.ndarray | None = None, exif: int | None = None) -> Path:
    pixels = np.zeros(SIZE[::-1], dtype=np.uint8)
    pixels[BLOCK[1] : BLOCK[3], BLOCK[0] : BLOCK[2]] = 255
    image = Image.fromarray(pixels if values is None else values)
    tags = image.getexif()
    if exif is not None:
        tags[0x0112] = exif
    image.save(path, exif=tags)
    return path


def item(path: Path, label: Path | None = None) -> dict[str, Any]:
    return {"id": "a", "image": str(path)} | ({} if label is None else {"label": str(label)})


@pytest.mark.parametrize(
    ("reader", "steps"),
    [
        (None, []),
        (BY_ROWS, []),
        (None, [Resized("image", (24, 24), mode="area")]),
        (BY_ROWS, [Resized("image", (24, 48), mode="area"), EnsureTyped("image", track_meta=False)]),
        (None, [Flipd("image", 0)]),
        (BY_ROWS, [CenterSpatialCropd("image", (64, 160))]),
    ],
)
def test_outlines_lie_on_the_original_whatever_the_network_is_given(
    reader: Any, steps: Sequence[Any], model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    found = case_pictures(item(picture(tmp_path / "a.png")), drawn_of(model_of(steps, reader=reader)))
    (shown,) = found.slices
    assert shown.picture.size == (384, 192) and found.note == ""
    (outline,) = shown.outlines["dense"]
    np.testing.assert_allclose(extent(outline), SHOWN, atol=1.1 if not steps else 8.1)
    assert np.asarray(shown.picture)[100:140, 52:188].min() > 250


def test_masks_that_the_bundle_brings_back_are_drawn_at_the_size_of_the_original(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    model = model_of([Resized(("image", "label"), (48, 24), mode="area", allow_missing_keys=True)])
    back = Invertd("pred", model.preprocessing, "image", nearest_interp=False, to_tensor=True)
    model.__dict__["postprocessing"] = Compose([back])
    (shown,) = case_pictures(item(picture(tmp_path / "a.png")), drawn_of(model)).slices
    np.testing.assert_allclose(extent(shown.outlines["dense"][0]), SHOWN, atol=4.1)


def test_a_turned_photograph_is_upright_though_the_reader_lets_it_lie(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    (shown,) = case_pictures(item(picture(tmp_path / "a.jpg", exif=6)), drawn_of(model_of())).slices
    assert shown.picture.size == (192, 384)
    assert np.asarray(shown.picture)[60:180, 60:90].min() > 240
    np.testing.assert_allclose(extent(shown.outlines["dense"][0]), [48, 48, 96, 192], atol=2.1)


def test_what_cannot_be_brought_back_is_shown_as_the_network_is_given_it(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    steps = [EnsureTyped("image", track_meta=False), CenterSpatialCropd("image", (160, 64))]
    found = case_pictures(item(picture(tmp_path / "a.png")), drawn_of(model_of(steps)))
    assert found.note == "Shown as the network is given it."
    (shown,) = found.slices
    assert shown.picture.size == (384, 154)
    factor = 384 / 160
    np.testing.assert_allclose(extent(shown.outlines["dense"][0]), np.array([8, 32, 80, 56]) * factor, atol=1.5)
    assert np.asarray(shown.picture)[80:130, 24:186].min() > 250


def test_the_truth_is_outlined_where_there_is_one_and_each_network_by_itself(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    mask = np.zeros(SIZE[::-1], dtype=np.uint8)
    mask[10:20, 10:20] = 255
    networks = drawn_of(model_of())
    before = networks["dense"].model.network.mix.weight.clone()
    with_label = item(picture(tmp_path / "a.png"), picture(tmp_path / "mask.png", mask))
    (shown,) = case_pictures(with_label, networks).slices
    assert [*shown.outlines] == ["truth", "dense", "pruned"] and shown.outlines["pruned"] == []
    np.testing.assert_allclose(extent(shown.outlines["truth"][0]), [20, 20, 40, 40], atol=1.1)
    (bare,) = case_pictures(item(tmp_path / "a.png"), networks).slices
    assert [*bare.outlines] == ["dense", "pruned"] and bare.outlines["dense"] == shown.outlines["dense"]
    assert torch.equal(networks["dense"].model.network.mix.weight, before)


def test_deep_pictures_are_shown_by_their_percentiles(model_of: Makes, drawn_of: Makes, tmp_path: Path) -> None:
    values = np.full((100, 100), 1000, dtype=np.uint16)
    values[:50], values[0, 0], values[0, 1] = 1200, 0, 65535
    (shown,) = case_pictures(item(picture(tmp_path / "a.png", values)), drawn_of(model_of())).slices
    levels = np.asarray(shown.picture)[..., 0]
    assert levels[50:180, 20:].min() > 250 and levels[200:].max() < 5


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_picture_that_is_gone_or_damaged_leaves_a_note(
    content: bytes | None, model_of: Makes, drawn_of: Makes, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    found = case_pictures(item(tmp_path / "a.png"), drawn_of(model_of()))
    said = f"The picture is gone: {tmp_path / 'a.png'}" if content is None else "The picture cannot be shown: "
    assert found.slices == () and found.note.startswith(said)


def test_a_label_that_is_gone_leaves_a_note_and_the_networks(model_of: Makes, drawn_of: Makes, tmp_path: Path) -> None:
    case = item(picture(tmp_path / "a.png"), tmp_path / "gone.png")
    found = case_pictures(case, drawn_of(model_of()))
    assert [*found.slices[0].outlines] == ["dense", "pruned"]
    assert found.note == f"The given label is gone: {tmp_path / 'gone.png'}"


def test_a_network_that_fails_leaves_a_note_and_the_others(model_of: Makes, drawn_of: Makes, tmp_path: Path) -> None:
    model = model_of()
    networks = drawn_of(model)
    broken = model_of()
    broken.__dict__["network"] = torch.nn.Conv2d(7, 1, 1)
    networks["htl"] = Drawn(broken, networks["dense"].task, "trained on the hard ones", "arm")
    found = case_pictures(item(picture(tmp_path / "a.png")), networks)
    assert found.note.startswith("Nothing is known of trained on the hard ones: ")
    assert [*found.slices[0].outlines] == ["dense", "pruned"]


@pytest.mark.parametrize(("classes", "n_outlines"), [(3, 3), (6, 1)])
def test_few_classes_are_outlined_each_and_of_many_the_union(
    classes: int, n_outlines: int, model_of: Makes, drawn_of: Makes, tmp_path: Path
) -> None:
    model = model_of()
    model.__dict__["network"] = torch.nn.Conv2d(1, classes, 1, bias=False)
    torch.nn.init.ones_(model.network.weight)
    names = tuple(f"class {number}" for number in range(classes))
    networks = {"dense": drawn_of(model, MultilabelSegmentation(names))["dense"]}
    found = case_pictures(item(picture(tmp_path / "a.png")), networks)
    assert len(found.slices[0].outlines["dense"]) == n_outlines
    expected = "Outlined, each by itself: class 0, class 1, class 2." if classes == 3 else "the union of 6 classes."
    assert expected in found.note


def test_a_heat_map_is_outlined_at_its_threshold_with_its_box(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    y, x = np.indices((96, 96))
    disc = np.where((y - 40) ** 2 + (x - 50) ** 2 < 20**2, 255, 0).astype(np.uint8)
    networks = drawn_of(model_of(), HeatMapLocalization(threshold=100), restored=False)
    (shown,) = case_pictures(item(picture(tmp_path / "a.png", disc)), networks).slices
    outline, box = shown.outlines["dense"]
    assert len(box) == 5 and len(outline) > 8
    np.testing.assert_allclose(extent(box), extent(outline), atol=0.2)


def test_a_classification_shows_what_is_true_first_then_what_is_likely(
    model_of: Makes, drawn_of: Makes, tmp_path: Path
) -> None:
    model = model_of()
    layers = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(1, 3)]
    model.__dict__["network"] = torch.nn.Sequential(*layers)
    with torch.no_grad():
        model.network[2].weight.fill_(0)
        model.network[2].bias.copy_(torch.log(torch.tensor([0.2, 0.7, 0.1])))
    task = MulticlassClassification(("nevus", "melanoma", "keratosis"))
    networks = {"dense": drawn_of(model, task)["dense"]}
    given = {**item(picture(tmp_path / "a.png")), "label": torch.tensor(2)}
    model.__dict__["preprocessing"] = Compose([LoadImaged("image"), EnsureChannelFirstd("image")])
    found = case_pictures(given, networks)
    assert found.classes == (
        {"name": "keratosis", "truth": 1, "dense": 0.1},
        {"name": "melanoma", "truth": 0, "dense": 0.7},
        {"name": "nevus", "truth": 0, "dense": 0.2},
    )
    assert found.slices[0].outlines == {}
    del given["label"]
    assert [row["truth"] for row in case_pictures(given, networks).classes] == [None] * 3


def volume(path: Path, affine: np.ndarray, array: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def ball(shape: tuple[int, int, int] = (40, 30, 20)) -> np.ndarray:
    """Bright from 10 to 20, 5 to 25 and 3 to 16 along the axes to the left, the back and the head."""
    array = np.zeros(shape, dtype=np.float32)
    array[10:20, 5:25, 3:16] = 255
    array[0, 0, :] = np.nan
    return array


def test_a_volume_is_sliced_across_its_coarsest_axis_with_square_pixels(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    path = volume(tmp_path / "a.nii.gz", np.diag([-1, -2, 5, 1]), ball())
    found = case_pictures(item(path), drawn_of(model_of(dims=3)))
    assert [one.position for one in found.slices] == [*range(3, 16)] and found.note == "Axial slices."
    shown = found.slices[0]
    assert shown.picture.size == (256, 384)  # 40 by 60 mm
    np.testing.assert_allclose(extent(shown.outlines["dense"][0]), [64, 64, 128, 320], atol=6.5)
    assert np.asarray(shown.picture)[70:310, 70:120].min() > 250


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1)])
def test_a_volume_looks_the_same_however_it_was_stored(
    flips: tuple[int, int, int], model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    stored = ball()[:: flips[0], :: flips[1], :: flips[2]].transpose(2, 0, 1)
    affine = np.zeros((4, 4))
    affine[0, 1], affine[1, 2], affine[2, 0], affine[3, 3] = -1 * flips[0], -2 * flips[1], 5 * flips[2], 1
    path = volume(tmp_path / "a.nii", affine, np.ascontiguousarray(stored))
    found = case_pictures(item(path), drawn_of(model_of(dims=3)))
    assert [one.position for one in found.slices] == [*range(3, 16)]
    np.testing.assert_allclose(extent(found.slices[0].outlines["dense"][0]), [64, 64, 128, 320], atol=6.5)


def test_the_head_is_on_top_where_slices_run_from_left_to_right(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    path = volume(tmp_path / "a.nii", np.diag([-4, -1, 1, 1]), ball())
    found = case_pictures(item(path), drawn_of(model_of(dims=3)))
    assert [one.position for one in found.slices] == [*range(10, 20)] and found.note == "Sagittal slices."
    shown = found.slices[0]
    assert shown.picture.size == (240, 160)
    np.testing.assert_allclose(extent(shown.outlines["dense"][0]), [40, 32, 200, 136], atol=4.5)


def test_the_slice_with_the_largest_error_comes_first_of_at_most_fifteen(
    model_of: Makes, drawn_of: Makes, tmp_path: Path
) -> None:
    array = np.zeros((16, 16, 60), dtype=np.float32)
    array[4:12, 4:12, 5:55] = 255
    label = array.copy()
    label[4:12, 4:12, 37] = 0
    path = volume(tmp_path / "a.nii", np.diag([1, 1, 3, 1]), array)
    mask = volume(tmp_path / "mask.nii", np.diag([1, 1, 3, 1]), label)
    networks = {"dense": drawn_of(model_of(dims=3))["dense"]}
    found = case_pictures(item(path, mask), networks)
    positions = [one.position for one in found.slices]
    assert len(positions) == 15 and positions == sorted(positions) and positions[found.first] == 37
    assert (positions[0], positions[-1]) == (5, 54)
    assert found.slices[found.first].outlines["truth"] == []


def test_a_volume_at_the_grid_of_the_network_is_shown_there(
    model_of: Makes, drawn_of: Makes, extent: Extent, tmp_path: Path
) -> None:
    steps = [Spacingd("image", (2, 2, 5), mode="bilinear", padding_mode="zeros")]
    array = np.nan_to_num(ball())
    path = volume(tmp_path / "a.nii", np.diag([-1, -2, 5, 1]), array)
    found = case_pictures(item(path), drawn_of(model_of(steps, dims=3), restored=False))
    assert found.note == "Axial slices. Shown as the network is given it."
    assert found.slices[0].picture.size == (160, 240)
    np.testing.assert_allclose(extent(found.slices[0].outlines["dense"][0]), [40, 40, 80, 200], atol=8.5)


def test_a_volume_with_nothing_in_it_shows_its_middle(model_of: Makes, drawn_of: Makes, tmp_path: Path) -> None:
    path = volume(tmp_path / "a.nii", np.eye(4), np.zeros((8, 8, 30), dtype=np.float32))
    found = case_pictures(item(path), drawn_of(model_of(dims=3)))
    assert found.slices[found.first].position == 15 and len(found.slices) == 15


def test_models_know_whether_they_bring_masks_back(model_of: Makes) -> None:
    model: Model = model_of()
    assert not model.restores
    other: Model = model_of(postprocessing=Compose([Invertd("pred", Compose([]), "image")]))
    assert other.restores
