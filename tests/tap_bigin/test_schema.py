"""Every data type of Bigin, and those nobody has described: a schema that its values fit."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.tap import FORMATS

from bigin_api.models import Field, Module
from tap_bigin.discovery.definition import define_module, readable_modules
from tap_bigin.values.data_types import data_type_of
from tap_bigin.values.schema import record_schema

LINK = {"id": "6100000000000451001", "name": "Acme"}
OWNER = {**LINK, "email": "ann@example.org"}
TAGS = [{"name": "vip", "id": "6100000000000451002", "color_code": "#57B1FD"}]

TYPES = [
    ("text", "string", "Ann"),
    ("textarea", "string", "Two\nlines"),
    ("email", "string", "ann@example.org"),
    ("phone", "string", "+46 8 1"),
    ("website", "string", "example.org"),
    ("picklist", "string", "Hot"),
    ("autonumber", "string", "INV-0007"),
    ("bigint", "string", "1234567890123456789"),
    ("bigint", "jsonobject", LINK),
    ("integer", "integer", 42),
    ("double", "double", 19.99),
    ("double", "double", 20),
    ("currency", "double", 1e9),
    ("percent", "double", 12.5),
    ("boolean", "boolean", False),
    ("date", "string", "2026-04-09"),
    ("datetime", "string", "2026-04-09T11:05:00Z"),
    ("lookup", "jsonobject", LINK),
    ("ownerlookup", "jsonobject", OWNER),
    ("userlookup", "jsonobject", OWNER),
    ("multiselectpicklist", "jsonarray", ["A", "B"]),
    ("fileupload", "jsonarray", [{"file_Id": "x", "size": 3}]),
    ("imageupload", "jsonarray", [{"file_Id": "x"}]),
    ("profileimage", "string", "opaque"),
    ("text", "jsonarray", TAGS),
    ("RRULE", "jsonobject", {"RRULE": "FREQ=WEEKLY"}),
    ("multireminder", "jsonobject", {"ALARM": "FREQ=NONE"}),
    ("event_reminder", "string", "2026-04-09T11:05:00Z"),
    ("rollup_summary", "double", 12.5),
    ("hologram", "jsonobject", {"light": 1}),
    ("hologram", None, 7),
]


@pytest.mark.parametrize(("data_type", "json_type", "value"), TYPES)
def test_values_of_each_type_fit(data_type: str, json_type: str | None, value: Any) -> None:
    """A loader makes a column of the schema: a value that does not fit ends its run."""
    schema = record_schema("Contacts", [Field("F", data_type, json_type)]).to_json()
    validator = Draft202012Validator(schema, format_checker=FORMATS)

    assert validator.is_valid({"id": "7", "F": value})
    assert validator.is_valid({"id": "7", "F": None})


@pytest.mark.parametrize(
    ("returns", "value", "wrong"),
    [
        ("double", 1.5, "1.5"),
        ("currency", 2, "2"),
        ("boolean", True, "true"),
        ("string", "a", 1),
        ("date", "2026-04-09", "9 April"),
        ("datetime", "2026-04-09T11:05:00Z", "noon"),
    ],
)
def test_a_formula_has_the_type_that_it_returns(returns: str, value: Any, wrong: Any) -> None:
    """A formula's own data type says nothing of its values."""
    schema = record_schema("Contacts", [Field("F", "formula", formula_return_type=returns)]).to_json()
    validator = Draft202012Validator(schema, format_checker=FORMATS)

    assert validator.is_valid({"id": "7", "F": value})
    assert not validator.is_valid({"id": "7", "F": wrong})


def test_a_type_nobody_described_is_known_to_be_unknown() -> None:
    """A warning needs the name of the field and the type."""
    schema = record_schema("Contacts", [Field("Mood", "hologram", "jsonobject"), Field("Email", "email")])

    assert schema.unknown == {"Mood": "hologram"}
    assert not data_type_of("Contacts", Field("Mood", "hologram")).known


@pytest.mark.parametrize("data_type", ["subform", "multiselectlookup"])
def test_what_lists_do_not_give_cannot_be_selected(data_type: str) -> None:
    """It would be null in each record: related_lists gives it, record by record."""
    schema = record_schema("Pipelines", [Field("F", data_type, "jsonarray")])

    assert schema.unsupported == {"F"}


def test_flat_lookups_are_strings() -> None:
    """With `lookups: id` a link is its id."""
    fields = [Field("Account_Name", "lookup", "jsonobject"), Field("Owner", "ownerlookup", "jsonobject")]

    properties = record_schema("Contacts", fields, lookups="id").properties

    assert properties["Account_Name"]["type"] == properties["Owner"]["type"] == ["string", "null"]


def test_only_modules_whose_records_can_be_read_are_offered() -> None:
    """Invisible ones are readable; rows of other records are no records; globs choose."""
    modules = [
        Module("Contacts", api_supported=True),
        Module("Notes", api_supported=True, raw={"visible": False}),
        Module("Reports"),
        Module("Rows", api_supported=True, generated_type="subform"),
        Module("Links", api_supported=True, generated_type="linking"),
        Module("Custom1", api_supported=True, generated_type="custom"),
    ]

    assert [each.api_name for each in readable_modules(modules)] == ["Contacts", "Notes", "Custom1"]
    assert [each.api_name for each in readable_modules(modules, wanted=["C*"])] == ["Contacts", "Custom1"]


def test_a_module_without_modified_time_is_read_in_full() -> None:
    """There is nothing to read it incrementally by."""
    assert define_module(Module("X"), [Field("Name")]).replication_key is None
    assert define_module(Module("X"), [Field("Modified_Time", "datetime")]).replication_key == "Modified_Time"
