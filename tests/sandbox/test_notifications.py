"""What arrives at the other end of a channel."""

from __future__ import annotations

import pytest
from support.channels import WATCH, channel, listed, now, wait, watch


def test_an_insert_is_told(sandbox, receiver):
    """Through the API, with the channel's token as the only proof of origin and the query string back."""
    watch(sandbox, "POST", channel(receiver.url + "?tenant=7", token="secret"))

    answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Berg"}]})

    arrived = receiver.next()
    assert arrived.pop("server_time") // 1000 == pytest.approx(now(sandbox).timestamp(), abs=60)
    assert arrived == {
        "query_params": {"tenant": "7"},
        "module": "Contacts",
        "resource_uri": f"{sandbox.url}/bigin/v1/Contacts",
        "ids": [answer.json()["data"][0]["details"]["id"]],
        "affected_fields": [],
        "operation": "insert",
        "channel_id": "10000",
        "token": "secret",
    }


def test_an_update_names_its_fields(sandbox, receiver):
    """Whoever edits: here a person."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    watch(sandbox, "POST", channel(receiver.url))

    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Phone": "+47 1"}})

    arrived = receiver.next()
    assert (arrived["operation"], arrived["ids"]) == ("update", [contact])
    assert arrived["affected_fields"] == [{contact: ["Phone"]}]
    assert "affected_values" not in arrived


def test_the_values_come_along_if_asked_for(sandbox, receiver):
    """`return_affected_field_values`."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    watch(sandbox, "POST", channel(receiver.url, return_affected_field_values=True))

    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Phone": "+47 1"}})

    assert receiver.next()["affected_values"] == [{"record_id": contact, "values": {"Phone": "+47 1"}}]


def test_a_deletion_is_told_with_what_it_took_along(sandbox, receiver):
    """A company takes its contacts: both modules are told."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    watch(sandbox, "POST", channel(receiver.url, events=["Accounts.delete", "Contacts.delete"]))

    sandbox.mutate({"op": "delete", "module": "Accounts", "id": company})

    arrived = {
        (told["module"], told["operation"], *told["ids"]) for told in (receiver.next(), receiver.next())
    }
    assert arrived == {("Accounts", "delete", company), ("Contacts", "delete", contact)}


def test_many_records_of_one_call_come_together(sandbox, receiver):
    """`ids` is an array: a receiver that reads only the first loses the rest."""
    watch(sandbox, "POST", channel(receiver.url))

    answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": f"Berg {n}"} for n in range(30)]})

    assert receiver.next()["ids"] == [entry["details"]["id"] for entry in answer.json()["data"]]
    assert receiver.is_silent()


def test_only_what_was_asked_for_is_told(sandbox, receiver):
    """Another module, another operation: silence."""
    watch(sandbox, "POST", channel(receiver.url, events=["Contacts.edit"]))

    sandbox.create("Contacts", Last_Name="Berg")
    sandbox.create("Accounts", Account_Name="Nordlys")

    assert receiver.is_silent()


def test_an_ended_channel_is_told_nothing(sandbox, receiver):
    """After DELETE, and after its expiry."""
    watch(sandbox, "POST", channel(receiver.url), channel(receiver.url, channel_id="2"))
    sandbox.api("DELETE", WATCH, params={"channel_ids": "2"})
    wait(sandbox, 2 * 3600 + 1)

    sandbox.create("Contacts", Last_Name="Berg")

    assert receiver.is_silent()


def test_a_receiver_that_is_down_holds_nothing_up(sandbox):
    """Sent once and forgotten: the write succeeds all the same."""
    watch(sandbox, "POST", channel("http://127.0.0.1:1/nobody"))

    answer = sandbox.api("POST", "/Contacts", json={"data": [{"Last_Name": "Berg"}]})

    assert answer.status_code == 201


def test_a_reset_forgets_the_channels(sandbox, receiver):
    """What one test subscribed to must not be told of the next one's records."""
    sandbox.create("Contacts", Last_Name="Berg")
    watch(sandbox, "POST", channel(receiver.url))

    sandbox.reset()

    sandbox.create("Contacts", Last_Name="Ek")
    assert receiver.is_silent()
    assert listed(sandbox) == []
