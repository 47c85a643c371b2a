"""target-bigin: wall time at a latency, CPU time without one, memory, price."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import places
from benchmarks.made_pages import DATA_TYPES, record, serving
from benchmarks.measure import Took, run
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = str(places.BIN / "target-bigin")
KINDS = {"integer": "integer", "double": "number", "boolean": "boolean", "ownerlookup": "object"}
READ_ONLY = ("Created_By", "Modified_By", "Created_Time", "Modified_Time", "Last_Activity_Time", "Owner")


def side_by_side() -> Iterator[Row]:
    """20,000 upserts, 250 ms a call: against one call at a time."""
    records = 20_000
    options = ("--size", "empty", "--edition", "express", "--latency-ms", "250")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        singer = write_small(folder / "in.singer", records)
        with places.sandbox(*options) as url:
            plain = run([sys.executable, "-m", "benchmarks.plain", "upsert", url, str(records)])
        for in_flight, wanted in ((5, 4.0), (10, 6.0)):
            with places.sandbox(*options) as url:
                config = places.config(
                    folder, url, max_concurrent_requests=in_flight, rejects_path=str(folder / "r.jsonl")
                )
                took = _target(config, singer)
                by_endpoint = places.control(url, "usage")["by_endpoint"]
            yield Row(
                f"20,000 upserts, {in_flight} in flight: faster than one at a time",
                plain.wall / took.wall,
                wanted,
                "x",
                least=True,
                seen=f"{took.wall:.1f} s against {plain.wall:.1f} s",
            )
        spent = sum(
            each["credits"] if isinstance(each, dict) else each
            for what, each in by_endpoint.items()
            if "upsert" in what
        )
        yield Row("20,000 upserts: credits for writing", spent, records / 10, "")


def cpu() -> Iterator[Row]:
    """50,000 upserts of 30 fields, no latency: CPU of the process against an SDK sink that drops them."""
    with tempfile.TemporaryDirectory() as name, serving(0) as url:
        folder = Path(name)
        singer = write_wide(folder / "in.singer", 50_000)
        config = places.config(
            folder,
            url,
            rejects_path=str(folder / "r.jsonl"),
            streams={"Contacts": {"duplicate_check_fields": ["Email"]}},
        )
        base = sorted(_dropped(singer) for _ in range(3))[1]
        ours = sorted(_target(config, singer).cpu for _ in range(3))[1]
    yield Row(
        "CPU, 50,000 upserts x 30: times an SDK sink that drops them",
        ours / base,
        3.0,
        "x",
        seen=f"{ours:.2f} s against {base:.2f} s",
    )


def memory() -> Iterator[Row]:
    """Peak memory at 50,000 and at 200,000 records."""
    peaks = []
    for records in (50_000, 200_000):
        with tempfile.TemporaryDirectory() as name, serving(0) as url:
            folder = Path(name)
            singer = write_wide(folder / "in.singer", records)
            config = places.config(folder, url, rejects_path=str(folder / "r.jsonl"))
            peaks.append(_target(config, singer).peak_mb)
    yield Row("200,000 upserts: peak memory", peaks[1], 200, "MB", seen=f"{peaks[0]:.0f} MB at 50,000")


def write_small(path: Path, records: int) -> Path:
    """A stream of contacts with a name and an e-mail address."""
    properties = {"Last_Name": {"type": "string"}, "Email": {"type": "string"}}
    with path.open("w") as file:
        file.write(_schema(properties))
        for number in range(records):
            row = {"Last_Name": f"Person {number}", "Email": f"person{number}@example.org"}
            file.write(json.dumps({"type": "RECORD", "stream": "Contacts", "record": row}) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"done": True}}) + "\n")
    return path


def write_wide(path: Path, records: int) -> Path:
    """A stream of contacts of 30 fields, keyed by e-mail address."""
    properties = {
        each: {"type": [KINDS.get(data_type, "string"), "null"]} for each, data_type in DATA_TYPES.items()
    }
    with path.open("w") as file:
        file.write(_schema(properties))
        for number in range(records):
            row = record(number)
            del row["id"]
            file.write(json.dumps({"type": "RECORD", "stream": "Contacts", "record": row}) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"done": True}}) + "\n")
    return path


def _schema(properties: dict[str, object]) -> str:
    schema = {"type": "object", "properties": properties}
    return (
        json.dumps({"type": "SCHEMA", "stream": "Contacts", "schema": schema, "key_properties": ["Email"]})
        + "\n"
    )


def _target(config: Path, singer: Path) -> Took:
    with singer.open("rb") as lines:
        return run([TARGET, "--config", str(config)], stdin=lines)


def _dropped(singer: Path) -> float:
    with singer.open("rb") as lines:
        return run([sys.executable, "-m", "benchmarks.sdk_target"], stdin=lines).cpu
