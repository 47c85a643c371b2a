"""Runs of the tap against answers of which one is spoiled, and what must hold of each run.

course = Course(sandbox, "first")      the kind of run, one of COURSES
course.calls                           the endpoints that such a run calls, and how often
course.broken(spoil)                   what did not hold, in words; [] if all did
run(other)                             a run of contacts alone, for the tests that spoil a place by name
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from typing import Any

from jsonschema import Draft202012Validator

from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.spoiling import Spoil, endpoint_of
from support.tap import (
    FORMATS,
    TapRun,
    aged,
    as_listed,
    discover,
    run_tap,
    select,
    select_fields,
)

MODULES = ("Accounts", "Contacts", "Notes", "Pipelines", "Tasks")
QUERY = "select Last_Name, Account_Name.Account_Name from Contacts where id > 0"
SETTINGS: dict[str, Any] = {
    "modules": list(MODULES),
    "max_retries": 0,
    "request_timeout": 3,
    "related_lists": ["Contacts.Emails", "Accounts.Notes"],
    "queries": [{"name": "people", "query": QUERY}],
    "deletion_sweep": "off",
}
COURSES = ("narrow", "next", "first", "bulk", "discovering")
"""Few fields of one module; a second run; everything at once; by jobs; without a catalog."""

Rows = dict[tuple[Any, ...], dict[str, Any]]


def run(sandbox: Sandbox, **settings: Any) -> TapRun:
    """Contacts alone, each call tried once."""
    return run_tap(sandbox, **{"modules": ["Contacts"], "max_retries": 0, **settings})


def edited(sandbox: Sandbox) -> list[str]:
    """Every contact changes a minute later; gives their ids."""
    sandbox.clock(advance=120)
    ids = [each["id"] for each in sandbox.dump("Contacts")]
    sandbox.mutate(
        *({"op": "edit", "module": "Contacts", "id": each, "data": {"Phone": "112"}} for each in ids)
    )
    return ids


class Course:
    """One kind of run in an organisation of its own, with what it emits when nothing is spoiled."""

    def __init__(self, sandbox: Sandbox, kind: str) -> None:
        self.sandbox = sandbox
        self.kind = kind
        sandbox.reset(size="60", most_per_page=10, access_tokens_per_10_minutes=100_000)
        view = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
        self.settings = {
            **SETTINGS,
            "custom_views": [{"name": "a_view", "module": "Contacts", "cvid": view["custom_views"][0]["id"]}],
        }
        if kind == "bulk":
            self.settings |= {"modules": ["Accounts", "Contacts", "Pipelines"], "extraction_method": "bulk"}
            self.settings |= {"related_lists": [], "queries": [], "custom_views": []}
        if kind == "narrow":  # one stream of a few fields: discovery, pages, proofs and little else
            self.settings |= {"modules": ["Contacts"], "related_lists": [], "queries": [], "custom_views": []}
        sandbox.clock(advance=700)
        for number in range(3):
            gone = sandbox.create("Contacts", Last_Name=f"Gone {number}")
            sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})
        self.catalog = None
        if kind != "discovering":
            self.catalog = aged(discover(sandbox, **self.settings))
            if kind in ("bulk", "narrow"):
                self.catalog = select(self.catalog, *self.settings["modules"])
            if kind == "next":
                names = [*self.settings["modules"], "deleted_records", "accounts_notes", "people", "a_view"]
                self.catalog = select(self.catalog, *names)
                for module in self.settings["modules"] if kind == "bulk" else ():
                    select_fields(self.catalog, module, *(each for each in NAMES_IN_JOBS))
        self.before: TapRun | None = None
        if kind == "next":
            self.before = self._run(sandbox, None)
            assert self.before.code == 0, self.before.log
            self._people_work()
        self.state = self.before.state if self.before else None
        watched = OtherBigin(sandbox)
        self.calls: Counter[str] = Counter()
        watched.changing(".*", self._count)
        try:
            self.usual = self._run(watched, self.state)
        finally:
            watched.close()
        assert self.usual.code == 0, self.usual.log
        self.held = self._held()
        differences = self._differences(self._loaded(self.before, self.usual), self.usual)
        assert differences == [], differences

    def _count(self, asked: Asked, _: Rewritten) -> None:
        self.calls[endpoint_of(asked)] += 1

    def _people_work(self) -> None:
        for module in MODULES:
            ids = [each["id"] for each in self.sandbox.dump(module)]
            if not ids:
                continue
            name = {"Accounts": "Phone", "Contacts": "Phone", "Notes": "Note_Content"}.get(
                module, "Description"
            )
            for number, each in enumerate(ids[:12]):
                self.sandbox.mutate(
                    {"op": "edit", "module": module, "id": each, "data": {name: f"New {number}"}}
                )
        self.sandbox.clock(advance=5)

    def _run(self, sandbox: Sandbox, state: Any) -> TapRun:
        self.sandbox.clock(advance=61)  # ten downloads a minute
        return run_tap(sandbox, catalog=copy.deepcopy(self.catalog), state=state, **self.settings)

    def broken(self, spoil: Spoil) -> list[str]:
        """Run with it, then without it from the state that the run left."""
        other = OtherBigin(self.sandbox)
        spoil.on(other)
        try:
            run = self._run(other, self.state)
        finally:
            other.close()
        self.latest = run
        broken = [*_said_wrongly(run), *_invalid(run)]
        if not spoil.asked:
            return broken
        failed = failed_streams(run)
        if run.code == 1 and not failed and not any(each in run.log[-1] for each in WHOLE_RUN):
            broken.append(f"exit 1 and no stream is named: {run.log[-1:]}")
        broken += self._untouched(spoil, run, failed)
        state = run.state or self.state
        again = self._run(self.sandbox, state)
        if again.code != 0:
            broken.append(f"the next run fails: {again.log[-1:]}")
        else:
            broken += self._differences(self._loaded(self.before, run, again), run, spoil)
        return broken

    # What is there

    def _loaded(self, *runs: TapRun | None) -> dict[str, Rows]:
        """A warehouse after these runs."""
        tables: dict[str, Rows] = {}
        versions: dict[str, dict[tuple[Any, ...], Any]] = {}
        keys: dict[str, list[str]] = {}
        for message in (each for run in runs if run for each in run.messages):
            name = message.get("stream", "")
            if message["type"] == "SCHEMA":
                keys[name] = message["key_properties"]
                tables.setdefault(name, {})
            elif message["type"] == "RECORD":
                key = tuple(message["record"].get(each) for each in keys[name])
                tables[name][key] = message["record"]
                versions.setdefault(name, {})[key] = message.get("version")
            elif message["type"] == "ACTIVATE_VERSION":
                for key, version in versions.get(name, {}).items():
                    if version != message["version"]:
                        tables[name].pop(key, None)
        return tables

    def _held(self) -> dict[str, Rows]:
        held = {
            module: {(each["id"],): each for each in self.sandbox.dump(module)}
            for module in self.settings["modules"]
        }
        usual = self._loaded(self.before, self.usual)
        return {**usual, **{name: each for name, each in held.items() if name in usual}}

    def _differences(self, tables: dict[str, Rows], run: TapRun, spoil: Spoil | None = None) -> list[str]:
        """Where the warehouse does not hold what Bigin holds, but for values that were told to be lost."""
        found = []
        for name, rows in self.held.items():
            there = tables.get(name, {})
            if lacking := rows.keys() - there.keys():
                found.append(f"{name}: lacks {sorted(map(str, lacking))[:3]} of {len(rows)}, for good")
            if more := there.keys() - rows.keys():
                found.append(f"{name}: has {sorted(map(str, more))[:3]}, which there are not")
            for key in rows.keys() & there.keys():
                found += self._values(name, key, (there, rows), run, spoil)
        return found

    def _values(
        self, name: str, key: Any, tables: tuple[Rows, Rows], run: TapRun, spoil: Spoil | None
    ) -> list[str]:
        """The values of a row that are others than Bigin's, but for those that were told or nobody can tell."""
        row, right = (each[key] for each in tables)
        expected = as_listed(right, row) if name in self.settings["modules"] else right
        record_id = str(row.get("id", key[0]))
        return [
            f"{name} {record_id}: {field} is {value!r}, not {expected.get(field)!r}, untold"
            for field, value in row.items()
            if value != expected.get(field)
            and field != "Last_Activity_Time"  # which moves by itself
            and "spoiled" not in json.dumps(value)
            and not (value is None and any(_tells(line, name, field, record_id) for line in run.log))
            and not (spoil and _is_unseen(spoil, record_id, field, value))
        ][:3]

    # The streams that have nothing to do with it

    def _untouched(self, spoil: Spoil, run: TapRun, failed: set[str]) -> list[str]:
        touched = self._touched(spoil, failed)
        if touched is None:
            return []
        found = []
        for name, rows in self.usual.records.items():
            if name in touched:
                continue
            if name in failed:
                found.append(f"{name} failed, though it was not touched")
            elif len(run.records.get(name, [])) < len(rows):
                found.append(
                    f"{name}: {len(run.records.get(name, []))} of {len(rows)} records, though not touched"
                )
        return found

    def _touched(self, spoil: Spoil, failed: set[str]) -> set[str] | None:
        """The streams that the spoiled answers are asked for by, None if that is all."""
        if spoil.endpoint == "token" or (spoil.endpoint == "modules" and self.kind == "discovering"):
            return None
        if spoil.endpoint.startswith("job"):
            of_one = spoil.which is not None and len(failed) <= 1
            return set(self.usual.schemas) if of_one else None
        told = " ".join(spoil.asked)
        touched = {each for each in MODULES if re.search(rf"\b{each}\b", told)}
        names = set(self.usual.schemas)
        if "Contacts" in touched:
            touched |= {"people", "a_view", "contacts_emails"}
        if "Accounts" in touched:
            touched |= {"accounts_notes", "people"}
        if "Notes" in touched:
            touched |= {"accounts_notes"}
        touched |= (
            {"deleted_records"}
            if spoil.endpoint in ("deleted", "list by ids", "modules", "fields")
            else set()
        )
        touched |= {each for each in names if each.startswith("settings_")}
        if spoil.endpoint in ("org", "users", "roles"):
            return {"users", "organization", *(each for each in names if each.startswith("settings_"))}
        if spoil.endpoint in ("modules", "related_lists"):
            touched |= {"deleted_records", "contacts_emails", "accounts_notes"}
        return touched


NAMES_IN_JOBS = (
    *("Last_Name", "First_Name", "Email", "Phone", "Account_Name", "Owner", "Created_Time", "Modified_Time"),
    *("Deal_Name", "Amount", "Closing_Date", "Stage", "Sub_Pipeline", "Pipeline", "Contact_Name", "Website"),
    *("Created_By", "Modified_By", "Description"),
)
WHOLE_RUN = (
    "token",
    "Token",
    "credentials",
    "no module",
    "Nothing is selected",
    "settings/modules",
    "related_lists",
    "HTTP 401",
)


def _tells(line: str, stream: str, field: str, record_id: str) -> bool:
    return stream in line and field in line and record_id in line


def _is_unseen(spoil: Spoil, record_id: str, field: str, value: Any) -> bool:
    """Whether the value is one that fits, or one that may be absent: nobody can tell that it is wrong."""
    if value is None:
        return spoil.how.endswith((" missing", " null", " empty", "no time", " empty text"))
    return (record_id, field) in spoil.places


def failed_streams(run: TapRun) -> set[str]:
    """The streams that a run says have failed."""
    found = (re.search(r"(\S+): failed, the other streams are written", line) for line in run.log)
    return {each[1] for each in found if each}


def _said_wrongly(run: TapRun) -> list[str]:
    broken = []
    if run.code not in (0, 1):
        broken.append(f"exit code {run.code}")
    broken += [f"traceback: {line}" for line in run.log if "Traceback" in line]
    broken += [f"a fault: {line}" for line in run.log if "A fault of tap-bigin" in line]
    return broken


def _invalid(run: TapRun) -> list[str]:
    validators: dict[str, Any] = {}
    keys: dict[str, list[str]] = {}
    for line in run.stdout.splitlines():
        try:
            message = json.loads(line)
            line.encode()
        except ValueError as error:
            return [f"stdout is no JSON: {line[:100]!r} {error}"]
        name = message.get("stream", "")
        if message["type"] == "SCHEMA":
            validators[name] = Draft202012Validator(message["schema"], format_checker=FORMATS)
            keys[name] = message["key_properties"]
        if message["type"] == "RECORD":
            for each in validators[name].iter_errors(message["record"]):
                return [f"{name}: {list(each.path)}: {each.message}"]
            if not all(message["record"].get(key) for key in keys[name]):
                return [f"{name}: a record without its key {message['record']}"]
    return []
