"""Records that wait for a parent of the same pipe."""

from __future__ import annotations

import pytest
from support.target import record, records, schema, state

CONTACTS = schema("Contacts", "Last_Name", "Email", "Account_Name", "Owner", key=["Email"])
ACCOUNTS = schema("Accounts", "Account_Name", key=["Account_Name"])


def by_name(on_missing="reject", **more):
    """The setting that finds a contact's company by its name."""
    how = {"match_on": "Account_Name", "on_missing": on_missing, **more}
    return {"Contacts": {"lookups": {"Account_Name": how}}}


def person(number, **more):
    return {"Last_Name": f"Berg {number}", "Email": f"berg{number}@example.org", **more}


def company_of(sandbox):
    """Whom each of our contacts works for, by the contact's number."""
    return {
        int(found["Last_Name"].split()[1]): (found["Account_Name"] or {}).get("name")
        for found in sandbox.dump("Contacts")
        if (found["Email"] or "").startswith("berg")
    }


def test_a_child_waits_for_its_parent_in_the_same_pipe(sandbox, target):
    """A tap sends streams in the order of their names: children often come first."""
    people = [person(n, Account_Name=f"Later {n} AG") for n in range(120)]
    companies = [{"Account_Name": f"Later {n} AG"} for n in range(120)]

    run = target(
        [
            CONTACTS,
            *records("Contacts", people),
            state({"contacts": True}),
            ACCOUNTS,
            *records("Accounts", companies),
            state({"accounts": True}),
        ],
        streams=by_name(),
    )

    assert run.error is None
    assert company_of(sandbox) == {n: f"Later {n} AG" for n in range(120)}
    assert run.states[-1] == {"accounts": True}


def test_waiting_children_hold_back_the_state(sandbox, target):
    """A state must never speak for a record that is not settled."""
    run = target(
        [
            CONTACTS,
            record("Contacts", **person(1, Account_Name="Nobody Ltd")),
            state({"contacts": True}),
            ACCOUNTS,
            *records("Accounts", [{"Account_Name": f"Other {n}"} for n in range(250)]),
            state({"accounts": True}),
        ],
        streams=by_name(),
        max_rejects=1,
    )

    assert run.states == [{"accounts": True}]
    assert run.outcomes("Contacts") == {"unmatched": 1}


def test_a_chain_of_waiting_records_is_let_go_from_its_beginning(sandbox, target):
    """The deal waits for the contact, and the contact for a company that never comes.

    First the contact is written without it, then the deal with the contact.
    """
    deals = schema("Pipelines", "Deal_Name", "Sub_Pipeline", "Stage", "Contact_Name", key=["Deal_Name"])
    deal = {
        "Deal_Name": "Deal 1",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": "berg1@example.org",
    }
    settings = {
        **by_name("null"),
        "Pipelines": {"lookups": {"Contact_Name": {"match_on": "Email"}}},
    }

    run = target(
        [
            deals,
            record("Pipelines", **deal),
            CONTACTS,
            record("Contacts", **person(1, Account_Name="Nobody Ltd")),
        ],
        streams=settings,
    )

    assert run.error is None
    (written,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Deal 1"]
    assert written["Contact_Name"]["name"] == "Berg 1"


def test_a_child_of_a_refused_parent_is_refused_with_the_reason(sandbox, target):
    """It waited for a record that Bigin did not take: nothing to link it to."""
    run = target(
        [
            CONTACTS,
            record("Contacts", **person(1, Account_Name="Refused AG")),
            schema("Accounts", "Account_Name", "Website", key=["Account_Name"]),
            record("Accounts", Account_Name="Refused AG", Phone="x" * 400, Website="no site"),
        ],
        streams=by_name(),
    )

    assert sorted(reject["stream"] for reject in run.rejects) == ["Accounts", "Contacts"]
    assert company_of(sandbox) == {}


def test_rows_of_a_parent_that_never_comes_all_end(target, tmp_path):
    """Those that come later wait for the earlier ones of their parent: when these have ended, so must they."""
    mine, others = "4876000000000000001", "4876000000000000002"
    rows = [
        {"parent_id": each, "id": f"48760000000000001{n:02d}"} for n, each in enumerate((mine, others, mine))
    ]

    run = target(
        [schema("contacts_products", key=["parent_id", "id"]), *records("contacts_products", rows)],
        streams={"*": {"ids": "source"}},
        id_map_path=str(tmp_path / "ids"),
        max_rejects=3,
    )

    assert run.error is None
    assert run.outcomes("contacts_products") == {"unmatched": 3}


@pytest.mark.parametrize("children_first", [True, False])
def test_what_comes_in_the_same_pipe_is_not_created_for_the_sake_of_a_link(sandbox, target, children_first):
    """The companies' own records are sent first: an insert of what a link has made would be refused."""
    companies = [ACCOUNTS, *records("Accounts", [{"Account_Name": f"Own {n} AG"} for n in range(3)])]
    people = [CONTACTS, *records("Contacts", [person(n, Account_Name=f"Own {n} AG") for n in range(4)])]
    streams = {**by_name("create"), "Accounts": {"operation": "insert"}}

    run = target(people + companies if children_first else companies + people, streams=streams)

    assert run.error is None
    assert run.outcomes("Accounts") == {"inserted": 3}
    assert run.outcomes("Contacts") == {"inserted": 4}
    assert company_of(sandbox) == {n: f"Own {n} AG" for n in range(4)}
    assert sandbox.calls("POST /Accounts") == 1
    assert sandbox.calls("POST /Accounts/upsert") == 1  # of the fourth, whom nobody brought
