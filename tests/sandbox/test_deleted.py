"""The list of deleted records. FACTS 4, read.md 6.3."""

from __future__ import annotations

import pytest


def _deleted(sandbox, module, headers=None, **params):
    return sandbox.api("GET", f"/{module}/deleted", params=params, headers=headers)


def _ids(answer):
    return [entry["id"] for entry in answer.json()["data"]] if answer.status_code == 200 else []


def test_a_deleted_record_is_listed_by_name(sandbox):
    """FACTS 4: `{id, display_name, type, deleted_by, created_by, deleted_time}`; newest first."""
    sandbox.reset(size="empty")
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)
    contact = sandbox.create("Contacts", First_Name="Eva", Last_Name="Berg")

    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    body = _deleted(sandbox, "Contacts").json()
    by = {"name": "Luis Ortega", "id": body["data"][0]["deleted_by"]["id"]}
    assert body["data"][0] == {
        "id": contact,
        "display_name": "Eva Berg",
        "type": "recycle",
        "deleted_time": "2026-07-01T12:00:00+02:00",
        "deleted_by": by,
        "created_by": by,
    }
    assert set(body["info"]) == {"per_page", "count", "page", "more_records"}
    assert sandbox.api("GET", f"/Contacts/{contact}").status_code == 204


def test_what_was_emptied_out_has_no_name(sandbox):
    """read.md 6.3: permanent entries carry nulls."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    sandbox.mutate(
        {"op": "delete", "module": "Contacts", "id": contact},
        {"op": "purge", "module": "Contacts", "id": contact},
    )

    entry = _deleted(sandbox, "Contacts", type="permanent").json()["data"][0]

    assert (entry["id"], entry["type"]) == (contact, "permanent")
    assert (entry["display_name"], entry["deleted_by"], entry["created_by"]) == (None, None, None)


def test_types_choose_entries(sandbox):
    """FACTS 4: `type=all|recycle|permanent`; another word is PATTERN_NOT_MATCHED."""
    sandbox.reset(size="medium")

    recycled, emptied = (
        _deleted(sandbox, "Contacts", type="recycle"),
        _deleted(sandbox, "Contacts", type="permanent"),
    )
    everything, wrong = _deleted(sandbox, "Contacts"), _deleted(sandbox, "Contacts", type="gone")

    assert len(_ids(recycled)) > len(_ids(emptied)) > 0
    assert set(_ids(everything)) == {*_ids(recycled), *_ids(emptied)}
    assert (wrong.status_code, wrong.json()["code"]) == (400, "PATTERN_NOT_MATCHED")


def test_a_deleted_company_takes_contacts_and_notes_along(sandbox):
    """FACTS 4 [L]: the cascade shows in the contacts' own list."""
    contact = next(one for one in sandbox.dump("Contacts") if one["Account_Name"])
    company = contact["Account_Name"]["id"]
    parent = {"Parent_Id": {"id": contact["id"]}, "$se_module": "Contacts"}
    note = sandbox.create("Notes", Note_Content="About her", **parent)
    expected = {
        one["id"]
        for one in sandbox.dump("Contacts")
        if one["Account_Name"] and one["Account_Name"]["id"] == company
    }

    sandbox.mutate({"op": "delete", "module": "Accounts", "id": company})

    assert expected <= set(_ids(_deleted(sandbox, "Contacts")))
    assert company in _ids(_deleted(sandbox, "Accounts"))
    assert note not in [one["id"] for one in sandbox.dump("Notes")]


def test_a_restored_record_leaves_the_list_with_its_old_time(sandbox):
    """FACTS 4 [A]: perhaps with its old Modified_Time, so a reader by time never sees it again."""
    contact = next(one for one in sandbox.dump("Contacts") if one["Account_Name"])
    company = next(one for one in sandbox.dump("Accounts") if one["id"] == contact["Account_Name"]["id"])
    sandbox.mutate({"op": "delete", "module": "Accounts", "id": company["id"]})

    sandbox.mutate({"op": "restore", "module": "Accounts", "id": company["id"]})

    again = next(one for one in sandbox.dump("Accounts") if one["id"] == company["id"])
    assert company["id"] not in _ids(_deleted(sandbox, "Accounts"))
    assert again["Modified_Time"] == company["Modified_Time"]
    assert contact["id"] in [one["id"] for one in sandbox.dump("Contacts")]


def test_a_link_to_a_deleted_record_is_empty(sandbox):
    """A deal of a deleted contact shows none, and the contact again once it is restored."""
    deal = next(one for one in sandbox.dump("Pipelines") if one["Contact_Name"])
    contact = deal["Contact_Name"]["id"]

    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})
    without = sandbox.api("GET", f"/Pipelines/{deal['id']}").json()["data"][0]
    sandbox.mutate({"op": "restore", "module": "Contacts", "id": contact})
    after = sandbox.api("GET", f"/Pipelines/{deal['id']}").json()["data"][0]

    assert without["Contact_Name"] is None
    assert after["Contact_Name"] == deal["Contact_Name"]


@pytest.mark.parametrize(("purged", "days"), [(False, 60), (True, 120)])
def test_entries_fade(sandbox, purged, days):
    """FACTS 4 [Z]: 60 days in the bin, 120 emptied out, so a longer pause needs a full comparison."""
    sandbox.clock(freeze=True)
    contact = sandbox.create("Contacts", Last_Name="Berg")
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})
    if purged:
        sandbox.mutate({"op": "purge", "module": "Contacts", "id": contact})

    sandbox.clock(advance=days * 86_400)
    sandbox._tokens.clear()
    still = _ids(_deleted(sandbox, "Contacts"))
    sandbox.clock(advance=1)
    gone = _ids(_deleted(sandbox, "Contacts"))

    assert contact in still
    assert contact not in gone


def test_the_list_has_pages_but_no_tokens(sandbox):
    """FACTS 4: `page` only."""
    sandbox.reset(size="empty")
    wish = {"op": "create", "module": "Contacts", "count": 5}
    made = [entry["id"] for entry in sandbox.mutate(wish)[0]]
    sandbox.mutate({"op": "delete", "module": "Contacts", "ids": made})

    pages = [_deleted(sandbox, "Contacts", per_page=2, page=number) for number in (1, 2, 3, 4)]

    assert [len(_ids(page)) for page in pages] == [2, 2, 1, 0]
    assert pages[3].status_code == 204
    assert [page.json()["info"]["more_records"] for page in pages[:3]] == [True, True, False]
    assert sorted(record for page in pages for record in _ids(page)) == made


def test_if_modified_since_asks_for_later_deletions(sandbox):
    """FACTS 4: takes If-Modified-Since, against the time of the deletion; 304 if there is none."""
    sandbox.reset(size="empty")
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)
    contact = sandbox.create("Contacts", Last_Name="Berg")
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    before = _deleted(sandbox, "Contacts", headers={"If-Modified-Since": "2026-07-01T09:59:59+00:00"})
    since = _deleted(sandbox, "Contacts", headers={"If-Modified-Since": "2026-07-01T10:00:00+00:00"})

    assert _ids(before) == [contact]
    assert (since.status_code, since.content) == (304, b"")


@pytest.mark.parametrize("module", ["Notes", "Subscriptions", "Attachments"])
def test_seven_modules_have_the_list(sandbox, module):
    """FACTS 4: Accounts, Calls, Contacts, Events, Pipelines, Products, Tasks."""
    assert _deleted(sandbox, module).status_code == 400
