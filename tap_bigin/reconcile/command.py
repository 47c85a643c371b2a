"""``bigin-reconcile``: does the warehouse hold what the organisation holds? The proof of a pipeline.

Reads ``id`` and ``Modified_Time`` of each stream by COQL, at a price that it tells first, and compares
them with a CSV of what is held. Exit code 0: the same, 1: not the same, 2: it could not be compared.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from contextlib import nullcontext
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bigin_api import BiginError, Client, InFlight, Refused, SettingsError
from bigin_api.settings.environment import read_environment
from bigin_api.settings.files import read_settings
from tap_bigin.discovery.definition import readable_modules
from tap_bigin.reconcile.comparison import compare, comparison_credits, read_held, seconds
from tap_bigin.settings import CONFIG_SCHEMA, ENV_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_bigin.reconcile.comparison import Comparison, Held

SAME, DIFFERENT, TROUBLE = 0, 1, 2
SHOWN = 5  # ids of each problem on screen; --output has them all

EPILOG = """\
example: {name} --config tap.json --held held.csv --as-of 2026-05-14T07:00:00Z

What the warehouse holds, in one line of SQL (a union of the streams to check):

  DuckDB    COPY (SELECT 'Contacts' AS stream, id, modified_time FROM bigin.contacts
            UNION ALL SELECT 'Accounts', id, modified_time FROM bigin.accounts)
            TO 'held.csv' (HEADER)
  Postgres  COPY (SELECT 'Contacts' AS stream, id, "Modified_Time" FROM bigin."Contacts"
            UNION ALL SELECT 'Accounts', id, "Modified_Time" FROM bigin."Accounts")
            TO STDOUT WITH (FORMAT csv, HEADER)

Leave out what you know to be deleted: add WHERE id NOT IN (SELECT id FROM bigin.deleted_records)
to each part or, with deleted_records: soft, WHERE _sdc_deleted_at IS NULL.

exit code: 0 the same, 1 not the same, 2 it could not be compared
"""


def main(arguments: Sequence[str] | None = None, *, name: str = "bigin-reconcile") -> int:
    """The command. Prints what it found and gives the exit code."""
    options = _parser(name).parse_args(arguments)
    try:
        with Client.from_settings(_settings(options.config)) as client:
            return _reconcile(client, _held(options.held), options)
    except (BiginError, OSError) as error:
        _say(f"{name}: {error}")
        return TROUBLE


class _Parser(argparse.ArgumentParser):
    """Wrong use is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(TROUBLE, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def _parser(name: str) -> argparse.ArgumentParser:
    parser = _Parser(
        name,
        description="Compare what a warehouse holds with the organisation: missing, stale and ghost ids.",
        epilog=EPILOG.format(name=name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"{name} {version('bigin-singer')}")
    parser.add_argument(
        "--config", metavar="FILE", help=f"settings of tap-bigin; default: {ENV_PREFIX}* variables"
    )
    parser.add_argument(
        "--held",
        metavar="FILE",
        required=True,
        help="CSV of stream, id, Modified_Time with a header; - is stdin",
    )
    parser.add_argument("--output", metavar="FILE", help="CSV that gets every difference")
    parser.add_argument(
        "--as-of",
        metavar="MOMENT",
        help="the bookmark of the run that loaded the warehouse: what changed since is no difference",
    )
    parser.add_argument("--price", action="store_true", help="tell what it would cost, and stop")
    return parser


def _reconcile(client: Client, held: Held, options: argparse.Namespace) -> int:
    as_of = _moment(options.as_of)
    modules, unchecked = _modules_of(client, held)
    with InFlight(client.limits.max_concurrent_requests) as calls:
        counts = dict(calls.map_in_order(lambda each: _count(client, *each), modules.items()))
        unchecked.update({name: reason for name, reason in counts.items() if isinstance(reason, str)})
        sizes = {name: size for name, size in counts.items() if isinstance(size, int)}
        _say_price(sizes, client.spent().credits)
        if options.price:
            return SAME
        asked = [(name, modules[name], held[name]) for name in sizes]
        done = list(calls.map_in_order(lambda each: _compare(client, *each, as_of=as_of), asked))
    unchecked.update({name: result for name, result in done if isinstance(result, str)})
    compared = [result for _, result in done if not isinstance(result, str)]
    _write_all(options.output, compared)
    for each in compared:
        _show(each)
    for name, reason in unchecked.items():
        _tell(f"{name}: not checked ({reason})")
    if not compared:
        return TROUBLE
    return DIFFERENT if any(each.differences for each in compared) else SAME


def _modules_of(client: Client, held: Held) -> tuple[dict[str, str], dict[str, str]]:
    """The module of each stream; and the streams that are none, with the reason.

    Loaders fold the case of names, so ``contacts`` is taken for ``Contacts``.
    """
    known = {each.api_name.casefold(): each.api_name for each in readable_modules(client.metadata.modules())}
    modules = {name: known[name.casefold()] for name in held if name.casefold() in known}
    return modules, {
        name: "no module, only modules have ids to compare" for name in held if name not in modules
    }


def _count(client: Client, stream: str, module: str) -> tuple[str, int | str]:
    try:
        return stream, client.labelled(stream).records.count(module)
    except Refused as error:
        return stream, error.message


def _compare(
    client: Client, stream: str, module: str, held: dict[int, int | None], *, as_of: int | None
) -> tuple[str, Comparison | str]:
    try:
        return stream, compare(client.labelled(stream), module, held, stream=stream, as_of=as_of)
    except Refused as error:
        return stream, error.message


def _say_price(sizes: Mapping[str, int], spent: int) -> None:
    for name, size in sizes.items():
        _say(f"{name}: {size:,} records, {comparison_credits(size):,} credits")
    total = sum(map(comparison_credits, sizes.values()))
    _say(f"To compare: {total:,} credits in all; {spent:,} spent to find out.")


def _show(result: Comparison) -> None:
    """One line a stream, and below it the first ids of each problem."""
    if not result.differences:
        same = f"{result.in_bigin:,} records, the same"
        later = f"; {result.changed_since:,} changed since" if result.changed_since else ""
        _tell(f"{result.stream}: {same}{later}")
        return
    _tell(f"{result.stream}: {result.in_bigin:,} records in Bigin, {result.held:,} held")
    for problem in ("missing", "stale", "ghost"):
        ids = [str(each.id) for each in result.differences if each.problem == problem]
        if ids:
            more = f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else ""
            _tell(f"  {len(ids):,} {problem}: {', '.join(ids[:SHOWN])}{more}")


def _write_all(path: str | None, compared: Iterable[Comparison]) -> None:
    if path is None:
        return
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["stream", "id", "problem", "held", "bigin"])
        for result in compared:
            for each in result.differences:
                rows.writerow([result.stream, each.id, each.problem, _text(each.held), _text(each.bigin)])


def _settings(path: str | None) -> dict[str, Any]:
    """The tap's settings: from a file, else from the environment. Raises SettingsError."""
    if path is None:
        return read_environment(CONFIG_SCHEMA["properties"], ENV_PREFIX, os.environ)
    return read_settings(path)


def _held(path: str) -> Held:
    with (
        nullcontext(sys.stdin) if path == "-" else Path(path).open(encoding="utf-8-sig", newline="") as lines
    ):
        held = read_held(lines)
    if not held:
        raise SettingsError("--held has no rows, so it names no stream to compare.")
    return held


def _moment(text: str | None) -> int | None:
    try:
        return seconds(text) if text else None
    except ValueError as exc:
        raise SettingsError(f"--as-of: {exc}.") from None


def _text(moment: int | None) -> str:
    return (
        "" if moment is None else datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    )


def _tell(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(f"{line}\n")


def _say(line: str) -> None:
    """A line beside the result."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
