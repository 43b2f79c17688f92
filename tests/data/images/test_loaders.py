"""The data loaders of the stages, whose workers keep no metadata and return the same values as those that do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, get_track_meta
from monai.transforms import Compose, EnsureTyped, LoadImaged, RandAffined, RandFlipd
from monai.utils import set_determinism
from PIL import Image
from torch.utils.data import SequentialSampler

from htl_monai.data.images.loaders import ordered_loader, start_plain_worker, training_loader


@pytest.mark.parametrize(("images", "batches"), [(7, [3, 3]), (2, [2])])
def test_a_last_batch_that_is_not_full_is_left_out_unless_it_is_all(images: int, batches: list[int]) -> None:
    assert [len(batch) for batch in training_loader(list(range(images)), 3)] == batches


def test_what_a_sampler_draws_decides_where_there_is_one() -> None:
    dataset = list(range(7))
    loader = training_loader(dataset, 3, sampler=SequentialSampler(dataset[:2]))
    assert [batch.tolist() for batch in loader] == [[0, 1]]


def test_an_ordered_loader_gives_every_image_once() -> None:
    loader = ordered_loader(list(range(7)), 3)
    assert [batch.tolist() for batch in loader] == [[0, 1, 2], [3, 4, 5], [6]]
    assert loader.worker_init_fn is start_plain_worker


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, str]]:
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (24, 32), dtype=np.uint8)).save(tmp_path / f"{number}.png")
    return [{"image": str(tmp_path / f"{number}.png")} for number in range(6)]


def load(items: list[dict[str, str]], **settings: object) -> torch.Tensor:
    set_determinism(7)
    transforms = [
        LoadImaged("image", reader="PILReader", ensure_channel_first=True),
        EnsureTyped("image", track_meta=False),
        RandFlipd("image", prob=0.5),
        RandAffined("image", prob=0.5, rotate_range=1.0),
    ]
    loader = DataLoader(Dataset(items, Compose(transforms)), batch_size=6, num_workers=1, **settings)
    return next(iter(loader))["image"]


def test_values_stay_and_metadata_goes(items: list[dict[str, str]]) -> None:
    with_metadata, plain = load(items), load(items, worker_init_fn=start_plain_worker)
    assert isinstance(with_metadata, MetaTensor)
    assert type(plain) is torch.Tensor
    assert torch.equal(with_metadata.as_tensor(), plain)


def test_the_main_process_keeps_tracking(items: list[dict[str, str]]) -> None:
    load(items, worker_init_fn=start_plain_worker)
    assert get_track_meta()
