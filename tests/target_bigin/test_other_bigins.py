"""Bigin as its documents describe it, and not as the sandbox happens to answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.rewriting import Rewritten
from support.target import record, records, run_target, schema, state

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])
TASKS = schema("Tasks", "Subject", "Priority")
NOBODY = "6100000000000999999"
WRITES = "/(Contacts|Tasks)(/upsert)?"


@pytest.fixture
def target(other, tmp_path):
    """``target(messages, **settings)`` writes to the other Bigin."""
    return lambda messages, **settings: run_target(other, tmp_path, messages, **settings)


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


def tasks(count):
    return [{"Subject": f"Call {n}", "Priority": "High"} for n in range(count)]


def each_answer(other, change, *, times=None):
    """Change ``(status, entries)`` of writes; gives the status."""
    left = [times]

    def changed(asked, answer):
        if asked.method != "POST" or left[0] == 0:
            return
        left[0] = None if left[0] is None else left[0] - 1
        content = json.loads(answer.body)
        answer.status = change(answer.status, content["data"])
        answer.body = json.dumps(content).encode()

    other.changing(WRITES, changed)


def lose(other):
    """The first write is done, and what is answered makes no sense."""
    lost = []

    def changed(asked, answer):
        if asked.method == "POST" and not lost:
            lost.append(asked)
            answer.status, answer.body = 502, b"<html>"

    other.changing(WRITES, changed)


def without_ids(status, entries):
    for entry in entries:
        entry["details"].pop("id", None)
    return status


def with_an_id_in_errors(status, entries):
    for entry in entries:
        if entry["status"] == "error":
            entry["details"]["id"] = "6100000000000646043"
    return status


def with_a_duplicate_field(status, entries):
    for entry in entries:
        entry["duplicate_field"] = "Email"
    return status


def without_action(status, entries):
    for entry in entries:
        entry.pop("action", None)
        entry.pop("duplicate_field", None)
    return status


@pytest.mark.parametrize("operation", ["upsert", "insert"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _status, _entries: 202,
        lambda _status, _entries: 200,
        without_ids,
        with_an_id_in_errors,
        with_a_duplicate_field,
        without_action,
    ],
)
def test_an_entry_is_judged_by_its_status_alone(other, target, change, operation):
    """Neither the call's status nor an id, an action or a field says what became of a record."""
    rows = people(30)
    rows[7]["Email"] = "no address"
    each_answer(other, change)

    run = target(
        [CONTACTS, *records("Contacts", rows), state("end")], default_operation=operation, max_rejects=1
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.states == ["end"]


def test_more_entries_than_records_do_not_double_what_was_inserted(other, sandbox, target):
    """Which entry speaks of which record cannot be told, but what was written is there to be asked for."""

    def one_more(status, entries):
        entries.append(entries[-1])
        return status

    each_answer(other, one_more, times=1)

    run = target([TASKS, *records("Tasks", tasks(30))], default_operation="insert")

    assert run.outcomes("Tasks") == {"inserted": 30}
    assert sandbox.count("Tasks") == 30


def test_a_new_record_without_an_id_is_found_by_its_key(other, sandbox, target):
    """That nobody had the key was true before: the next record of the key must not be inserted again."""
    each_answer(other, without_ids)
    rows = [{"Subject": "Call", "Priority": priority} for priority in ("High", "Low")]

    run = target([TASKS, *records("Tasks", rows)], streams={"Tasks": {"external_key": "Subject"}})

    assert run.outcomes("Tasks") == {"inserted": 1, "updated": 1}
    assert [each["Priority"] for each in sandbox.dump("Tasks")] == ["Low"]


@pytest.mark.parametrize("operation", ["upsert", "insert"])
@pytest.mark.parametrize(
    "code", ["LIMIT_EXCEEDED", "MANDATORY_NOT_FOUND", "DUPLICATE_DATA", "MAPPING_MISMATCH"]
)
def test_one_refusal_for_many_is_cut_until_its_record_is_found(other, sandbox, target, code, operation):
    """One entry came for 40 records: it may be any of them, or their number."""
    refusal = {"code": code, "details": {}, "message": "no", "status": "error"}

    def refuse(asked):
        sent = json.loads(asked.body)["data"]
        is_refused = len(sent) > 30 or (
            code != "LIMIT_EXCEEDED" and any(x["Last_Name"] == "Berg 3" for x in sent)
        )
        return Rewritten.of({"data": [refusal]}, 400) if is_refused else None

    other.answering("/Contacts(/upsert)?", refuse)

    run = target([CONTACTS, *records("Contacts", people(40))], default_operation=operation, max_rejects=1)

    refused = 0 if code == "LIMIT_EXCEEDED" else 1
    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 40 - refused, **({"rejected": 1} if refused else {})}
    assert sandbox.count("Contacts") == 40 - refused


def test_a_lost_insert_is_found_by_its_unique_field_alone(other, sandbox, target):
    """Bigin may keep a phone number in a form of its own: it is the same person all the same."""
    lose(other)

    def spaced(_asked, content):
        for row in content["data"]:
            row["Phone"] = "+46 " + row["Phone"]
            row["Email"] = row["Email"].lower()

    other.rewrite("/coql", spaced)
    rows = [{**each, "Email": each["Email"].upper(), "Phone": "8123"} for each in people(20)]

    run = target(
        [schema("Contacts", "Last_Name", "Phone", key=["Email"]), *records("Contacts", rows)],
        default_operation="insert",
        request_timeout=1,
    )

    assert run.outcomes("Contacts") == {"inserted": 20}
    assert sandbox.count("Contacts") == 20


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "NO_PERMISSION"), (401, "OAUTH_SCOPE_MISMATCH"), (404, "INVALID_URL_PATTERN")],
)
def test_what_only_helps_may_be_refused(other, sandbox, target, status, code):
    """Without layouts, users and the organisation records are written, and a lost insert is found."""
    other.refuse("/(settings/layouts|users|org)", status, code)
    lose(other)

    run = target([TASKS, *records("Tasks", tasks(20))], default_operation="insert", request_timeout=1)

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 20}
    assert sandbox.count("Tasks") == 20


@pytest.mark.parametrize(("status", "code"), [(403, "NO_PERMISSION"), (401, "OAUTH_SCOPE_MISMATCH")])
def test_a_lost_insert_is_found_without_queries(other, sandbox, target, status, code):
    """A token without the scope for COQL may list what it created: nothing is given up as unknown."""
    other.refuse("/coql", status, code)
    lose(other)

    run = target(
        [TASKS, *records("Tasks", tasks(60))], default_operation="insert", batch_size=20, request_timeout=1
    )

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 60}
    assert sandbox.count("Tasks") == 60


def test_a_delete_that_is_refused_flat_was_done_before(other, target):
    """One record's refusal comes without a list: there is nothing left to delete all the same."""
    refusal = {"code": "INVALID_DATA", "details": {"resource_path_index": 1}, "message": "record not deleted"}
    other.answering(
        "/Contacts",
        lambda asked: Rewritten.of({**refusal, "status": "error"}, 400) if asked.method == "DELETE" else None,
    )

    run = target(
        [schema("Contacts", key=["id"]), record("Contacts", id=NOBODY)],
        default_operation="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    assert run.outcomes("Contacts") == {"deleted": 1}


@pytest.mark.parametrize("details", [{"api_name": "id", "json_path": "$.data[0].id"}, {"id": NOBODY}])
def test_an_id_that_bigin_does_not_know_is_unmatched(other, target, details):
    """Older answers name the id itself: what was meant is not there, either way."""
    entry = {"code": "INVALID_DATA", "details": details, "message": "invalid id", "status": "error"}
    other.answering("/Contacts", lambda _: Rewritten.of({"data": [entry]}, 400))

    run = target(
        [schema("Contacts", "Last_Name", key=["id"]), record("Contacts", id=NOBODY, Last_Name="A")],
        max_rejects=1,
    )

    assert [(each["kind"], each["code"]) for each in run.rejects] == [("unmatched", "ID_NOT_FOUND")]


@pytest.mark.parametrize("max_rejects", [6, 7])
def test_seven_bad_records_among_a_thousand(other, sandbox, target, max_rejects):
    """Each bad in its own way, one without any key: 993 are written, and seven lines say why not."""
    rows = people(1000)
    del rows[5]["Last_Name"]
    del rows[105]["Email"]
    rows[205]["Email"] = "no address"
    rows[305]["Last_Name"] = "x" * 300
    rows[405]["Account_Name"] = {"id": "999"}
    rows[505]["Owner"] = {"id": "1"}
    rows[605]["Email"] = None

    run = target(
        [
            schema("Contacts", "Last_Name", "Account_Name", "Owner", key=["Email"]),
            *records("Contacts", rows),
            state("end"),
        ],
        max_rejects=max_rejects,
    )

    assert (run.error is None) is (max_rejects == 7)
    assert run.outcomes("Contacts")["inserted"] == 993
    assert len(run.rejects) == 7
    assert all(each["message"] and each["field"] for each in run.rejects)
    assert run.states == ["end"]
    assert sandbox.count("Contacts") == 993


def test_what_bigin_finds_for_a_value_is_that_value(other, sandbox, target):
    """Where Bigin compares more coarsely than anybody knows, a record that it shows is not made again."""
    sandbox.create("Tasks", Subject="Cafe", Priority="Low")

    def without_accents(asked):
        query = json.loads(asked.body)["select_query"].replace("Café", "Cafe")
        return other.forward(replace(asked, body=json.dumps({"select_query": query}).encode()))

    other.answering("/coql", without_accents)
    rows = [{"Subject": name, "Priority": "High"} for name in ("Café", "Call", "Mail")]

    run = target([TASKS, *records("Tasks", rows)], streams={"Tasks": {"external_key": "Subject"}})

    assert run.outcomes("Tasks") == {"inserted": 2, "updated": 1}


@pytest.mark.parametrize(
    "odd", [None, [], "x", {"id": {}, "profiles": 7, "multi_module_lookup": {"modules": 7}}]
)
def test_an_entry_that_is_none_costs_itself(other, sandbox, target, odd):
    """Of modules, fields, layouts and users: the others are what they are."""
    sandbox.create("Accounts", Account_Name="Acme")

    def change(_asked, content):
        for rows in content.values():
            if isinstance(rows, list):
                rows.insert(0, odd)

    other.rewrite("/(settings/.*|users|org)", change)
    rows = [{**each, "Account_Name": "Acme"} for each in people(2)]

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}}},
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 2}


def test_a_row_without_id_is_not_nobody(other, sandbox, target):
    """The record that a damaged row means would be inserted once more."""
    rows = tasks(6)
    by_subject = {"streams": {"Tasks": {"external_key": "Subject"}}, "max_retries": 0, "max_rejects": 9}
    target([TASKS, *records("Tasks", rows)], **by_subject)

    def change(_asked, content):
        for row in content["data"]:
            if row["Subject"] == "Call 3":
                row["id"] = None

    other.rewrite("/coql", change)

    run = target([TASKS, *records("Tasks", rows)], **by_subject)

    assert run.outcomes("Tasks") == {"updated": 5, "rejected": 1}
    assert sandbox.count("Tasks") == 6
