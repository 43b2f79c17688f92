"""Looking through what wraps a network."""

from __future__ import annotations

import torch
from torch import nn

from htl_monai.networks.wrapping import unwrapped


def test_wrappers_are_looked_through_however_deep() -> None:
    plain = nn.Linear(2, 1)
    assert unwrapped(plain) is plain
    assert unwrapped(nn.DataParallel(plain)) is plain
    assert unwrapped(torch.compile(nn.DataParallel(torch.compile(plain)))) is plain


def test_a_networks_own_module_of_that_name_is_no_wrapper() -> None:
    network = nn.Module()
    network.module = nn.Linear(2, 1)
    assert unwrapped(network) is network
