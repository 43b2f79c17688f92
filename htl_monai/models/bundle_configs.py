"""Finds what a model is made of in the configs of any MONAI bundle, by the names that the model zoo gives it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from htl_monai.data.images.unlabelled import allow_missing_keys

__all__ = ["ROLES", "BundleConfigs", "first_cause"]

_SUFFIXES = ("json", "yaml", "yml")
_NETWORK = ("network_def", "network", "net")
# Where each part stands, likelier names first: in the config of a training, with what evaluates laid over it, and in
# that of the inference. What an evaluator names itself goes before what lies beside it.
_TRAIN = {
    "network": _NETWORK,
    "preprocessing": ("validate#preprocessing", "val_preprocessing"),
    "inferer": ("validate#evaluator#inferer", "evaluator#inferer", "validate#inferer", "inferer"),
    "postprocessing": ("validate#evaluator#postprocessing", "evaluator#postprocessing", "validate#postprocessing"),
    "amp": ("validate#evaluator#amp", "evaluator#amp"),
    "device": ("device",),
}
_INFERENCE = {
    "network": _NETWORK,
    "preprocessing": ("preprocessing",),
    "inferer": ("evaluator#inferer", "inferer"),
    "postprocessing": ("evaluator#postprocessing", "postprocessing"),
    "amp": ("evaluator#amp",),
    "device": ("device",),
}
ROLES = tuple(_TRAIN | _INFERENCE)
"""What ``bind`` may name an entry for."""


class BundleConfigs:
    """The configs of a bundle, read and not run; an entry is built, and its ``$`` expressions run, when asked for.

    Args:
        source: what errors call the bundle.
        train: the config of a training, with what evaluates laid over it; empty where there is none.
        inference: the config of the inference, likewise.
        bind: the entries of those roles that have other names than in the model zoo.
        images_only: take the inference's way of preparing data before the validation's, which wants labels too.

    Raises:
        KeyError: ``bind`` names what is no role, or an entry that is not there.
    """

    def __init__(
        self,
        source: str,
        train: Mapping[str, Any],
        inference: Mapping[str, Any],
        bind: Mapping[str, str] | None = None,
        images_only: bool = False,
    ) -> None:
        self.source = source
        self.bind = dict(bind or {})
        trained = (ConfigParser(dict(train)), _TRAIN) if train else None
        inferred = (ConfigParser(dict(inference)), _INFERENCE) if inference else None
        both = (inferred, trained) if images_only else (trained, inferred)
        self._sides = [side for side in both if side is not None]
        for role, entry in self.bind.items():
            self._check_bound(role, entry)
        # The way in and the way back belong together: both come from one config.
        self._data_side = next((side for side in self._sides if self._entry("preprocessing", side)), None)
        self.leave_out("Save")

    @classmethod
    def read(cls, folder: Path, bind: Mapping[str, str] | None = None, images_only: bool = False) -> BundleConfigs:
        """Read ``train`` (or the training of another name, where it is the only one), ``evaluate`` and ``inference``.

        Raises:
            ValueError: there is neither of them, or one is damaged.
        """
        train, evaluate, inference = (_config_file(folder, name) for name in ("train", "evaluate", "inference"))
        if train is None and inference is None:
            raise ValueError(
                f"model must be a bundle with configs/train.json or configs/inference.json (or .yaml), got {folder} "
                "without; check the folder"
            )
        if str(folder) not in sys.path:  # a bundle's own code lies beside its configs; MONAI puts it there, too
            sys.path.insert(1, str(folder))
        train_files = [path for path in (train, evaluate) if path is not None] if train else []
        inferred = _load([inference] if inference is not None else [])
        return cls(str(folder), _load(train_files), inferred, bind, images_only)

    @property
    def content(self) -> list[dict[str, Any]]:
        """Both configs as they are written, neither run nor built."""
        return [parser.get() for parser, _ in self._sides]

    def update(self, entries: Mapping[str, Any]) -> None:
        """Replace entries in both configs."""
        for parser, _ in self._sides:
            parser.update(dict(entries))

    def leave_out(self, *beginnings: str) -> None:
        """Build no transform whose name begins like this: one that writes files, or reads what is read already."""
        for parser, _ in self._sides:
            for step in _steps(parser.get()):
                if str(step["_target_"]).rpartition(".")[2].startswith(beginnings):
                    step["_disabled_"] = True

    def __contains__(self, name: str) -> bool:
        return any(name in parser for parser, _ in self._sides)

    def rename(self, bind: Mapping[str, str]) -> None:
        """Take other entries for roles that :attr:`bind` says nothing of; those that are not there change nothing."""
        self.bind = {role: entry for role, entry in bind.items() if entry in self} | self.bind

    def value(self, name: str, default: Any = None) -> Any:
        """Return an entry of any name, of the inference first."""
        parsers = [parser for parser, roles in sorted(self._sides, key=lambda side: side[1] is _TRAIN)]
        return next((self._build(parser, name) for parser in parsers if name in parser), default)

    def find(self, role: str) -> Any:
        """Return the part that plays a role; None where no entry does.

        Raises:
            RuntimeError: it cannot be built.
        """
        if role == "network":  # an inference needs no data and no pretrained weights to build it
            sides = sorted(self._sides, key=lambda side: side[1] is _TRAIN)
        elif role in ("preprocessing", "inferer", "postprocessing"):
            sides = [self._data_side] if self._data_side else []
        else:
            sides = self._sides
        for side in sides:
            entry = self._entry(role, side)
            if entry:
                return self._build(side[0], entry)
        return None

    def get(self, role: str) -> Any:
        """Return the part that plays a role.

        Raises:
            KeyError: no entry does; the error says which names were tried, and how to name another.
            RuntimeError: it cannot be built.
        """
        found = self.find(role)
        if found is None:
            tried = dict.fromkeys(name for _, roles in self._sides for name in roles.get(role, ()))
            raise KeyError(
                f"{role} must be an entry of the configs of {self.source}, got none of {', '.join(tried)}; name the "
                f"entry with --bind {role}=ENTRY"
            )
        return found

    def _entry(self, role: str, side: Any) -> str | None:
        parser, roles = side
        names = (self.bind[role],) if role in self.bind else roles.get(role, ())
        return next((name for name in names if name in parser), None)

    def _build(self, parser: ConfigParser, entry: str) -> Any:
        try:
            built = parser.get_parsed_content(entry)
        except Exception as error:  # a bundle's config is code: it may raise anything
            raise RuntimeError(
                f"{entry} of {self.source} must be an entry that can be built, got: {first_cause(error)}; correct the "
                "config, or install what it needs"
            ) from error
        return allow_missing_keys(built)

    def _check_bound(self, role: str, entry: str) -> None:
        if role not in ROLES:
            raise KeyError(
                f"bind must name one of {', '.join(ROLES)}, image, label or output, got {role!r}; correct it"
            )
        if entry not in self:
            known = sorted({str(name) for parser, _ in self._sides for name in parser.get()})
            near = difflib.get_close_matches(entry, known, n=3) or known
            raise KeyError(
                f"bind must give {role} an entry of {self.source}, got {entry!r}; there are {', '.join(near)}"
            )


def first_cause(error: BaseException) -> str:
    """Say in one line what went wrong first; MONAI wraps it several times.

    Example:
        >>> first_cause(ValueError("no such\\n file"))
        'no such file'
    """
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    if "TorchScript" in text:  # its own trace comes before what went wrong
        text = text.splitlines()[-1]
    words = " ".join(text.split()).partition(". Please install the reader libraries")[0]  # a damaged file needs none
    return f"{words or type(error).__name__:.300}"


def _config_file(folder: Path, name: str) -> Path | None:
    return next((p for s in _SUFFIXES if (p := folder / "configs" / f"{name}.{s}").is_file()), None)


def _load(files: list[Path]) -> dict[str, Any]:
    try:
        return dict(ConfigParser.load_config_files([str(path) for path in files]))
    except Exception as error:  # parsers of JSON and of YAML have no common error
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{' and '.join(map(str, files))} must be JSON or YAML configs, got: {reason:.300}; correct them"
        ) from error


def _steps(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "_target_" in config:
            yield config
        for value in config.values():
            yield from _steps(value)
    elif isinstance(config, list):
        for value in config:
            yield from _steps(value)
