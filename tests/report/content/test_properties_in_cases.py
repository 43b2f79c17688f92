"""Tests that what was measured of the pictures stands among the cases."""

from __future__ import annotations

import pandas as pd
import pytest

from htl_monai.report.content.cases import cases_of
from htl_monai.report.content.found import find
from tests.report.content.conftest import WriteAudit


def test_properties_of_the_pictures_are_columns_of_the_cases(write_audit: WriteAudit) -> None:
    folder = write_audit()
    plain = cases_of(find(folder))
    ids = plain.table["id"]
    path = folder / "pictures" / "properties.csv"
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame({"id": ids[::-1], "blur": range(len(ids)), "iou": 9.0}).to_csv(path, index=False)
    cases = cases_of(find(folder))
    assert cases.table["blur"].tolist() == [*range(len(ids))][::-1]
    assert cases.table.drop(columns="blur").equals(plain.table)
    assert {column.name for column in cases.columns} - {column.name for column in plain.columns} == {"blur"}
    pd.DataFrame({"id": ["a", "a"], "blur": 1}).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"properties.csv must have one row an id, got \['id', 'blur'\]; make the"):
        cases_of(find(folder))
