"""Only what changed is sent: what a second run costs, and when the cache must not be believed."""

from __future__ import annotations

import signal
import time

import pytest
from support.target import RunningTarget, record, records, schema, settings_of

CONTACTS = schema("Contacts", "Last_Name", "Email", "Title", "Phone", key=["Email"])


def people(count, **more):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org", **more} for n in range(count)]


def writes(sandbox):
    return sandbox.calls("POST /Contacts/upsert")


def contact(sandbox, email):
    (found,) = [each for each in sandbox.dump("Contacts") if each["Email"] == email]
    return found


def test_a_second_run_of_the_same_records_writes_nothing(sandbox, cached):
    """1,000 records cost 100 credits the first time and none the second."""
    rows = people(1_000, Title="Engineer")
    cached([CONTACTS, *records("Contacts", rows)])
    before = writes(sandbox)

    run = cached([CONTACTS, *records("Contacts", rows)])

    assert before == 10
    assert writes(sandbox) == before
    assert run.outcomes("Contacts") == {"unchanged": 1_000}
    assert run.error is None


def test_only_what_changed_is_sent(sandbox, cached):
    """Ten of five hundred: one call of ten records, one credit."""
    rows = people(500, Title="Engineer")
    cached([CONTACTS, *records("Contacts", rows)])
    credits_before = sandbox.usage()["by_endpoint"]["POST /Contacts/upsert"]["credits"]
    for row in rows[100:110]:
        row["Title"] = "Director"

    run = cached([CONTACTS, *records("Contacts", rows)])

    assert run.outcomes("Contacts") == {"updated": 10, "unchanged": 490}
    assert sandbox.usage()["by_endpoint"]["POST /Contacts/upsert"]["credits"] == credits_before + 1


def test_what_a_write_left_untouched_stays_known(sandbox, cached):
    """A record that says less than the one before does not make the rest unknown."""
    whole = {"Last_Name": "Berg", "Email": "berg@example.org", "Title": "Engineer"}
    part = {"Last_Name": "Berg", "Email": "berg@example.org", "Phone": "1"}
    for said in (whole, part):
        cached([CONTACTS, record("Contacts", **said)])
    before = writes(sandbox)

    runs = [cached([CONTACTS, record("Contacts", **said)]) for said in (whole, part)]

    assert [run.outcomes("Contacts") for run in runs] == [{"unchanged": 1}] * 2
    assert writes(sandbox) == before


def test_a_rejected_record_is_sent_again(sandbox, cached):
    """It was never written, so it cannot be unchanged; after the cause is mended it must get through."""
    long = {"Last_Name": "Berg", "Email": "berg@example.org", "Phone": "no phone at all! " * 3}
    good = {"Last_Name": "Berg", "Email": "berg@example.org", "Phone": "1"}
    cached([CONTACTS, record("Contacts", **good)])

    rejected = [cached([CONTACTS, record("Contacts", **long)]) for _ in range(2)]
    after = cached([CONTACTS, record("Contacts", **good)])

    assert [len(run.rejects) for run in rejected] == [1, 1]
    assert contact(sandbox, "berg@example.org")["Phone"] == "1"
    assert after.error is None


def test_back_and_forth_within_a_run_ends_at_the_last_value(sandbox, cached):
    """While a change is under way the old value is no longer what Bigin has."""
    row = {"Last_Name": "Berg", "Email": "berg@example.org"}
    cached([CONTACTS, record("Contacts", **row, Title="Engineer")])

    for trigger in ([], ["workflow"]):  # with automation nothing is merged
        cached(
            [
                CONTACTS,
                *[record("Contacts", **row, Title=title) for title in ("Director", "Engineer", "Director")],
                record("Contacts", **row, Title="Engineer"),
            ],
            trigger=trigger,
        )

        assert contact(sandbox, "berg@example.org")["Title"] == "Engineer"


@pytest.mark.parametrize(
    "changed",
    [
        {"null_values": "write"},
        {"streams": {"Contacts": {"tags": ["vip"]}}},
        {"streams": {"Contacts": {"operation": "update"}}},
    ],
)
def test_changed_settings_write_everything_once_more(sandbox, cached, changed):
    """The same record under other settings is another write."""
    rows = people(30, Title=None)
    cached([CONTACTS, *records("Contacts", rows)])

    first = cached([CONTACTS, *records("Contacts", rows)], **changed)
    second = cached([CONTACTS, *records("Contacts", rows)], **changed)

    assert first.outcomes("Contacts") == {"updated": 30}
    assert second.outcomes("Contacts") == {"unchanged": 30}


def test_automation_is_no_reason_to_write_again(sandbox, cached):
    """Whether workflows fire does not change what is written."""
    rows = people(30)
    cached([CONTACTS, *records("Contacts", rows)])

    run = cached([CONTACTS, *records("Contacts", rows)], trigger=["workflow"])

    assert run.outcomes("Contacts") == {"unchanged": 30}


def test_another_organisation_is_not_taken_for_the_same(sandbox, cached):
    """One cache file used for a test organisation and then for the real one must not leave the real one empty."""
    rows = people(30)
    cached([CONTACTS, *records("Contacts", rows)])
    sandbox.reset(seed=7)

    run = cached([CONTACTS, *records("Contacts", rows)])

    assert run.outcomes("Contacts") == {"inserted": 30}


def test_where_the_organisation_is_not_told_its_cache_counts(sandbox, cached):
    """The token may not ask: that is no reason to end the run, or to write everything."""
    refusal = {"code": "NO_PERMISSION", "details": {}, "message": "no", "status": "error"}
    sandbox.fault("GET /org", status=403, body=refusal, times=None)

    first, second = (cached([CONTACTS, *records("Contacts", people(2))]) for _ in range(2))

    assert (first.error, second.error) == (None, None)
    assert second.outcomes("Contacts") == {"unchanged": 2}


def test_a_deleted_record_is_written_again(sandbox, cached):
    """Deleted and come back with the same values: it is not there, so it is not unchanged."""
    row = {"Last_Name": "Berg", "Email": "berg@example.org"}
    sent = [CONTACTS, record("Contacts", **row)]
    cached(sent)
    cached([CONTACTS, record("Contacts", **row, _sdc_deleted_at="2026-05-14T00:00:00Z")], deletes="delete")

    run = cached(sent)

    assert run.outcomes("Contacts") == {"inserted": 1}


def test_after_a_kill_nothing_is_taken_for_written(sandbox, tmp_path, target):
    """Killed when Bigin had the change and we had no answer: the old value must be written back."""
    settings = {"unchanged_cache_path": str(tmp_path / "written.sqlite")}
    old = [CONTACTS, *records("Contacts", people(200, Title="Engineer"))]
    target(old, **settings)
    sandbox.fault("POST /Contacts/upsert", lose_response=True, times=100)
    process = RunningTarget(settings_of(sandbox, tmp_path, **settings), tmp_path)
    process.say([CONTACTS, *records("Contacts", people(200, Title="Director"))])
    wait_until(lambda: "Director" in titles(sandbox, drained=False))
    process.end(by=signal.SIGKILL)
    sandbox.clear_faults()

    run = target(old, **settings)

    assert run.error is None
    assert titles(sandbox) == {"Engineer"}


def titles(sandbox, *, drained=True):
    held = sandbox.dump("Contacts", drained=drained)
    return {each["Title"] for each in held if (each["Email"] or "").startswith("berg")}


def wait_until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_dry_run_leaves_the_cache_as_it_is(sandbox, cached):
    """It tells what a run would leave out, and the run then does just that."""
    rows = people(30)
    cached([CONTACTS, *records("Contacts", rows[:20])])

    dry = cached([CONTACTS, *records("Contacts", rows)], dry_run=True)
    run = cached([CONTACTS, *records("Contacts", rows)])

    assert dry.outcomes("Contacts")["unchanged"] == 20
    assert run.outcomes("Contacts") == {"inserted": 10, "unchanged": 20}


BY_TWO = {"streams": {"Contacts": {"duplicate_check_fields": ["Email", "Phone"], "ids": "bigin"}}}
FIRST = {"Last_Name": "Sundberg", "Email": "berg@example.org", "Phone": "1", "Title": "Engineer"}


@pytest.mark.parametrize(
    "second",
    [
        {**FIRST, "Email": "new@example.org", "Title": "Boss"},
        {"Last_Name": "Sundberg", "Phone": "1", "Title": "Boss"},
        {"id": "…", "Last_Name": "Sundberg", "Title": "Boss"},
    ],
    ids=["by the second field", "without the first field", "by its id"],
)
@pytest.mark.parametrize("in_one_run", [True, False])
def test_a_record_that_is_known_by_two_keys_is_written_back(sandbox, cached, second, in_one_run):
    """What came by the other key changed it: that it says what was once written is no sign."""
    unique = {"unique": {"casesensitive": "0"}}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": unique})
    contacts = schema("Contacts", "id", "Last_Name", "Email", "Title", "Phone")
    cached([contacts, record("Contacts", **FIRST)], **BY_TWO)
    found = contact(sandbox, FIRST["Email"])
    second = {**second, "id": found["id"]} if "id" in second else second

    rows = records("Contacts", [second, FIRST])
    for some in [rows] if in_one_run and "id" not in second else [rows[:1], rows[1:]]:
        assert cached([contacts, *some], **BY_TWO).error is None

    (written,) = [each for each in sandbox.dump("Contacts") if each["Last_Name"] == "Sundberg"]
    assert {name: written[name] for name in FIRST} == FIRST


def test_what_came_by_another_key_is_not_known_of_a_record_that_waited_for_it(sandbox, cached):
    """It says less than what was once written, which the other one has changed since."""
    unique = {"unique": {"casesensitive": "0"}}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": unique})
    contacts = schema("Contacts", "Last_Name", "Email", "Title", "Phone")
    other = {**FIRST, "Email": "new@example.org", "Title": "Boss"}
    less = {name: value for name, value in FIRST.items() if name != "Title"}
    for rows in ([FIRST], [other, less], [FIRST]):
        run = cached([contacts, *records("Contacts", rows)], **BY_TWO)

    assert run.outcomes("Contacts") == {"updated": 1}
    assert contact(sandbox, FIRST["Email"])["Title"] == "Engineer"


def test_a_stream_without_a_key_of_its_own_is_known_by_that_of_bigin(cached):
    """A source need not say by what its records are told apart: contacts are by their e-mail."""
    sent = [schema("Contacts", "Last_Name", "Email"), *records("Contacts", people(3))]

    runs = [cached(sent) for _ in range(2)]

    assert [run.outcomes("Contacts") for run in runs] == [{"inserted": 3}, {"unchanged": 3}]


def test_records_that_nothing_tells_apart_are_all_inserted(cached):
    """Without a key nobody knows whether an equal one is the same."""
    twins = [schema("Tasks", "Subject"), *records("Tasks", [{"Subject": "Call"}] * 2)]

    runs = [cached(twins, default_operation="insert") for _ in range(2)]

    assert [run.outcomes("Tasks") for run in runs] == [{"inserted": 2}] * 2
