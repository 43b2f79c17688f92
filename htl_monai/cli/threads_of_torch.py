"""Makes the threads of torch leave other programs the cores that they use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping

from htl_monai.runs.free_cores import allowed_cores, idle_cores

# Of GNU's and of Intel's OpenMP: a thread that waits for others sleeps. By default it spins, for whole time slices
# where the others have no core, and a training beside another program takes many times as long.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


def use_free_cores(
    environment: MutableMapping[str, str] = os.environ,
    loaded: bool | None = None,
    allowed: Callable[[], int] = allowed_cores,
    idle: Callable[[], int] = idle_cores,
) -> None:
    """Set what torch's threads read when it is loaded: as many as there are idle cores, and waiting without spinning.

    What the user has set stays. Where no core is busy, the number of threads is left to torch. Once torch is loaded,
    nothing can be set any more.
    """
    if "torch" in sys.modules if loaded is None else loaded:
        return
    for name, value in _PASSIVE.items():
        environment.setdefault(name, value)
    if "OMP_NUM_THREADS" not in environment and (free := max(1, idle())) < allowed():
        environment["OMP_NUM_THREADS"] = str(free)
