"""When Bigin refuses: a call as a whole, a module, a scope; each record still ends once, with the reason."""

from __future__ import annotations

import pytest
from support.target import record, records, schema, state

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])
ACCOUNTS = schema("Accounts", key=["Account_Name"])
FLAT = {"code": "INVALID_DATA", "details": {}, "message": "body", "status": "error"}


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


@pytest.mark.parametrize(("operation", "path"), [("upsert", "/Contacts/upsert"), ("insert", "/Contacts")])
def test_a_call_refused_as_a_whole_is_cut_until_its_record_is_found(sandbox, target, operation, path):
    """One record that the parser chokes on must not take 99 others with it; what was refused was not done."""
    sandbox.fault(f"POST {path}", status=400, body=FLAT, times=2)

    run = target([CONTACTS, *records("Contacts", people(40)), state("end")], default_operation=operation)

    assert run.outcomes("Contacts") == {"inserted": 40}
    assert run.states == ["end"]
    assert sandbox.calls("POST /coql") == 0


def test_what_is_refused_to_the_last_is_rejected(sandbox, target):
    """A call of one cannot be cut: it is the record's fault, then."""
    sandbox.fault("POST /Contacts/upsert", status=400, body=FLAT, times=None)

    run = target([CONTACTS, *records("Contacts", people(4))], max_rejects=4)

    assert run.error is None
    assert run.outcomes("Contacts") == {"rejected": 4}
    assert sandbox.calls("POST /Contacts/upsert") == 7  # 4, 2 and 2, 1 and 1 and 1 and 1


def test_a_module_that_is_closed_to_the_token_costs_a_few_calls(sandbox, target):
    """Two of its records are tried alone, for one might be to blame; the other streams are written."""
    sandbox.fault("POST /Contacts/upsert", status=403, times=None)
    before = sandbox.count("Accounts")

    run = target(
        [CONTACTS, ACCOUNTS, *records("Contacts", people(900)), record("Accounts", Account_Name="Acme 77")],
        max_rejects=900,
        max_concurrent_requests=1,
    )

    assert run.outcomes("Contacts") == {"rejected": 900}
    assert {each["code"] for each in run.rejects} == {"NO_PERMISSION"}
    assert sandbox.calls("POST /Contacts/upsert") <= 6
    assert sandbox.count("Accounts") == before + 1


def test_a_module_whose_fields_may_not_be_seen(sandbox, target):
    """Listed and refused: a warning and rejects, not a dead pipe."""
    sandbox.fault("GET /settings/fields", query="*module=Payroll*", status=403, times=None)

    run = target(
        [
            schema("Payroll", "Name", key=["Name"]),
            CONTACTS,
            record("Payroll", Name="x"),
            *records("Contacts", people(1)),
        ],
        max_rejects=1,
    )

    assert run.error is None
    assert run.outcomes("Payroll") == {"invalid": 1}
    assert run.said("Payroll: its records are rejected")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_that_speaks_html_is_waited_for(sandbox, target, status):
    """What stands before Bigin answers in its own way."""
    sandbox.fault("POST /Contacts/upsert", status=status, times=1)

    run = target([CONTACTS, *records("Contacts", people(10))])

    assert run.outcomes("Contacts") == {"inserted": 10}


def test_an_answer_that_judges_fewer_records_than_were_sent(sandbox, target):
    """Which record an entry speaks of cannot be told: one by one it can."""
    entry = {
        "code": "SUCCESS",
        "details": {"id": "1"},
        "message": "",
        "status": "success",
        "action": "insert",
    }
    sandbox.fault("POST /Contacts/upsert", status=200, body={"data": [entry]}, times=1)

    run = target([CONTACTS, *records("Contacts", people(3))])

    assert run.error is None
    assert sum(run.outcomes("Contacts").values()) == 3
    assert {f"berg{n}@example.org" for n in range(3)} <= {each["Email"] for each in sandbox.dump("Contacts")}


@pytest.mark.parametrize("count", [3, 40])
def test_an_outage_is_no_reason_to_send_one_by_one(sandbox, target, count):
    """A hundred calls would be made in the place of one: three alone and the others, once each, tell enough."""
    sandbox.fault("POST /Contacts/upsert", status=500, times=None)

    run = target([CONTACTS, *records("Contacts", people(count))], max_retries=1)

    assert run.error is not None
    assert sandbox.calls("POST /Contacts/upsert") == (5 if count == 3 else 6)


def test_a_recurring_task_answers_once_for_each_occurrence(sandbox, target):
    """Seven entries for one record: they must not be taken for its neighbours'."""
    sandbox.reset(size="empty")
    rule = {"RRULE": "FREQ=DAILY;INTERVAL=1;COUNT=4;DTSTART=2026-12-01"}
    rows = [
        {"Subject": "Once"},
        {"Subject": "Often", "Due_Date": "2026-12-01", "Recurring_Activity": rule},
        {"Subject": ""},
        {"Subject": "Twice"},
    ]

    run = target(
        [schema("Tasks", "Subject", "Due_Date", "Recurring_Activity"), *records("Tasks", rows)],
        default_operation="insert",
        max_rejects=1,
    )

    assert run.outcomes("Tasks") == {"inserted": 3, "invalid": 1}
    subjects = sorted(each["Subject"] for each in sandbox.dump("Tasks"))
    assert subjects == ["Often"] * 4 + ["Once", "Twice"]


def test_several_faults_of_one_record_are_all_told(sandbox, target):
    """Two unique values that belong to others: the message names both, and who has them."""
    unique = {"unique": {"casesensitive": "0"}}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": unique})
    owner = sandbox.create("Contacts", Last_Name="A", Email="a@b.se")
    sandbox.create("Contacts", Last_Name="B", Phone="+46 1")

    run = target(
        [schema("Contacts", "Last_Name"), record("Contacts", Last_Name="C", Email="a@b.se", Phone="+46 1")],
        default_operation="insert",
        max_rejects=1,
    )

    (reject,) = run.rejects
    assert reject["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert owner in reject["message"]
    assert "Email" in reject["message"]
    assert "Phone" in reject["message"]


def test_a_stream_that_never_came_is_said(target):
    """A typing error in `streams` would otherwise leave a stream to its defaults in silence."""
    run = target([CONTACTS], streams={"Contact": {"operation": "insert"}})

    assert run.said("streams.Contact is configured, but no such stream came")
