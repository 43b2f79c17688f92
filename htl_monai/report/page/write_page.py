"""Writes a report as one HTML file that opens from a disk, with its style, scripts and charting library inside it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from htl_monai.data.files import write_text

# In the order in which they stand in the page; each uses what stands before it, and main.js calls them all.
SCRIPTS = (
    *("dom", "content", "outlines", "viewer", "cases", "sorting", "filters", "export", "table"),
    *("forest", "groups", "curves", "compared", "quadrants", "words", "main"),
)


def write_page(content: Mapping[str, Any], path: Path) -> Path:
    """Write the page that shows ``content``, atomically.

    Nothing is asked of a server when it is opened: a Content-Security-Policy allows the page's own scripts and style,
    by their hashes, and pictures in it or in the folder beside it. Text of the content is never read as markup.

    Args:
        content: what the report says, of JSON's kinds; any part may be missing, and is then left out of the page. NaN
            and infinity become null.
        path: the HTML file; pictures that ``content`` names are relative to its folder.

    Raises:
        OSError: the file cannot be written.
        TypeError: ``content`` holds something that JSON does not have.
    """
    folder = files("htl_monai.report.page")
    style = folder.joinpath("page.css").read_text(encoding="utf-8")
    vendored = folder.joinpath("vendor", "d3.min.js").read_text(encoding="utf-8")
    parts = [folder.joinpath("script", f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: 'self' file:; "
        f"style-src {_hash(style)}; script-src {_hash(vendored)} {_hash(script)}"
    )
    # Nothing is escaped by the template: these are the package's own files, and the content is escaped as JSON.
    template = Environment(undefined=StrictUndefined).from_string(folder.joinpath("page.html").read_text())
    inlined = {"policy": policy, "style": style, "vendored": vendored, "script": script}
    return write_text(path, template.render(**inlined, content=embedded(content)))


def embedded(content: Mapping[str, Any]) -> str:
    r"""Return JSON that may stand in a script element: ASCII, without a ``<`` that could end it or begin a comment.

    Example:
        >>> embedded({"id": "</script>\u2028é", "iou": float("nan")})
        '{"id":"\\u003c/script>\\u2028\\u00e9","iou":null}'
    """
    return json.dumps(_known(content), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _known(value: Any) -> Any:
    """Return ``value`` with null in place of what is no finite number, and numpy's numbers as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_known(each) for each in value]
    if isinstance(value, str | int) or value is None:
        return value
    if hasattr(value, "tolist"):
        return _known(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hash(text: str) -> str:
    """Return how a Content-Security-Policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
