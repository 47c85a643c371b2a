"""The reject log: a line for each record that was not written, which can be fed back; and the dry run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from support.target import command, record, records, run_target, schema, settings_of, state

from target_bigin.files.reject_log import RejectLog
from target_bigin.records.record import Record, Reject

CONTACTS = schema("Contacts", "Last_Name", "Title", key=["Email"])


def test_a_line_says_everything_about_its_record(target, tmp_path):
    """Who, what, why, when; and the record as it was read, numbers exact."""
    row = {"Email": "no address", "Last_Name": "Žofie", "Description": {"a": 1.10}, "other": None}

    run = target([CONTACTS, record("Contacts", **row)], max_rejects=1)

    (line,) = run.rejects
    when = line.pop("time")
    assert datetime.fromisoformat(when.replace("Z", "+00:00")).tzinfo is not None
    assert line.pop("message").startswith("invalid data")
    assert line == {
        "stream": "Contacts",
        "module": "Contacts",
        "key_properties": ["Email"],
        "number": 1,
        "kind": "rejected",
        "code": "INVALID_DATA",
        "field": "Email",
        "record": row,
    }


def test_lines_are_appended_and_the_file_appears_with_the_first(target, tmp_path):
    """A good run leaves no empty file; a second bad one does not wipe out what the first one said."""
    good, bad = {"Email": "a@b.se", "Last_Name": "A"}, {"Email": "none", "Last_Name": "B"}
    target([CONTACTS, record("Contacts", **good)])
    assert not (tmp_path / "rejects.jsonl").exists()

    for _ in range(2):
        target([CONTACTS, record("Contacts", **bad)], max_rejects=1)

    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 2


def test_a_line_is_replaced_by_a_later_row_alone_in_whichever_order_they_end(tmp_path):
    """An earlier row may still be in flight when a later one is refused; the one after both replaces it."""
    log = RejectLog(tmp_path / "rejects.jsonl")
    log.describe("Contacts", module="Contacts", key_properties=["Email"])
    first, second, third = (Record(number, "Contacts", {"Email": "a@b.se"}) for number in (1, 2, 3))
    replaced = tmp_path / "rejects.replaced.jsonl"

    log.write(second, Reject("invalid", "TOO_LONG", "no"))
    log.note_good(first, "updated")
    assert not replaced.exists()
    log.note_good(third, "updated")

    (line,) = [json.loads(each) for each in replaced.read_text().splitlines()]
    assert line["number"] == 2


@pytest.mark.parametrize(
    ("operation", "action", "is_replaced"),
    [("delete", "unchanged", False), ("delete", "deleted", True), ("upsert", "unchanged", True)],
)
def test_a_deletion_that_is_ignored_replaces_no_line(tmp_path, operation, action, is_replaced):
    """It says nothing of the record: what was refused is still missing in Bigin, and to be sent again."""
    log = RejectLog(tmp_path / "rejects.jsonl")
    log.describe("Contacts", module="Contacts", key_properties=["Email"])
    first, second = (Record(number, "Contacts", {"Email": "a@b.se"}) for number in (1, 2))
    second.operation = operation

    log.write(first, Reject("invalid", "TOO_LONG", "no"))
    log.note_good(second, action)

    assert (tmp_path / "rejects.replaced.jsonl").exists() == is_replaced


def test_a_line_of_an_earlier_run_is_replaced_by_the_first_row_of_this_one(tmp_path):
    """Numbers begin anew with each run: all of them come later than what another one has refused."""
    path = tmp_path / "rejects.jsonl"
    for number in (2, 1):
        log = RejectLog(path)
        log.describe("Contacts", module="Contacts", key_properties=["Email"])
        row = Record(number, "Contacts", {"Email": "a@b.se"})
        if number == 2:
            log.write(row, Reject("invalid", "TOO_LONG", "no"))
    log.note_good(row, "updated")

    assert "dry_run" not in json.loads(path.read_text())
    assert json.loads((tmp_path / "rejects.replaced.jsonl").read_text())["number"] == 2


def test_rejects_can_be_fed_back_by_one_line(sandbox, target, tmp_path):
    """After the cause is mended, the documented line sends them again."""
    rows = [{"Email": f"a{n}@b.se", "Last_Name": "x" * 90, "Title": "CEO"} for n in range(3)]
    target([CONTACTS, *records("Contacts", rows)], max_rejects=3)
    config = tmp_path / "mended.json"
    config.write_text(json.dumps(settings_of(sandbox, tmp_path, streams={"Contacts": {"truncate": True}})))
    page = Path(__file__).parents[2].joinpath("docs", "how-to", "feed-rejects-back.md").read_text()
    line = re.search(r"```sh\n(bigin retry .*?)\n```", page)[1]
    for said, meant in (("target-bigin-rejects.jsonl", tmp_path / "rejects.jsonl"), ("config.json", config)):
        line = line.replace(said, shlex.quote(str(meant)))

    here = shlex.quote(str(Path(sys.executable).parent))
    ended = subprocess.run(f"{here}/{line}", shell=True, check=False, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    written = [
        each for each in sandbox.dump("Contacts") if each["Title"] == "CEO" and len(each["Last_Name"]) == 80
    ]
    assert len(written) == 3
    assert not (tmp_path / "rejects.jsonl").exists()


def test_a_dry_run_writes_nothing_and_tells_all(sandbox, target, tmp_path):
    """Before the first run in earnest: what would be inserted, updated, rejected, and at what price."""
    sandbox.reset(size="empty")
    sandbox.create("Contacts", Last_Name="Ek", Email="EK@b.se")
    before = sandbox.dump("Contacts")
    rows = [{"Email": f"n{n}@b.se", "Last_Name": "N"} for n in range(130)]
    messages = [
        CONTACTS,
        *records("Contacts", rows),
        record("Contacts", Email="ek@b.se", Last_Name="Ekman"),
        record("Contacts", Email="", Last_Name="Nobody"),
        state("end"),
    ]

    run = target(messages, dry_run=True, max_rejects=1)

    assert sandbox.dump("Contacts") == before
    assert run.outcomes("Contacts") == {"inserted": 130, "updated": 1, "invalid": 1}
    assert run.states == []
    assert run.said("Writing would have cost 14 credits")
    assert [each["dry_run"] for each in run.rejects] == [True]
    assert not [endpoint for endpoint in sandbox.usage()["by_endpoint"] if "upsert" in endpoint]


def test_lines_go_on_in_a_new_file_where_the_old_one_was_moved_aside(other, tmp_path):
    """`bigin retry` takes the file while a run writes: what was appended to the moved one was never retried."""
    path = tmp_path / "rejects.jsonl"
    other.answering("/Contacts/upsert", lambda _: path.rename(tmp_path / "aside") and None)

    run = run_target(
        other,
        tmp_path,
        [CONTACTS, record("Contacts", Last_Name="Keyless"), record("Contacts", Email="none", Last_Name="B")],
        max_rejects=2,
    )

    assert run.error is None
    moved, new = (
        [json.loads(line)["number"] for line in each.read_text().splitlines()]
        for each in (tmp_path / "aside", path)
    )
    assert (moved, new) == ([1], [2])


def test_a_rejects_path_that_cannot_be_written_is_said_at_the_start(sandbox, tmp_path):
    """Not after an hour, with the first reject."""
    config = settings_of(sandbox, tmp_path)
    (tmp_path / "rejects.jsonl").mkdir()

    code, _, said = command(config, tmp_path, [CONTACTS])

    assert code == 1
    assert "rejects_path" in said.splitlines()[-1]
