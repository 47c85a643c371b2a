"""Records that are there and not seen: under approval, or changed a moment ago; and a clock that is ahead.

FACTS 7.24: `approved` defaults to true, and a record under approval shows up later with its old
Modified_Time. That a change is visible some seconds after its stamp, and that the Date header may be ahead
of the stamps, is what a reader must be able to bear.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
import requests


@pytest.fixture(autouse=True)
def frozen(sandbox):
    """An empty organisation in which no second passes by itself; indexes and counts do not lag."""
    sandbox.reset(size="empty", search_lag_seconds=0, count_lag_seconds=0)
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)


def ids(answer):
    return [record["id"] for record in answer.json()["data"]] if answer.status_code == 200 else []


def listed(sandbox, **params):
    return ids(sandbox.api("GET", "/Contacts", params={"fields": "Title", **params}))


def queried(sandbox):
    query = {"select_query": "select Title from Contacts where id is not null"}
    return ids(sandbox.api("POST", "/coql", json=query))


# under approval


@pytest.fixture
def contacts(sandbox):
    """Two contacts, of which the second is under approval."""
    made = [sandbox.create("Contacts", Last_Name=name) for name in ("Berg", "Ek")]
    sandbox.submit("Contacts", made[1])
    return made


def test_a_list_misses_a_record_under_approval(sandbox, contacts):
    """FACTS 7.24: unless asked, also where its id is named, sorted or counted."""
    seen, waiting = contacts

    assert listed(sandbox) == [seen]
    assert listed(sandbox, ids=",".join(contacts)) == [seen]
    assert listed(sandbox, sort_by="Modified_Time", approved="true") == [seen]
    assert listed(sandbox, approved="false") == [waiting]
    assert listed(sandbox, approved="both") == [waiting, seen]
    assert sandbox.api("GET", "/Contacts/actions/count").json() == {"count": 1}
    assert ids(sandbox.api("GET", "/Contacts/search", params={"criteria": "(id:greater_than:1)"})) == [seen]


def test_a_related_list_misses_it_too(sandbox):
    """It is a list like any other."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    sandbox.submit("Contacts", contact)

    answer = sandbox.api("GET", f"/Accounts/{company}/Contacts", params={"fields": "Last_Name"})

    assert answer.status_code == 204


def test_it_is_read_alone_and_says_so(sandbox, contacts):
    """GET by id knows it; `$approval_state` tells."""
    states = [sandbox.api("GET", f"/Contacts/{i}").json()["data"][0]["$approval_state"] for i in contacts]

    assert states == ["approved", "approval_process_pending"]


def test_once_approved_it_comes_with_its_old_time(sandbox, contacts):
    """FACTS 7.24: behind every bookmark."""
    before = sandbox.dump("Contacts")[1]["Modified_Time"]
    sandbox.clock(advance=600)

    sandbox.approve("Contacts", contacts[1])

    assert listed(sandbox) == contacts[::-1]
    assert sandbox.dump("Contacts")[1]["Modified_Time"] == before
    recent = {"If-Modified-Since": "2026-07-01T10:05:00+00:00"}
    answer = sandbox.api("GET", "/Contacts", params={"fields": "id"}, headers=recent)
    assert answer.status_code == 304


@pytest.mark.parametrize("sight", ["hidden", "shown"])
def test_whether_coql_sees_it_is_a_setting(sandbox, contacts, sight):
    """No page tells; whoever proves a list by a query must bear both."""
    sandbox.settings(unapproved_in_coql=sight)

    assert queried(sandbox) == (contacts if sight == "shown" else contacts[:1])


def test_it_takes_no_update_and_still_blocks_its_values(sandbox, contacts):
    """write.md 2: NOT_APPROVED; it is there, though nobody sees it."""
    sandbox.mutate(
        {"op": "edit", "module": "Contacts", "id": contacts[1], "data": {"Email": "e@example.com"}}
    )

    update = sandbox.api("PUT", "/Contacts", json={"data": [{"id": contacts[1], "Title": "CEO"}]})
    double = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "E", "Email": "e@example.com"}]})

    assert update.json()["data"][0]["code"] == "NOT_APPROVED"
    assert double.json()["data"][0]["code"] == "DUPLICATE_DATA"


def test_deleted_under_approval_it_is_gone(sandbox, contacts):
    """And a restored one is an ordinary record."""
    wish = {"module": "Contacts", "id": contacts[1]}
    sandbox.mutate({"op": "delete", **wish})
    assert listed(sandbox, approved="both") == contacts[:1]

    sandbox.mutate({"op": "restore", **wish})

    assert listed(sandbox) == contacts[::-1]


@pytest.mark.parametrize("op", ["submit", "approve"])
def test_approving_nothing_is_refused(sandbox, op):
    """A test that misspells an id must hear of it."""
    wish = {"op": op, "module": "Contacts", "id": "1"}
    answer = requests.post(f"{sandbox.url}/_sandbox/mutate", json=[wish], timeout=9)

    assert answer.status_code == 400


# visible late


@pytest.mark.parametrize("way", ["people", "api"])
def test_a_new_record_is_seen_some_seconds_after_its_stamp(sandbox, way):
    """Stamped now, visible later: a bookmark that has passed it meanwhile loses it."""
    sandbox.settings(visibility_delay_seconds=10)
    if way == "people":
        contact = sandbox.create("Contacts", Last_Name="Berg")
    else:
        answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Berg"}]})
        contact = answer.json()["data"][0]["details"]["id"]

    before = listed(sandbox), listed(sandbox, ids=contact), queried(sandbox)
    alone = sandbox.api("GET", f"/Contacts/{contact}").status_code
    sandbox.clock(advance=10)

    assert before == ([], [], [])
    assert alone == 204
    assert listed(sandbox) == queried(sandbox) == [contact]
    assert sandbox.dump("Contacts")[0]["Modified_Time"] == "2026-07-01T10:00:00+00:00"


def test_a_change_is_seen_some_seconds_after_its_stamp(sandbox):
    """Until then the record stands where it stood, as it was."""
    contact = sandbox.create("Contacts", Last_Name="Berg", Title="Buyer")
    sandbox.settings(visibility_delay_seconds=10)
    sandbox.clock(advance=100)
    edit = {"op": "edit", "module": "Contacts", "id": contact, "data": {"Title": "CEO"}}
    since = {"If-Modified-Since": "2026-07-01T10:01:00+00:00"}
    params = {"fields": "Title,Modified_Time", "sort_by": "Modified_Time"}

    sandbox.mutate(edit)
    early = sandbox.api("GET", "/Contacts", params=params)
    early_since = sandbox.api("GET", "/Contacts", params=params, headers=since)
    sandbox.clock(advance=6)
    sandbox.mutate(edit)  # however often it is edited, it stays veiled no longer
    sandbox.clock(advance=4)
    late = sandbox.api("GET", "/Contacts", params=params, headers=since)

    old = {"id": contact, "Title": "Buyer", "Modified_Time": "2026-07-01T12:00:00+02:00"}
    assert (early.json()["data"], early_since.status_code) == ([old], 304)
    assert late.json()["data"][0]["Title"] == "CEO"


def test_a_job_misses_what_is_not_visible_yet(sandbox):
    """Bulk Read sees no more than a list does."""
    sandbox.create("Contacts", Last_Name="Berg")
    sandbox.settings(visibility_delay_seconds=10, job_seconds=0)
    sandbox.create("Contacts", Last_Name="Ek")

    query = {"query": {"module": "Contacts", "fields": ["Last_Name"]}}
    job = sandbox.api("POST", "/read", base="/bigin/bulk/v2", json=query).json()["data"][0]["details"]["id"]
    for _ in range(500):
        told = sandbox.api("GET", f"/read/{job}", base="/bigin/bulk/v2").json()["data"][0]
        if told["state"] == "COMPLETED":
            break

    assert told["result"]["count"] == 1


def test_a_deletion_is_seen_at_once(sandbox):
    """Of a record, too, that nobody has seen."""
    sandbox.settings(visibility_delay_seconds=10)
    contact = sandbox.create("Contacts", Last_Name="Berg")

    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    assert ids(sandbox.api("GET", "/Contacts/deleted")) == [contact]
    sandbox.clock(advance=10)
    assert listed(sandbox) == []


# a clock that is ahead


def test_the_date_may_be_ahead_of_the_stamps(sandbox):
    """A bookmark taken from the Date header would pass what is stamped in the seconds before it."""
    sandbox.clock(date_ahead=10)

    answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Berg"}]})

    assert parsedate_to_datetime(answer.headers["Date"]).isoformat() == "2026-07-01T10:00:10+00:00"
    assert answer.json()["data"][0]["details"]["Modified_Time"] == "2026-07-01T12:00:00+02:00"
    sandbox.reset()
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)
    answer = sandbox.api("GET", "/org")
    assert parsedate_to_datetime(answer.headers["Date"]).isoformat() == "2026-07-01T10:00:00+00:00"
