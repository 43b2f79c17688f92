"""Writes result files atomically, so that a reader never sees half of one; reads tables and JSON back."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from htl_monai.data.formulas import escaped, map_text, unescaped

if TYPE_CHECKING:
    import pandas as pd

TEMPORARY = ".partial-"
"""How the names of files begin that are being written; a process that is killed outright leaves them."""


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary sibling of ``path``, then move it into place in one step; return ``path``.

    Missing parent folders are made; the temporary path has the suffix of ``path``.

    Raises:
        OSError: the folder cannot be written or the disk is full; ``path`` is then what it was before.
    """
    path, temporary = Path(path), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY, suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            error.errno, f"{path} could not be written ({reason}) and is as it was; make room or choose another folder"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def write_folder(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary sibling of the folder ``path``, then put it in place of an earlier one.

    Raises:
        OSError: it cannot be written; an earlier folder is then what it was before.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=TEMPORARY))
    try:
        write(temporary)
        temporary.chmod(0o777 & ~_umask())
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write ``text`` as UTF-8, atomically."""
    return write_atomically(path, lambda temporary: temporary.write_bytes(text.encode()))


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """Write ``content`` as indented JSON, atomically; NaN is refused with a ValueError because it is no JSON."""
    return write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | os.PathLike[str], remedy: str, kind: type = dict) -> Any:
    """Read a JSON file that somebody may have damaged, edited or replaced; what is wrong with it is one sentence.

    Args:
        remedy: what to do about a bad file; ends each of the sentences.
        kind: what it must hold: ``dict``, ``list``, or ``object`` for anything; NaN is no JSON.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read.
        ValueError: it holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} must be a file, got none of that name; {remedy}")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except OSError as error:
        raise OSError(error.errno, f"{path} must be readable, got: {error.strerror or error}; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must hold JSON, got {_fault(error)}; {remedy}") from error
    if not isinstance(content, kind):
        wanted = "an object {…}" if kind is dict else "a list […]"
        raise ValueError(f"{path} must hold {wanted}, got {type(content).__name__}; {remedy}")
    return content


def read_note(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a note of this package's says; nothing where there is none, or a damaged one."""
    try:
        return dict(read_json(path, "delete it"))
    except (OSError, ValueError):
        return {}


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> Path:
    """Write ``table`` without its index as CSV with full float precision, atomically; NaN becomes an empty field.

    Text that a spreadsheet would run as a formula gets an apostrophe before it, see
    :func:`~htl_monai.data.formulas.escaped`; :func:`read_table` takes it away again.
    """
    safe = map_text(table, escaped)
    # A line end of old Macs inside a text is not quoted by the csv module, and would then end the row.
    texts = (str(value) for name in safe for value in (name, *(safe[name] if safe[name].dtype.kind == "O" else ())))
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if any("\r" in text for text in texts) else csv.QUOTE_MINIMAL
    return write_atomically(path, lambda temporary: safe.to_csv(temporary, index=False, quoting=quoting))


def read_table(path: str | os.PathLike[str], text: Sequence[str] = ("id",)) -> pd.DataFrame:
    """Read a table that :func:`write_csv` wrote: the same texts, and floats to the last bit.

    An empty field is missing; the words ``NA`` and ``null`` are text, and so are the columns ``text``, though they look
    like numbers; those that the table lacks are passed over.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table.
    """
    import pandas as pd

    kinds = dict.fromkeys(text, str)
    try:
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values=[""])
    except ValueError as error:  # pandas' own errors and those of the encoding are ValueErrors
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} must be a table as it was written, got: {reason}; make it anew") from error
    return map_text(table, unescaped)


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 digest of a file, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON")


def _fault(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} in line {error.lineno}" if error.doc.strip() else "an empty file"
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are no UTF-8 text"
    return "brackets nested too deep" if isinstance(error, RecursionError) else str(error).partition(";")[0]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
