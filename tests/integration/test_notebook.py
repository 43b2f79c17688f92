"""The notebook of the documentation: short, light, free of the machine that ran it, and it runs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "audit.ipynb"
# What makes it run in seconds.
SMALLER = {
    '{"training": 96, "validation": 8, "test": 48}': '{"training": 12, "validation": 2, "test": 4}',
    '"finetune_epochs": 4, "finetune_milestones": [3]': '"finetune_epochs": 1, "finetune_milestones": []',
}


@pytest.fixture
def notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_short_and_light_and_shows_what_it_found(notebook: NotebookNode) -> None:
    assert len(notebook.cells) <= 12 and NOTEBOOK.stat().st_size < 1_000_000
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code if not cell.source.startswith("%%capture"))
    kinds = {output.output_type for cell in code for output in cell.outputs}
    assert kinds == {"stream", "execute_result"}


def test_it_tells_nothing_of_the_machine_that_ran_it() -> None:
    text = re.sub(r"data:image/[^\"\\]+", "", NOTEBOOK.read_text(encoding="utf-8"))
    assert not re.findall(r"(?<![\w.)])/(?:home|root|tmp|work|mnt|opt|usr|var|Users)/|[A-Z]:\\", text)


@pytest.mark.slow
def test_it_runs(notebook: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    sources = "\n".join(cell.source for cell in notebook.cells)
    assert all(sources.count(part) == 1 for part in SMALLER)
    for cell in notebook.cells:
        for part, smaller in SMALLER.items():
            cell.source = cell.source.replace(part, smaller)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs" / "audit" / "report.html").is_file()
