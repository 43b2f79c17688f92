"""The shipped lesion network on the 600 test images of ISIC-2017: its score, its rankings, its report in use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import htl_monai

pytestmark = pytest.mark.skipif("HTL_DATA" not in os.environ, reason="needs the real ISIC-2017 under HTL_DATA")


@pytest.mark.browser
def test_the_audit_of_the_shipped_network_says_what_its_documentation_says(
    tmp_path: Path, use_report: Callable[[Path], None]
) -> None:
    data, out = Path(os.environ["HTL_DATA"]) / "isic2017", tmp_path / "audit"
    found = htl_monai.audit("lesion_localization", data, out, split="test", sparsities=[0.7], device="cpu")
    assert len(found.ranking) == 600 and found.ranking["iou"].mean() == pytest.approx(0.751, abs=0.002)
    judged = found.rankings.set_index("ranking")
    assert judged.loc["expected_error", "auroc"] == pytest.approx(0.90, abs=0.01)
    assert judged.loc["forgetting", "auroc"] == pytest.approx(0.52, abs=0.03)
    hit = found.groups(by="diagnosis").query("measure == 'iou'").set_index("group")
    assert hit.loc["melanoma", "p_holm"] < 0.05 and hit.loc["melanoma", "gap_whole"] < -0.05
    found.report(out)
    use_report(out)
