"""Which module a stream means, and which field a property means."""

from __future__ import annotations

import pytest

from bigin_api.models import Field, Module
from target_bigin.schema.fields import Dropped, FieldMatch, find_module, folded, why_unwritable

MODULES = [
    Module(
        "Accounts",
        module_name="Accounts",
        singular_label="Company",
        plural_label="Companies",
        api_supported=True,
    ),
    Module(
        "Pipelines", module_name="Potentials", singular_label="Deal", plural_label="Deals", api_supported=True
    ),
    Module("Projects", plural_label="Projects"),
    Module("Rows", generated_type="subform", parent_module="Pipelines", api_supported=True),
    Module("One_A", plural_label="Same", api_supported=True),
    Module("One_B", plural_label="Same", api_supported=True),
]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Accounts", "Accounts"),
        ("accounts", "Accounts"),
        ("companies", "Accounts"),
        ("Deals", "Pipelines"),
        ("one-a", "One_A"),
        ("Same", None),
        ("contacts", None),
    ],
)
def test_a_stream_finds_its_module(name, found):
    """By api_name, else by what people call it, never by a guess between two."""
    module = find_module(name, MODULES)

    assert (module.api_name if module else None) == found


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Accounts", None),
        ("Nope", "has no module 'Nope'"),
        ("Projects", "not open"),
        ("Rows", "rows of Pipelines"),
    ],
)
def test_why_a_stream_goes_nowhere(name, says):
    """The reason stands in the reject log, for each record."""
    reason = why_unwritable(name, find_module(name, MODULES))

    assert reason is None if says is None else says in reason


def field(name, *, create=True, update=True, label="", data_type="text"):
    return Field(name, data_type, label=label or name, creatable=create, updatable=update)


FIELDS = {
    each.api_name: each
    for each in (
        field("Last_Name", label="Surname"),
        field("Account_Name", label="Company Name"),
        field("Created_Time", create=False, update=False),
        field("Once", update=False),
        field("Full_Name", data_type="formula"),
        field("A", label="Double"),
        field("B", label="Double"),
    )
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Last_Name", "Last_Name"),
        ("last_name", "Last_Name"),
        ("LAST NAME", "Last_Name"),
        ("surname", "Last_Name"),
        ("company-name", "Account_Name"),
        ("_sdc_batched_at", None),
        ("Nope", "unknown"),
        ("double", "unknown"),
        ("Created_Time", "read-only"),
        ("Full_Name", "computed or a file"),
    ],
)
def test_a_property_finds_its_field(name, expected):
    """As Bigin calls it, as people call it, in any case: CSV readers like to lower it."""
    found = FieldMatch(FIELDS, operation="upsert").field(name)

    if isinstance(found, Dropped):
        assert found.reason == expected
    else:
        assert (found.api_name if found else None) == expected


def test_two_properties_do_not_share_a_field():
    """The one with the exact name wins, whichever comes first; the other is named as dropped."""
    match = FieldMatch(FIELDS, operation="upsert", exact=["surname", "Last_Name"])

    assert isinstance(match.field("surname"), Dropped)
    assert match.field("Last_Name").api_name == "Last_Name"
    assert match.matched == {"Last_Name": "Last_Name"}


@pytest.mark.parametrize(("operation", "taken"), [("insert", True), ("upsert", True), ("update", False)])
def test_what_only_an_insert_takes_is_dropped_from_an_update(operation, taken):
    """Bigin would drop it without a word."""
    assert isinstance(FieldMatch(FIELDS, operation=operation).field("Once"), Field) == taken


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("電話1", "住所1"),
        ("Grüße", "Größe"),
        ("Maße", "Masse"),
        ("ป่า", "ป้า"),  # one letter, two tones
        ("किला", "कला"),
        ("Rating 👍", "Rating 👎"),
        ("👍", "👎"),
        ("C#", "C++"),
        ("Price ($)", "Price (%)"),
        ("Резюме", "Резюмё"),
        ("Ref\uff11", "Ref1"),
    ],
)
def test_names_differ_by_their_letters_in_any_script(first, second):
    """Two columns that share their digits alone were written into one field."""
    assert folded(first) != folded(second)
    assert folded(f" {first}") == folded(first)
