"""Files that a command line or settings name: JSON that is read, and which file a path really means."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from bigin_api.errors import SettingsError

MOST = 64 << 20  # bytes of a document: a catalog of a thousand modules has a tenth of it


def read_json(text: str, what: str) -> Any:
    """A document. Raises SettingsError that names it and the place, and never shows what is in it."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{what}: not JSON: {error}.") from None
    except RecursionError:
        raise SettingsError(f"{what}: nested too deep to be read.") from None


def read_open(file: IO[bytes], what: str) -> str:
    """The text of a file that is open, without the mark of its encoding (BOM) that it may begin with.

    Raises SettingsError for what is no text, and for a file, or a device without an end, beyond 64 MB.
    """
    content = file.read(MOST + 1)
    if len(content) > MOST:
        raise SettingsError(f"{what}: longer than {MOST >> 20} MB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{what}: not UTF-8 text.") from None


def read_file(path: str, option: str) -> Any:
    """The document in a file that an option names. Raises SettingsError, as ``read_json``."""
    return read_json(read_text(path, option), f"{option} {path}")


def read_text(path: str, option: str) -> str:
    """The text in such a file. Raises SettingsError that names it."""
    try:
        with Path(path).open("rb") as file:
            return read_open(file, f"{option} {path}")
    except OSError as error:
        raise SettingsError(f"{option} {path}: {error.strerror}.") from None
    except ValueError as error:  # a NUL in the path
        raise SettingsError(f"{option} {path!r}: {error}.") from None


def read_settings(path: str) -> dict[str, Any]:
    """The settings in a file, as ``--config`` names it. Raises SettingsError, as ``read_json``."""
    settings = read_file(path, "--config")
    if not isinstance(settings, dict):
        raise SettingsError(f"--config {path}: holds no JSON object but a {type(settings).__name__}.")
    return settings


def real_path(path: str | Path) -> Path:
    """Where a path leads once links are followed: a file that is replaced must not replace the link to it."""
    real = Path(os.path.realpath(path))
    return Path(path) if Path(os.path.abspath(path)) == real else real  # noqa: PTH100 -- without following links


def require_path(name: str, path: str | Path) -> None:
    """Raises SettingsError for what no file can be called."""
    if "\0" in str(path):
        raise SettingsError(f"{name}: {str(path)!r} is no path, it holds a NUL.")


def require_distinct(settings: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises SettingsError if two settings name one file, by whatever path or link."""
    seen: list[tuple[str, Path]] = []
    for name in names:
        path = settings.get(name)
        if not isinstance(path, str | Path) or not str(path):
            continue
        require_path(name, path)
        for other, known in seen:
            if _is_one_file(known, Path(path)):
                raise SettingsError(f"{other} and {name} name the same file ({path}).")
        seen.append((name, Path(path)))


def _is_one_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)
