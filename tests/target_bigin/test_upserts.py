"""Upserts through the front door: who is written, who is not, and what is said about it."""

from __future__ import annotations

import pytest
from support.target import record, records, schema, state

CONTACTS = schema("Contacts", "Last_Name", "Email", key=["Email"])


def people(count, *, start=0, **more):
    """Contacts that differ by their number."""
    return [
        {"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org", **more}
        for n in range(start, start + count)
    ]


def test_one_bad_record_harms_no_other(sandbox, target):
    """Bigin writes the good ones of a call: 993 are written and each of the 7 bad ones has its reason."""
    before = sandbox.count("Contacts")
    rows = people(1000)
    for number in (0, 150, 299, 300):
        rows[number]["Last_Name"] = "x" * 81
    for number in (500, 777):
        rows[number]["Email"] = "no address"
    del rows[999]["Last_Name"]

    run = target([CONTACTS, *records("Contacts", rows), state({"at": 1000})])

    assert sandbox.count("Contacts") == before + 993
    assert run.outcomes("Contacts") == {"inserted": 993, "invalid": 4, "rejected": 3}
    assert sorted(reject["number"] for reject in run.rejects) == [1, 151, 300, 301, 501, 778, 1000]
    assert {reject["code"] for reject in run.rejects} == {"TOO_LONG", "INVALID_DATA", "MANDATORY_NOT_FOUND"}
    assert run.states == [{"at": 1000}]
    assert "7 records were rejected" in str(run.error)


def test_allowed_rejects_do_not_fail_the_run(target):
    """max_rejects is how many a person accepts; the reject log tells all the same."""
    rows = people(10)
    rows[3]["Email"] = "no address"

    run = target([CONTACTS, *records("Contacts", rows)], max_rejects=1)

    assert run.error is None
    (reject,) = run.rejects
    assert (reject["kind"], reject["field"], reject["record"]) == ("rejected", "Email", rows[3])


def test_a_call_costs_one_credit_for_ten_records(sandbox, target):
    """Full calls are the cheapest: 1,000 records are 10 calls and 100 credits, not one more."""
    target([CONTACTS, *records("Contacts", people(1000))])

    upserts = sandbox.usage()["by_endpoint"]["POST /Contacts/upsert"]
    assert (upserts["calls"], upserts["credits"]) == (10, 100)


@pytest.mark.parametrize("operation", ["upsert", "insert", "update", "delete"])
def test_no_automation_fires_unless_asked_for(sandbox, target, operation):
    """A backfill must not send mail to a thousand customers."""
    for trigger in ([], ["workflow"]):
        rows = people(5, start=len(trigger) * 5)
        if operation in ("update", "delete"):
            rows = [{"id": sandbox.create("Contacts", **row), **row} for row in rows]
        before = sandbox.automation()["fired"]

        run = target(
            [schema("Contacts", "id", "Last_Name", "Email", key=["Email"]), *records("Contacts", rows)],
            default_operation=operation,
            trigger=trigger,
            streams={"Contacts": {"allow_mass_delete": True}},
        )

        assert run.error is None
        assert sandbox.automation()["fired"] == before + (5 if trigger else 0)


def test_the_last_of_several_records_with_one_key_is_what_stays(sandbox, target):
    """A log of changes holds a record many times: Bigin ends with its last state, in one insert."""
    rows = [{"Last_Name": f"Version {n}", "Email": "Ann@example.org"} for n in range(250)]
    rows[100]["Email"] = " ann@EXAMPLE.org "

    run = target([CONTACTS, *records("Contacts", rows)])

    (ann,) = [each for each in sandbox.dump("Contacts") if (each["Email"] or "").lower() == "ann@example.org"]
    assert ann["Last_Name"] == "Version 249"
    outcomes = run.outcomes("Contacts")
    assert sum(outcomes.values()) == 250
    assert outcomes["inserted"] == 1


def test_a_record_that_is_refused_does_not_take_along_the_one_it_stood_for(sandbox, target):
    """Of two records with one key only the last is sent; if Bigin refuses it, the first is sent after all."""
    first = {"Last_Name": "Good", "Email": "ann@example.org", "Website": ""}
    rows = [first, {"Last_Name": "Bad", "Email": "ann@example.org", "Phone": "none at all!"}]

    run = target([CONTACTS, *records("Contacts", rows)], max_rejects=1)

    (ann,) = [each for each in sandbox.dump("Contacts") if each["Email"] == "ann@example.org"]
    assert ann["Last_Name"] == "Good"
    assert run.outcomes("Contacts") == {"inserted": 1, "rejected": 1}


def test_a_match_on_another_field_than_the_key_is_told(sandbox, target):
    """Bigin's list of check fields is an order: a record may be recognised by a field nobody named."""
    unique = {"unique": {"casesensitive": "0"}}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": unique})
    sandbox.create("Contacts", Last_Name="Ek", Phone="+46 1", Email="old@example.org")

    run = target(
        [CONTACTS, record("Contacts", Last_Name="Ek", Phone="+46 1", Email="new@example.org")],
    )

    assert run.said("matched on Phone, not on Email: 1")
    assert run.accounts["Contacts"].notes.total() == 1


def test_a_key_that_bigin_does_not_keep_unique_is_refused_at_the_start(sandbox, target):
    """Bigin would insert a twin at each run, without an error."""
    before = sandbox.count("Contacts")

    run = target([schema("Contacts", "Last_Name", key=["Last_Name"]), record("Contacts", Last_Name="Ek")])

    assert "Contacts.Last_Name cannot identify records" in str(run.error)
    assert "duplicate_check_fields" in str(run.error)
    assert sandbox.count("Contacts") == before


def test_a_record_without_a_value_for_its_key_is_rejected(sandbox, target):
    """Bigin would insert it again at each run."""
    before = sandbox.count("Contacts")

    run = target([CONTACTS, record("Contacts", Last_Name="Ek", Email="")], max_rejects=1)

    assert sandbox.count("Contacts") == before
    assert [(each["kind"], each["code"], each["field"]) for each in run.rejects] == [
        ("invalid", "KEY_MISSING", "Email")
    ]


def test_an_id_in_the_record_means_an_update(sandbox, target):
    """What was read from Bigin goes back to where it came from."""
    ek = sandbox.create("Contacts", Last_Name="Ek", Email="ek@example.org")
    before = sandbox.count("Contacts")

    run = target(
        [schema("Contacts", "id", "Last_Name", key=["id"]), record("Contacts", id=ek, Last_Name="Ekman")]
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    assert sandbox.count("Contacts") == before
    assert [each["Last_Name"] for each in sandbox.dump("Contacts") if each["id"] == ek] == ["Ekman"]


def test_an_unknown_id_is_unmatched(target):
    """An update never creates."""
    run = target(
        [schema("Contacts", "id", key=["id"]), record("Contacts", id="6100000000009999999", Last_Name="Ek")],
        max_rejects=1,
    )

    assert run.outcomes("Contacts") == {"unmatched": 1}


def test_a_stream_without_a_module_is_rejected_record_by_record(sandbox, target):
    """The other streams of the pipe are written all the same."""
    before = sandbox.count("Contacts")
    messages = [schema("Spaceships", "name"), CONTACTS, record("Spaceships", name="Rocinante")]

    run = target([*messages, *records("Contacts", people(3))], max_rejects=1)

    assert run.outcomes("Spaceships") == {"invalid": 1}
    assert [each["code"] for each in run.rejects] == ["NO_MODULE"]
    assert sandbox.count("Contacts") == before + 3


def test_what_is_no_writable_field_is_dropped_with_one_line_a_kind(target):
    """A warehouse model has columns of its own; they must neither fail the run nor fill the log.

    What Bigin never takes lasts, so it is no warning; what Bigin does not have may be misspelt.
    """
    row = {
        "Full_Name": "Ann Ek",
        "shoe_size": 38,
        "Mobille": "1",
        "Created_Time": "2020-01-01",
        "_sdc_x": "x",
    }

    run = target([schema("Contacts", *row, key=["Email"]), *records("Contacts", people(20, **row))])

    lasting, unknown = sorted(run.said("dropped"))
    assert lasting.startswith("INFO")
    assert unknown.startswith("WARNING")
    assert "Full_Name (read-only), Created_Time (read-only)" in lasting
    assert "shoe_size (unknown), Mobille (unknown, did you mean 'Mobile'?)." in unknown
    assert not run.said("_sdc")


def test_values_that_two_records_add_are_all_added(sandbox, target):
    """With $append_values a later record of the same key does not say what the earlier one said."""
    there = sandbox.create("Subscriptions", Name="S", Channels=["Portal"])
    rows = [
        {"id": there, "Channels": [value], "$append_values": {"Channels": True}}
        for value in ("Phone", "Post")
    ]

    run = target([schema("Subscriptions", *rows[0], key=["id"]), *records("Subscriptions", rows)])

    assert run.error is None
    (found,) = [each for each in sandbox.dump("Subscriptions") if each["id"] == there]
    assert set(found["Channels"]) == {"Phone", "Portal", "Post"}
