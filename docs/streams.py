"""The reference of streams and columns, from what the tap discovers in a sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tap_bigin.discovery.catalog_cache import DESCRIPTION
from tap_bigin.tap import TapBigin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STANDARD = (
    "Accounts",
    "Contacts",
    "Pipelines",
    "Products",
    "Tasks",
    "Events",
    "Calls",
    "Notes",
    "Attachments",
)
ABOUT = {
    "Accounts": "Companies.",
    "Contacts": "People.",
    "Pipelines": "Deals. The module was called Deals, and still is where activities and notes name it.",
    "Attachments": "What is attached to records: name, size, owner and parent, not the files themselves.",
    "deleted_records": "What was deleted: `recycle` can still be restored in Bigin, `permanent` not.",
    "users": "The users of the organisation, to whom every `Owner`, `Created_By` and `Modified_By` leads.",
    "organization": "One record: the organisation itself.",
    "settings_sub_pipelines": "Sub-pipelines and their stages, in order, with what each stage means.",
}
ANY = "a record of any module"
ROWS = (("Pipelines", "Products", "Associated_Products"), ("Pipelines", "Contacts", "Secondary_Contacts"))
"""Links that are rows inside a record. Each is a stream of its own by the setting `related_lists`."""

INTRODUCTION = """# Streams and columns

What every organisation has. Custom modules and fields come as they are, under their api_names, with the \
types of this table; `tap-bigin --discover` tells those of yours. A stream is called as its module's \
api_name, and a column as its field's. Loaders may fold the names: target-duckdb makes `last_name` of \
`Last_Name`.

Times leave as UTC (`2026-05-14T09:53:58Z`), dates as `2026-05-14`. A link is an object with `id` and \
`name`, or with `lookups: id` the id alone. Each stream has a key; modules are read by `Modified_Time`, \
the rest whole.

## How they hang together

Beside these links each record of a module has `Owner`, `Created_By` and `Modified_By`, which lead to \
`users`. `What_Id` of an activity and `Parent_Id` of a note or an attachment lead to a record of any \
module. Dotted lines are rows inside a record: columns of Bigin, streams by \
[`related_lists`](../how-to/read-more-than-modules.md).
"""


def streams_page() -> str:
    """The page. Starts a sandbox, and stops it."""
    with sandbox() as url:
        settings = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        settings |= {"refresh_token": "sandbox-refresh", "api_url": url, "accounts_url": url}
        catalog = TapBigin(config=settings).catalog_dict
    streams = {each["tap_stream_id"]: each for each in catalog["streams"]}
    own = [name for name in sorted(streams) if name.islower()]
    parts = [INTRODUCTION, _picture(streams), "## Modules\n"]
    parts += [_module(streams[name]) for name in STANDARD]
    parts += ["## The organisation\n", "`settings_*` are not selected by default.\n"]
    parts += [_plain(streams[name]) for name in own]
    return "\n".join(parts)


def _picture(streams: Mapping[str, Any]) -> str:
    lines = ["```mermaid", "erDiagram"]
    for name in STANDARD:
        for field in _fields(streams[name]):
            linked = _linked(field)
            if linked in STANDARD:
                lines.append(f"  {name} }}o--o| {linked} : {field['api_name']}")
    lines += [f"  {parent} }}o..o{{ {linked} : {field}" for parent, linked, field in ROWS]
    lines += ["  Pipelines }o--|| settings_layouts : Pipeline"]
    lines += [f"  {name} }}o--|| users : Owner" for name in ("Accounts", "Contacts", "Pipelines")]
    return "\n".join([*lines, "```", ""])


def _module(stream: Mapping[str, Any]) -> str:
    name = stream["tap_stream_id"]
    lines = [
        f"### {name}",
        "",
        _about(stream),
        "",
        "| column | label | type | links to | |",
        "|---|---|---|---|---|",
    ]
    fields = {field["api_name"]: field for field in _fields(stream)}
    for column, schema in stream["schema"]["properties"].items():
        field = fields.get(column, {})
        if field.get("custom_field"):
            continue
        linked = _linked(field) or (
            "`users`" if field.get("data_type") in {"ownerlookup", "userlookup"} else ""
        )
        notes = "mandatory" if field.get("system_mandatory") else ""
        notes = "key" if column == "id" else notes
        label = field.get("field_label", "")
        lines.append(f"| `{column}` | {label} | {_type(schema)} | {linked} | {notes} |")
    return "\n".join([*lines, ""])


def _plain(stream: Mapping[str, Any]) -> str:
    lines = [f"### {stream['tap_stream_id']}", "", _about(stream), "", "| column | type | |", "|---|---|---|"]
    for column, schema in stream["schema"]["properties"].items():
        said = "key" if column in stream["key_properties"] else schema.get("description", "")
        lines.append(f"| `{column}` | {_type(schema)} | {said} |")
    return "\n".join([*lines, ""])


def _about(stream: Mapping[str, Any]) -> str:
    key = ", ".join(f"`{each}`" for each in stream["key_properties"])
    by = stream.get("replication_key")
    how = f"incremental by `{by}`" if by else "read whole at each run"
    return f"{ABOUT.get(stream['tap_stream_id'], '')} Key {key}; {how}.".strip()


def _fields(stream: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What Bigin says of a module's fields, which the catalog carries."""
    [own] = [each["metadata"] for each in stream["metadata"] if not each["breadcrumb"]]
    return list(own[DESCRIPTION]["fields"])


def _linked(field: Mapping[str, Any]) -> str:
    """The module that a field links to, "" for none."""
    if field.get("data_type") != "lookup":
        return ""
    module = (field.get("lookup") or {}).get("module") or {}
    name = module.get("api_name") if isinstance(module, dict) else module
    return name if name in STANDARD else ANY


def _type(schema: Mapping[str, Any]) -> str:
    """A JSON schema's type in a word."""
    kinds = schema.get("type", "any")
    first = kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")
    if first == "object" and "properties" in schema:
        return f"object: {', '.join(schema['properties'])}"
    if first == "array":
        inner = schema.get("items", {}).get("properties")
        return f"array of objects: {', '.join(inner)}" if inner else "array"
    return {"date-time": "time", "date": "date"}.get(schema.get("format", ""), first)


@contextmanager
def sandbox(size: str = "empty") -> Iterator[str]:
    """The address of a sandbox, which is stopped at the end."""
    command = [sys.executable, "-m", "bigin_sandbox", "serve", "--port", "0", "--size", size]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            address = re.search(r"http://[\d.:]+", said)
            if address is None:
                sys.exit(f"The sandbox did not start: {said}")
            yield address.group()
        finally:
            process.terminate()
