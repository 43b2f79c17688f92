"""Tells which code a stage runs, by the source of the modules that its config reaches; nothing is imported for it."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["code_behind"]

_PACKAGE = Path(__file__).parents[1]
_NAME = re.compile(rf"\b{_PACKAGE.name}(?:\.\w+)+")
# Nothing in the results depends on what shows how far a stage is.
_WATCHERS = frozenset({f"{_PACKAGE.name}.handlers.progress", f"{_PACKAGE.name}.data.progress_bar"})
# The build of a library (``+cpu``, ``+cu126``) is left out: a checkpoint may go on on another machine.
_LIBRARIES = ("monai", "torch", "numpy")


def code_behind(entries: Mapping[str, Any]) -> dict[str, str]:
    """Return what the code that config entries name is now: a digest for each module, a version for each library.

    Modules are those of this package that the entries name (``_target_``, ``$import``, expressions) and those that they
    import, inside functions too. Comments, docstrings and layout do not count. A name that a package's ``__init__.py``
    passes on leads to the module that defines it, and not to its siblings.

    Args:
        entries: config entries, see :func:`~htl_monai.runs.provenance.entries_behind`.

    Returns:
        Digests by the module's dotted name and versions by the library's name, in alphabetical order.

    Example:
        >>> code = code_behind({"pruner": {"_target_": "htl_monai.pruning.GlobalMagnitude"}})
        >>> "htl_monai.pruning.magnitude" in code, "htl_monai.pruning.low_rank" in code, "torch" in code
        (True, False, True)
    """
    found: dict[str, str] = {}
    waiting = set(_NAME.findall(json.dumps(entries, default=str)))
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        module = _module_of(name)
        if module is None or module in _WATCHERS:
            continue
        path = _path_of(module)
        digest, passed_on, imported = _read(path, path.stat().st_mtime_ns)
        own = name[len(module) + 1 :].partition(".")[0]
        if own in passed_on:
            waiting |= {passed_on[own]} - seen
            continue
        found[module] = digest
        waiting |= imported - seen
    found |= {library: metadata.version(library).partition("+")[0] for library in _LIBRARIES}
    return dict(sorted(found.items()))


def _module_of(name: str) -> str | None:
    """Return the module that a dotted name lies in; None where this package has none of that name."""
    while not _path_of(name).is_file():
        name = name.rpartition(".")[0]
        if "." not in name:
            return None
    return name


def _path_of(module: str) -> Path:
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")


@cache
def _read(path: Path, changed: int) -> tuple[str, Mapping[str, str], frozenset[str]]:
    """Return a file's digest, the names that it passes on if it is a package's, and all names that it imports."""
    tree = ast.parse(path.read_bytes())
    digest = hashlib.sha256("\n".join(_said(tree)).encode()).hexdigest()[:16]
    imports = dict(_imports(tree))
    passed_on = imports if path.name == "__init__.py" else {}
    return digest, passed_on, frozenset(imports.values())


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names that a module imports from this package, as it calls them and as they are called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names if _NAME.match(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _NAME.match(f"{node.module}.any"):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _said(node: ast.AST) -> Iterator[str]:
    """Yield what a piece of code says, without places and docstrings, and alike in each version of Python's parser."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _said(part)
            elif part is not None:
                yield f"{name} {part!r}"
        yield "."
