"""MODEL and DATA in the wrong order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from htl_monai.cli.swapped import refuse_swapped


@pytest.fixture
def run(tmp_path: Path) -> str:
    (tmp_path / "run" / "training").mkdir(parents=True)
    (tmp_path / "run" / "training" / "dense.pt").touch()
    return str(tmp_path / "run")


@pytest.mark.parametrize("command", ["audit", "predict"])
@pytest.mark.parametrize("model", ["lesion_localization", "run", "weights.pt"])
def test_a_model_in_the_second_place_is_noticed(
    htl: Callable[..., tuple[int, str, str]], run: str, tmp_path: Path, command: str, model: str
) -> None:
    model = run if model == "run" else model
    code, _, err = htl(command, str(tmp_path), model, "--out", str(tmp_path / "out"))
    assert code == 1 and err.startswith("htl: model must be a bundle, a run's folder or a checkpoint, got")
    assert err.endswith("look as if they were swapped; give the model first\n")
    assert not (tmp_path / "out").exists()


def test_the_right_order_passes_whatever_the_data_is(run: str, tmp_path: Path) -> None:
    for model in ("lesion_localization", run, "weights.pt"):
        refuse_swapped(model, str(tmp_path))
    refuse_swapped(run, run)
    refuse_swapped("nothing", "nothing either")
