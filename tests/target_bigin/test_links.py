"""What a record's links look for, and what stands in their place once it is found, or is not."""

from __future__ import annotations

from typing import Any

import pytest

from bigin_api import Field
from target_bigin.files.id_map import Target
from target_bigin.links.fields import relations_of
from target_bigin.links.references import PendingLink
from target_bigin.lookups.directory import Query
from target_bigin.records.record import Record, Reject, Unresolved
from target_bigin.settings import LookupSettings, StreamSettings

OWN, FOREIGN = "6100000000000000007", "4876000000000000007"
FOUND = Target("Pipelines", "9")
BY_NAME = LookupSettings(match_on="Account_Name", on_missing="null")
BY_CODE = LookupSettings(match_on="Code")
DEALS_BY_CODE = LookupSettings(match_on="Code", module="Pipelines")
OF_DEALS = LookupSettings(module="Pipelines")
NOBODY = LookupSettings()

COMPANY = Field("Account_Name", "lookup", lookup_module="Accounts")
OWNER = Field("Owner", "ownerlookup")
COLLEAGUE = Field("Second", "userlookup")
ABOUT = Field("What_Id", "lookup")
PARENT = Field("Parent_Id", "lookup")
MODULES = [{"api_name": "Deals"}, {"api_name": None}, {"api_name": "se_module"}]
LISTED = Field("What_Id", "lookup", raw={"multi_module_lookup": {"modules": MODULES}})


def looked_for(
    field: Field, value: Any, how: LookupSettings, *, ids: str = "bigin", **beside: Any
) -> tuple[list[PendingLink], dict[str, Any]]:
    """The links of a field with this value, and the record's body, with the words beside it."""
    name = field.api_name
    said = value.value if isinstance(value, Unresolved) else value
    record = Record(1, "s", {name: said, **beside}, {name: value, **beside})
    settings = StreamSettings("Tasks", ids=ids, lookups={name: how} if how is not NOBODY else {})
    (relation,) = relations_of({name: field, "Subject": Field("Subject")}, settings).values()
    return list(relation(record, value)), record.body


def by_field(value, field, *modules):
    return tuple(Query("field", value, (each,), field) for each in modules)


ANY = ("Accounts", "Pipelines", "Products")


DEALS_WORD = {"$se_module": "Deals"}
OF_COMPANIES = (Query("source", FOREIGN, ("Accounts",)),)


@pytest.mark.parametrize(
    ("field", "value", "how", "expected"),
    [
        (COMPANY, " ACME ", BY_NAME, (by_field("ACME", "Account_Name", "Accounts"), "ACME")),
        (COMPANY, OWN, BY_NAME, (by_field(OWN, "Account_Name", "Accounts"), OWN)),
        (COMPANY, {"id": "x", "name": "A"}, BY_NAME, (by_field("A", "Account_Name", "Accounts"), "A")),
        (COMPANY, {"id": OWN, "name": "A"}, BY_NAME, (by_field(OWN, "id", "Accounts"), "A")),
        (COMPANY, "J-1", DEALS_BY_CODE, (by_field("J-1", "Code", "Pipelines"), "J-1")),
        (OWNER, [], BY_CODE, ((Query("user", ""),), "")),
        (COLLEAGUE, " Ann Ek ", BY_CODE, ((Query("user", "Ann Ek"),), "Ann Ek")),
        (ABOUT, {"id": OWN}, NOBODY, (by_field(OWN, "id", *ANY), OWN)),
        (ABOUT, "J-1", BY_CODE, (by_field("J-1", "Code", *ANY), "J-1")),
        (LISTED, {"id": OWN}, NOBODY, (by_field(OWN, "id", "Pipelines"), OWN)),
        (PARENT, {"id": OWN}, NOBODY, (by_field(OWN, "id", "Contacts", *ANY), OWN)),
    ],
)
def test_what_a_value_looks_for(field, value, how, expected):
    """An id first where one is said, then what the settings say, in the modules that the field may lead to."""
    is_known = how is NOBODY  # the converters know an id of Bigin

    (link,), body = looked_for(field, value if is_known else Unresolved(value), how)

    assert (link.queries, link.shown) == expected
    assert (link.field, link.how, link.last_resort) == (field.api_name, how, ())
    assert link.must_be_there is (field is PARENT)
    assert body == {field.api_name: value if is_known else Unresolved(value)}


@pytest.mark.parametrize(
    ("field", "value", "how", "expected"),
    [
        (COMPANY, {"id": FOREIGN}, NOBODY, (OF_COMPANIES, (), FOREIGN)),
        (COMPANY, FOREIGN, NOBODY, (OF_COMPANIES, (), FOREIGN)),
        (COMPANY, FOREIGN, OF_DEALS, ((Query("source", FOREIGN, ("Pipelines",)),), (), FOREIGN)),
        (
            COMPANY,
            {"id": FOREIGN, "name": "A"},
            BY_NAME,
            (OF_COMPANIES, by_field("A", "Account_Name", "Accounts"), "A"),
        ),
        (COMPANY, "A", BY_NAME, (by_field("A", "Account_Name", "Accounts"), (), "A")),
        (OWNER, {"id": "1", "email": "a@b.se"}, NOBODY, ((Query("user", "a@b.se"),), (), "a@b.se")),
        (ABOUT, FOREIGN, NOBODY, ((Query("source", FOREIGN),), (), FOREIGN)),
        (ABOUT, {"id": FOREIGN, "module": {"api_name": "Accounts"}}, NOBODY, (OF_COMPANIES, (), FOREIGN)),
    ],
)
def test_what_an_id_of_another_organisation_looks_for(field, value, how, expected):
    """The record that it became here; what else is said of it once it is clear that none comes."""
    (link,), _ = looked_for(field, Unresolved(value), how, ids="source")

    assert (link.queries, link.last_resort, link.shown) == expected


@pytest.mark.parametrize("field", [COMPANY, OWNER, COLLEAGUE])
def test_an_id_that_is_known_is_not_looked_for(field):
    """The converters have put it in its place."""
    assert looked_for(field, {"id": OWN}, NOBODY) == ([], {field.api_name: {"id": OWN}})


def test_a_module_that_is_set_counts_more_than_the_one_beside_a_link():
    """Whoever sets it knows the source, in which the word may be anything."""
    (link,), _ = looked_for(ABOUT, Unresolved("J-1"), DEALS_BY_CODE, **{"$se_module": "Accounts"})

    assert link.queries == by_field("J-1", "Code", "Pipelines")


def test_the_module_inside_a_link_counts_more_than_the_one_beside_it():
    """And a word that means any module counts for nothing."""
    for inside, found in (
        ({"api_name": "Accounts"}, "Accounts"),
        ("se_module", "Pipelines"),
        (None, "Pipelines"),
    ):
        (link,), body = looked_for(
            ABOUT, Unresolved({"id": FOREIGN, "module": inside}), NOBODY, ids="source", **DEALS_WORD
        )
        assert link.queries == (Query("source", FOREIGN, (found,)),)
        assert list(body) == ["What_Id"]  # the word is said anew, with what is found


@pytest.mark.parametrize(
    ("field", "found", "missing"),
    [
        (COMPANY, {"Account_Name": {"id": "9"}}, {"Account_Name": None}),
        (OWNER, {"Owner": {"id": "9"}}, {}),
        (COLLEAGUE, {"Second": {"id": "9"}}, {"Second": None}),
        (ABOUT, {"What_Id": {"id": "9"}, "$se_module": "Deals"}, {"What_Id": None}),
        (PARENT, {"Parent_Id": {"module": {"api_name": "Pipelines"}, "id": "9"}}, None),
    ],
)
def test_what_stands_in_the_place_of_a_link(field, found, missing):
    """The form that a write takes; a record always has an owner, and a note a parent."""
    for target, expected in ((FOUND, found), (None, missing)):
        (link,), body = looked_for(field, Unresolved(FOREIGN), NOBODY, ids="source")
        link.put(target)
        assert body == (expected if expected is not None else {field.api_name: Unresolved(FOREIGN)})


@pytest.mark.parametrize(("field", "word"), [(ABOUT, "Pipelines"), (PARENT, {"api_name": "Deals"})])
@pytest.mark.parametrize("said_by", ["$se_module", "se_module", "$related_module", "inside"])
def test_an_id_with_its_module_is_not_looked_for(field, word, said_by):
    """It says all, so it costs no question."""
    inside = {"module": word} if said_by == "inside" else {}
    beside = {} if inside else {said_by: word}

    links, body = looked_for(field, {"id": OWN, **inside}, NOBODY, **beside)

    assert links == []
    assert body == (
        {"What_Id": {"id": OWN}, "$se_module": "Deals"}
        if field is ABOUT
        else {"Parent_Id": {"module": {"api_name": "Pipelines"}, "id": OWN}}
    )


@pytest.mark.parametrize(
    ("value", "how", "ids"),
    [({"id": "ACME"}, BY_NAME, "bigin"), (True, NOBODY, "source")],
)
def test_a_value_that_can_mean_no_record_is_refused(value, how, ids):
    """Nothing that comes one day could be meant."""
    with pytest.raises(Reject, match="is not the id of a record"):
        looked_for(COMPANY, Unresolved(value), how, ids=ids)


def test_those_who_take_part_are_found_each_by_what_tells_them():
    """Contacts by the id map, users by their e-mail, or as they are named; a guest is an answer of his own."""
    said = [
        {"type": "contact", "participant": "1"},
        {"type": "user", "participant": 2, "Email": "ann@b.se"},
        {"type": "user", "participant": "3", "email": "eva@b.se"},
        {"type": "user", "participant": "4"},
        {"type": "email", "participant": "5"},
        "no object",
    ]
    kept = [{"type": each["type"], "participant": str(each["participant"])} for each in said[:5]]
    field, settings = Field("Participants", "text"), StreamSettings("Events", ids="source")
    record = Record(1, "Events", {"Participants": said}, {"Participants": kept})
    (relation,) = relations_of({"Participants": field}, settings).values()

    links = list(relation(record, kept))
    first, second, *_ = links
    first.put(Target("Contacts", "11"))
    second.put(None)

    assert [(link.field, *link.queries, link.shown) for link in links] == [
        ("Participants", Query("source", "1", ("Contacts",)), "1"),
        ("Participants", Query("user", "ann@b.se"), "ann@b.se"),
        ("Participants", Query("user", "eva@b.se"), "eva@b.se"),
        ("Participants", Query("user", "4"), "4"),
    ]
    assert record.body == {"Participants": [*kept[2:], {"type": "contact", "participant": "11"}]}
    (own,) = relations_of({"Participants": field}, StreamSettings("Events")).values()
    assert list(own(record, kept)) == []
