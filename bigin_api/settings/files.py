"""Files of JSON that a command line names: settings, state, catalog."""

from __future__ import annotations

import json
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
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{option} {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{option} {path}: not UTF-8 text.") from None
    return read_json(text, f"{option} {path}")


def read_settings(path: str) -> dict[str, Any]:
    """The settings in a file, as ``--config`` names it. Raises SettingsError, as ``read_json``."""
    settings = read_file(path, "--config")
    if not isinstance(settings, dict):
        raise SettingsError(f"--config {path}: holds no JSON object but a {type(settings).__name__}.")
    return settings
