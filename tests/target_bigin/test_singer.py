"""Singer's own rules: the SDK's suite for targets, schemas that change, versions, words of the protocol."""

from __future__ import annotations

import json

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from support.target import record, records, schema, settings_of, state

from target_bigin.target import TargetBigin

MANY = 1_000_000

Suite = get_target_test_class(TargetBigin, config={})

STREAMS = [
    "test_array_data",
    "TestCamelcaseComplexSchema",
    "TestCamelcase",
    "test_duplicate_records",
    "test_strings",
    "test_strings_in_objects",
    "test_strings_in_arrays",
    "test_no_pk",
    "test_optional_attributes",
    "test_record_missing_key_property",
    "test_schema_no_properties",
    "test_object_schema_with_properties",
    "test_object_schema_no_properties",
    "test_schema_updates",
    "test_pk_updates",
    "test_record_missing_fields",
    "test:SpecialChars!in?attributes",
]


class _ClosingRunner(TargetTestRunner):
    """The SDK's runner leaves its input file open."""

    def sync_all(self, **options):
        try:
            super().sync_all(**options)
        finally:
            if self._input is not None:
                self._input.close()


class TestStreamsThatGoNowhere(Suite):
    """A module that Bigin does not have is a reason to reject records, not to die."""

    @pytest.fixture
    def runner(self, sandbox, tmp_path):
        config = settings_of(sandbox, tmp_path, max_rejects=MANY)
        return _ClosingRunner(TargetBigin, config=config)


class TestStreamsThatGoToAModule(Suite):
    """Whatever a stream looks like, its records are written or rejected."""

    @pytest.fixture
    def runner(self, sandbox, tmp_path):
        everywhere = {
            name: {"module": "Contacts", "operation": "insert", "ids": "source"} for name in STREAMS
        }
        config = settings_of(sandbox, tmp_path, max_rejects=MANY, streams=everywhere)
        return _ClosingRunner(TargetBigin, config=config)


def test_a_schema_that_changes_keeps_the_order(sandbox, target):
    """A column appears in the middle of a stream: records before it must not be written after those behind it."""
    before = [
        schema("Contacts", "Last_Name", key=["Email"]),
        record("Contacts", Email="a@b.se", Last_Name="Old"),
    ]
    after = [
        schema("Contacts", "Last_Name", "Title", key=["Email"]),
        record("Contacts", Email="a@b.se", Last_Name="New", Title="CEO"),
    ]

    run = target([*before, *after, state("end")])

    assert run.states == ["end"]
    (ann,) = [each for each in sandbox.dump("Contacts") if each["Email"] == "a@b.se"]
    assert (ann["Last_Name"], ann["Title"]) == ("New", "CEO")


def test_a_key_that_changes_is_followed(sandbox, target):
    """The key belongs to the schema: what comes after is known by the new one."""
    unique = {"unique": {"casesensitive": "0"}}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Phone", "data": unique})
    ek = sandbox.create("Contacts", Last_Name="Ek", Phone="+46 7")
    messages = [
        schema("Contacts", "Last_Name", key=["Email"]),
        record("Contacts", Email="a@b.se", Last_Name="Berg"),
        schema("Contacts", "Last_Name", key=["Phone"]),
        record("Contacts", Phone="+46 7", Last_Name="Ekman"),
    ]

    run = target(messages)

    assert run.outcomes("Contacts") == {"inserted": 1, "updated": 1}
    assert [each["Last_Name"] for each in sandbox.dump("Contacts") if each["id"] == ek] == ["Ekman"]


def test_stream_maps_work(sandbox, target):
    """Renaming in the config is the SDK's, and people expect it."""
    maps = {
        "people": {"Last_Name": "name.upper()", "Email": "mail", "__else__": None, "__alias__": "Contacts"}
    }
    people = schema("people", "name", "mail")
    people["schema"]["properties"] = {"name": {"type": "string"}, "mail": {"type": "string"}}

    run = target([people, record("people", name="Ek", mail="ek@b.se")], stream_maps=maps)

    assert run.error is None
    assert [each["Last_Name"] for each in sandbox.dump("Contacts") if each["Email"] == "ek@b.se"] == ["EK"]


def test_several_streams_report_each_for_itself(sandbox, target):
    """A person sees at a glance which stream has a problem, and what it cost."""
    rows = [{"Account_Name": f"Acme {n}"} for n in range(25)]
    people = [{"Email": f"p{n}@b.se", "Last_Name": "P"} for n in range(3)]

    run = target(
        [
            schema("Accounts", key=["Account_Name"]),
            schema("Contacts", "Last_Name", key=["Email"]),
            *records("Accounts", rows),
            *records("Contacts", people),
            record("Contacts", Email="no address", Last_Name="X"),
        ],
        max_rejects=1,
    )

    (accounts,) = run.said("Accounts → Accounts")
    (contacts,) = run.said("Contacts → Contacts")
    assert "read 25, inserted 25, updated 0, unchanged 0, rejected 0" in accounts
    assert "read 4, inserted 3, updated 0, unchanged 0, rejected 1" in contacts
    (example,) = run.said("INVALID_DATA Email, first in record 29")
    assert "1 rejected" in example
    assert run.said("Run: ")


def test_about_lists_every_setting(capsys):
    """`--about` is where people look first."""
    TargetBigin.print_about(output_format="json")

    about = json.loads(capsys.readouterr().out)
    settings = about["settings"]["properties"]
    assert about["name"] == "target-bigin"
    assert {"streams", "max_rejects", "journal_path", "client_id", "stream_maps"} <= settings.keys()
    assert not {"load_method", "batch_size_rows", "validate_records", "add_record_metadata"} & settings.keys()
    assert all(setting.get("description") for name, setting in settings.items())
