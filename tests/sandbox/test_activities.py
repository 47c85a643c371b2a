"""Tasks, events, calls: relations, recurrence, reminders, participants, durations. FACTS 5; write.md 8."""

from __future__ import annotations

import pytest
from support.writing import insert, read, refusal, send

NOBODY = "6100000000000999999"
CALL = {
    "Subject": "Offer",
    "Call_Type": "Outbound",
    "Call_Start_Time": "2026-05-14T10:00:00+02:00",
    "Call_Duration": "10:30",
}
EVENT = {
    "Event_Title": "Visit",
    "Start_DateTime": "2026-05-14T10:00:00+02:00",
    "End_DateTime": "2026-05-14T11:00:00+02:00",
}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def deal(sandbox):
    """A deal's id."""
    return insert(sandbox, "Pipelines", Deal_Name="Lamps", Sub_Pipeline="Inbound", Stage="Proposal")


@pytest.mark.parametrize(
    ("id_key", "module_key"), [("What_Id", "$se_module"), ("Related_To", "$related_module")]
)
@pytest.mark.parametrize("word", ["Deals", "Pipelines"])
def test_a_task_relates_to_a_deal_in_both_spellings(sandbox, deal, id_key, module_key, word):
    """The word for the module is Deals, and Pipelines is taken too."""
    record_id = insert(sandbox, "Tasks", **{"Subject": "Call back", id_key: {"id": deal}, module_key: word})

    assert read(sandbox, "Tasks", record_id)["What_Id"] == {"name": "Lamps", "id": deal}


def test_related_to_a_contact_is_who_it_is_about(sandbox):
    """A contact has a key of its own."""
    contact = insert(sandbox, "Contacts", Last_Name="Berg")

    related = insert(
        sandbox, "Tasks", Subject="A", Related_To={"id": contact}, **{"$related_module": "Contacts"}
    )
    named = insert(sandbox, "Tasks", Subject="B", Who_Id={"id": contact})

    for record_id in (related, named):
        assert read(sandbox, "Tasks", record_id)["Who_Id"] == {"name": "Berg", "id": contact}


def test_a_relation_without_its_module_is_refused(sandbox, deal):
    """An id alone does not say where it lives."""
    entry = refusal(sandbox, "Tasks", Subject="A", What_Id={"id": deal})

    assert entry["code"] == "MANDATORY_NOT_FOUND"
    assert entry["details"] == {"api_name": "$se_module", "json_path": "$.data[0].$se_module"}


@pytest.mark.parametrize("module", ["Accounts", "Nonsense"])
def test_a_relation_in_the_wrong_module_is_refused(sandbox, deal, module):
    """The id must live where the module says."""
    entry = refusal(sandbox, "Tasks", **{"Subject": "A", "What_Id": {"id": deal}, "$se_module": module})

    assert (entry["code"], entry["details"]["api_name"]) == ("INVALID_DATA", "What_Id")


def test_null_ends_a_relation(sandbox, deal):
    """Without a module beside it."""
    record_id = insert(sandbox, "Tasks", **{"Subject": "A", "What_Id": {"id": deal}, "$se_module": "Deals"})

    send(sandbox, "PUT", "/Tasks", {"id": record_id, "What_Id": None})

    record = read(sandbox, "Tasks", record_id)
    assert (record["What_Id"], record["$se_module"]) == (None, None)


def test_a_write_moves_the_last_activity_of_what_it_is_about_and_no_modified_time(sandbox, deal):
    """A reader by Modified_Time never sees it."""
    sandbox.clock(advance=60)
    before = read(sandbox, "Pipelines", deal)

    insert(sandbox, "Tasks", **{"Subject": "A", "What_Id": {"id": deal}, "$se_module": "Deals"})

    after = read(sandbox, "Pipelines", deal)
    assert after["Last_Activity_Time"] > before["Last_Activity_Time"]
    assert after["Modified_Time"] == before["Modified_Time"]


@pytest.mark.parametrize(
    ("rule", "dates"),
    [
        ("FREQ=DAILY;INTERVAL=2;COUNT=3", ["2026-01-30", "2026-02-01", "2026-02-03"]),
        ("FREQ=WEEKLY;INTERVAL=1;UNTIL=2026-02-10", ["2026-01-30", "2026-02-06"]),
        ("FREQ=MONTHLY;INTERVAL=1;COUNT=3", ["2026-01-30", "2026-02-28", "2026-03-30"]),
        ("FREQ=YEARLY;INTERVAL=1;COUNT=2", ["2026-01-30", "2027-01-30"]),
        ("FREQ=DAILY;COUNT=2;DTSTART=2026-03-01", ["2026-03-01", "2026-03-02"]),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=FR", ["2026-01-30"]),
    ],
)
def test_a_recurring_task_answers_one_entry_for_each_occurrence(sandbox, rule, dates):
    """So the answer has more entries than the call had records."""
    task = {"Subject": "Check", "Due_Date": "2026-01-30", "Recurring_Activity": {"RRULE": rule}}

    status, entries = send(sandbox, "POST", "/Tasks", task)

    assert status == 201
    assert [read(sandbox, "Tasks", entry["details"]["id"])["Due_Date"] for entry in entries] == dates


def test_entries_after_a_recurring_record_have_moved(sandbox):
    """A client that pairs by place is wrong here."""
    rule = {"RRULE": "FREQ=DAILY;COUNT=7"}

    _, entries = send(
        sandbox, "POST", "/Events", {**EVENT, "Recurring_Activity": rule}, {**EVENT, "Event_Title": "Last"}
    )

    assert len(entries) == 8
    assert read(sandbox, "Events", entries[7]["details"]["id"])["Event_Title"] == "Last"
    second = read(sandbox, "Events", entries[1]["details"]["id"])
    assert (second["Start_DateTime"], second["End_DateTime"]) == (
        "2026-05-15T10:00:00+02:00",
        "2026-05-15T11:00:00+02:00",
    )


@pytest.mark.parametrize(
    "rule",
    ["FREQ=HOURLY;COUNT=2", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=100", "FREQ=DAILY;UNTIL=2026-01-01", "x"],
)
def test_a_recurrence_that_cannot_be_is_refused(sandbox, rule):
    """Unknown frequency, a number outside 1-99, an end before the beginning."""
    entry = refusal(sandbox, "Tasks", Subject="A", Due_Date="2026-01-30", Recurring_Activity={"RRULE": rule})

    assert entry["details"]["json_path"] == "$.data[0].Recurring_Activity.RRULE"
    assert sandbox.count("Tasks") == 0


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([{"unit": 15, "period": "minutes"}], "2026-05-14T09:45:00+02:00"),
        ([{"unit": 1, "period": "days"}], "2026-05-13T10:00:00+02:00"),
        ("2026-05-14T07:00:00+00:00", "2026-05-14T09:00:00+02:00"),
    ],
)
def test_an_events_reminder_reads_back_as_an_instant(sandbox, sent, kept):
    """Written before the start, or as the instant itself."""
    record_id = insert(sandbox, "Events", **EVENT, Remind_At=sent)

    assert read(sandbox, "Events", record_id)["Remind_At"] == kept


def test_a_task_keeps_its_alarm_as_it_was_sent(sandbox):
    """An object with a rule inside."""
    alarm = {"ALARM": "FREQ=NONE;ACTION=EMAIL;TRIGGER=DATE-TIME:2026-12-01T17:09:00+05:30"}

    record_id = insert(sandbox, "Tasks", Subject="A", Remind_At=alarm)

    assert read(sandbox, "Tasks", record_id)["Remind_At"] == alarm


def test_a_task_is_closed_when_it_is_completed(sandbox):
    """And open again when it is not."""
    record_id = insert(sandbox, "Tasks", Subject="A", Status="Completed")
    closed = read(sandbox, "Tasks", record_id)["Closed_Time"]
    send(sandbox, "PUT", "/Tasks", {"id": record_id, "Status": "In Progress"})

    assert closed is not None
    assert read(sandbox, "Tasks", record_id)["Closed_Time"] is None


def test_participants_are_contacts_users_and_addresses(sandbox):
    """An address may stand under Email, too."""
    contact = insert(sandbox, "Contacts", Last_Name="Berg")
    invited = [
        {"type": "contact", "participant": contact},
        {"type": "email", "participant": "a@example.org"},
        {"type": "email", "Email": "b@example.org"},
    ]

    record_id = insert(sandbox, "Events", **EVENT, Participants=invited)

    read_back = read(sandbox, "Events", record_id)["Participants"]
    assert [who["participant"] for who in read_back] == [contact, "a@example.org", "b@example.org"]
    assert {who["status"] for who in read_back} == {"not_known"}


@pytest.mark.parametrize(
    ("participants", "code"),
    [
        ([{"type": "email", "participant": "a@example.org"}] * 51, "LIMIT_EXCEEDED"),
        ([{"type": "robot", "participant": "r2"}], "INVALID_DATA"),
        ([{"type": "contact"}], "INVALID_DATA"),
        ("a@example.org", "INVALID_DATA"),
    ],
)
def test_participants_that_cannot_be_are_refused(sandbox, participants, code):
    """At most 50, each of a known kind and named."""
    assert refusal(sandbox, "Events", **EVENT, Participants=participants)["code"] == code


@pytest.mark.parametrize("duration", ["0:00", "00:00"])
def test_a_call_of_no_length_is_refused(sandbox, duration):
    """It depends on the kind of call, says the code."""
    entry = refusal(sandbox, "Calls", **{**CALL, "Call_Duration": duration})

    assert (entry["code"], entry["message"]) == ("DEPENDENT_MISMATCH", "Call Duration can not be zero.")
    assert entry["details"]["api_name"] == "Call_Duration"
    assert entry["details"]["dependee"] == {"api_name": "Call_Type", "json_path": "$.data[0].Call_Type"}


@pytest.mark.parametrize("duration", ["10", "1:75", "ten", 10])
def test_a_duration_is_minutes_and_seconds(sandbox, duration):
    """mm:ss as text."""
    assert refusal(sandbox, "Calls", **{**CALL, "Call_Duration": duration})["code"] == "INVALID_DATA"


@pytest.mark.parametrize(("module", "record"), [("Calls", CALL), ("Events", EVENT)])
def test_every_mandatory_field_of_an_activity_is_asked_for(sandbox, module, record):
    """One at a time left out."""
    for missing in record:
        entry = refusal(sandbox, module, **{name: value for name, value in record.items() if name != missing})
        assert (entry["code"], entry["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", missing)
    insert(sandbox, module, **record)
