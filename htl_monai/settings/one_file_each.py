"""Finds what is one file each in a package: tasks, rankings, policies."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any


def kinds_in(package: ModuleType, base: type) -> dict[str, Any]:
    """Return the classes below ``base`` that state a ``name`` in a file of ``package``, by name, in alphabetical order.

    Raises:
        ValueError: two files use one name.
    """
    found: dict[str, Any] = {}
    for file in pkgutil.iter_modules(package.__path__):
        for kind in vars(import_module(f"{package.__name__}.{file.name}")).values():
            named: Any = kind if isinstance(kind, type) and issubclass(kind, base) and "name" in vars(kind) else None
            if named is not None and found.setdefault(named.name, named) is not named:
                raise ValueError(
                    f"name of a {base.__name__.lower()} must be its own, got {named.name!r} in {named.__module__} and "
                    f"{found[named.name].__module__}; rename one"
                )
    return dict(sorted(found.items()))


def one_named(named: Any, known: Mapping[str, Any], word: str, otherwise: str) -> Any:
    """Return what a name stands for, made with its default options.

    Args:
        named: the name.
        known: see :func:`kinds_in`.
        word: what it is called, for the error.
        otherwise: what to do where no name is near.

    Raises:
        KeyError: there is none of that name.
    """
    if not isinstance(named, str) or named not in known:
        near = get_close_matches(named, known, n=1) if isinstance(named, str) else []
        hint = f"did you mean {near[0]}?" if near else otherwise
        raise KeyError(f"{word} must be one of {', '.join(known)}, got {named!r}; {hint}")
    return known[named]()
