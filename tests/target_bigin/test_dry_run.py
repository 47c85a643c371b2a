"""A dry run is the run: the same counts and rejects as the real one in the same state of Bigin."""

from __future__ import annotations

import pytest
from support.dry_runs import DEAL, MADE, NOWHERE, PEOPLE, outcome, planned, rich
from support.target import record, records, schema


@pytest.mark.parametrize("tags", [[], ["imported"]])
def test_a_dry_run_of_upserts_tells_what_the_run_does(both, tags):
    """Before the first run in earnest: how many are new, who is refused and why, and what it costs."""
    streams = {name: {**MADE.get(name, {}), "tags": tags} for name in ("Contacts", "Accounts")}

    dry, real, price = both(rich(), streams=streams)

    assert outcome(dry) == outcome(real)
    assert planned(dry) == price
    assert sum(real.accounts["Contacts"].rejects.values()) == 4


def test_a_dry_run_of_inserts_tells_what_is_taken(both):
    """Of two new ones with one address the second is refused, too."""
    rows = [{"Email": "ek@b.se", "Last_Name": "E"}, *({"Email": "n@b.se", "Last_Name": "N"} for _ in "ab")]

    dry, real, price = both(
        [PEOPLE, *records("Contacts", [*rows, {"Last_Name": "No address"}])], default_operation="insert"
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Contacts"][1] == {("rejected", "DUPLICATE_DATA", "Email"): 2}
    assert planned(dry) == price


def test_a_dry_run_of_updates_tells_what_is_not_there(sandbox, both):
    """By an id that nobody has, and an address that another one has."""
    ids = [sandbox.create("Contacts", Last_Name=f"U {n}", Email=f"u{n}@b.se") for n in range(3)]
    rows = [
        {"id": ids[0], "Phone": "+46 1"},
        {"id": ids[1], "Email": "ek@b.se"},
        {"id": ids[2], "Phone": "?"},
        {"id": "6100000000099999999", "Phone": "+46 1"},
    ]

    dry, real, price = both([schema("Contacts", "Phone", "Email", key=["id"]), *records("Contacts", rows)])

    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_of_deletions_is_stopped_by_the_same_brake(sandbox, both):
    """It said that all would be deleted, and the run refused to."""
    ids = [sandbox.create("Tasks", Subject=f"T {n}") for n in range(8)]
    sandbox.clock(advance=3600)
    entries = [{"module": "Tasks", "id": each} for each in ids]

    def delete(count):
        return both(
            [schema("deleted_records", key=["module", "id"]), *records("deleted_records", entries[:count])],
            deletes="delete",
        )

    for count in (5, 2):
        dry, real, price = delete(count)
        assert outcome(dry) == outcome(real)
        assert planned(dry) == price


def test_a_dry_run_keeps_in_mind_what_it_would_have_written(both, tmp_path):
    """With a cache, what comes a second time says nothing new in either run."""
    rows = [{"Email": f"n{n}@b.se", "Last_Name": "N"} for n in range(3)]
    cache = str(tmp_path / "cache")

    dry, real, _ = both(
        [PEOPLE, *records("Contacts", rows), *records("Contacts", rows)], unchanged_cache_path=cache
    )

    assert outcome(dry) == outcome(real)


def test_a_dry_run_tells_what_rows_lack_and_which_links_lead_nowhere(sandbox, both):
    """A product line without its quantity, and ids of what was deleted since."""
    lamp = sandbox.create("Products", Product_Name="Lamp")
    acme, gone = (sandbox.create("Accounts", Account_Name=name) for name in ("Acme", "Gone"))
    sandbox.mutate({"op": "delete", "module": "Accounts", "id": gone})
    deal = {"Sub_Pipeline": "Inbound", "Stage": "Qualification"}
    rows = [
        {"Account_Name": acme, "Associated_Products": [{"Product": lamp, "Quantity": 1}]},
        {"Account_Name": acme, "Associated_Products": [{"Product": lamp}]},
        {"Account_Name": gone, "Associated_Products": []},
    ]
    deals = [{"Deal_Name": f"D {n}", **deal, **each} for n, each in enumerate(rows)]

    dry, real, price = both(
        [schema("Pipelines", *deals[0], key=["Deal_Name"]), *records("Pipelines", deals)],
        streams={"Pipelines": {"external_key": "Deal_Name"}},
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Pipelines"][1] == {
        ("rejected", "MANDATORY_NOT_FOUND", "Quantity"): 1,
        ("rejected", "INVALID_DATA", "Account_Name"): 1,
    }
    assert planned(dry) == price


def test_a_dry_run_tells_owners_who_are_none(sandbox, both):
    """A user who has left, and an id of another organisation."""
    users = sandbox.api("GET", "/users", params={"type": "AllUsers"}).json()["users"]
    left = next(each["id"] for each in users if each["status"] != "active")
    here = next(each["id"] for each in users if each["status"] == "active")
    rows = [
        {"Email": f"{n}@b.se", "Last_Name": "N", "Owner": {"id": each}}
        for n, each in enumerate((left, NOWHERE, here))
    ]

    dry, real, price = both([schema("Contacts", *rows[0], key=["Email"]), *records("Contacts", rows)])

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Contacts"][1] == {("rejected", "INVALID_DATA", "Owner"): 2}
    assert planned(dry) == price


def test_a_dry_run_tells_rows_that_lead_nowhere(sandbox, both):
    """A product that was deleted, a contact that never was; the deal itself is written."""
    lamp = sandbox.create("Products", Product_Name="Lamp")
    deals = [
        {"Deal_Name": "A", **DEAL, "Associated_Products": [{"Product": {"id": lamp}, "Quantity": 1}]},
        {"Deal_Name": "B", **DEAL, "Associated_Products": [{"Product": {"id": NOWHERE}, "Quantity": 1}]},
        {"Deal_Name": "C", **DEAL, "Secondary_Contacts": [{"id": NOWHERE}]},
    ]
    properties = ("Sub_Pipeline", "Stage", "Associated_Products", "Secondary_Contacts")

    dry, real, price = both(
        [schema("Pipelines", *properties, key=["Deal_Name"]), *records("Pipelines", deals)],
        streams={"Pipelines": {"external_key": "Deal_Name"}},
    )

    assert outcome(dry) == outcome(real)
    assert sum(real.accounts["Pipelines"].rejects.values()) == 2
    assert planned(dry) == price


def test_a_dry_run_tells_a_stage_by_what_the_deal_is(sandbox, both):
    """A stage alone fits the sub-pipeline that the deal has, or does not."""
    ids = [sandbox.create("Pipelines", Deal_Name=name, **DEAL) for name in "ab"]
    rows = [{"id": ids[0], "Stage": "Demo"}, {"id": ids[1], "Stage": "Proposal"}]

    dry, real, _ = both([schema("Pipelines", "Stage", key=["id"]), *records("Pipelines", rows)])

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Pipelines"] == ({"updated": 1}, {("rejected", "MAPPING_MISMATCH", "Stage"): 1})


@pytest.mark.parametrize("tags", [["x" * 26], [f"t{n}" for n in range(10)], [f"t{n}" for n in range(11)]])
def test_a_dry_run_tells_tags_that_bigin_refuses(sandbox, both, tags):
    """A name too long or a name too many, refused as a whole call; and an eleventh tag of one record."""
    rows = [{"Email": f"{n}@b.se", "Last_Name": "N", "Tag": ["vip"] if n else None} for n in range(3)]

    dry, real, price = both(
        [schema("Contacts", *rows[0], key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"tags": tags}},
    )

    assert outcome(dry) == outcome(real)
    assert sum(real.accounts["Contacts"].rejects.values()) >= 2
    assert planned(dry) == price


def test_a_dry_run_tells_tags_of_what_has_none(sandbox, both):
    """A note takes no tag: it is written, and told as a reject."""
    note = {
        "Note_Content": "Text",
        "Parent_Id": sandbox.create("Contacts", Last_Name="P"),
        "$se_module": "Contacts",
    }

    dry, real, price = both(
        [schema("Notes", *note, key=["Note_Content"]), *records("Notes", [note])],
        streams={"Notes": {"operation": "insert", "tags": ["vip"]}},
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Notes"][1] == {("rejected", "INVALID_MODULE", "Tag"): 1}
    assert planned(dry) == price


def test_a_dry_run_finds_by_a_field_what_it_would_have_made(both):
    """Two of one name, which are then found twice: the link would mean either."""
    people = [{"Email": f"{n}@b.se", "Last_Name": "Both"} for n in "ab"]
    tasks = [{"Subject": "T", "Who_Id": "Both"}]

    dry, real, price = both(
        [
            schema("Contacts", "Last_Name", key=["Email"]),
            *records("Contacts", people),
            schema("Tasks", *tasks[0], key=["Subject"]),
            *records("Tasks", tasks),
        ],
        streams={"Tasks": {"operation": "insert", "lookups": {"Who_Id": {"match_on": "Last_Name"}}}},
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Tasks"][1] == {("unmatched", "LOOKUP_AMBIGUOUS", "Who_Id"): 1}
    assert planned(dry) == price


def test_a_dry_run_does_not_match_by_the_systems_field_unless_it_is_named(sandbox, both):
    """Bigin tells Email as unique, too, and yet an upsert by another field inserts: here it is refused."""
    unique = {
        "op": "set_field",
        "module": "Contacts",
        "field": "Mobile",
        "data": {"unique": {"casesensitive": "0"}},
    }
    sandbox.change_metadata(unique)
    sandbox.create("Contacts", Last_Name="Ann", Email="a@b.se", Mobile="+46 1")
    row = {"Last_Name": "Ann", "Email": "a@b.se", "Mobile": "+46 2"}

    dry, real, price = both(
        [schema("Contacts", *row, key=["Mobile"]), record("Contacts", **row)],
        streams={"Contacts": {"duplicate_check_fields": ["Mobile"]}},
    )

    assert outcome(real)["Contacts"] == ({}, {("rejected", "DUPLICATE_DATA", "Email"): 1})
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_tells_ids_that_a_module_without_queries_lacks(sandbox, both):
    """COQL knows no notes: each id was taken to be there, so that updates were told which the run refused."""
    contact = sandbox.create("Contacts", Last_Name="P")
    there = sandbox.create("Notes", Note_Content="x", Parent_Id={"id": contact})
    rows = [{"id": each, "Note_Content": "y"} for each in (there, "6100000000099999999")]

    dry, real, price = both([schema("Notes", "Note_Content", key=["id"]), *records("Notes", rows)])

    assert outcome(real)["Notes"] == ({"updated": 1}, {("unmatched", "ID_NOT_FOUND", "id"): 1})
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_tells_deletions_in_what_is_no_module(sandbox, both):
    """COQL does not know it either, which was taken for a question that cannot be asked: all deleted."""
    call = sandbox.create("Tasks", Subject="Call")
    entries = [{"module": "Nowhere", "id": call}, {"module": "Tasks", "id": call}]

    dry, real, price = both(
        [schema("deleted_records", key=["module", "id"]), *records("deleted_records", entries)],
        streams={"deleted_records": {"allow_mass_delete": True}},
        deletes="delete",
    )

    assert dry.outcomes("deleted_records") == {"deleted": 1, "rejected": 1}
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_knows_that_a_row_of_what_is_gone_is_none(sandbox, both):
    """A line of a product that this run deletes no longer stands for it: a new one leads nowhere."""
    lamp = sandbox.create("Products", Product_Name="Lamp")
    line = {"Product": {"id": lamp}, "Quantity": 1}
    deal = {"Deal_Name": "D", **DEAL, "Associated_Products": [line]}
    answer = sandbox.api("POST", "/Pipelines", json={"data": [deal], "trigger": []}).json()
    row = {"parent_id": answer["data"][0]["details"]["id"], "id": NOWHERE, **line, "Quantity": 3}

    dry, real, price = both(
        [
            schema("Products", key=["id"]),
            record("Products", id=lamp),
            schema("pipelines_associated_products", *row, key=["parent_id", "id"]),
            record("pipelines_associated_products", **row),
        ],
        streams={"Products": {"operation": "delete", "allow_mass_delete": True}},
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["pipelines_associated_products"][1] == {("rejected", "INVALID_DATA", "Product"): 1}
    assert planned(dry) == price


@pytest.mark.parametrize(
    ("write_method", "takes_first", "updated"),
    [("records", False, 2), ("records", True, 1), ("bulk", False, 2)],
)
def test_a_dry_run_goes_through_a_call_as_bigin_does(sandbox, both, write_method, takes_first, updated):
    """A name is free once the record before gave it up, and taken as long as it has not."""
    ids = [sandbox.create("Accounts", Account_Name=name) for name in ("Bo AG", "Cy AG")]
    rows = [{"id": ids[0], "Account_Name": "Di AG"}, {"id": ids[1], "Account_Name": "Bo AG"}]
    rows = rows[::-1] if takes_first else rows

    dry, real, _ = both(
        [schema("Accounts", "Account_Name", key=["id"]), *records("Accounts", rows)],
        write_method=write_method,
    )

    assert outcome(real)["Accounts"][0] == {"updated": updated}
    assert outcome(dry) == outcome(real)


def test_a_dry_run_knows_what_a_run_that_ended_early_has_sent(sandbox, target, both, tmp_path):
    """It priced those inserts anew, which the run finds in its journal; and the journal stays as it is."""
    journal = tmp_path / "journal.jsonl"
    tasks = [
        schema("Tasks", key=["Subject"]),
        *records("Tasks", [{"Subject": f"T {n}"} for n in range(6)]),
    ]
    settings = {"default_operation": "insert", "batch_size": 2, "journal_path": str(journal)}
    target(tasks, credit_budget=4, max_concurrent_requests=1, **settings)
    sent, noted = sandbox.count("Tasks"), journal.read_bytes()

    dry = target(tasks, dry_run=True, **settings)
    assert journal.read_bytes() == noted
    _, real, price = both(tasks, **settings)

    assert 0 < sent < sandbox.count("Tasks") == 6
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price
    assert not dry.said("inserts cannot be repeated")


def test_a_dry_run_tells_what_hangs_on_what_is_no_module(sandbox, both):
    """The parent of a note may name a module that there is not: it was taken to be there."""
    note = {"Note_Content": "Text", "Parent_Id": sandbox.create("Contacts", Last_Name="P")}
    notes = [{**note, "$se_module": "Nowhere"}, {**note, "$se_module": "Contacts"}]

    dry, real, price = both(
        [schema("Notes", *notes[0], key=["Note_Content"]), *records("Notes", notes)],
        default_operation="insert",
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Notes"] == ({"inserted": 1}, {("rejected", "INVALID_DATA", "Parent_Id"): 1})
    assert planned(dry) == price


@pytest.mark.parametrize(
    ("operation", "right"), [("insert", "creatable"), ("update", "editable"), ("delete", "deletable")]
)
def test_a_dry_run_tells_what_the_user_may_not_do(sandbox, both, operation, right):
    """All would be written, it said, and the run had each record refused."""
    task = sandbox.create("Tasks", Subject="T")
    sandbox.change_metadata({"op": "set_module", "module": "Tasks", "data": {right: False}})
    row = {"Subject": "U"} if operation == "insert" else {"id": task, "Subject": "U"}

    dry, real, price = both(
        [schema("Tasks", *row, key=[next(iter(row))]), record("Tasks", **row)],
        streams={"Tasks": {"operation": operation, "allow_mass_delete": True}},
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Tasks"][1] == {("rejected", "INVALID_MODULE", None): 1}
    assert planned(dry) == price


def test_a_dry_run_tells_that_attachments_are_no_records(sandbox, both):
    """They are written as files alone; it judged them by their fields."""
    file = {
        "File_Name": "a.pdf",
        "Parent_Id": sandbox.create("Contacts", Last_Name="P"),
        "$se_module": "Contacts",
    }

    dry, real, price = both(
        [schema("Attachments", *file, key=["File_Name"]), record("Attachments", **file)],
        default_operation="insert",
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Attachments"][1] == {("rejected", "INVALID_MODULE", None): 1}
    assert planned(dry) == price


def test_a_dry_run_tells_who_cannot_take_part(both):
    """A contact, a user or an e-mail can; what else an event names, Bigin refuses."""
    times = {"Start_DateTime": "2026-05-14T09:00:00Z", "End_DateTime": "2026-05-14T10:00:00Z"}
    guests = [{"type": each, "participant": "a@b.se"} for each in ("email", "person")]
    visits = [{"Event_Title": f"V {n}", **times, "Participants": [each]} for n, each in enumerate(guests)]

    dry, real, _ = both(
        [schema("Events", *visits[0], key=["Event_Title"]), *records("Events", visits)],
        default_operation="insert",
    )

    assert outcome(real)["Events"] == ({"inserted": 1}, {("rejected", "INVALID_DATA", "type"): 1})
    assert outcome(dry) == outcome(real)


@pytest.mark.parametrize(("joins", "leaves", "deleted"), [(2, 0, 0), (0, 0, 1), (1, 1, 1)])
def test_a_dry_run_knows_whom_a_company_would_take_along(sandbox, both, joins, leaves, deleted):
    """Contacts that come to it in the run count for the brake, and those that leave it do not."""
    sandbox.reset(size="empty")
    old, *_ = [sandbox.create("Accounts", Account_Name=f"Company {n}") for n in range(8)]
    link = {"Account_Name": {"id": old}}
    ids = [sandbox.create("Contacts", Last_Name=f"C {n}", **(link if n < 2 else {})) for n in range(8)]
    sandbox.clock(advance=3600)
    sandbox.forget_tokens()
    moves = [{"id": each, "Account_Name": old} for each in ids[2 : 2 + joins]]
    moves += [{"id": each, "Account_Name": None} for each in ids[:leaves]]

    dry, real, price = both(
        [
            schema("Contacts", "Account_Name", key=["id"]),
            *records("Contacts", moves),
            schema("deleted_records", key=["module", "id"]),
            record("deleted_records", module="Accounts", id=old),
        ],
        deletes="delete",
        null_values="write",
    )

    assert real.accounts["deleted_records"].outcomes.get("deleted", 0) == deleted
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_tells_what_is_deleted_twice(sandbox, both):
    """By its id and by its address, in one call: the second time it is not there any more."""
    contact = sandbox.create("Contacts", Last_Name="Twice", Email="twice@b.se")
    rows = [{"id": contact}, {"id": None, "Email": "twice@b.se"}]

    dry, real, price = both(
        [schema("Contacts", "Email", key=["id"]), *records("Contacts", rows)],
        streams={"Contacts": {"operation": "delete", "allow_mass_delete": True}},
    )

    assert real.accounts["Contacts"].notes["already deleted in Bigin"] == 1
    assert dry.accounts["Contacts"].notes == real.accounts["Contacts"].notes
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price


def test_a_dry_run_knows_that_notes_go_with_what_they_hang_on(sandbox, both):
    """A note of a contact that the run deletes is not there to be written any more."""
    contacts = [sandbox.create("Contacts", Last_Name=name) for name in ("Goes", "Stays")]
    rows = [{"Note_Content": "x", "Parent_Id": {"id": each}} for each in contacts]
    notes = [sandbox.create("Notes", **row) for row in rows]

    dry, real, price = both(
        [
            schema("Contacts", key=["id"]),
            record("Contacts", id=contacts[0]),
            schema("Notes", "Note_Content", key=["id"]),
            *records("Notes", [{"id": each, "Note_Content": "y"} for each in notes]),
        ],
        streams={"Contacts": {"operation": "delete", "allow_mass_delete": True}},
        max_concurrent_requests=1,
    )

    assert outcome(real)["Notes"] == ({"updated": 1}, {("unmatched", "ID_NOT_FOUND", "id"): 1})
    assert outcome(dry) == outcome(real)
    assert planned(dry) == price
