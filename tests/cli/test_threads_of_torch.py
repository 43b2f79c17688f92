"""What the commands tell torch's threads before it is loaded."""

from __future__ import annotations

import pytest

from htl_monai.cli.threads_of_torch import use_free_cores

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


@pytest.mark.parametrize(("idle", "threads"), [(4, {}), (3, {"OMP_NUM_THREADS": "3"}), (0, {"OMP_NUM_THREADS": "1"})])
def test_busy_cores_are_left_to_others(idle: int, threads: dict[str, str]) -> None:
    environment: dict[str, str] = {}
    use_free_cores(environment, loaded=False, allowed=lambda: 4, idle=lambda: idle)
    assert environment == PASSIVE | threads


def test_what_the_user_has_set_stays() -> None:
    environment = {"OMP_NUM_THREADS": "6", "OMP_WAIT_POLICY": "ACTIVE", "KMP_BLOCKTIME": "200"}
    use_free_cores(environment, loaded=False, allowed=lambda: 4, idle=lambda: 1)
    assert environment == {"OMP_NUM_THREADS": "6", "OMP_WAIT_POLICY": "ACTIVE", "KMP_BLOCKTIME": "200"}


def test_nothing_is_set_that_comes_too_late() -> None:
    environment: dict[str, str] = {}
    use_free_cores(environment, loaded=True, allowed=lambda: 4, idle=lambda: 1)
    assert environment == {}
