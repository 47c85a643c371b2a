"""Runs of tap-bigin: the command in this process, or as a process of its own where that is the point.

run = run_tap(sandbox, state=earlier.state, modules=["Contacts"])
run.records["Contacts"], run.schemas, run.state, run.states, run.log, run.code
run_process(sandbox, …)                       the same as a process: exit codes, the command line
run.validate()                                every line against its stream's own schema, strictly
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator, FormatChecker

from support.command import run_command
from support.processes import run
from support.sandbox import Sandbox
from tap_bigin.bookmarks import from_text, to_utc_text
from tap_bigin.discovery.catalog_cache import DESCRIPTION
from tap_bigin.tap import TapBigin

Message = dict[str, Any]
Record = dict[str, Any]

DEADLINE = 120  # seconds
UTC = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or bool(UTC.fullmatch(value)))
FORMATS.checks("date")(lambda value: not isinstance(value, str) or bool(DATE.fullmatch(value)))


@dataclass
class TapRun:
    """What a run wrote and said."""

    messages: list[Message]
    log: list[str] = field(default_factory=list)
    code: int = 0
    stdout: str = ""

    @classmethod
    def of(cls, stdout: str, said: list[str], code: int) -> TapRun:
        """What a command left; the catalog or the account of the settings that some print are no messages."""
        return cls(read_messages(stdout) if stdout.startswith('{"type":') else [], said, code, stdout)

    @property
    def records(self) -> dict[str, list[Record]]:
        """Records by stream, in the order written; [] for a stream that only sent its SCHEMA."""
        found: dict[str, list[Record]] = {name: [] for name in self.schemas}
        for message in self.messages:
            if message["type"] == "RECORD":
                found[message["stream"]].append(message["record"])
        return found

    @property
    def schemas(self) -> dict[str, Message]:
        """The last SCHEMA message of each stream."""
        return {each["stream"]: each for each in self.messages if each["type"] == "SCHEMA"}

    @property
    def states(self) -> list[Any]:
        """Every STATE, in order."""
        return [each["value"] for each in self.messages if each["type"] == "STATE"]

    @property
    def state(self) -> Any:
        """The last STATE, {} if there was none."""
        return self.states[-1] if self.states else {}

    def ids(self, stream: str) -> list[str]:
        """The ids of a stream's records, in order, repeated ones repeated."""
        return [record["id"] for record in self.records.get(stream, [])]

    def latest(self, stream: str) -> dict[str, Record]:
        """What a warehouse holds of a stream: the last record of each id."""
        return {record["id"]: record for record in self.records.get(stream, [])}

    def said(self, words: str) -> list[str]:
        """The log lines that hold these words; what Python itself warns of, such as its age, is none of ours."""
        return [line for line in self.log if words in line and "| py.warnings" not in line]

    def validate(self) -> None:
        """Hold every record to the SCHEMA sent before it, and to having all of its properties."""
        schemas: dict[str, _Schema] = {}
        keys: dict[str, list[str]] = {}
        for message in self.messages:
            name = message.get("stream", "")
            if message["type"] == "SCHEMA":
                schemas[name] = _schema(json.dumps(message["schema"]))
                keys[name] = message["key_properties"]
                assert keys[name], f"{name} has no key"
            if message["type"] == "RECORD":
                record = message["record"]
                errors = [f"{name}: {error}" for error in schemas[name].errors(record)]
                assert not errors, errors
                assert all(record.get(key) for key in keys[name]), record
                unknown = record.keys() - schemas[name].properties
                assert not unknown, f"{name}: {unknown}"


def run_tap(
    sandbox: Sandbox,
    *arguments: str,
    catalog: Any = None,
    state: Any = None,
    **settings: Any,
) -> TapRun:
    """Run the command to its end. ``catalog`` and ``state`` are JSON values, or texts to be given as they are."""
    with tempfile.TemporaryDirectory(prefix="tap-bigin-") as folder:
        command = [*tap_command(sandbox, Path(folder), catalog=catalog, state=state, **settings), *arguments]
        ended = run_command(lambda: TapBigin.cli.main(command[1:], prog_name=TapBigin.name))
    return TapRun.of(ended.out, ended.said.splitlines(), ended.code)


def run_process(
    sandbox: Sandbox, *arguments: str, catalog: Any = None, state: Any = None, **settings: Any
) -> TapRun:
    """As ``run_tap``, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="tap-bigin-") as folder:
        command = [*tap_command(sandbox, Path(folder), catalog=catalog, state=state, **settings), *arguments]
        done = run(*command)
    return TapRun.of(done.stdout, done.stderr.splitlines(), done.returncode)


SHORT_OVERLAP = {"overlap_seconds": 2}
"""So that a second run brings what changed since the first, and not the seconds before."""


def tap_command(
    sandbox: Sandbox, folder: Path, *, catalog: Any = None, state: Any = None, **settings: Any
) -> list[str]:
    """The command line of a run, its files in a folder."""
    command = [
        TapBigin.name,
        "--config",
        _write(folder / "config.json", sandbox.settings_for(**{**SHORT_OVERLAP, **settings})),
    ]
    if catalog is not None:
        command += ["--catalog", _write(folder / "catalog.json", catalog)]
    if state is not None:
        command += ["--state", _write(folder / "state.json", state)]
    return command


def run_here(sandbox: Sandbox, *, catalog: Any = None, state: Any = None, **settings: Any) -> TapRun:
    """Run in this process, without the command around it; an exception comes out."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, write_through=True)
    with _logged() as log, _own_signals(), contextlib.redirect_stdout(out):
        tap = TapBigin(
            config=sandbox.settings_for(**{**SHORT_OVERLAP, **settings}), catalog=catalog, state=state
        )
        tap.run()
        out.detach()
    return TapRun(read_messages(written.getvalue().decode()), log)


def discover(sandbox: Sandbox, **settings: Any) -> dict[str, Any]:
    """The catalog that --discover prints, with every stream selected."""
    run = run_tap(sandbox, "--discover", **settings)
    assert run.code == 0, run.log
    return select(json.loads(run.stdout))


def select(catalog: dict[str, Any], *streams: str) -> dict[str, Any]:
    """Select these streams and no others; all without a name."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = not streams or stream["tap_stream_id"] in streams
    return catalog


def aged(catalog: dict[str, Any], *, seconds: int = 3600) -> dict[str, Any]:
    """The same catalog, discovered so much earlier: what it carries of the fields is not believed."""
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if told := entry["metadata"].get(DESCRIPTION):
                told["discovered"] = to_utc_text(from_text(told["discovered"]) - timedelta(seconds=seconds))
    return catalog


def select_fields(catalog: dict[str, Any], stream: str, *names: str) -> None:
    """Select these properties of a stream and, beside keys, no others."""
    entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == stream)
    for each in entry["metadata"]:
        if len(each["breadcrumb"]) == 2:
            each["metadata"]["selected"] = each["breadcrumb"][1] in names


def as_listed(dumped: Record, like: Record) -> Record:
    """A dumped record with the properties of an emitted one, its times in the tap's form."""
    values = {name: dumped.get(name) for name in like}
    return {
        name: value.replace("+00:00", "Z") if isinstance(value, str) and value.endswith("+00:00") else value
        for name, value in values.items()
    }


def assert_holds(
    sandbox: Sandbox, module: str, held: dict[str, Record], *, but: tuple[str, ...] = ()
) -> None:
    """The organisation and what is held of a module are the same, record by record."""
    dumped = {record["id"]: record for record in sandbox.dump(module)}
    assert held.keys() == dumped.keys(), f"{module}: {sorted(held.keys() ^ dumped.keys())[:5]}"
    for record_id, record in held.items():
        shown = {name: value for name, value in record.items() if name not in but}
        assert shown == as_listed(dumped[record_id], shown)


def read_messages(text: str) -> list[Message]:
    """The messages of an output; a line that was cut off when the tap was killed is left out."""
    lines = text.split("\n")
    return [msgspec.json.decode(line) for line in lines[:-1] if line]


class _Schema:
    """A stream's schema, and which values of its properties are known to fit it.

    To hold a value to a schema takes longer than to read it from Bigin, and nearly all come again.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        Draft202012Validator.check_schema(schema)
        assert schema.keys() <= {"type", "properties"}, "one property after the other would not tell all"
        self.properties = schema["properties"].keys()
        self._validator = Draft202012Validator(schema, format_checker=FORMATS)
        self._fitting: set[tuple[str, bytes]] = set()

    def errors(self, record: Record) -> list[str]:
        """What does not fit, and where."""
        values = {(name, msgspec.json.encode(value)) for name, value in record.items()} - self._fitting
        new = {name: record[name] for name, _ in values}
        errors = [f"{list(each.path)}: {each.message}" for each in self._validator.iter_errors(new)]
        if not errors:
            self._fitting |= values
        return errors


@lru_cache(maxsize=500)
def _schema(text: str) -> _Schema:
    """A schema is itself checked once, which takes longer than a run."""
    return _Schema(json.loads(text))


def _write(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


class _Lines(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(f"{record.levelname} {record.getMessage()}")


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """The SDK takes the signals of the process for itself."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def _logged() -> Iterator[list[str]]:
    log: list[str] = []
    handler, logger = _Lines(log), logging.getLogger("tap-bigin")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield log
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
