"""Metadata that are spoiled cost the stream that needs them."""

from __future__ import annotations

from typing import Any

import pytest
from support.answer_faults import run
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import aged, assert_holds, discover, select


@pytest.mark.parametrize(
    "answer",
    [
        Rewritten(200, b""),
        Rewritten(200, b"<html>", {"Content-Type": "text/html"}),
        Rewritten(403, b"<html>", {"Content-Type": "text/html"}),
        Rewritten.of({"modules": None}),
        Rewritten.of({"modules": [None, "x", [], {"api_name": ["Contacts"], "api_supported": True}]}),
        Rewritten.of({"code": "INTERNAL_ERROR", "status": "error"}, 500),
    ],
    ids=range(6),
)
def test_a_catalog_is_read_where_the_list_of_modules_is_none(
    sandbox: Sandbox, other: OtherBigin, answer: Rewritten
) -> None:
    """Related lists and deletions need it; the records of the modules do not."""
    settings: dict[str, Any] = {"related_lists": ["Contacts.Emails", "Accounts.Notes"]}
    catalog = select(
        aged(discover(sandbox, modules=["Contacts", "Accounts"], **settings)),
        "Contacts",
        "contacts_emails",
        "users",
    )
    other.answering("/settings/modules", lambda _: answer)

    ended = run(other, modules=["Contacts", "Accounts"], catalog=catalog, **settings)

    assert ended.ids("users")
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
    assert not ended.said("Traceback")
    assert not ended.said("A fault of tap-bigin")


@pytest.mark.parametrize(
    ("path", "entries"),
    [
        ("/settings/(fields|related_lists|custom_views)", [None, "x", [], 7]),
        (
            "/settings/(fields|related_lists|custom_views)",
            [{"api_name": ["x"], "data_type": {}, "id": []}],
        ),
        ("/settings/fields", "x"),
        ("/settings/related_lists", "x"),
        ("/settings/custom_views", "x"),
    ],
    ids=range(5),
)
def test_entries_of_the_settings_that_are_none_cost_themselves(
    sandbox: Sandbox, other: OtherBigin, path: str, entries: Any
) -> None:
    """One of them was a fault of the whole run."""

    def spoil(asked: Asked, body: Any) -> None:
        if asked.query["module"] == "Accounts":
            name = asked.path.rpartition("/")[2]
            body[name] = [*body[name], *entries] if isinstance(entries, list) else entries

    other.rewrite(path, spoil)

    ended = run(other, modules=["Contacts", "Accounts"], related_lists=["*.Notes"])

    assert ended.code == (0 if isinstance(entries, list) or path.endswith("views") else 1)
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
    assert not ended.said("A fault of tap-bigin")


def test_keys_that_are_missing_in_the_settings_cost_their_row(sandbox: Sandbox, other: OtherBigin) -> None:
    """A row without its key is no row; the others are not dropped as if they were gone."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "users", "settings_modules")
    other.rewrite("/users", lambda _, body: body["users"].append({"full_name": "Nobody"}))
    other.rewrite("/settings/modules", lambda _, body: body["modules"].extend([None, {"api_name": None}]))

    ended = run(other, catalog=catalog)

    assert ended.code == 0
    ended.validate()
    assert ended.said("a row without its key was left out")
    assert not [
        each for each in ended.messages if each["type"] == "ACTIVATE_VERSION" and each["stream"] == "users"
    ]


def test_a_module_whose_description_is_lost_on_the_way_fails_alone(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """A connection that is reset there ended the whole run."""
    sandbox.create("Accounts", Account_Name="Alder")

    def cut(asked: Asked, answer: Rewritten) -> None:
        if asked.query["module"] == "Contacts":
            answer.cut_at = len(answer.body) // 2

    other.changing("/settings/fields", cut)

    ended = run(other, modules=["Contacts", "Accounts"])

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert_holds(sandbox, "Accounts", ended.latest("Accounts"))


def test_a_connection_that_breaks_at_the_only_module_costs_that_module(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """It was told as if nobody were there at all: the line named no stream, and no other one was read."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts", "users")

    def cut(_: Asked, answer: Rewritten) -> None:
        answer.cut_at = len(answer.body) // 2

    other.changing("/settings/fields", cut)

    ended = run(other, catalog=aged(catalog))

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert ended.ids("users")
