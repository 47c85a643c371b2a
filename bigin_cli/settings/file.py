"""A file of settings, as ``--config`` names it: read, and written for its owner alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bigin_api import SettingsError
from bigin_api.run_files.replacing import replace_file

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def config_option(what: str) -> Callable[[Decorated], Decorated]:
    """The option ``--config FILE``."""
    about = f"Settings of {what}, as JSON. Default: those of the Meltano project around, and variables."
    return click.option("--config", metavar="FILE", help=about)


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
    whole = Path(path).resolve()
    whole.parent.mkdir(parents=True, exist_ok=True)
    replace_file(whole, (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode())
