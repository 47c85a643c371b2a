"""A field that is selected later is filled for all records, not for those alone that change from then on."""

from __future__ import annotations

from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import discover, run_tap, select, select_fields

HERE: dict[str, Any] = {"modules": ["Contacts"]}


@pytest.fixture
def wide(sandbox: Sandbox) -> dict[str, Any]:
    """A catalog with everything of contacts, which are an hour old."""
    catalog = select(discover(sandbox, **HERE), "Contacts")
    sandbox.clock(advance=3_600)
    sandbox.forget_tokens()
    return catalog


@pytest.fixture
def narrow(sandbox: Sandbox) -> dict[str, Any]:
    """The same without their phones."""
    catalog = select(discover(sandbox, **HERE), "Contacts")
    for entry in catalog["streams"][0]["metadata"]:
        if entry["breadcrumb"][-1:] == ["Phone"]:
            entry["metadata"]["selected"] = False
    return catalog


def _later(sandbox: Sandbox) -> None:
    sandbox.clock(advance=600)
    sandbox.forget_tokens()


def _ids(sandbox: Sandbox) -> list[str]:
    return [each["id"] for each in sandbox.dump("Contacts")]


def test_a_field_that_is_selected_later_is_read_of_all_records(
    sandbox: Sandbox, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    """The bookmark stands for the fields that were read with it."""
    sandbox.mutate({"op": "edit", "module": "Contacts", "ids": _ids(sandbox), "data": {"Phone": "+47 1"}})
    _later(sandbox)
    first = run_tap(sandbox, catalog=narrow, **HERE)
    _later(sandbox)

    second = run_tap(sandbox, catalog=wide, state=first.state, **HERE)
    _later(sandbox)
    third = run_tap(sandbox, catalog=wide, state=second.state, **HERE)

    assert "Phone" not in first.schemas["Contacts"]["schema"]["properties"]
    assert {each["Phone"] for each in second.latest("Contacts").values()} == {"+47 1"}
    assert second.latest("Contacts").keys() == set(_ids(sandbox))
    assert second.said("Phone: selected since, so everything is read once, ")
    assert third.ids("Contacts") == []


def test_a_field_that_is_no_longer_selected_makes_nothing_due(
    sandbox: Sandbox, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    """Less is asked for: what was read is read."""
    first = run_tap(sandbox, catalog=wide, **HERE)
    _later(sandbox)

    assert run_tap(sandbox, catalog=narrow, state=first.state, **HERE).ids("Contacts") == []


def test_without_backfill_it_is_a_warning(
    sandbox: Sandbox, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    """Who knows that the field is empty need not pay."""
    first = run_tap(sandbox, catalog=narrow, **HERE)
    _later(sandbox)

    second = run_tap(sandbox, catalog=wide, state=first.state, backfill=False, **HERE)

    assert second.ids("Contacts") == []
    assert second.said("Phone: selected since, and null until a record changes")

    _later(sandbox)
    third = run_tap(sandbox, catalog=wide, state=second.state, **HERE)

    assert third.latest("Contacts").keys() == set(
        _ids(sandbox)
    )  # who changes their mind gets it all the same


def test_a_field_of_a_related_list_that_is_selected_later_is_read_of_all_its_records(
    sandbox: Sandbox,
) -> None:
    """Notes of contacts come from one list, by a bookmark."""
    chosen: dict[str, Any] = {"modules": ["Contacts"], "related_lists": ["Contacts.Notes"]}
    catalog = select(discover(sandbox, **chosen), "contacts_notes")
    select_fields(catalog, "contacts_notes", "Note_Title", "Modified_Time")
    first = run_tap(sandbox, catalog=catalog, **chosen)
    _later(sandbox)
    select_fields(catalog, "contacts_notes", "Note_Title", "Note_Content", "Modified_Time")

    second = run_tap(sandbox, catalog=catalog, state=first.state, **chosen)

    assert second.ids("contacts_notes") == first.ids("contacts_notes")
    assert all(each["Note_Content"] for each in second.records["contacts_notes"])


def test_a_reading_for_a_new_field_that_is_cut_off_goes_on(
    sandbox: Sandbox, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    """A run that is killed in the middle of it leaves no record without the field."""
    sandbox.mutate({"op": "edit", "module": "Contacts", "ids": _ids(sandbox), "data": {"Phone": "+47 1"}})
    first = run_tap(sandbox, catalog=narrow, **HERE)
    _later(sandbox)
    sandbox.settings(most_per_page=5)
    cut = run_tap(sandbox, catalog=wide, state=first.state, credit_budget=9, deleted_records="none", **HERE)
    assert "pass" in cut.state["bookmarks"]["Contacts"]

    whole = run_tap(sandbox, catalog=wide, state=cut.state, deleted_records="none", **HERE)

    read = {**cut.latest("Contacts"), **whole.latest("Contacts")}
    assert {each["Phone"] for each in read.values()} == {"+47 1"}
    assert read.keys() == set(_ids(sandbox))
    assert len(whole.ids("Contacts")) < len(read)


def test_a_state_of_before_makes_nothing_due(sandbox: Sandbox, wide: dict[str, Any]) -> None:
    """It does not say which fields were read: taken for those that are read now."""
    first = run_tap(sandbox, catalog=wide, **HERE)
    del first.state["bookmarks"]["Contacts"]["fields"]
    _later(sandbox)

    second = run_tap(sandbox, catalog=wide, state=first.state, **HERE)

    assert second.ids("Contacts") == []
    assert "fields" in second.state["bookmarks"]["Contacts"]
