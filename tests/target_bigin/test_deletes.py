"""Deletions: only what was asked for, never a module by mistake."""

from __future__ import annotations

import pytest
from support.target import record, records, schema, state

from target_bigin.files.id_map import IdMap

CONTACTS = schema("Contacts", "id", "_sdc_deleted_at", key=["id"])
GONE = {"_sdc_deleted_at": "2026-05-14T00:00:00Z"}
EMAILS = schema("Contacts", "Last_Name", "Email", key=["Email"])


def ids(sandbox, module="Contacts"):
    return [each["id"] for each in sandbox.dump(module)]


def test_a_tombstone_is_ignored_unless_deletions_are_asked_for(sandbox, target):
    """Whoever did not ask for deletions must not lose a record by a tap's tombstones."""
    there = ids(sandbox)

    run = target([CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in there[:2]])])

    assert ids(sandbox) == there
    assert run.error is None
    assert run.said("deletions ignored (deletes: ignore): 2")


def test_tombstones_delete_where_asked_for(sandbox, target):
    """By id, and only those."""
    there = ids(sandbox)

    run = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in there[:5]])], deletes="delete"
    )

    assert ids(sandbox) == there[5:]
    assert run.outcomes("Contacts") == {"deleted": 5}


def test_a_stream_may_delete_by_key(sandbox, target):
    """operation: delete with what a person knows: the id is found first."""
    there = [each["Email"] for each in sandbox.dump("Contacts") if each["Email"]]

    run = target(
        [EMAILS, *records("Contacts", [{"Email": each.upper()} for each in there[:5]])],
        streams={"Contacts": {"operation": "delete"}},
    )

    assert run.outcomes("Contacts") == {"deleted": 5}
    assert [each["Email"] for each in sandbox.dump("Contacts") if each["Email"]] == there[5:]


def test_a_deletion_that_is_repeated_is_done(sandbox, target):
    """Bigin calls it an error; nothing is left to do."""
    there = ids(sandbox)
    messages = [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in there[:5]])]
    target(messages, deletes="delete")

    run = target(messages, deletes="delete")

    assert run.error is None
    assert run.outcomes("Contacts") == {"deleted": 5}
    assert ids(sandbox) == there[5:]


def test_more_than_a_quarter_of_a_module_is_not_deleted(sandbox, target):
    """A source that was emptied by mistake must not empty Bigin: nothing is deleted, all else is written."""
    there = ids(sandbox)
    sandbox.clock(advance=3600)  # so that the count, which lags, is of today
    many = there[: len(there) // 4 + 1]
    messages = [
        CONTACTS,
        *records("Contacts", [{"id": each, **GONE} for each in many]),
        EMAILS,
        record("Contacts", Last_Name="Berg", Email="berg@example.org"),
        state({"at": 1}),
    ]

    run = target(messages, deletes="delete")

    assert ids(sandbox)[: len(there)] == there
    assert len(run.rejects) == len(many)
    assert {reject["code"] for reject in run.rejects} == {"MASS_DELETE"}
    assert "allow_mass_delete" in run.rejects[0]["message"]
    assert run.outcomes("Contacts")["inserted"] == 1
    assert run.error is not None


def test_a_quarter_may_go_and_all_if_that_is_allowed(sandbox, target):
    """The brake is for surprises, not for decisions."""
    there = ids(sandbox)
    sandbox.clock(advance=3600)
    quarter = there[: len(there) // 4]

    first = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in quarter])], deletes="delete"
    )
    rest = target(
        [CONTACTS, *records("Contacts", [{"id": each, **GONE} for each in ids(sandbox)])],
        deletes="delete",
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    assert first.outcomes("Contacts") == {"deleted": len(quarter)}
    assert rest.error is None
    assert ids(sandbox) == []


def test_order_is_kept_around_a_deletion(sandbox, target):
    """Updated, deleted, come back: the record of the end is a new one, with the last values."""
    row = {"Last_Name": "Berg", "Email": "berg@example.org"}
    target([EMAILS, record("Contacts", **row)])
    (old,) = [each["id"] for each in sandbox.dump("Contacts") if each["Email"] == row["Email"]]

    run = target(
        [
            EMAILS,
            record("Contacts", **row, Title="Engineer"),
            record("Contacts", **row, **GONE),
            record("Contacts", **row, Title="Director"),
        ],
        deletes="delete",
    )

    assert run.error is None
    (new,) = [each for each in sandbox.dump("Contacts") if each["Email"] == row["Email"]]
    assert new["id"] != old
    assert new["Title"] == "Director"
    assert old in {each["id"] for each in sandbox.deleted("Contacts")}


def test_what_is_deleted_by_key_and_not_there_is_unmatched(sandbox, target):
    """A key that means nobody is worth a look; nothing was deleted."""
    there = ids(sandbox)

    run = target([EMAILS, record("Contacts", Email="nobody@example.org", **GONE)], deletes="delete")

    assert ids(sandbox) == there
    assert [reject["kind"] for reject in run.rejects] == ["unmatched"]


ACTIVE = {"type": "ACTIVATE_VERSION", "stream": "Contacts"}


@pytest.fixture
def versioned(target, tmp_path):
    """A run of eight people less so many, and the messages around them."""

    def run(people, *, before=(), after=()):
        rows = [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(people)]
        messages = [
            EMAILS,
            *({**ACTIVE, "version": number} for number in before),
            *records("Contacts", rows),
            *({**ACTIVE, "version": number} for number in after),
        ]
        return target(messages, deletes="delete", id_map_path=str(tmp_path / "ids.jsonl"))

    return run


def bergs(sandbox):
    return {each["Last_Name"] for each in sandbox.dump("Contacts") if each["Last_Name"].startswith("Berg ")}


def test_a_new_version_deletes_what_it_lacks(sandbox, versioned):
    """The message after a version's last record says that there are no others."""
    others = ids(sandbox)
    versioned(8, after=[1])
    sandbox.clock(advance=3600)
    versioned(7, after=[1])
    same_version = bergs(sandbox)

    run = versioned(6, before=[2], after=[2])

    assert run.error is None
    assert len(same_version) == 8
    assert bergs(sandbox) == {f"Berg {n}" for n in range(6)}
    assert set(others) <= set(ids(sandbox))


def test_a_version_that_was_announced_and_not_finished_deletes_nothing(sandbox, versioned):
    """A source that says the version first and dies among its records looks like one that lost the rest."""
    versioned(8, after=[1])

    run = versioned(6, before=[2])

    assert run.error is None
    assert len(bergs(sandbox)) == 8


def test_an_older_version_deletes_nothing(sandbox, versioned):
    """A run that was late, or began earlier, knows less."""
    versioned(8, after=[20])

    late = versioned(6, after=[10])
    both = versioned(8, after=[30, 25])

    assert len(bergs(sandbox)) == 8
    assert late.said("10 is ignored")
    assert both.said("25 is ignored")


@pytest.mark.parametrize("not_deleted", ["", "  ", False, 0, None])
def test_an_empty_moment_of_deletion_is_none(sandbox, target, not_deleted):
    """Loaders and spreadsheets write what is not deleted in many ways."""
    there = ids(sandbox)

    run = target(
        [CONTACTS, record("Contacts", id=there[0], Title="CEO", _sdc_deleted_at=not_deleted)],
        deletes="delete",
    )

    assert run.outcomes("Contacts") == {"updated": 1}
    assert ids(sandbox) == there


@pytest.mark.parametrize(
    "unclear",
    [
        *("yes", "false", "null", "NaT", True, 1, [], {"at": 1}, "0000-00-00"),
        *("0001-01-01T00:00:00Z", "1970-01-01 00:00:00", "9999-12-31", "2999-01-01T00:00:00Z", 4102444800),
    ],
)
def test_what_is_no_moment_of_deletion_is_rejected(sandbox, target, unclear):
    """Neither deleted nor written: a guess in either direction may destroy."""
    there = ids(sandbox)
    if unclear == []:
        unclear = ["2026-05-14T00:00:00Z"]

    run = target([CONTACTS, record("Contacts", id=there[0], _sdc_deleted_at=unclear)], deletes="delete")

    assert ids(sandbox) == there
    assert [(each["kind"], each["field"]) for each in run.rejects] == [("invalid", "_sdc_deleted_at")]


@pytest.mark.parametrize("word", ["restored", "Restored "])
def test_what_was_restored_is_not_deleted_again(sandbox, target, word):
    """The tap tells of a record that left the recycle bin in the same stream as of one that went into it."""
    there = ids(sandbox)
    restored = {"module": "Contacts", "id": there[0], "type": word, "deleted_time": None}

    run = target(
        [
            schema("deleted_records", "module", "id", "type", key=["module", "id"]),
            record("deleted_records", **restored),
        ],
        deletes="delete",
    )

    assert ids(sandbox) == there
    assert run.outcomes("deleted_records") == {"unchanged": 1}
    assert run.said("restored, so nothing to delete: 1")


def test_a_stream_that_inserts_does_not_claim_a_deletion(sandbox, target):
    """It recognises no record, so none was deleted; the account said that one was."""
    there = ids(sandbox)
    settings = {"streams": {"Contacts": {"operation": "insert"}}, "deletes": "delete"}
    gone = record("Contacts", Email="x@example.org", _sdc_deleted_at="2026-05-14T00:00:00Z")

    run = target([EMAILS, gone], **settings)

    assert ids(sandbox) == there
    assert [(each["kind"], each["code"]) for each in run.rejects] == [("unmatched", "KEY_MISSING")]


def test_a_row_that_its_source_has_deleted_is_not_written_again(sandbox, target):
    """A tombstone among a contact's products linked the product once more."""
    sandbox.reset(size="empty")
    contact = sandbox.create("Contacts", Last_Name="Berg")
    product = sandbox.create("Products", Product_Name="Lamp")
    row = {"parent_id": contact, "id": product, "_sdc_deleted_at": "2026-05-14T00:00:00Z"}

    run = target(
        [schema("contacts_products", key=["parent_id", "id"]), record("contacts_products", **row)],
        streams={"*": {"ids": "bigin"}},
    )

    linked = sandbox.api("GET", f"/Contacts/{contact}/Products", params={"fields": "Product_Name"})
    assert linked.status_code == 204
    assert run.outcomes("contacts_products") == {"unchanged": 1}
    assert run.said("rows deleted in the source, left out: 1")


def test_a_new_version_without_an_id_map_deletes_nothing(sandbox, target):
    """What this stream wrote before nobody knows, and what others wrote is not its business."""
    there = ids(sandbox)

    run = target([EMAILS, {"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": 2}], deletes="delete")

    assert ids(sandbox) == there
    assert run.said("ACTIVATE_VERSION deletes nothing")


def test_the_brake_counts_by_module_and_run(sandbox, target):
    """Five streams that delete a fifth each delete everything."""
    there = ids(sandbox)
    fifth = len(there) // 5
    streams = [f"part_{n}" for n in range(5)]
    messages = []
    for place, stream in enumerate(streams):
        messages.append(schema(stream, "id", "_sdc_deleted_at", key=["id"]))
        messages += records(
            stream, [{"id": each, **GONE} for each in there[place * fifth : (place + 1) * fifth]]
        )

    run = target(
        messages,
        deletes="delete",
        streams={stream: {"module": "Contacts"} for stream in streams},
        max_rejects=0,
    )

    assert ids(sandbox) == there
    assert run.error is not None
    assert {each["code"] for each in run.rejects} == {"MASS_DELETE"}


def test_the_brake_counts_what_a_company_takes_along(sandbox, target):
    """One company in twenty, and every contact there is: Bigin deletes them with it."""
    companies = ids(sandbox, "Accounts")
    there = ids(sandbox)
    sandbox.mutate(
        {"op": "edit", "module": "Contacts", "ids": there, "data": {"Account_Name": {"id": companies[0]}}}
    )

    run = target(
        [
            schema("Accounts", "id", "_sdc_deleted_at", key=["id"]),
            record("Accounts", id=companies[0], **GONE),
        ],
        deletes="delete",
    )

    assert ids(sandbox) == there
    assert [each["code"] for each in run.rejects] == ["MASS_DELETE"]
    assert "of Contacts with 1 Accounts" in run.rejects[0]["message"]


def test_the_brake_counts_the_notes_that_a_company_takes_along(sandbox, target):
    """One company of nine, and with it all that was ever written down."""
    sandbox.reset(size="empty")
    ids_ = [sandbox.create("Accounts", Account_Name=f"Company {n}") for n in range(9)]
    notes = [
        {"Note_Content": "x", "Parent_Id": {"module": {"api_name": "Accounts"}, "id": each}}
        for each in (ids_[0], ids_[0], ids_[1])
    ]
    assert sandbox.api("POST", "/Notes", json={"data": notes}).status_code == 201
    sandbox.clock(advance=3600)
    sandbox.forget_tokens()

    def delete(company):
        gone = record("Accounts", id=company, _sdc_deleted_at="2026-05-14T00:00:00Z")
        return target([schema("Accounts", key=["id"]), gone], deletes="delete", max_rejects=1)

    stopped, let_go = delete(ids_[0]), delete(ids_[2])

    assert [each["code"] for each in stopped.rejects] == ["MASS_DELETE"]
    assert "2 of the 3 records of Notes with 1 Accounts" in stopped.rejects[0]["message"]
    assert let_go.outcomes("Accounts") == {"deleted": 1}
    assert sandbox.count("Notes") == 3


def test_companies_whose_contacts_are_few_may_go(sandbox, target):
    """The brake is for mistakes."""
    company = sandbox.create("Accounts", Account_Name="Berg AG")
    sandbox.create("Contacts", Last_Name="Berg", Account_Name={"id": company})

    run = target(
        [schema("Accounts", "id", "_sdc_deleted_at", key=["id"]), record("Accounts", id=company, **GONE)],
        deletes="delete",
    )

    assert run.outcomes("Accounts") == {"deleted": 1}


NAMES = schema("Contacts", "First_Name", "Last_Name", "Title", key=["First_Name", "Last_Name"])


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_several_key_properties_mean_a_record_only_together(sandbox, target, operation):
    """Ann Smith was renamed, or deleted, by what was said of Ann Jones."""
    smith = sandbox.create("Contacts", First_Name="Ann", Last_Name="Smith")
    sandbox.create("Contacts", First_Name="Bea", Last_Name="Jones")
    settings = {"streams": {"Contacts": {"operation": operation}}, "max_rejects": 1}

    nobody = target([NAMES, record("Contacts", First_Name="Ann", Last_Name="Jones", Title="CEO")], **settings)
    her = target([NAMES, record("Contacts", First_Name=" ann", Last_Name="SMITH", Title="CEO")], **settings)
    half = target([NAMES, record("Contacts", First_Name="Ann", Last_Name=None, Title="CEO")], **settings)

    assert [each["kind"] for each in nobody.rejects] == ["unmatched"]
    assert "First_Name 'Ann' and Last_Name 'Jones'" in nobody.rejects[0]["message"]
    assert her.outcomes("Contacts") == {"updated" if operation == "update" else "deleted": 1}
    assert [each["code"] for each in half.rejects] == ["KEY_MISSING"]
    assert (smith in ids(sandbox)) is (operation == "update")


def test_an_entry_of_what_was_deleted_is_ignored_unless_deletions_are_asked_for(sandbox, target):
    """The record stays, and the account tells why nothing was done."""
    there = ids(sandbox)
    entry = {"module": "Contacts", "id": there[0], "type": "recycle"}

    run = target(
        [schema("deleted_records", *entry, key=["module", "id"]), record("deleted_records", **entry)]
    )

    assert ids(sandbox) == there
    assert run.outcomes("deleted_records") == {"unchanged": 1}
    assert run.said("deletions ignored (deletes: ignore): 1")


ENTRIES = schema("deleted_records", "module", "id", "type", key=["module", "id"])


def test_each_entry_of_what_was_deleted_ends_by_itself(sandbox, target):
    """What is gone already is deleted; what names no record costs itself."""
    people, company = ids(sandbox), ids(sandbox, "Accounts")[0]
    sent = [
        {"module": "Contacts", "id": people[0], "type": "recycle"},
        {"module": "Contacts", "id": "6100000000000999999"},
        {"module": "Contacts", "id": people[1], "type": " Restored "},
        {"module": "Accounts", "id": company, "type": "permanent"},
        {"module": 7, "id": people[2]},
        {"module": "Contacts", "id": "x"},
        {"module": "Contacts", "id": None, "type": "recycle"},
    ]

    run = target(
        [ENTRIES, *records("deleted_records", sent)],
        streams={"deleted_records": {"operation": "delete", "allow_mass_delete": True, "ids": "bigin"}},
        max_rejects=3,
    )

    assert run.error is None
    assert run.outcomes("deleted_records") == {"deleted": 3, "unchanged": 1, "invalid": 3}
    assert [(each["code"], each["record"]) for each in run.rejects] == [
        ("NOT_AN_ID", each) for each in sent[4:]
    ]
    assert run.said("restored, so nothing to delete: 1")
    assert {people[0], company}.isdisjoint(ids(sandbox) + ids(sandbox, "Accounts"))
    assert set(people[1:3]) <= set(ids(sandbox))


def test_an_entry_of_another_organisation_means_what_was_copied(sandbox, target, tmp_path):
    """In its own module; where two records were made of it, nobody knows which is meant."""
    kept = tmp_path / "ids.jsonl"
    one, twice, other, company = (f"487600000000000000{n}" for n in range(4))
    people, companies = ids(sandbox), ids(sandbox, "Accounts")
    copies = IdMap(kept)
    copies.remember("people", "Contacts", one, people[0])
    copies.remember("companies", "Accounts", one, companies[0])
    copies.remember("people", "Contacts", twice, people[1])
    copies.remember("customers", "Contacts", twice, people[2])
    copies.remember("companies", "Accounts", other, companies[1])
    copies.close()
    sent = [{"module": "Contacts", "id": each} for each in (one, twice, other, company)]

    run = target(
        [ENTRIES, *records("deleted_records", sent)],
        streams={"deleted_records": {"allow_mass_delete": True, "ids": "source"}},
        deletes="delete",
        id_map_path=str(kept),
        max_rejects=1,
    )

    assert run.error is None
    assert run.outcomes("deleted_records") == {"deleted": 1, "unchanged": 2, "unmatched": 1}
    assert [(each["code"], each["record"]) for each in run.rejects] == [("SEVERAL_FOUND", sent[1])]
    assert run.said("deletions of records that were never copied: 2")
    assert set(people) - set(ids(sandbox)) == {people[0]}
    left = IdMap(kept, read_only=True)
    assert [len(left.find(each)) for each in (one, twice, other)] == [1, 2, 1]
    assert left.find(one, module="Accounts")
