"""Pairs of keys and values as they are typed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htl_monai.cli.pairs import read_pairs, with_columns

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("max_epochs=1,spatial_size=[96,128]", {"max_epochs": 1, "spatial_size": [96, 128]}),
        ('columns={"image":"p","classes":["A","B"]}', {"columns": {"image": "p", "classes": ["A", "B"]}}),
        ('a={"b":"p","c":["A","B"]} , seed=3', {"a": {"b": "p", "c": ["A", "B"]}, "seed": 3}),
        ('a#norm=["batch",{"momentum":0.5}],rule=top', {"a#norm": ["batch", {"momentum": 0.5}], "rule": "top"}),
        ('classes=["a]b","c,d"],x=1', {"classes": ["a]b", "c,d"], "x": 1}),
        ("id=case_no,label=mask", {"id": "case_no", "label": "mask"}),
        ("loss=$f(a, [1, 2], lr=1),x=$'a,b'", {"loss": "$f(a, [1, 2], lr=1)", "x": "$'a,b'"}),
        ("y=it's,z=2", {"y": "it's", "z": 2}),
        ("a=True, b = None ,c=false,d=", {"a": True, "b": None, "c": False, "d": ""}),
        ("a=007,b=1.5.2,c=NaN,d=3d", {"a": "007", "b": "1.5.2", "c": "NaN", "d": "3d"}),
        ("path=/a=b/c", {"path": "/a=b/c"}),
    ],
)
def test_pairs(text: str, pairs: dict[str, object]) -> None:
    assert read_pairs(text) == pairs


@given(st.dictionaries(st.from_regex(r"[a-z_#]+", fullmatch=True), JSON, max_size=4))
def test_whatever_json_can_say_comes_back(pairs: dict[str, object]) -> None:
    assert read_pairs(",".join(f"{key}={json.dumps(value)}" for key, value in pairs.items())) == pairs


@given(st.text(alphabet="a=,[]{}(\"$' 1:", max_size=30))
def test_any_text_is_pairs_or_a_sentence(text: str) -> None:
    try:
        assert all(read_pairs(text))
    except ValueError as error:
        assert "; " in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_epochs", "set must be key=value pairs with commas between, got 'max_epochs'; write key=value"),
        ("a=1,=2", "pairs with commas between, got '=2'"),
        ("a=1,a=2", "set must name each key once, got a twice; keep one"),
        ("columns={image:p,classes:[A,B]}", "columns in --set must be JSON where it begins with {, got '{image:p,"),
        ("sizes=[96,128", r"sizes in --set must be JSON where it begins with \[, got '\[96,128'"),
        ("loss=$f(1,x=2", r"loss in --set must close what it opens, got '\$f\(1,x=2' without \); add it"),
    ],
)
def test_what_is_no_pair_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_pairs(text)


def test_columns_are_a_setting_that_is_given_once() -> None:
    assert with_columns({"seed": 3}, {"id": "case_no"}) == {"seed": 3, "columns": {"id": "case_no"}}
    assert with_columns(None, None) == {} and with_columns({"columns": {"id": "a"}}, None) == {"columns": {"id": "a"}}
    with pytest.raises(
        ValueError, match="columns must be given once, got --columns and --set columns=…; leave one out"
    ):
        with_columns({"columns": {"id": "a"}}, {"id": "b"})
