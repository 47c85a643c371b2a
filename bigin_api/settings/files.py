"""Files that a command line or settings name: JSON that is read, and which file a path really means."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bigin_api.errors import SettingsError


def read_json(text: str, what: str) -> Any:
    """A document. Raises SettingsError that names it and the place, and never shows what is in it."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{what}: not JSON: {error}.") from None
    except RecursionError:
        raise SettingsError(f"{what}: nested too deep to be read.") from None


def read_file(path: str, option: str) -> Any:
    """The document in a file that an option names. Raises SettingsError, as ``read_json``."""
    return read_json(read_text(path, option), f"{option} {path}")


def read_text(path: str, option: str) -> str:
    """The text in such a file. Raises SettingsError that names it."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{option} {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{option} {path}: not UTF-8 text.") from None


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


def require_distinct(settings: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises SettingsError if two settings name one file, by whatever path or link."""
    seen: list[tuple[str, Path]] = []
    for name in names:
        path = settings.get(name)
        if not isinstance(path, str | Path) or not str(path):
            continue
        for other, known in seen:
            if _is_one_file(known, Path(path)):
                raise SettingsError(f"{other} and {name} name the same file ({path}).")
        seen.append((name, Path(path)))


def _is_one_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)
