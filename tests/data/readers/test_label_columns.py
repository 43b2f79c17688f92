"""Which columns are labels, and what their values mean."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from htl_monai.data.readers.label_columns import (
    class_columns,
    is_metadata,
    known_texts,
    label_matrix,
    label_vectors,
)

IDS = ["a", "b", "c", "d"]


@pytest.fixture
def table() -> pd.DataFrame:
    columns = {
        "id": IDS,
        "Mass": ["1", "0", "", "-1"],
        "Edema": ["0.0", "1.0", "NaN", "0"],
        "Hernia": ["", "", "", ""],
        "subj_id": ["1", "0", "1", "0"],
        "Age": ["1", "0", "1", "0"],
        "place": ["Lund", "", "Turku", "Lund"],
        "dose": ["2", "3.5", "7", ""],
    }
    return pd.DataFrame(columns)


def test_classes_are_the_columns_of_zeros_and_ones(table: pd.DataFrame) -> None:
    assert class_columns(table, IDS, ["id"]) == ["Mass", "Edema", "Hernia"]
    assert class_columns(table, IDS, wanted=["Edema", "Mass", "Edema"]) == ["Edema", "Mass"]
    assert class_columns(table, IDS, wanted="Mass") == ["Mass"]
    assert [name for name in table if is_metadata(table[name], name)] == ["id", "subj_id", "Age", "place", "dose"]


def test_empty_nan_and_uncertain_are_unknown(table: pd.DataFrame) -> None:
    vectors = label_vectors(table, ["Mass", "Edema"], IDS)
    assert vectors == [[1.0, 0.0], [0.0, 1.0], [None, None], [None, 0.0]]
    matrix = label_matrix([{"id": id_, "label": vector} for id_, vector in zip(IDS, vectors, strict=True)])
    assert matrix.shape == (4, 2) and matrix.dtype == "float64"
    assert matrix[:2].tolist() == [[1, 0], [0, 1]]
    assert [math.isnan(value) for value in matrix[2:].ravel()] == [True, True, True, False]


def test_a_column_that_one_file_lacks_is_unknown_there(table: pd.DataFrame) -> None:
    both = pd.concat([table, pd.DataFrame({"id": ["e"], "Mass": ["1"]})], ignore_index=True)
    assert label_vectors(both, ["Mass", "Edema"], [*IDS, "e"])[-1] == [1.0, None]
    assert known_texts(both["place"]) == ["Lund", None, "Turku", "Lund", None]


@pytest.mark.parametrize("value", ["2", "yes", "0.5"])
def test_another_value_is_named_with_class_and_image(table: pd.DataFrame, value: str) -> None:
    table.loc[1, "Mass"] = value
    with pytest.raises(ValueError, match=f"class 'Mass' must be 0, 1 or unknown .*, got '{value}' for b and 1 such"):
        class_columns(table, IDS, ["id"])
    assert class_columns(table, IDS, wanted=["Edema"]) == ["Edema"]
    with pytest.raises(ValueError, match=f"got '{value}' for b"):
        label_vectors(table, ["Mass"], IDS)


def test_there_must_be_a_class(table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="must have at least one column of 0 and 1 as a class, got .*'place'"):
        class_columns(table[["place", "dose"]], IDS)
    with pytest.raises(KeyError, match=r"classes must be among the columns .*, got \['Cyst'\]"):
        class_columns(table, IDS, wanted=["Mass", "Cyst"])


def test_labels_must_be_vectors_of_one_length() -> None:
    with pytest.raises(ValueError, match="label must be a vector with one value per class, got others for b, c; give"):
        label_matrix([{"id": "a", "label": [1.0, 0.0]}, {"id": "b", "label": [1.0]}, {"id": "c"}])
