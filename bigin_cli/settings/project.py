"""A plugin's settings where no file is named: those of the Meltano project around, and of variables."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]
from dotenv import dotenv_values

from bigin_api import SettingsError
from bigin_api.settings.environment import read_environment
from bigin_api.settings.files import read_settings
from bigin_cli.subcommand import WrongUse

if TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

FILE = "meltano.yml"
KINDS = ("extractors", "loaders")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def settings_of(plugin: type[PluginBase], config: str | None) -> dict[str, Any]:
    """A plugin's settings, from a file if one is named. Raises SettingsError, WrongUse without any."""
    if config is not None:
        return read_settings(config)
    found = settings_around(plugin)
    if not found:
        raise WrongUse(
            f"--config FILE is missing, and neither a Meltano project here nor a variable has settings of "
            f"{plugin.name}."
        )
    return found


def settings_around(plugin: type[PluginBase]) -> dict[str, Any]:
    """What Meltano would hand to a plugin: from meltano.yml, its environment, .env, variables; the last wins.

    {} where there is nothing of it. What Meltano keeps in its own database is not read.
    Raises SettingsError for a file or a variable that cannot be read.
    """
    schema = copy.deepcopy(plugin.config_jsonschema)
    plugin.append_builtin_config(schema)
    properties = schema["properties"]
    root = _root()
    environ: dict[str, str] = dict(os.environ)
    if root is not None:
        environ = {**{name: text or "" for name, text in dotenv_values(root / ".env").items()}, **environ}
    found: dict[str, Any] = {}
    for part in _parts(root, environ):
        found.update(_config(part, plugin.name))
    prefix = plugin.name.replace("-", "_").upper() + "_"
    inside = tuple(f"{prefix}{name.upper()}_" for name in properties)  # TAP_BIGIN_BATCH_CONFIG_… is Meltano's
    own = {name: text for name, text in environ.items() if not name.startswith(inside)}
    return {**_expanded(found, environ), **read_environment(properties, prefix, own)}


def _root() -> Path | None:
    """The project's folder: Meltano's own word for it, else the one of this folder or above."""
    if told := os.environ.get("MELTANO_PROJECT_ROOT"):
        return Path(told)
    here = Path.cwd()
    return next((each for each in (here, *here.parents) if (each / FILE).is_file()), None)


def _parts(root: Path | None, environ: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """What holds plugins: the project, then the Meltano environment that it runs in."""
    if root is None or not (root / FILE).is_file():
        return
    try:
        project = yaml.safe_load((root / FILE).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"{FILE} cannot be read: {' '.join(str(error).split())}") from None
    project = project if isinstance(project, dict) else {}
    yield project.get("plugins") or {}
    name = environ.get("MELTANO_ENVIRONMENT") or project.get("default_environment")
    for each in project.get("environments") or ():
        if each.get("name") == name:
            yield (each.get("config") or {}).get("plugins") or {}


def _config(plugins: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    for kind in KINDS:
        for each in plugins.get(kind) or ():
            if each.get("name") == name:
                return each.get("config") or {}
    return {}


def _expanded(value: Any, environ: Mapping[str, str]) -> Any:
    """With what stands for variables in texts, as Meltano has it."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: environ.get(found[1] or found[2], ""), value)
    if isinstance(value, dict):
        return {name: _expanded(each, environ) for name, each in value.items()}
    return [_expanded(each, environ) for each in value] if isinstance(value, list) else value
