"""A merge in Bigin's screen ends with the losers deleted for good. FACTS 6b."""

from __future__ import annotations

import pytest
import requests
from support.receiver import Receiver


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)


def companies(sandbox):
    return [sandbox.create("Accounts", Account_Name=name) for name in ("Nordlys", "Nordlys AS")]


def test_losers_are_listed_as_permanently_deleted_without_names(sandbox):
    """FACTS 6b: `/deleted?type=permanent`, and nothing names the winner."""
    winner, loser = companies(sandbox)

    sandbox.merge("Accounts", winner, loser)

    answer = sandbox.api("GET", "/Accounts/deleted", params={"type": "permanent"})
    (entry,) = answer.json()["data"]
    assert (entry["id"], entry["type"], entry["display_name"]) == (loser, "permanent", None)
    assert winner not in answer.text
    assert sandbox.api("GET", "/Accounts/deleted", params={"type": "recycle"}).status_code == 204
    assert [company["id"] for company in sandbox.dump("Accounts")] == [winner]


def test_what_led_to_a_loser_leads_to_the_winner(sandbox):
    """Contacts, deals, activities and notes are not taken along by the deletion."""
    winner, loser = companies(sandbox)
    link = {"id": loser}
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name=link)
    sandbox.create("Pipelines", Deal_Name="Lamps", Account_Name=link, Secondary_Contacts=[])
    sandbox.create("Tasks", **{"Subject": "Call", "What_Id": link, "$se_module": "Accounts"})
    sandbox.create("Notes", **{"Note_Content": "A", "Parent_Id": link, "$se_module": "Accounts"})

    sandbox.merge("Accounts", winner, loser)

    links = [
        sandbox.dump(module)[0][field]["id"]
        for module, field in (
            ("Contacts", "Account_Name"),
            ("Pipelines", "Account_Name"),
            ("Tasks", "What_Id"),
            ("Notes", "Parent_Id"),
        )
    ]
    assert links == [winner] * 4
    assert sandbox.dump("Contacts")[0]["id"] == contact


def test_rows_lead_to_the_winner_too(sandbox):
    """A deal's second contacts."""
    winner, loser = (sandbox.create("Contacts", Last_Name=name) for name in ("Berg", "Bergh"))
    row = {"id": "61", "Secondary_Contacts": {"id": loser}}
    sandbox.create("Pipelines", Deal_Name="Lamps", Secondary_Contacts=[row])

    sandbox.merge("Contacts", winner, loser)

    (shown,) = sandbox.dump("Pipelines")[0]["Secondary_Contacts"]
    assert shown["Secondary_Contacts"] == {"name": "Berg", "id": winner}


@pytest.mark.parametrize(("how", "moved"), [({}, False), ({"touch": True}, True)])
def test_the_winner_is_modified_and_its_new_children_perhaps(sandbox, how, moved):
    """What a merge does to their Modified_Time is not known [A]: by itself nothing."""
    winner, loser = companies(sandbox)
    sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": loser})
    sandbox.clock(advance=60)

    sandbox.merge("Accounts", winner, loser, data={"Phone": "+47 1"}, **how)

    (company,), (contact,) = sandbox.dump("Accounts"), sandbox.dump("Contacts")
    assert (company["Phone"], company["Modified_Time"]) == ("+47 1", "2026-07-01T10:01:00+00:00")
    assert (contact["Modified_Time"] == "2026-07-01T10:01:00+00:00") is moved


def test_a_merge_is_told_as_a_deletion_and_an_update(sandbox):
    """No operation of its own is known."""
    winner, loser = companies(sandbox)
    receiver = Receiver()
    channel = {"channel_id": "1", "events": ["Accounts.all"], "notify_url": receiver.url}
    sandbox.api("POST", "/actions/watch", json={"watch": [channel]})

    sandbox.merge("Accounts", winner, loser)

    told = [receiver.next() for _ in range(2)]
    receiver.close()
    assert {(each["operation"], *each["ids"]) for each in told} == {("delete", loser), ("update", winner)}


def test_merging_nobody_is_refused(sandbox):
    """And nothing is merged."""
    winner, loser = companies(sandbox)
    wish = {"op": "merge", "module": "Accounts", "id": winner, "losers": [loser, "1"]}

    answer = requests.post(f"{sandbox.url}/_sandbox/mutate", json=[wish], timeout=9)

    assert answer.status_code == 400
    assert sandbox.count("Accounts") == 2
