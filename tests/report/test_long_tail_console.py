"""What is printed of a chest X-ray run."""

from __future__ import annotations

import pandas as pd
import pytest

from htl_monai.report.long_tail_console import print_long_tail


def test_the_screen_shows_the_main_sweep_and_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    sparsities = [round(0.05 * step, 2) for step in range(20)]
    overall = pd.DataFrame(
        [
            {"compression": name, "sparsity": sparsity, "ap_mean": level - sparsity}
            for name, level in (("global_magnitude", 1.12), ("random", 2.12))
            for sparsity in sparsities
        ]
    )
    ratios = pd.DataFrame(
        {"definition": ["spearman", "modal"], "group": ["Hernia", "Mass"], "n": 3, "n_pie": 1}
        | dict.fromkeys(["ratio", "low", "high", "p_holm"], 1.5)
    )
    pies = pd.DataFrame(
        {"id": [f"{i:04d}" for i in range(20)], "is_pie": [True] * 12 + [False] * 8, "labels": "Edema"}
        | dict.fromkeys(["spearman", "taxicab", "label_quality"], 0.25)
    )
    print_long_tail(
        {"overall": overall, "pies": pies, "pie_ratios": ratios, "notes": pd.DataFrame({"note": ["one seed only"]})}
    )
    shown = capsys.readouterr().out
    assert "1.12" in shown and "0.32" in shown and "2.12" not in shown and "1.07" not in shown  # every fourth
    assert "0009" in shown and "0010" not in shown  # ten of the twelve
    assert "Hernia" in shown and "Mass" not in shown
    assert shown.rstrip().endswith("note: one seed only")


def test_what_is_not_there_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_long_tail({})
    assert capsys.readouterr().out == ""
