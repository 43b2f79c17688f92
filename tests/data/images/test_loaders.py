"""The data loaders of the stages."""

from __future__ import annotations

import pytest
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
