"""Find the images that a medical model never really learned, by pruning it.

Two papers are cited throughout by short names:

- "Attend Who is Weak": Jaiswal et al., "Attend Who is Weak: Pruning-assisted Medical Image Localization under
  Sophisticated and Implicit Imbalances". Prune, find the images that are forgotten, fine-tune on them.
- "PruneCXR": Holste et al., "How Does Pruning Impact Long-Tailed Multi-Label Medical Image Classifiers?". Which
  findings, and which chest X-rays, pruning makes a classifier forget.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from htl_monai.report.made_report import make_report
    from htl_monai.runs.audit import audit

__all__ = ["__version__", "audit", "make_report"]

try:
    __version__ = version("htl-monai")
except PackageNotFoundError:  # a source tree that was put on the path and never installed
    __version__ = "0+unknown"
"""The installed version of the package."""


_MODULES = {"audit": "htl_monai.runs.audit", "make_report": "htl_monai.report.made_report"}


def __getattr__(name: str) -> Any:
    """Import what takes seconds to import only when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"htl_monai has no {name!r}; see htl_monai.__all__")
    return getattr(import_module(_MODULES[name]), name)
