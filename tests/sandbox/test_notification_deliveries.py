"""What notifications say of each operation, and how they get lost on the way. FACTS 6."""

from __future__ import annotations

import time

import pytest
import requests
from support import bulk_write
from support.receiver import PATIENCE


@pytest.fixture
def watch(sandbox, receiver):
    """Opens a channel to the receiver."""

    def opened(**more):
        channel = {"channel_id": "10000", "events": ["Contacts.all"], "notify_url": receiver.url, **more}
        answer = sandbox.api("POST", "/actions/watch", json={"watch": [channel]})
        assert answer.status_code == 201, answer.text

    return opened


def contacts(sandbox, number):
    return [sandbox.create("Contacts", Last_Name=f"Berg {n}") for n in range(number)]


def settled(sandbox):
    """The counts of deliveries once none is waiting."""
    deadline = time.monotonic() + PATIENCE
    while (counts := sandbox.deliveries())["waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return counts


def arrived(receiver, number):
    return [receiver.next() for _ in range(number)]


# what they say


def test_a_deletion_is_not_bare(sandbox, receiver, watch):
    """FACTS 6 [LC]: who deleted, and a status of 0, named among the fields and given among the values."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    user = sandbox.api("GET", "/users").json()["users"][1]
    watch(return_affected_field_values=True)

    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact, "user": user["id"]})

    told = receiver.next()
    assert told["affected_fields"] == [{contact: ["Modified_By", "Record_Status__s"]}]
    who = {"name": user["full_name"], "id": user["id"], "email": user["email"]}
    values = {"Modified_By": who, "Record_Status__s": 0}
    assert told["affected_values"] == [{"record_id": contact, "values": values}]


def test_a_deletion_names_its_fields_where_no_values_are_asked_for(sandbox, receiver, watch):
    """FACTS 6 [LC]: `affected_fields` in any case, no `affected_values`."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    watch()

    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    told = receiver.next()
    assert told["affected_fields"] == [{contact: ["Modified_By", "Record_Status__s"]}]
    assert "affected_values" not in told


def test_a_channel_without_a_token_says_null(sandbox, receiver, watch):
    """FACTS 6 [LC]: `"token": null` where none was set."""
    watch()

    sandbox.create("Contacts", Last_Name="Berg")

    told = receiver.next()
    assert told["token"] is None


def test_an_insert_brings_its_values_if_asked(sandbox, receiver, watch):
    """FACTS 6 [L]: no field is named; the values are one entry a record."""
    watch(return_affected_field_values=True)

    made = contacts(sandbox, 2)

    for contact, number, told in zip(made, range(2), arrived(receiver, 2), strict=True):
        assert told["affected_fields"] == []
        (entry,) = told["affected_values"]
        assert entry["record_id"] == contact
        assert entry["values"]["Last_Name"] == f"Berg {number}"
        assert entry["values"]["Created_By"].keys() == {"name", "id", "email"}
        assert "id" not in entry["values"]


@pytest.mark.parametrize(("flag", "modules"), [(True, ["Contacts", "Accounts"]), (False, ["Contacts"])])
def test_an_edit_of_a_contact_may_notify_its_company(sandbox, receiver, watch, flag, modules):
    """FACTS 6 [Z]: `notify_on_related_action`, which a receiver is advised to set false."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    contact = sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    watch(events=["Contacts.all", "Accounts.all"], notify_on_related_action=flag)

    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Phone": "+47 1"}})

    ids = {"Contacts": contact, "Accounts": company}
    told = arrived(receiver, len(modules))
    assert [(each["module"], each["operation"], each["ids"]) for each in told] == [
        (module, "update", [ids[module]]) for module in modules
    ]
    assert settled(sandbox)["posts"] == len(modules)


# how long channels live


def test_a_channel_may_be_made_to_live_for_seconds(sandbox, watch):
    """So that renewing can be tested in real time."""
    sandbox.settings(default_channel_seconds=3, longest_channel_seconds=60)
    watch()
    assert sandbox.api("GET", "/actions/watch").status_code == 200

    sandbox.clock(advance=4)

    assert sandbox.api("GET", "/actions/watch").status_code == 204


def test_channels_expire_on_demand_without_a_word(sandbox, receiver, watch):
    """FACTS 6: a channel that has expired vanishes, and nobody is told."""
    watch()

    sandbox.expire_channels()

    contacts(sandbox, 1)
    assert sandbox.api("GET", "/actions/watch").status_code == 204
    assert receiver.is_silent()


# how they get lost


def test_a_share_is_lost(sandbox, watch):
    """FACTS 6: no retry, so a notification is a hint."""
    watch()
    sandbox.deliveries(lose=0.5, seed=3)

    contacts(sandbox, 40)

    counts = settled(sandbox)
    assert (counts["posts"], counts["lost"] + counts["delivered"]) == (40, 40)
    assert 10 < counts["lost"] < 30


def test_all_may_be_lost(sandbox, receiver, watch):
    """A receiver that hears nothing at all must not believe that nothing happens."""
    watch()
    sandbox.deliveries(lose=1)

    contacts(sandbox, 3)

    assert receiver.is_silent()


def test_a_share_comes_twice(sandbox, receiver, watch):
    """The same body again: a receiver that counts counts wrong."""
    watch()
    sandbox.deliveries(double=1)

    contacts(sandbox, 1)

    first, second = arrived(receiver, 2)
    assert first == second
    assert settled(sandbox)["doubled"] == 1


def test_a_share_is_overtaken(sandbox, receiver, watch):
    """FACTS 6: no order is documented."""
    watch()
    sandbox.deliveries(reorder=0.5, seed=2)

    made = contacts(sandbox, 12)

    told = [each["ids"][0] for each in arrived(receiver, 12)]
    assert sorted(told) == sorted(made)
    assert told != made
    assert settled(sandbox)["reordered"] > 0


def test_what_is_held_goes_out_when_nothing_follows(sandbox, receiver, watch):
    """Reordering loses nothing by itself."""
    watch()
    sandbox.deliveries(reorder=1)

    (contact,) = contacts(sandbox, 1)

    assert receiver.next()["ids"] == [contact]


def test_deliveries_are_late(sandbox, receiver, watch):
    """The change is there long before its notification."""
    watch()
    sandbox.deliveries(delay_ms=1_000)

    (contact,) = contacts(sandbox, 1)

    assert receiver.is_silent()
    assert receiver.next()["ids"] == [contact]


@pytest.mark.parametrize(("troubles", "sizes"), [({"gather_ms": 400}, [5]), ({"ids_per_post": 1}, [1] * 5)])
def test_how_many_ids_a_post_holds_is_not_known(sandbox, receiver, watch, troubles, sizes):
    """FACTS 6 [A]: `ids` is a list, and how many of a mass action come together nobody says."""
    watch()
    sandbox.deliveries(**troubles)

    if "gather_ms" in troubles:
        people = [
            {"op": "create", "module": "Contacts", "data": {"Last_Name": f"Berg {n}"}} for n in range(5)
        ]
        made = [each["id"] for each in sandbox.mutate(*people)]
    else:
        records = [{"Last_Name": f"Berg {n}"} for n in range(5)]
        answer = sandbox.api("POST", "/Contacts", json={"data": records}).json()
        made = [entry["details"]["id"] for entry in answer["data"]]

    told = arrived(receiver, len(sizes))
    assert [len(each["ids"]) for each in told] == sizes
    assert [i for each in told for i in each["ids"]] == made


def test_a_module_may_stay_silent_until_its_channel_is_put_again(sandbox, receiver, watch):
    """FACTS 6 [Z]: loss without an outage of the receiver."""
    watch(events=["Contacts.all", "Accounts.all"])
    sandbox.deliveries(silent=["Contacts"])

    contacts(sandbox, 1)
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    assert receiver.next()["ids"] == [company]
    watch(events=["Contacts.all", "Accounts.all"])
    (contact,) = contacts(sandbox, 1)

    assert receiver.next()["ids"] == [contact]


def test_troubles_end_on_demand_and_at_a_reset(sandbox, receiver, watch):
    """One test's bad luck is not the next one's."""
    watch()
    sandbox.deliveries(lose=1)
    requests.delete(f"{sandbox.url}/_sandbox/deliveries", timeout=9)
    contacts(sandbox, 1)
    assert receiver.next()["operation"] == "insert"
    sandbox.deliveries(lose=1)

    sandbox.reset()

    assert (sandbox.deliveries()["lose"], sandbox.deliveries()["posts"]) == (0, 0)


def test_what_was_delayed_is_not_sent_after_a_reset(sandbox, receiver, watch):
    """What one test subscribed to must not be told in the next."""
    watch()
    sandbox.deliveries(delay_ms=150)
    contacts(sandbox, 1)

    sandbox.reset()

    assert receiver.is_silent()


@pytest.mark.parametrize("wish", [{"lose": 2}, {"ids_per_post": 0}, {"loose": 0.1}])
def test_troubles_that_are_none_are_refused(sandbox, wish):
    """A misspelt trouble must not pass for a tested one."""
    answer = requests.post(f"{sandbox.url}/_sandbox/deliveries", json=wish, timeout=9)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_receiver_that_refuses_or_is_down_is_counted(sandbox, watch):
    """Sent once: what was refused or not taken is gone, and the counts say so."""
    watch(notify_url="http://127.0.0.1:1/nobody")

    contacts(sandbox, 1)

    counts = settled(sandbox)
    assert (counts["failed"], counts["delivered"]) == (1, 0)


@pytest.mark.parametrize("cause", ["cascade", "import", "bulk"])
@pytest.mark.parametrize("silent", [True, False])
def test_imports_bulk_writes_and_cascades_may_be_silent(sandbox, receiver, watch, cause, silent):
    """FACTS 6 [A]: whether they notify is not known."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})
    watch()
    sandbox.deliveries(silent_causes=[cause] if silent else [])

    if cause == "cascade":
        sandbox.mutate({"op": "delete", "module": "Accounts", "id": company})
    elif cause == "import":
        sandbox.mutate({"op": "create", "module": "Contacts", "count": 2, "data": {}})
    else:
        sandbox.settings(job_seconds=0)
        bulk_write.run(sandbox, "Last_Name\nEk\n", "insert")

    assert receiver.is_silent() if silent else receiver.next()["module"] == "Contacts"


def test_an_edit_names_the_fields_alone(sandbox, receiver, watch):
    """`$se_module`, which goes with What_Id, is no field."""
    company = sandbox.create("Accounts", Account_Name="Nordlys")
    task = sandbox.create("Tasks", Subject="A")
    watch(events=["Tasks.all"])

    sent = {"id": task, "What_Id": {"id": company}, "$se_module": "Accounts"}
    sandbox.api("PUT", "/Tasks", json={"data": [sent]})

    assert receiver.next()["affected_fields"] == [{task: ["What_Id"]}]
