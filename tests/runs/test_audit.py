"""An audit leaves out what it cannot use where that is asked for, and says what it was made from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import htl_monai
from htl_monai.data.files import read_table
from htl_monai.data.readers.datalists import load_datalists
from htl_monai.report.pictures.read_pictures import read_pictures

QUICK: dict[str, Any] = {"split": "test", "sparsities": (0.7,), "device": "cpu"}


@pytest.fixture
def damaged(tiny_phantom: Path, tmp_path: Path) -> Path:
    """A copy of the phantom; of its test images the first is cut off, the second gone, and the third has no mask."""
    folder = Path(shutil.copytree(tiny_phantom, tmp_path / "damaged"))
    first, second, third, _ = load_datalists(folder)["test"]
    image = Path(first["image"])
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    Path(second["image"]).unlink()
    Path(third["label"]).unlink()
    return folder


def test_what_cannot_be_used_stops_an_audit_or_is_left_out(finished_run: Path, damaged: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "out", list[str]()
    words = r"image test_00001 must be there, got no file .*; 2 of 4 samples cannot be used; --skip-unusable leaves"
    with pytest.raises(ValueError, match=words):
        htl_monai.audit(finished_run, damaged, out, **QUICK)
    assert not out.exists()
    found = htl_monai.audit(finished_run, damaged, out, **QUICK, skip_unusable=True, say=said.append)
    assert said[0] == "3 images are left out: test_00001, test_00002, test_00000" and "audit: 1 images with" in said[1]
    skipped = read_table(out / "skipped.csv").set_index("id")
    assert list(skipped.index) == [row["id"] for row in found.skipped] and (skipped["split"] == "test").all()
    reason = skipped.loc["test_00000", "reason"]
    assert "must be one that the preprocessing of" in reason and "install" not in reason
    assert read_table(out / "ranking.csv")["id"].tolist() == ["test_00003"]
    scores = read_table(out / "scores.csv")
    assert scores["foreground_iou"].item() == pytest.approx(found.scores["iou"].sel(level=0.0).values[0, 1])


def test_the_record_holds_what_the_audit_was_made_from(finished_run: Path, tiny_phantom: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    htl_monai.audit(finished_run, tiny_phantom, out, **QUICK, bind={"image": "image"})
    record = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert {"dense.pt", "train.json", "metadata.json"} <= {*record["inputs"]}
    assert {"htl_monai.runs.audit", "htl_monai.engines.forgetting_evaluator", "torch"} <= {*record["code"]}
    assert record["config"]["audit"]["bind"] == {"image": "image"} and record["bundle"] == "lesion_localization"
    assert {"ranking.csv", "scores.nc", "skipped.csv"} <= {*record["outputs"]} and record["device"] == "cpu"
    lines = (out / "log.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(" INFO ")[1] for line in lines] == ["the audit of 4 samples begins on cpu", "the audit is done"]


def test_the_hardest_are_drawn_beside_the_tables_and_in_a_notebook(
    finished_run: Path, tiny_phantom: Path, tmp_path: Path
) -> None:
    found = htl_monai.audit(finished_run, tiny_phantom, tmp_path, **QUICK)
    pictures = read_pictures(tmp_path)
    ids = found.hardest()["id"].tolist()
    assert [*pictures["hardest"]] == ids and {*pictures["thumbnails"]["of"]} == {*ids}
    assert [one["role"] for one in pictures["networks"]] == ["dense", "pruned"]
    assert all(case["slices"][0]["outlines"]["truth"] and not case["note"] for case in pictures["hardest"].values())
    assert read_table(tmp_path / "pictures" / "properties.csv")["label_size"].between(0, 1).all()
    shown = found.show(2)
    assert shown.table["id"].tolist() == ids[:2] and {"iou", "relative_forgetting"} <= {*shown.table}
    assert shown._repr_html_().count("<img ") == 2


def test_a_network_that_learned_nothing_is_spoken_of(
    finished_run: Path, tiny_phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = torch.load(finished_run / "training" / "dense.pt", weights_only=True)
    last = [name for name in weights if "final_conv" in name]
    weights |= {name: torch.zeros_like(weights[name]) for name in last}
    weights[last[-1]] = torch.tensor([0.0, 1.0])
    run = tmp_path / "training"
    run.mkdir()
    shutil.copy(finished_run / "training" / "provenance.json", run)
    torch.save(weights, run / "dense.pt")
    found = htl_monai.audit(run / "dense.pt", tiny_phantom, **QUICK)
    words = "calls every pixel of all 4 images foreground (background IoU 0)"
    assert any(note.startswith(f"The dense network {words}") for note in found.notes)
    assert f"the dense network {words}" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_classifier_that_ends_in_a_sigmoid_is_recognised(tmp_path: Path) -> None:
    rng, rows = np.random.default_rng(0), []
    for number in range(9):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        rows.append({"image": f"{number}.png", "label": [number % 2, 1]})
    (tmp_path / "list.json").write_text(json.dumps({"test": rows}), encoding="utf-8")
    linear = torch.nn.Linear(3, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.02, -0.02, 0.0], [0.01, 0.0, -0.01]]))
    layers = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), linear)
    found = {}
    for name, more in {"logits": (), "probabilities": (torch.nn.Sigmoid(),)}.items():
        torch.jit.save(torch.jit.script(torch.nn.Sequential(*layers, *more)), str(tmp_path / f"{name}.ts"))
        options = {**QUICK, "task": "multilabel_classification", "split": "all"}
        found[name] = htl_monai.audit(tmp_path / f"{name}.ts", tmp_path / "list.json", **options)
    ours, theirs = (found[name].scores["probability"].values for name in found)
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
    said = ["ends in softmax or sigmoid" in " ".join(audit.notes) for audit in found.values()]
    assert said == [False, True] and "random" not in found["logits"].notes[-1]
