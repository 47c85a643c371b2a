"""tap-bigin: peak memory as records grow: by list and by job, other kinds of streams, what was deleted."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import places
from benchmarks.measure import run
from benchmarks.table import Row
from benchmarks.tap import TAP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.measure import Took

ONLY_LISTS_GIVE = ("Record_Image", "Tag")
SIZES = (20_000, 200_000, 600_000)
OTHER_SIZES = (20_000, 100_000)
MOST_MB = 150
MOST_GROWTH = 1.25  # of the largest size against the smallest
AT_ONCE = 20_000  # records made by one call of the sandbox
KINDS = {
    "modules": ["Contacts", "Notes", "Subscriptions"],
    "related_lists": ["Contacts.Notes"],
    "queries": [
        {
            "name": "everyone",
            "query": "select Last_Name, Modified_Time from Contacts where id is not null",
            "replication_key": "Modified_Time",
        }
    ],
}
PERSON = {"Last_Name": "Person {n}", "Email": "p{n}@example.org", "Phone": "+46 8 {n}"}


def memory() -> Iterator[Row]:
    """Contacts by list and by job at 20,000, 200,000 and 600,000: what a run holds does not grow."""
    peaks: dict[str, list[float]] = {"list": [], "bulk": []}
    spent = {}
    for size in SIZES:
        with places.sandbox("--size", "empty", "--edition", "express") as url:
            _create(url, "Contacts", size, PERSON)
            places.control(url, "clock", {"advance": 700})  # until Bigin's count knows of them
            for method, seen in peaks.items():
                before = places.credits_spent(url)
                seen.append(_run(url, extraction_method=method).peak_mb)
                spent[method, size] = places.credits_spent(url) - before
    for method, seen in peaks.items():
        told = ", ".join(f"{peak:.0f} MB at {size:,}" for peak, size in zip(seen, SIZES, strict=True))
        yield Row(f"contacts by {method}: peak memory", max(seen), MOST_MB, "MB", seen=told)
        yield Row(f"contacts by {method}: growth of the peak", seen[-1] / seen[0], MOST_GROWTH, "x")
    yield Row("200,000 contacts by Bulk Read: credits, metadata included", spent["bulk", SIZES[1]], 57, "")
    yield from _deletions()
    yield from _kinds()


def _deletions() -> Iterator[Row]:
    """What is read of a deleted list is kept for the other stream that asks, in few bytes."""
    peaks = []
    for size in OTHER_SIZES:
        with places.sandbox("--size", "empty", "--edition", "express") as url:
            # In a process of its own: what the one that starts a run holds would count as the run's.
            command = [sys.executable, "-m", "benchmarks.tap_memory", url, str(size)]
            subprocess.run(command, check=True)
            peaks.append(_run(url, tables_only=False).peak_mb)
    yield from _growth("deletions", peaks)


def _kinds() -> Iterator[Row]:
    """A query, a related list, notes and a custom module, which is swept: side by side."""
    peaks = []
    for size in OTHER_SIZES:
        with places.sandbox("--size", "empty", "--edition", "express") as url:
            _create(url, "Contacts", size, PERSON)
            parent = {"module": {"api_name": "Contacts"}, "id": _first(url)}
            note = {"Note_Content": "N{n}", "Parent_Id": parent, "$se_module": "Contacts"}
            _create(url, "Notes", size, note)
            _create(url, "Subscriptions", size, {"Name": "S{n}"})
            peaks.append(_run(url, extraction_method="list", **KINDS).peak_mb)
    yield from _growth("query, related list, notes and custom module", peaks)


def _growth(what: str, peaks: Sequence[float]) -> Iterator[Row]:
    told = ", ".join(f"{peak:.0f} MB at {size:,}" for peak, size in zip(peaks, OTHER_SIZES, strict=True))
    yield Row(f"{what}: peak memory", max(peaks), MOST_MB, "MB", seen=told)
    yield Row(f"{what}: growth of the peak", peaks[-1] / peaks[0], MOST_GROWTH, "x")


def _create(url: str, module: str, size: int, data: dict[str, Any]) -> None:
    for at in range(0, size, AT_ONCE):
        made = {"op": "create", "module": module, "count": min(AT_ONCE, size - at), "data": data}
        places.control(url, "mutate", [made])


def _first(url: str) -> str:
    """The id of a contact."""
    made = {"op": "create", "module": "Contacts", "data": {"Last_Name": "Parent"}}
    return str(places.control(url, "mutate", [made])[0]["id"])


def _run(url: str, *, tables_only: bool = True, **settings: Any) -> Took:
    with tempfile.TemporaryDirectory() as name:
        config = places.config(Path(name), url, **{"modules": ["Contacts"], **settings})
        catalog = places.catalog(Path(name), config, tables_only=tables_only, without=ONLY_LISTS_GIVE)
        return run([TAP, "--config", str(config), "--catalog", str(catalog)])


def _delete_many(url: str, deleted: int) -> None:
    for at in range(0, deleted, AT_ONCE):
        count = min(AT_ONCE, deleted - at)
        people = {"op": "create", "module": "Contacts", "count": count, "data": PERSON}
        ids = [each["id"] for each in places.control(url, "mutate", [people])[0]]
        places.control(url, "mutate", [{"op": "delete", "module": "Contacts", "ids": ids}])


if __name__ == "__main__":
    _delete_many(sys.argv[1], int(sys.argv[2]))
