"""Tests of keeping freed memory: a second forward pass asks the kernel for no new pages."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from htl_monai.networks.memory import keep_freed_memory

# A process of its own: the C library's setting stays, and a test before may have made it.
COUNT_FAULTS = """
import resource, sys, torch
from htl_monai.networks.prepare import prepare_network
torch.set_num_threads(1)
layer = torch.nn.Conv2d(3, 32, 3)
if sys.argv[1] == "prepared":
    prepare_network(layer, "cpu")
images = torch.rand(16, 3, 128, 128)
with torch.no_grad():
    for _ in range(3):
        layer(images)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        layer(images)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
glibc = pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's mallopt"
)


def page_faults(kind: str) -> int:
    command = [sys.executable, "-c", COUNT_FAULTS, kind]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
@glibc
def test_a_prepared_network_reuses_the_memory_of_its_activations() -> None:
    assert page_faults("prepared") < 0.1 * page_faults("plain")


@glibc
def test_the_setting_can_be_repeated() -> None:
    assert keep_freed_memory() and keep_freed_memory()
