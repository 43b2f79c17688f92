"""What went wrong is one line, however long the trace that comes with it."""

from __future__ import annotations

import pytest
import torch

from htl_monai.models.bundle_configs import first_cause


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_of_torchscript_the_last_line_counts() -> None:
    network = torch.jit.script(torch.nn.Linear(3, 2))
    with pytest.raises(RuntimeError) as caught:
        network(torch.zeros(1, 4))
    assert "\n" in str(caught.value)
    assert first_cause(caught.value).startswith("RuntimeError: ") and "shapes" in first_cause(caught.value)
