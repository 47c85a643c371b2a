"""Records with ids of another organisation: what links them, and what repeats do."""

from __future__ import annotations

import json

import pytest
from support.target import record, records, schema, state

SOURCE = {"*": {"ids": "source"}}
ACCOUNTS = schema("Accounts", "id", "Account_Name", key=["id"])
CONTACTS = schema("Contacts", "id", "Last_Name", "Email", "Account_Name", key=["id"])
DEALS = schema("Pipelines", "id", "Deal_Name", "Sub_Pipeline", "Stage", "Contact_Name", key=["id"])
DEAL = {"Sub_Pipeline": "Inbound", "Stage": "Qualification"}
SUBSCRIPTIONS = schema("Subscriptions", "id", "Name", "Successor", key=["id"])


def foreign(number):
    """An id of another organisation."""
    return f"4876{number:015d}"


@pytest.fixture
def copy(target, tmp_path):
    """A target that copies, and knows next time what it made."""
    return lambda messages, **more: target(
        messages, **{"streams": SOURCE, "id_map_path": str(tmp_path / "ids.jsonl"), **more}
    )


def made(sandbox, module, name, prefix="Copy"):
    return {each[name]: each for each in sandbox.dump(module) if str(each[name]).startswith(prefix)}


def test_links_point_to_the_new_records_also_to_those_that_come_later(sandbox, copy):
    """Deals before contacts before companies: the worst order there is."""
    run = copy(
        [
            DEALS,
            record(
                "Pipelines", id=foreign(3), Deal_Name="Copy deal", **DEAL, Contact_Name={"id": foreign(2)}
            ),
            CONTACTS,
            record(
                "Contacts", id=foreign(2), Last_Name="Copy Berg", Account_Name={"id": foreign(1), "name": "x"}
            ),
            ACCOUNTS,
            record("Accounts", id=foreign(1), Account_Name="Copy AG"),
            state({"at": 1}),
        ]
    )

    assert run.error is None
    contact = made(sandbox, "Contacts", "Last_Name")["Copy Berg"]
    assert contact["Account_Name"]["name"] == "Copy AG"
    assert made(sandbox, "Pipelines", "Deal_Name")["Copy deal"]["Contact_Name"]["id"] == contact["id"]
    assert run.states == [{"at": 1}]


def test_records_without_any_unique_value_are_made_once_and_updated_after(sandbox, copy):
    """The id map is their key: contacts without e-mail, deals of one name, twice."""
    messages = [
        CONTACTS,
        *records("Contacts", [{"id": foreign(n), "Last_Name": "Copy Berg"} for n in range(5)]),
        DEALS,
        *records("Pipelines", [{"id": foreign(10 + n), "Deal_Name": "Copy deal", **DEAL} for n in range(5)]),
    ]

    first, second = copy(messages), copy(messages)

    assert first.outcomes("Contacts") == first.outcomes("Pipelines") == {"inserted": 5}
    assert second.outcomes("Contacts") == second.outcomes("Pipelines") == {"updated": 5}
    assert len([each for each in sandbox.dump("Contacts") if each["Last_Name"] == "Copy Berg"]) == 5
    assert len([each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Copy deal"]) == 5


def test_a_record_that_comes_twice_in_one_run_is_made_once(sandbox, copy):
    """The second waits for the first, whose id is not known before it is written."""
    rows = [{"id": foreign(1), "Last_Name": f"Copy {n}"} for n in range(4)]

    run = copy([CONTACTS, *records("Contacts", rows)], trigger=["workflow"])

    assert run.error is None
    assert list(made(sandbox, "Contacts", "Last_Name")) == ["Copy 3"]
    assert run.outcomes("Contacts") == {"inserted": 1, "updated": 3}


def test_a_copy_that_is_there_by_its_e_mail_is_taken_over(sandbox, copy):
    """Somebody entered the person by hand: Bigin would refuse a second one of that address."""
    sandbox.create("Contacts", Last_Name="By hand", Email="copy@example.org")

    run = copy([CONTACTS, record("Contacts", id=foreign(1), Last_Name="Copy Berg", Email="copy@example.org")])

    assert run.outcomes("Contacts") == {"updated": 1}
    assert made(sandbox, "Contacts", "Last_Name")["Copy Berg"]["Email"] == "copy@example.org"


def test_a_parent_that_never_came_rejects_its_child(sandbox, copy):
    """A link to nowhere is worth a look; with on_missing: null it is left empty."""
    messages = [
        CONTACTS,
        record("Contacts", id=foreign(2), Last_Name="Copy Berg", Account_Name={"id": foreign(1)}),
    ]
    lenient = {"Contacts": {"ids": "source", "lookups": {"Account_Name": {"on_missing": "null"}}}}

    strict, second = copy(messages), copy(messages, streams=lenient)

    assert [(reject["kind"], reject["field"]) for reject in strict.rejects] == [("unmatched", "Account_Name")]
    assert foreign(1) in strict.rejects[0]["message"]
    assert second.outcomes("Contacts") == {"inserted": 1}


def test_a_parent_that_was_never_copied_is_found_by_its_name_where_that_is_allowed(sandbox, copy):
    """Only the contacts are copied, into an organisation that has the companies already."""
    company = sandbox.create("Accounts", Account_Name="Copy AG")
    by_name = {"Account_Name": {"match_on": "Account_Name"}}

    run = copy(
        [
            CONTACTS,
            record(
                "Contacts",
                id=foreign(2),
                Last_Name="Copy Berg",
                Account_Name={"id": foreign(1), "name": "copy ag"},
            ),
        ],
        streams={"Contacts": {"ids": "source", "lookups": by_name}},
    )

    assert run.error is None
    assert made(sandbox, "Contacts", "Last_Name")["Copy Berg"]["Account_Name"]["id"] == company


def test_records_that_link_to_each_other_in_a_circle_are_written_and_then_linked(sandbox, copy):
    """None of them can be the first with its link: a circle of three, and one that links to itself."""
    links = {1: 2, 2: 3, 3: 1, 4: 4}
    rows = [
        {"id": foreign(n), "Name": f"Copy {n}", "Successor": {"id": foreign(other)}}
        for n, other in links.items()
    ]

    run = copy([SUBSCRIPTIONS, *records("Subscriptions", rows), state({"at": 1})])

    assert run.error is None
    copies = made(sandbox, "Subscriptions", "Name")
    assert {name: each["Successor"]["name"] for name, each in copies.items()} == {
        f"Copy {n}": f"Copy {other}" for n, other in links.items()
    }
    assert run.states == [{"at": 1}]


def test_a_deletion_reaches_the_copy_and_only_the_copy(sandbox, copy):
    """The tap's stream of deletions names ids of the source; records that were never copied stay."""
    messages = [
        CONTACTS,
        *records("Contacts", [{"id": foreign(n), "Last_Name": f"Copy {n}"} for n in range(4)]),
    ]
    copy(messages)
    before = sandbox.count("Contacts")
    sandbox.clock(advance=3600)
    deleted = schema("deleted_records", "module", "id", key=["module", "id"])
    gone = [{"module": "Contacts", "id": foreign(1)}, {"module": "Contacts", "id": foreign(77)}]

    ignored = copy([deleted, *records("deleted_records", gone)])
    asked_for = copy([deleted, *records("deleted_records", gone)], deletes="delete")
    repeated = copy([deleted, *records("deleted_records", gone)], deletes="delete")

    assert ignored.outcomes("deleted_records") == {"unchanged": 2}
    assert asked_for.outcomes("deleted_records") == {"deleted": 1, "unchanged": 1}
    assert repeated.outcomes("deleted_records") == {"unchanged": 2}
    assert sandbox.count("Contacts") == before - 1
    assert "Copy 1" not in made(sandbox, "Contacts", "Last_Name")


def test_the_stream_of_deletions_has_a_brake_of_its_own(sandbox, copy):
    """A source that was emptied must not empty the copy."""
    rows = [{"id": foreign(n), "Last_Name": f"Copy {n}"} for n in range(60)]
    copy([CONTACTS, *records("Contacts", rows)])
    before = sandbox.count("Contacts")
    sandbox.clock(advance=3600)
    deleted = schema("deleted_records", "module", "id", key=["module", "id"])

    run = copy(
        [deleted, *records("deleted_records", [{"module": "Contacts", "id": row["id"]} for row in rows])],
        deletes="delete",
    )

    assert sandbox.count("Contacts") == before
    assert {reject["code"] for reject in run.rejects} == {"MASS_DELETE"}


def test_what_came_back_after_a_deletion_is_made_again(sandbox, copy, tmp_path):
    """Restored in the source with its old values: unchanged, and yet not there."""
    cache = {"unchanged_cache_path": str(tmp_path / "written.sqlite"), "deletes": "delete"}
    messages = [CONTACTS, record("Contacts", id=foreign(1), Last_Name="Copy 1")]
    copy(messages, **cache)
    copy(
        [
            schema("deleted_records", "module", "id"),
            record("deleted_records", module="Contacts", id=foreign(1)),
        ],
        **cache,
    )

    run = copy(messages, **cache)

    assert run.outcomes("Contacts") == {"inserted": 1}


def test_rows_of_a_parent_that_was_refused_are_refused(sandbox, copy):
    """They have nothing to hang on."""
    rows = schema(
        "pipelines_associated_products", "parent_id", "id", "Product", "Quantity", key=["parent_id", "id"]
    )

    run = copy(
        [
            DEALS,
            record(
                "Pipelines",
                id=foreign(1),
                Deal_Name="Copy deal",
                Sub_Pipeline="Inbound",
                Stage="No such stage",
            ),
            rows,
            record(
                "pipelines_associated_products",
                parent_id=foreign(1),
                id=foreign(2),
                Product={"id": foreign(3)},
                Quantity=1,
            ),
        ]
    )

    assert sorted(reject["stream"] for reject in run.rejects) == [
        "Pipelines",
        "pipelines_associated_products",
    ]


def test_rows_may_be_sent_by_a_stream_that_names_where_they_go(sandbox, target):
    """A deal's products out of a warehouse: own ids, a name of one's own for the stream."""
    deal = sandbox.create("Pipelines", Deal_Name="Roof", **DEAL)
    desk = sandbox.create("Products", Product_Name="Test Desk")
    lines = schema("order_lines", "parent_id", "Product", "Quantity")
    settings = {
        "order_lines": {
            "module": "Pipelines.Associated_Products",
            "lookups": {"Associated_Products": {"match_on": "Product_Name"}},
        }
    }
    sent = [lines, record("order_lines", parent_id=deal, Product="test desk", Quantity=2)]

    first, second = target(sent, streams=settings), target(sent, streams=settings)

    assert first.outcomes("order_lines") == {"updated": 1}
    assert second.outcomes("order_lines") == {"unchanged": 1}
    (found,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Roof"]
    assert [(row["Product"]["id"], row["Quantity"]) for row in found["Associated_Products"]] == [(desk, 2)]


def test_the_id_map_tells_what_became_of_each_record(sandbox, copy, tmp_path):
    """Own keys, no copy: whoever sent the records learns the ids that they have in Bigin."""
    people = schema("people", "customer", "Last_Name", "Email", key=["customer"])
    rows = [{"customer": n, "Last_Name": f"Copy {n}", "Email": f"copy{n}@example.org"} for n in range(3)]
    settings = {"people": {"module": "Contacts", "duplicate_check_fields": ["Email"]}}

    copy([people, *records("people", rows)], streams=settings)

    noted = [json.loads(line) for line in (tmp_path / "ids.jsonl").read_text().splitlines()]
    ids = {each["Last_Name"]: each["id"] for each in sandbox.dump("Contacts")}
    assert noted == [
        {"stream": "people", "module": "Contacts", "key": str(n), "id": ids[f"Copy {n}"]} for n in range(3)
    ]


def test_people_of_an_event_are_the_copies_of_those_who_came(sandbox, copy):
    """Contacts by the id map, users by their e-mail, guests as they are."""
    user = sandbox.dump("Contacts")[0]["Owner"]
    events = schema(
        "Events", "id", "Event_Title", "Start_DateTime", "End_DateTime", "Participants", key=["id"]
    )
    event = {
        "id": foreign(2),
        "Event_Title": "Copy meeting",
        "Start_DateTime": "2026-05-14T09:00:00Z",
        "End_DateTime": "2026-05-14T10:00:00Z",
        "Participants": [
            {"type": "contact", "participant": foreign(1), "name": "Copy Berg"},
            {"type": "user", "participant": foreign(9), "Email": user["email"]},
            {"type": "email", "participant": "guest@example.org"},
        ],
    }

    run = copy(
        [
            events,
            record("Events", **event),
            CONTACTS,
            record("Contacts", id=foreign(1), Last_Name="Copy Berg"),
        ]
    )

    assert run.error is None
    contact = made(sandbox, "Contacts", "Last_Name")["Copy Berg"]["id"]
    came = made(sandbox, "Events", "Event_Title")["Copy meeting"]["Participants"]
    assert {(each["type"], each["participant"]) for each in came} == {
        ("contact", contact),
        ("user", user["id"]),
        ("email", "guest@example.org"),
    }


def test_a_dry_run_of_a_copy_changes_nothing(sandbox, copy, tmp_path):
    """Neither Bigin nor the files: the run that follows makes everything."""
    messages = [
        ACCOUNTS,
        record("Accounts", id=foreign(1), Account_Name="Copy AG"),
        CONTACTS,
        record("Contacts", id=foreign(2), Last_Name="Copy Berg", Account_Name={"id": foreign(1)}),
        schema("deleted_records", "module", "id"),
        record("deleted_records", module="Contacts", id=foreign(7)),
        schema("contacts_products", "parent_id", "id"),
        record("contacts_products", parent_id=foreign(2), id=foreign(3)),
        schema("Products", "id", "Product_Name", key=["id"]),
        record("Products", id=foreign(3), Product_Name="Copy desk"),
    ]
    before = {module: sandbox.count(module) for module in ("Accounts", "Contacts", "Products")}

    dry = copy(messages, dry_run=True, deletes="delete")
    after = {module: sandbox.count(module) for module in before}

    assert dry.rejects == []
    assert after == before
    assert not (tmp_path / "ids.jsonl").exists()
