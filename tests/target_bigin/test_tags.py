"""Tags that a stream adds, and the Tag of a record, which replaces."""

from __future__ import annotations

from support.target import record, records, schema

CONTACTS = schema("Contacts", "Last_Name", "Email", "Tag", key=["Email"])
VIP = {"Contacts": {"tags": ["vip", "imported"]}}


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


def tags_of(sandbox):
    return {
        each["Email"]: sorted(tag["name"] for tag in each["Tag"] or [])
        for each in sandbox.dump("Contacts")
        if (each["Email"] or "").startswith("berg")
    }


def test_a_streams_tags_are_added_to_all_it_writes(sandbox, target):
    """1,200 records: at most 500 a call, one credit for 50."""
    run = target([CONTACTS, *records("Contacts", people(1200))], streams=VIP)

    assert run.error is None
    assert set(map(tuple, tags_of(sandbox).values())) == {("imported", "vip")}
    used = sandbox.usage()["by_endpoint"]["POST /Contacts/actions/add_tags"]
    assert used["credits"] <= 1200 / 50 + used["calls"]


def test_tags_are_added_to_those_that_are_there(sandbox, target):
    """Adding must not take away what a person has put on the record."""
    sandbox.create("Contacts", Last_Name="Berg 0", Email="berg0@example.org", Tag=[{"name": "old friend"}])

    target([CONTACTS, *records("Contacts", people(1))], streams=VIP)

    assert tags_of(sandbox) == {"berg0@example.org": ["imported", "old friend", "vip"]}


def test_the_tag_of_a_record_replaces_the_set(sandbox, target):
    """As Bigin does; the stream's tags come on top."""
    sandbox.create("Contacts", Last_Name="Berg 0", Email="berg0@example.org", Tag=[{"name": "old friend"}])

    target([CONTACTS, record("Contacts", **people(1)[0], Tag=["new friend"])], streams=VIP)

    assert tags_of(sandbox) == {"berg0@example.org": ["imported", "new friend", "vip"]}


def test_a_lost_answer_adds_the_tags_all_the_same(sandbox, target):
    """Tagging may be repeated: a tag is there or it is not."""
    sandbox.fault("POST /Contacts/actions/add_tags", lose_response=True, times=1)

    run = target([CONTACTS, *records("Contacts", people(3))], streams=VIP)

    assert run.error is None
    assert set(map(tuple, tags_of(sandbox).values())) == {("imported", "vip")}


def test_rejected_records_get_no_tags_and_harm_nobody(sandbox, target):
    """What was not written cannot be tagged."""
    rows = [*people(2), {"Last_Name": "Berg 2", "Email": "no address"}]

    run = target([CONTACTS, *records("Contacts", rows)], streams=VIP)

    assert len(run.rejects) == 1
    assert tags_of(sandbox) == {key: ["imported", "vip"] for key in (row["Email"] for row in rows[:2])}


def test_refused_tags_do_not_bring_back_older_values(sandbox, target):
    """The earlier record of a key, which the written one stood for, says older things."""
    full = [f"tag {n}" for n in range(10)]  # of a record; the stream's are two more
    person = people(1)[0]

    run = target(
        [
            CONTACTS,
            record("Contacts", **person, Title="Engineer"),
            record("Contacts", **person, Title="Director", Tag=full),
        ],
        streams=VIP,
        max_rejects=1,
    )

    titles = {each["Title"] for each in sandbox.dump("Contacts") if each["Email"] == person["Email"]}
    assert titles == {"Director"}
    assert run.outcomes("Contacts") == {"merged": 1, "rejected": 1}
    assert "written, but not its tags" in run.rejects[0]["message"]
