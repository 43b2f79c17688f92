"""Checks the fraction of a network that is to be saved."""

from __future__ import annotations

from numbers import Real

__all__ = ["check_amount"]


def check_amount(amount: float, name: str = "amount") -> None:
    """Refuse what is no fraction in [0, 1); ``name`` is the argument that the error speaks of."""
    if not isinstance(amount, Real):
        raise TypeError(f"{name} must be a number, got {amount!r}; pass the fraction of weights to remove")
    if not 0 <= amount < 1:
        raise ValueError(f"{name} must be in [0, 1), got {amount}; pass the fraction of weights to remove, such as 0.7")
