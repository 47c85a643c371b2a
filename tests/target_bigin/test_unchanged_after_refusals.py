"""What may be left out as unchanged after Bigin has refused a record of the same key, and what must not."""

from __future__ import annotations

from itertools import islice

from support.target import record, records, schema

from bigin_api.errors import ConnectionFailed

CONTACTS = schema("Contacts", "Last_Name", "Email", "Title", "Phone", key=["Email"])
ANN = {"Last_Name": "Ek", "Email": "ann@example.org"}
REFUSED = {"code": "INVALID_DATA", "details": {}, "message": "no", "status": "error"}
TAGGED = {"streams": {"Contacts": {"tags": ["vip"]}}}
ONE_BY_ONE = {"batch_size": 1, "max_concurrent_requests": 1, "max_retries": 0}


def apart(*rows):
    """Each row with four others behind it: sent one by one, it has ended when the next row is read."""
    others = ({"Last_Name": "Berg", "Email": f"berg{n}@example.org"} for n in range(4 * len(rows)))
    return [CONTACTS, *records("Contacts", [each for row in rows for each in (row, *islice(others, 4))])]


def title(sandbox):
    """Of Ann, in Bigin."""
    (found,) = [each["Title"] for each in sandbox.dump("Contacts") if each["Email"] == ANN["Email"]]
    return found


def test_a_refused_record_is_under_way_no_more(sandbox, cached):
    """What is written later is known again: an equal record is left out."""
    sandbox.fault("POST /Contacts/upsert", status=400, body=REFUSED)

    run = cached(apart({**ANN, "Title": "Engineer"}, ANN, ANN), **ONE_BY_ONE, max_rejects=1)

    assert run.outcomes("Contacts") == {"rejected": 1, "inserted": 1 + 12, "unchanged": 1}


def test_a_change_after_a_refusal_is_taken_out_before_it_is_sent(sandbox, cached):
    """Its answer is lost: what the cache knew from before must not count in the next run."""
    sandbox.fault("POST /Contacts/upsert", status=400, body=REFUSED)
    sandbox.fault("POST /Contacts/upsert", lose_response=True, times=None, after=4 + 1 + 4)
    said = apart(ANN, {**ANN, "Title": "Engineer"}, {**ANN, "Title": "Director"})
    first = cached(said, **ONE_BY_ONE)
    sandbox.clear_faults()
    half_done = title(sandbox)

    cached([CONTACTS, record("Contacts", **ANN, Title="Engineer")])

    assert isinstance(first.error, ConnectionFailed)
    assert half_done == "Director"
    assert title(sandbox) == "Engineer"


def test_what_a_refused_record_left_behind_is_not_known(sandbox, cached):
    """Bigin took it and refused its tags: its title is there, whatever was known before."""
    cached([CONTACTS, record("Contacts", **ANN, Title="Engineer", Phone="1")], **TAGGED)
    sandbox.fault("POST /Contacts/actions/add_tags", status=207, body={"data": [REFUSED]})
    second = cached(
        [CONTACTS, record("Contacts", **ANN, Title="Director"), record("Contacts", **ANN, Phone="2")],
        **TAGGED,
        max_rejects=1,
    )

    cached([CONTACTS, record("Contacts", **ANN, Title="Engineer")], **TAGGED)

    assert second.outcomes("Contacts") == {"rejected": 1, "updated": 1}
    assert title(sandbox) == "Engineer"


def test_a_record_that_another_one_stood_for_was_not_refused(cached):
    """What was known before the two stays known."""
    cached([CONTACTS, record("Contacts", **ANN, Title="Engineer", Phone="1")], **TAGGED)
    cached([CONTACTS, *[record("Contacts", **ANN, Title=title) for title in ("Director", "CEO")]], **TAGGED)

    run = cached([CONTACTS, record("Contacts", **ANN, Phone="1")], **TAGGED)

    assert run.outcomes("Contacts") == {"unchanged": 1}
