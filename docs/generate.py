"""Write from the code what would otherwise be kept in step by hand.

The settings in README.md, meltano.yml and docs/reference, the errors, the sandbox's controls, and the
subcommands of `bigin`.
``--check`` writes nothing and exits 1, naming the files that are not as the code has them.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from streams import streams_page

import bigin_api.errors
import bigin_sandbox.control.administration
import bigin_sandbox.control.controls
import bigin_sandbox.control.faults
import bigin_sandbox.control.mutations
import bigin_sandbox.rules.bulk_jobs
import bigin_sandbox.telling.troubles
from bigin_api.settings import REQUIRED_SETTINGS
from bigin_cli.main import EXTRAS, SUBCOMMANDS, load
from bigin_cli.subcommand import Command as Subcommand
from tap_bigin.tap import TapBigin
from target_bigin.target import TargetBigin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
CONTROL_SUBJECTS = {
    "mutate": bigin_sandbox.control.mutations,
    "metadata": bigin_sandbox.control.administration,
    "faults": bigin_sandbox.control.faults,
    "deliveries": bigin_sandbox.telling.troubles,
    "bulk": bigin_sandbox.rules.bulk_jobs,
}
PLUGINS = {"tap-bigin": TapBigin, "target-bigin": TargetBigin}
KIND_OF = {"tap-bigin": "extractor", "target-bigin": "loader"}
ABOUT: Mapping[str, Mapping[str, Any]] = {
    "tap-bigin": {
        "description": "Reads everything that an organisation holds in Bigin by Zoho CRM.",
        "capabilities": [
            *("about", "batch", "catalog", "discover", "schema-flattening", "state", "stream-maps"),
            "structured-logging",
        ],
        # Bigin's fields change: discover at each run, or a new field waits for --refresh-catalog.
        "use_cached_catalog": False,
        # Meltano selects everything, whatever a catalog's defaults are.
        "select": ["*.*", "!settings_*.*"],
    },
    "target-bigin": {
        "description": "Writes records to Bigin by Zoho CRM: every one settled, at the lowest price.",
        "capabilities": ["about", "schema-flattening", "stream-maps", "structured-logging"],
    },
}
AFTERWARDS = {
    "tap-bigin": (
        "Meltano leaves out two keys of a reference, so set them:",
        """meltano config set tap-bigin _select '["*.*", "!settings_*.*"]'""",
        "meltano config set tap-bigin _use_cached_catalog false",
    )
}
PROJECT_VALUES = {"token_cache_path": ".meltano/{}-token.json"}
"""Defaults that make sense in a project alone."""
SPLIT = ("faker_config", "batch_config")
IN_A_PROJECT = ("doctor", "plan", "log", "report", "retry")
WRITTEN = "# Written by `make docs` from the settings in the code.\n"
FROM_REF = "meltano add --plugin-type={kind} --from-ref=<address or path of this file> {name}"
KINDS = {"integer": "integer", "boolean": "boolean", "array": "array", "object": "object", "string": "string"}


def main() -> int:
    """Write, or check."""
    check = "--check" in sys.argv[1:]
    files = written()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(
            f"{path.relative_to(ROOT)}: {'not as the code has it: run `make docs`' if check else 'written'}"
        )
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], "utf-8")
    return 1 if check and stale else 0


def written() -> dict[Path, str]:
    """Every file with generated parts, as it is to be."""
    readme, project = ROOT / "README.md", ROOT / "meltano.yml"
    files = {
        readme: readme.read_text("utf-8"),
        project: project.read_text("utf-8"),
        ROOT / "docs" / "reference" / "errors.md": errors_page(),
        ROOT / "docs" / "reference" / "sandbox-controls.md": controls_page(),
        ROOT / "docs" / "reference" / "bigin.md": commands_page(),
        ROOT / "plugins" / "utilities" / "bigin.yml": utility(),
        ROOT / "docs" / "reference" / "untried-commands.md": untried_page(),
    }
    for plugin in PLUGINS:
        settings = own_settings(plugin)
        files[readme] = between(
            files[readme], f"<!-- settings of {plugin} -->", "<!-- end -->", table(settings)
        )
        files[project] = between(
            files[project],
            f"    # settings of {plugin}, written by `make docs`",
            "    # end",
            meltano(plugin),
        )
        files[ROOT / "plugins" / f"{KIND_OF[plugin]}s" / f"{plugin}.yml"] = definition(plugin)
        files[ROOT / "docs" / "reference" / f"{plugin}-settings.md"] = settings_page(plugin, settings)
    files[ROOT / "packaging" / "README.md"] = portable(files[readme])
    # Last: a tap that is made adds the SDK's settings to its own.
    files[ROOT / "docs" / "reference" / "streams.md"] = streams_page()
    return files


def portable(readme: str) -> str:
    """The README as a package index shows it, where a link into the repository would lead nowhere."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)[^)]*\)", r"\1", readme)


def own_settings(plugin: str) -> dict[str, Mapping[str, Any]]:
    """The settings that we declare, without those that the SDK appends."""
    return dict(PLUGINS[plugin].config_jsonschema["properties"])


def between(text: str, begin: str, end: str, content: str) -> str:
    """The text with everything between two marks replaced."""
    pattern = re.compile(f"({re.escape(begin)}\n).*?(\n?{re.escape(end)})", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"The mark {begin!r} is missing.")
    return pattern.sub(lambda found: f"{found[1]}{content.rstrip()}\n{end}", text, count=1)


def required(plugin: str) -> set[str]:
    """The settings without which a plugin does not run, unless it is given an access token."""
    return set(PLUGINS[plugin].config_jsonschema["required"])


def table(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """Settings as a Markdown table."""
    lines = ["| setting | default | what it does |", "|---|---|---|"]
    for name, schema in settings.items():
        lines.append(f"| `{name}` | {default(name, schema)} | {cell(schema['description'])} |")
    return "\n".join(lines)


def default(name: str, schema: Mapping[str, Any]) -> str:
    """The default of a setting in a table."""
    if "default" in schema:
        return f"`{json.dumps(schema['default'])}`"
    marks = ["required"] if name in REQUIRED_SETTINGS else []
    return ", ".join([*marks, *(["secret"] if schema.get("secret") else [])])


def cell(text: str) -> str:
    """A description in one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def kind(schema: Mapping[str, Any]) -> str:
    """Meltano's kind of a setting."""
    types = schema.get("type", "string")
    first = types if isinstance(types, str) else next(each for each in types if each != "null")
    if "enum" in schema:
        return "options"
    return "date_iso8601" if schema.get("format") == "date-time" else KINDS[first]


def meltano(plugin: str) -> str:
    """Settings as Meltano declares them in a project."""
    return textwrap.indent(dumped({"settings": declared(plugin)}), "    ")


def declared(plugin: str) -> list[dict[str, Any]]:
    """Our settings and the SDK's, as Meltano declares them: what is not declared it stores as a text."""
    own = own_settings(plugin)
    return [setting(plugin, name, schema) for name, schema in (*own.items(), *sdk_settings(plugin))]


def setting(plugin: str, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """One of them."""
    made = {
        "name": name,
        "kind": kind(schema),
        "label": schema.get("title"),
        "description": " ".join(schema["description"].split()),
        "sensitive": schema.get("secret"),
        "value": PROJECT_VALUES[name].format(plugin) if name in PROJECT_VALUES else schema.get("default"),
    }
    made = {key: value for key, value in made.items() if value is not None}
    if "enum" in schema:
        made["options"] = [{"label": each, "value": each} for each in schema["enum"]]
    return made


def sdk_settings(plugin: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the SDK appends; a part of ``SPLIT`` is a setting of its own, as on the hub."""
    own = own_settings(plugin)
    schema = copy.deepcopy(PLUGINS[plugin].config_jsonschema)
    PLUGINS[plugin].append_builtin_config(schema)
    for name, found in schema["properties"].items():
        if name not in own:
            yield from parts(name, found) if name in SPLIT else [(name, found)]


def parts(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The settings inside an object: ``batch_config.encoding.format``."""
    if "properties" not in schema:
        yield name, schema
    for part, inside in schema.get("properties", {}).items():
        yield from parts(f"{name}.{part}", inside)


def definition(plugin: str) -> str:
    """A plugin's definition for ``meltano add --from-ref``, in the form that the hub has."""
    about = ABOUT[plugin]
    made = {
        "name": plugin,
        "namespace": plugin.replace("-", "_"),
        "variant": "bigin-singer",
        "label": "Bigin by Zoho CRM",
        **about,
        "domain_url": "https://www.bigin.com",
        "keywords": ["meltano_sdk", "crm"],
        "maintenance_status": "active",
        "pip_url": "bigin-singer",
        "executable": plugin,
        "settings_group_validation": [list(REQUIRED_SETTINGS), ["access_token"]],
        "settings": declared(plugin),
    }
    how = [FROM_REF.format(kind=KIND_OF[plugin], name=plugin), *AFTERWARDS.get(plugin, ())]
    return WRITTEN + "".join(f"# {each}\n" for each in how) + dumped(made)


def utility() -> str:
    """The definition of the command ``bigin``, which reads the project's own settings."""
    made = {
        "name": "bigin",
        "namespace": "bigin",
        "variant": "bigin-singer",
        "label": "bigin",
        "description": "For people, beside tap-bigin and target-bigin: doctor, plan, log, report, retry.",
        "pip_url": "bigin-singer[report]",
        "executable": "bigin",
        "commands": {name: {"args": name, "description": SUBCOMMANDS[name]} for name in IN_A_PROJECT},
    }
    return f"{WRITTEN}# {FROM_REF.format(kind='utility', name='bigin')}\n{dumped(made)}"


def dumped(content: object) -> str:
    """YAML as people write it."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def settings_page(plugin: str, settings: Mapping[str, Mapping[str, Any]]) -> str:
    """The reference of a plugin's settings."""
    prefix = plugin.replace("-", "_").upper()
    parts = [
        f"# Settings of {plugin}\n",
        f"""Given in a JSON file (`--config FILE`), by Meltano, or as environment variables
`{prefix}_NAME` with `--config ENV`; lists and objects as JSON.\n""",
    ]
    for name, schema in settings.items():
        facts = [f"type {kind(schema)}"]
        facts += ["required"] if name in required(plugin) else []
        facts += ["secret"] if schema.get("secret") else []
        facts += [f"default `{json.dumps(schema['default'])}`"] if schema.get("default") is not None else []
        facts += [f"from {schema['minimum']}"] if "minimum" in schema else []
        facts += [f"to {schema['maximum']}"] if "maximum" in schema else []
        facts += ["one of " + ", ".join(f"`{each}`" for each in schema["enum"])] if "enum" in schema else []
        parts.append(f"## `{name}`\n\n{' '.join(schema['description'].split())}\n\n*{'; '.join(facts)}*\n")
        if "properties" in schema or "additionalProperties" in schema:
            shape = {key: schema[key] for key in ("properties", "additionalProperties") if key in schema}
            parts.append(f"```json\n{json.dumps(shape, indent=2)}\n```\n")
    return "\n".join(parts)


def errors_page() -> str:
    """The reference of errors: the tree, and the class of each of Bigin's codes."""
    lines = [
        f"# Errors\n\n```text\n{inspect.getdoc(bigin_api.errors)}\n```\n",
        "| code of Bigin | error |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | `{error.__name__}` |" for code, error in bigin_api.errors.CODE_TO_ERROR.items()]
    return "\n".join(lines) + "\n"


def controls_page() -> str:
    """The reference of the sandbox's controls."""
    lines = ["# Controls of the sandbox", "", "```text"]
    lines += [inspect.getdoc(bigin_sandbox.control.controls) or "", "```", ""]
    for title, module in CONTROL_SUBJECTS.items():
        lines += [f"## {title}", "", "```text", inspect.getdoc(module) or "", "```", ""]
    return "\n".join(lines)


def commands_page() -> str:
    """The reference of the command `bigin`: what each subcommand says of itself."""
    about = (
        "For people, beside the two plugins. Exit codes: 0 good, 1 something needs a person, 2 wrong use. A "
        "mistake is one line on stderr. On a pipe there is no colour."
    )
    parts = ["# The command `bigin`\n", f"{about}\n"]
    for name, purpose in SUBCOMMANDS.items():
        extra = f" Extra: `pip install 'bigin-singer[{name}]'`." if name in EXTRAS else ""
        command = load(name)
        parts.append(f"## `bigin {name}`\n\n{purpose}{extra}\n")
        if isinstance(command, click.Group):
            parts += [
                f"### `bigin {name} {sub}`\n\n```text\n{helped(under, f'{name} {sub}')}\n```\n"
                for sub, under in command.commands.items()
            ]
        else:
            parts.append(f"```text\n{helped(command, name)}\n```\n")
    return "\n".join(parts)


UNTRIED = re.compile(r"<!-- (not run|run elsewhere): (.+?) -->\n```\w+\n(.+?)\n", re.DOTALL)
"""A comment above a block of commands, and the first of them."""


def untried_page() -> str:
    """The commands of the docs that tests/docs does not run as they stand, each with the reason."""
    about = (
        "Every other block of commands in the README and in these pages is typed by a test, as it stands, "
        "against a sandbox, and what a page says is answered must be answered."
    )
    lines = [
        "# Commands that are not run as they stand",
        "",
        about,
        "",
        "| page | block that begins with | | why |",
        "|---|---|---|---|",
    ]
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for verdict, reason, first in UNTRIED.findall(page.read_text("utf-8")):
            name = page.relative_to(ROOT).as_posix()
            lines.append(
                f"| {name} | `{cell(first.removeprefix('$ ').split(' #')[0])}` | {verdict} | {cell(reason)} |"
            )
    return "\n".join(lines) + "\n"


def helped(command: click.Command, name: str) -> str:
    """What `--help` says, in a terminal of a usual width."""
    if isinstance(command, Subcommand) and not command.add_help_option:
        return f"bigin {name} --help tells its options: they are those of bigin-{name}."
    context = click.Context(command, info_name=f"bigin {name}", terminal_width=90, max_content_width=90)
    return command.get_help(context)


if __name__ == "__main__":
    sys.exit(main())
