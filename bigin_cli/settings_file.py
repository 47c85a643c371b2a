"""A file of settings, as ``--config`` names it: read, and written for its owner alone."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bigin_api import SettingsError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def config_option(what: str) -> Callable[[Decorated], Decorated]:
    """The option ``--config FILE``, which must be given."""
    return click.option("--config", metavar="FILE", required=True, help=f"Settings of {what}, as JSON.")


def read_settings(path: str) -> dict[str, Any]:
    """The settings in a file. Raises SettingsError that names the file, and never shows what is in it."""
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"--config {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--config {path}: not UTF-8 text.") from None
    except ValueError as error:
        raise SettingsError(f"--config {path}: not JSON: {error}.") from None
    if not isinstance(settings, dict):
        raise SettingsError(f"--config {path}: holds no JSON object but a {type(settings).__name__}.")
    return settings


def check_writable(path: str) -> None:
    """Raises SettingsError if no file can be put there, before something that cannot be repeated is done."""
    folder = Path(path).resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(f"--config {path}: cannot write into {folder} ({error.strerror}).") from None


def write_settings(path: str, settings: Mapping[str, Any]) -> None:
    """Put settings in a file's place, whole or not at all, readable by its owner alone. Raises OSError."""
    whole = Path(path).resolve()  # a link stays one
    whole.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=whole.parent, prefix=f".{whole.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
        Path(name).replace(whole)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
