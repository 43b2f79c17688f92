"""Finds the bundles and overlays, in the source tree or in the installed package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["find_bundle", "find_overlay"]

_PACKAGE = Path(__file__).parent
# A wheel carries bundle/ and configs/ inside the package; the source tree has them beside it.
_ROOTS = (_PACKAGE, _PACKAGE.parent)


def find_bundle(name: str) -> Path:
    """Return the folder of a bundle.

    Args:
        name: the bundle's name, such as ``lesion_localization``, or the path of any bundle's folder.

    Raises:
        FileNotFoundError: there is no such bundle; those that exist are named.
    """
    for folder in (Path(name), *(root / "bundle" / name for root in _ROOTS)):
        if (folder / "configs").is_dir():
            return folder.resolve()
    known = sorted(path.parent.name for root in _ROOTS for path in root.glob("bundle/*/configs"))
    raise FileNotFoundError(f"bundle must be one of {', '.join(known)} or a bundle's folder, got {name!r}; check it")


def find_overlay(name: str) -> Path:
    """Return a config file: a path, or a name below ``configs/`` such as ``settings/cpu.json``.

    Raises:
        FileNotFoundError: there is no such file; those that come with the package are named.
    """
    for path in (Path(name), *(root / "configs" / name for root in _ROOTS)):
        if path.is_file():
            return path.resolve()
    known = sorted(str(path.relative_to(root / "configs")) for root in _ROOTS for path in root.glob("configs/*/*.json"))
    raise FileNotFoundError(f"overlay must be a JSON file or one of {', '.join(known)}, got {name!r}; check it")
