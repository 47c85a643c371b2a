"""A file of settings, as ``--config`` names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bigin_api.errors import SettingsError


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
    except RecursionError:
        raise SettingsError(f"--config {path}: nested too deep to be read.") from None
    if not isinstance(settings, dict):
        raise SettingsError(f"--config {path}: holds no JSON object but a {type(settings).__name__}.")
    return settings
