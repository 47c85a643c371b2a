"""``bigin log``: the API log, filtered, summed up by hour and endpoint, or exported."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, cast

import click
import msgspec

from bigin_api.run_files.api_log import Choice, Entry, LogReader, parse_since, parse_status
from bigin_api.run_files.log_sums import Sum, by_endpoint, by_hour, total
from bigin_cli.subcommand import Trouble, subcommand
from bigin_cli.tables import print_table

EXAMPLES = """
bigin log api.jsonl
bigin log api.jsonl --since 24h --status error
bigin log api.jsonl --stream Contacts --since 2026-05-14 --until 2026-05-15 --format csv > calls.csv
bigin log api.jsonl --by endpoint --format json
"""
GROUPS: dict[str, Callable[[list[Entry]], list[Sum]]] = {"hour": by_hour, "endpoint": by_endpoint}
COLUMNS = Entry.__struct_fields__


@subcommand("log", examples=EXAMPLES)
@click.argument("file", metavar="FILE")
@click.option("--since", metavar="WHEN", help="From this moment or day on, or an age such as 24h or 7d.")
@click.option("--until", metavar="WHEN", help="Before this moment, or up to the end of this day.")
@click.option("--method", multiple=True, help="GET, POST, PUT or DELETE; may be repeated, as all below.")
@click.option("--path", multiple=True, help="A path or a glob such as '/Contacts/*'.")
@click.option("--module", multiple=True, help="A module's api_name.")
@click.option("--stream", multiple=True, help="The stream that a call was made for.")
@click.option("--status", multiple=True, help="429, 4xx, 400-499, error (400 and above, or none) or none.")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
@click.option(
    "--by",
    type=click.Choice(["hour", "endpoint", "call"]),
    help="What a row is. Default: hour and endpoint for a table, call for csv and json.",
)
def command(file: str, form: str, by: str | None, **wishes: Any) -> None:
    """Show what an API log (api_log_path) says of each call.

    FILE is the log; - is standard input, and a name that ends with .gz is unpacked. Times are UTC. Every
    attempt is a line of its own, since Bigin charges for failed calls too.
    """
    entries, why_none = _read(file, _choice(**wishes))
    if form != "table":
        _export(form, by, entries)  # that there is none is an answer, too, to who reads it
    elif entries:
        _print_tables(entries, [by] if by else ["hour", "endpoint"])
    if not entries:
        raise Trouble(why_none)


def _choice(
    *,
    since: str | None,
    until: str | None,
    method: tuple[str, ...],
    path: tuple[str, ...],
    module: tuple[str, ...],
    stream: tuple[str, ...],
    status: tuple[str, ...],
) -> Choice:
    now = datetime.now(timezone.utc)
    choice = Choice(
        since=_parsed("--since", since, lambda text: parse_since(text, now=now)),
        until=_parsed("--until", until, lambda text: parse_since(text, now=now, is_end=True)),
        methods=frozenset(each.upper() for each in method),
        paths=path,
        modules=frozenset(module),
        streams=frozenset(stream),
        statuses=tuple(_parsed("--status", each, parse_status) for each in status),
    )
    if choice.since and choice.until and choice.since >= choice.until:
        raise click.UsageError("--since is not before --until.")
    return choice


def _parsed(option: str, text: str | None, parse: Callable[[str], Any]) -> Any:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}.") from None


def _read(file: str, choice: Choice) -> tuple[list[Entry], str]:
    """The wanted entries, and what to say if there is none. Raises Trouble for what is no log."""
    reader = LogReader()
    seen: dict[str, set[str]] = {"module": set(), "stream": set(), "method": set()}
    read = 0
    wanted = []
    with _opened(file) as lines:
        for entry in reader.read(lines):
            read += 1
            for name, values in seen.items():
                values.add(getattr(entry, name) or "")
            if choice.takes(entry):
                wanted.append(entry)
    if not read:
        raise Trouble(f"{file} holds no line of an API log; the setting api_log_path writes one.")
    if reader.unreadable:
        click.echo(f"bigin log: {reader.unreadable:,} lines are none of an API log: left out.", err=True)
    return wanted, f"None of {read:,} calls fits.{_hint(choice, seen)}"


def _hint(choice: Choice, seen: dict[str, set[str]]) -> str:
    """Which name is not in the log, and which one may have been meant."""
    asked = {"module": choice.modules, "stream": choice.streams, "method": choice.methods}
    for name, values in asked.items():
        for value in sorted(values - seen[name]):
            alike = get_close_matches(value, sorted(seen[name]), n=1, cutoff=0.5)
            return f" No call has the {name} {value!r}" + (f", did you mean {alike[0]!r}?" if alike else ".")
    return ""


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    path = Path(file)
    try:
        with cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb") as lines:
            yield lines
    except (gzip.BadGzipFile, EOFError) as error:
        raise Trouble(f"{file} cannot be unpacked: {error}.") from None


def _print_tables(entries: list[Entry], wanted: list[str]) -> None:
    for by in wanted:
        if by == "call":
            print_table(COLUMNS, (msgspec.structs.astuple(entry) for entry in entries))
            continue
        rows = [each.to_json(by) for each in (*GROUPS[by](entries), total(entries))]
        print_table(list(rows[0]), (list(row.values()) for row in rows))
        if by != wanted[-1]:
            click.echo()


def _export(form: str, by: str | None, entries: list[Entry]) -> None:
    rows: list[dict[str, Any]]
    if by in GROUPS:
        columns = list(Sum("").to_json(by))
        rows = [each.to_json(by) for each in GROUPS[by](entries)]
    else:
        columns = list(COLUMNS)
        rows = [msgspec.structs.asdict(entry) for entry in entries]
    if form == "json":
        click.echo(json.dumps(rows, indent=1))
        return
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
