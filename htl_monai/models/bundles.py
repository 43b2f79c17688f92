"""Finds bundles and overlays, in the source tree or in the installed package, and says when one from outside runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from htl_monai.data.files import read_json

__all__ = [
    "bundle_config",
    "find_bundle",
    "find_config",
    "find_overlay",
    "looks_like_path",
    "own_bundles",
    "own_configs",
    "stage_configs",
]

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries bundle/ and configs/ inside the package; the source tree has them beside it.
_ROOT = _PACKAGE if (_PACKAGE / "bundle").is_dir() else _PACKAGE.parent


def own_bundles() -> dict[str, Path]:
    """Return the folders of the bundles that come with the package, by name."""
    return {path.parent.name: path.parent for path in sorted(_ROOT.glob("bundle/*/configs"))}


def find_bundle(name: str) -> Path:
    """Return the folder of a bundle.

    A bundle's configs are code. Names are those of the package alone, so that no folder that happens to lie in the
    working directory runs instead; another bundle is given by its path, and a line on standard error says that it runs.

    Args:
        name: the name of one of the package's bundles, such as ``lesion_localization``, or the path of any bundle's
            folder, with a separator in it or a dot at its beginning: ``./my_bundle``.

    Raises:
        FileNotFoundError: there is no such bundle; those that exist are named.
    """
    return _found(name, own_bundles(), "bundle", (Path(name) / "configs").is_dir())


def own_configs(folder: str) -> dict[str, Path]:
    """Return the files of a folder in the package's ``configs/``, by name, such as ``supervised``."""
    return {path.stem: path for path in sorted((_ROOT / "configs" / folder).glob("*.json"))}


def find_config(folder: str, name: str) -> Path:
    """Return a file of a kind that the package has in a folder of ``configs/``: a setting, an arm.

    Args:
        folder: such as ``settings``.
        name: that of one of the package's, or the path of a ``.json`` file with a separator in it: ``./mine.json``.

    Raises:
        FileNotFoundError: there is no such file; those that come with the package are named.
    """
    return _found(name, own_configs(folder), folder.removesuffix("s"), _is_json(name))


def find_overlay(name: str) -> Path:
    """Return a config file that is applied on top of a bundle's; as code, see :func:`find_bundle`.

    Args:
        name: a name below the package's ``configs/``, such as ``sizes/cpu.json``, which goes before a file of that
            name in the working directory; or the path of a ``.json`` file with a separator in it: ``./my.json``.

    Raises:
        FileNotFoundError: there is no such file; those that come with the package are named.
    """
    folders = ("pruners", "sizes", "trainings")
    own = {f"{folder}/{path.name}": path for folder in folders for path in own_configs(folder).values()}
    return _found(name, own, "overlay", _is_json(name))


def _found(name: str, own: Mapping[str, Path], kind: str, is_there: bool) -> Path:
    """Return one of the package's own, or what is at a path, and say of the latter that it runs."""
    if name in own:
        return own[name]
    path = Path(name).resolve()
    if looks_like_path(name) and is_there:
        if path not in own.values():
            print(
                f"htl: {path} is not part of the package, and can run code: use it only if you trust it",
                file=sys.stderr,
            )
        return path
    place = "a bundle's path" if kind == "bundle" else "the path of a .json file"
    hint = f"write ./{name} to use what is there" if is_there else _nearest(name, own)
    raise FileNotFoundError(f"{kind} must be one of {', '.join(own)} or {place}, got {name!r}; {hint}")


def _is_json(name: str) -> bool:
    return name.endswith(".json") and Path(name).is_file()


def _nearest(name: str, own: Mapping[str, Path]) -> str:
    """Return a hint: the name in another folder, or one that is spelled like it."""
    meant = [word for word in own if Path(word).name == Path(name).name] or get_close_matches(name, own, n=1)
    return f"did you mean {meant[0]}?" if meant else "check it"


def looks_like_path(name: str) -> bool:
    """Tell whether a word is meant as a path: it begins with a dot, or holds a separator.

    Example:
        >>> looks_like_path("./my_bundle"), looks_like_path("my_bundle")
        (True, False)
    """
    return name.startswith(".") or any(separator in name for separator in (os.sep, os.altsep) if separator)


def bundle_config(bundle: Path, name: str) -> Path:
    """Return a config file of a stage after a look that it is there and is JSON.

    Args:
        bundle: the bundle's folder.
        name: a file of the bundle's ``configs/``; or one below the package's, such as ``stages/mine.json``, where the
            bundle has no file of this name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged.
    """
    own, shared = bundle / "configs" / name, _ROOT / "configs" / name
    path = shared if "/" in name and shared.is_file() and not own.is_file() else own
    read_json(path, f"correct the bundle {bundle}, or name another")
    return path


def stage_configs(bundle: Path) -> list[Path]:
    """Return the config files that stages of a bundle are made of: its own, and those that bundles share."""
    others = ("metadata.json", "inference.json")
    own = [path for path in sorted(bundle.glob("configs/*.json")) if path.name not in others]
    return [*own, *own_configs("stages").values()]
