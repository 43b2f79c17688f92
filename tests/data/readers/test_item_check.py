"""What a data list that came as a file may hold."""

from __future__ import annotations

from typing import Any

import pytest

from htl_monai.data.readers.prepared_list import check_items

GOOD = {"id": "a", "image": "a.jpg"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"label": None},
        {"label": "a.png"},
        {"label": 3},
        {"label": [1, 0.0, None]},
        {"diagnosis": None, "sex": "male", "age": 40},
        {"subject": 7, "planted": True, "site": None},
    ],
)
def test_what_the_readers_write_passes(more: dict[str, Any]) -> None:
    check_items([GOOD | more], "training", "correct it")


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ({}, "training must be a list of images, got dict"),
        (None, "training must be a list of images, got NoneType"),
        ([GOOD, 3], "number 2 in training must be an image {…}, got 3"),
        ([{"id": 1, "image": "a"}], "id of number 1 in training must be text, got 1"),
        ([{"id": "", "image": "a"}], "id of number 1 in training must be text, got ''"),
        ([GOOD | {"image": ["a"]}], "image of number 1 in training must be text, got ['a']"),
        ([GOOD | {"label": {}}], "label of number 1 in training must be a path, a number or a list of numbers, got {}"),
        ([GOOD | {"label": ["$x"]}], "label of number 1 in training must be a path, a number or a list of numbers"),
        ([GOOD | {"diagnosis": 3}], "diagnosis of number 1 in training must be text or null, got 3"),
        ([GOOD | {"age": "old"}], "age of number 1 in training must be a number or null, got 'old'"),
        ([GOOD | {"site": {"_target_": "os.system"}}], "site of number 1 in training must be a single value, got {'_t"),
    ],
)
def test_anything_else_is_named(items: Any, words: str) -> None:
    with pytest.raises(ValueError, match="; correct it$") as raised:
        check_items(items, "training", "correct it")
    assert str(raised.value).startswith(words)
