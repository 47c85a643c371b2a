"""What becomes of a record as it is read: what Bigin shall get, by what it is known, and why it is refused."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from bigin_api.models import Field, Layout, LayoutField, PickListValue
from target_bigin.files.id_map import source_key
from target_bigin.records.account import Account
from target_bigin.records.record import Record, Reject, Spoiled, Unresolved
from target_bigin.schema.conversion import Conversion
from target_bigin.schema.deletion import is_deletion
from target_bigin.schema.fields import FieldMatch
from target_bigin.schema.keys import KeyPlan
from target_bigin.settings import LookupSettings, StreamSettings

OWN, FOREIGN = "6100000000000000007", "4876000000000000007"
GONE = {"_sdc_deleted_at": "2026-05-14T00:00:00Z"}
FIELDS = {
    name: Field(name, kind, length=length, creatable=True, updatable=True, mandatory=name == "Last_Name")
    for name, kind, length in (
        ("Last_Name", "text", 8),
        ("Email", "email", None),
        ("Phone", "phone", None),
        ("Seats", "integer", None),
        ("Title", "text", 8),
        ("Owner", "ownerlookup", None),
        ("Account_Name", "lookup", None),
        ("Lines", "subform", None),
        ("Recurring_Activity", "RRULE", None),
        ("Tag", "text", None),
    )
} | {
    "Created_Time": Field("Created_Time", "datetime"),
    "Rating": Field(
        "Rating",
        "picklist",
        updatable=True,
        creatable=True,
        pick_list_values=(PickListValue("Good", "Good"),),
    ),
}
BY_EMAIL = KeyPlan("check", ("Email",), ("Email", "Phone"))
EITHER = KeyPlan("find", ("Email", "Phone"), ("Email",))
BOTH = KeyPlan("find", ("Last_Name", "Seats"), ("Email",), all_of=True)
BY_ID, INSERT = KeyPlan("id", unique=("Email",)), KeyPlan("none", unique=("Email",))
MAPPED = KeyPlan("check", ("Email",), ("Email",), has_map=True)
BY_MAP = KeyPlan("map", has_map=True)


class Filling:
    """A stream of contacts that converts records."""

    def __init__(self, key=BY_EMAIL, *, null_values="skip", checks=(), keyed_by="no", **settings):
        self.account = Account("people", "Contacts")
        context = SimpleNamespace(
            settings=StreamSettings("Contacts", **{"ids": "bigin", **settings}),
            fields=FIELDS,
            account=self.account,
            run=SimpleNamespace(
                client=SimpleNamespace(server_time=None), settings=SimpleNamespace(null_values=null_values)
            ),
            layouts=(
                Layout("1", "Standard", fields=(LayoutField("Phone", required=True), LayoutField("Title"))),
            ),
            source_key=lambda raw: source_key(raw, [keyed_by]),
        )
        match = FieldMatch(FIELDS, operation=context.settings.operation)
        self.conversion = Conversion(context, key, match, checks=checks)

    def fill(self, **raw):
        record = Record(1, "people", raw)
        self.conversion.fill(record)
        return record


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        ({"last name": "Ek", "Seats": "7.0"}, {"Last_Name": "Ek", "Seats": 7}),
        ({"Last_Name": "12345678", "Title": "  "}, {"Last_Name": "12345678"}),
        ({"Last_Name": "Ek", "Title": None, "Seats": ""}, {"Last_Name": "Ek"}),
        (
            {"Last_Name": "Ek", "$append_values": {"Tag": True}},
            {"Last_Name": "Ek", "$append_values": {"Tag": True}},
        ),
        (
            {"Last_Name": "Ek", "id": "", "Id": None, "_sdc_x": 1, "Created_Time": "x", "Nope": 1},
            {"Last_Name": "Ek"},
        ),
        ({"Last_Name": "Ek", "Account_Name": {"id": OWN}}, {"Last_Name": "Ek", "Account_Name": {"id": OWN}}),
    ],
)
def test_what_bigin_shall_get(raw, body):
    """Each property in the form of its field; what says nothing is not sent."""
    assert Filling().fill(Email="a@b.se", **raw).body == {"Email": "a@b.se", **body}


def test_nulls_are_written_where_that_is_asked_for_and_bigin_takes_them():
    """Nothing mandatory is cleared, by the system's word or a layout's, and nobody's owner."""
    raw = dict.fromkeys(("Last_Name", "Phone", "Title", "Seats", "Owner", "Tag", "Account_Name"))
    cleared = {"Title": None, "Seats": None, "Tag": [], "Account_Name": None}

    assert Filling(null_values="write").fill(Email="a@b.se", **raw).body == {"Email": "a@b.se", **cleared}
    assert Filling().fill(Email="a@b.se", **raw).body == {"Email": "a@b.se"}


@pytest.mark.parametrize(
    ("more", "raw", "expected"),
    [
        ({}, {"Title": "much too long"}, ("invalid", "TOO_LONG", "Title")),
        ({"truncate": True}, {"Title": "much too long"}, "much too"),
        ({"truncate": True}, {"Email": "x" * 9, "Title": "a"}, "a"),
        ({}, {"Account_Name": "ACME"}, ("invalid", "NOT_AN_ID", "Account_Name")),
        ({}, {"title": "much too long"}, ("invalid", "TOO_LONG", "Title")),
        ({}, {"_sdc_deleted_at": "maybe"}, ("invalid", "INVALID_VALUE", "_sdc_deleted_at")),
        ({}, {"id": "7"}, ("invalid", "NOT_AN_ID", "id")),
        ({}, {"Email": None, "Title": "x"}, ("invalid", "KEY_MISSING", "Email")),
    ],
)
def test_a_value_that_bigin_does_not_take_is_refused_by_its_field(more, raw, expected):
    """Or brought to what it takes, where that is asked for."""
    filling = Filling(**more)
    try:
        got = filling.fill(**{"Email": "a@b.se", **raw}).body["Title"]
    except Reject as reject:
        got = (reject.kind, reject.code, reject.field)

    assert got == expected


def test_what_is_looked_up_is_left_to_the_lookups():
    """The stream says how, or its ids are another organisation's."""
    by_name = {"Account_Name": LookupSettings(match_on="Account_Name")}

    assert Filling(lookups=by_name).fill(Email="a", Account_Name="ACME").body["Account_Name"] == Unresolved(
        "ACME"
    )
    copied = Filling(MAPPED, ids="source", keyed_by="id").fill(id="7", Email="a", Account_Name={"id": OWN})
    assert copied.body["Account_Name"] == Unresolved({"id": OWN})


@pytest.mark.parametrize(
    ("key", "settings", "raw", "expected"),
    [
        (BY_EMAIL, {}, {"Email": " A@b.se "}, ("upsert", None, (("Email", "a@b.se"),))),
        (BY_EMAIL, {}, {"Email": "a", "Phone": "1"}, ("upsert", None, (("Email", "a"), ("Phone", "1")))),
        (BY_EMAIL, {}, {"Id": OWN, "Email": "a"}, ("update", OWN, (("id", OWN), ("Email", "a")))),
        (BY_EMAIL, {}, {"id": int(OWN), "Last_Name": "a"}, ("update", OWN, (("id", OWN),))),
        (BY_EMAIL, {}, {"id": OWN, "Email": "a", **GONE}, ("delete", OWN, (("id", OWN), ("Email", "a")))),
        (BY_EMAIL, {}, {"Email": "a", "Phone": "1", **GONE}, ("delete", None, (("Email", "a"),))),
        (EITHER, {}, {"Phone": "1", "Email": None}, ("upsert", None, (("Phone", "1"),))),
        (
            BOTH,
            {},
            {"Last_Name": "Ek", "Seats": "07"},
            ("upsert", None, (("Last_Name", "ek"), ("Seats", "7"))),
        ),
        (BY_ID, {"operation": "update"}, {"id": OWN, "Title": "x"}, ("update", OWN, (("id", OWN),))),
        (BY_ID, {"operation": "delete"}, {"id": OWN, "Title": "x"}, ("delete", OWN, (("id", OWN),))),
        (INSERT, {"operation": "insert"}, {"Last_Name": "Ek"}, ("insert", None, ())),
        (INSERT, {"operation": "insert"}, {"Email": "a"}, ("insert", None, (("Email", "a"),))),
    ],
)
def test_by_what_a_record_is_known(key, settings, raw, expected):
    """Records that share one of these never travel side by side; an id says more than any field."""
    record = Filling(key, keyed_by="Email", **settings).fill(**raw)

    assert (record.operation, record.id, record.locks) == expected


@pytest.mark.parametrize(
    ("key", "raw", "expected"),
    [
        (MAPPED, {"id": "7", "Email": "a"}, ("upsert", None, (("Email", "a"), ("source", "7")))),
        (MAPPED, {"id": "7", "Last_Name": "Ek"}, ("insert", None, (("source", "7"),))),
        (MAPPED, {"id": "7", "Last_Name": "Ek", **GONE}, ("delete", None, (("source", "7"),))),
        (BY_MAP, {"id": "7", "Last_Name": "Ek"}, ("insert", None, (("source", "7"),))),
        (
            BY_EMAIL,
            {"id": "7", "Last_Name": "Ek"},
            "no value in Email, by which the record is known in Bigin.",
        ),
        (MAPPED, {"Last_Name": "Ek"}, "no value in Email, by which the record is known in Bigin."),
    ],
)
def test_a_record_of_another_organisation_is_known_by_its_key_there(key, raw, expected):
    """Its id is no id of Bigin's; what has no other key is inserted, unless the id map knows it."""
    filling = Filling(key, ids="source", keyed_by="id")
    if isinstance(expected, str):
        with pytest.raises(Reject, match=expected):
            filling.fill(**raw)
    else:
        record = filling.fill(**raw)
        assert (record.operation, record.id, record.locks) == expected


@pytest.mark.parametrize(
    ("key", "message", "field"),
    [
        (EITHER, "no value in Email or Phone, by which the record is known in Bigin.", "Email"),
        (BOTH, "no value in Last_Name and Seats, by which the record is known in Bigin.", "Last_Name"),
        (BY_ID, "the record has no id, and its module no other key.", "id"),
    ],
)
def test_a_record_without_its_key_is_refused(key, message, field):
    """Bigin would insert it, at each run once more."""
    with pytest.raises(Reject) as refused:
        Filling(key).fill(Last_Name="Ek", Title="x")

    assert refused.value == Reject("invalid", "KEY_MISSING", message, field)


def test_of_a_deletion_nothing_but_the_key_is_looked_at():
    """The rest may be anything, for nothing of it is written."""
    record = Filling().fill(email="a", Title="much too long", Nope=1, **GONE)

    assert (record.operation, record.body, record.locks) == ("delete", {"Email": "a"}, (("Email", "a"),))


@pytest.mark.parametrize(
    ("raw", "mergeable", "alone"),
    [
        ({}, True, False),
        ({"Lines": [{"a": 1}]}, False, False),
        ({"$append_values": {"Tag": True}}, False, False),
        ({"Recurring_Activity": "FREQ=DAILY"}, True, True),
    ],
)
def test_what_may_not_stand_for_another_or_share_a_call(raw, mergeable, alone):
    """Rows are appended each time; what recurs is answered by several entries."""
    record = Filling().fill(Email="a", **raw)

    assert (record.mergeable, record.alone) == (mergeable, alone)


def test_a_record_without_anything_for_bigin_is_refused():
    """An empty update would count as written."""
    for raw in ({"Nope": 1, "id": OWN}, {"id": OWN}):
        with pytest.raises(Reject, match="no property is a field that takes a value") as refused:
            Filling().fill(**raw)
        assert refused.value.code == "NOTHING_TO_WRITE"


def test_the_body_is_checked_as_a_whole():
    """Where Bigin would refuse what does not fit together."""
    seen = []

    Filling(checks=[seen.append]).fill(Email="a", Title="x")

    assert seen == [{"Email": "a", "Title": "x"}]


def test_a_record_that_cannot_be_read_ends_by_that():
    """Whatever else it says: null stands for what was lost."""
    why = Reject("invalid", "UNREADABLE_VALUE", "no")

    with pytest.raises(Reject) as refused:
        Filling().conversion.fill(Record(1, "people", Spoiled({"Email": "a"}, why)))

    assert refused.value is why


def test_what_goes_nowhere_is_said_once_with_the_first_record(caplog):
    """What the schema names and what the record adds; what comes later is counted."""
    caplog.set_level(logging.INFO, "target-bigin")
    filling = Filling()
    filling.conversion.meet(dict.fromkeys(("Email", "Nope", "Created_Time")))
    assert caplog.messages == []

    filling.fill(Email="a", Nope=1, X=2)
    filling.fill(Email="b", Nope=1, Later=3, Title="x")

    takes_no = "people: dropped, for Contacts takes no such values: "
    assert caplog.messages == [
        f"{takes_no}Nope (unknown), X (unknown).",
        f"{takes_no}Created_Time (read-only).",
    ]
    assert filling.account.notes == {"dropped Later (unknown)": 1}
    filling.fill(Email="b", Later=3, **GONE)
    assert filling.account.notes == {"dropped Later (unknown)": 1}


def test_what_is_cut_or_unknown_is_told(caplog):
    """Each text that is cut is counted, each unknown choice told once; a key that is cut would be another."""
    filling = Filling(truncate=True)
    for title in ("much too long", "short", "too long again"):
        filling.fill(Email="a@b.se", Title=title, Rating="Odd")

    assert filling.account.notes == {"cut Title to its length": 2}
    assert caplog.messages == [
        "people: texts too long for Contacts.Title are cut.",
        "people: Contacts.Rating has no value 'Odd' in its list; it is stored as it is.",
    ]
    with pytest.raises(Reject) as refused:
        Filling(KeyPlan("find", ("Title",)), truncate=True).fill(Title="much too long")
    assert refused.value.code == "TOO_LONG"


@pytest.mark.parametrize(
    ("told", "server", "is_one"),
    [
        ("2000-01-01T00:00:00Z", None, True),
        ("1999-12-31T23:59:59Z", None, False),
        (1.9, None, True),
        (2.1, None, False),
        (2.1, 1, True),
        (3.1, 1, False),
        (1.9, -1, True),
    ],
)
def test_a_moment_of_deletion_lies_in_bigins_time(told, server, is_one):
    """What lies before Bigin, or days ahead of all clocks, stands for "never" in many a source."""
    now = datetime.now(timezone.utc)
    moment = told if isinstance(told, str) else (now + timedelta(days=told)).isoformat()
    client = SimpleNamespace(server_time=None if server is None else now + timedelta(days=server))
    if is_one:
        assert is_deletion({"_sdc_deleted_at": moment}, client)
    else:
        with pytest.raises(Reject, match="whether it is deleted cannot be told: nothing was deleted at"):
            is_deletion({"_sdc_deleted_at": moment}, client)


@pytest.mark.parametrize("told", [7, True, [1], {"a": 1}, "soon"])
def test_what_is_no_moment_is_no_deletion(told):
    """Nor is it none: what else could it mean?"""
    with pytest.raises(Reject) as refused:
        is_deletion({"_sdc_deleted_at": told}, SimpleNamespace(server_time=None))

    assert (refused.value.code, refused.value.field) == ("INVALID_VALUE", "_sdc_deleted_at")


@pytest.mark.parametrize("empty", ["", "  ", None, 0, False])
def test_no_moment_of_deletion_is_none(empty):
    """Loaders write what is not deleted in many ways."""
    assert not is_deletion({"_sdc_deleted_at": empty}, SimpleNamespace(server_time=None))
