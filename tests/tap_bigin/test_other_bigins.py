"""Bigins that answer otherwise than the sandbox, within what is known of Bigin: nothing may be lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds, run_tap

CONTACTS = {"modules": ["Contacts"]}


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox with short pages, behind a proxy that as yet changes nothing."""
    sandbox.settings(most_per_page=10)
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


def test_module_that_cannot_be_counted_is_read_all_the_same(sandbox: Sandbox, other: OtherBigin) -> None:
    """The count only plans, and needs scopes of its own: no record depends on it."""
    other.answering(
        "/Contacts/actions/count", lambda _: Rewritten.of({"code": "INTERNAL_ERROR", "status": "error"}, 500)
    )
    other.rewrite("/Accounts/actions/count", lambda _, body: body.update(count=None))

    run = run_tap(other, modules=["Contacts", "Accounts"], max_retries=0)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert_holds(sandbox, "Accounts", run.latest("Accounts"))


def test_related_list_is_read_where_parents_cannot_be_counted(sandbox: Sandbox, other: OtherBigin) -> None:
    """Counting needs a scope that reading does not."""
    other.refuse("/.*/actions/count", 401, "OAUTH_SCOPE_MISMATCH")

    usual = run_tap(sandbox, modules=["Contacts"], related_lists=["Contacts.Emails"])
    run = run_tap(other, modules=["Contacts"], related_lists=["Contacts.Emails"])

    assert run.ids("contacts_emails") == usual.ids("contacts_emails") != []


def test_list_that_promises_more_for_ever_ends_at_its_first_empty_page(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """A run that never ends spends the credits of the day."""

    def promise(_: Asked, body: Any) -> None:
        info = body["info"]
        if not info["more_records"]:
            info.update(more_records=True, next_page_token="e" * 256)

    nothing = {"data": [], "info": {"per_page": 200, "count": 0, "more_records": False}}
    is_empty = {"e" * 256}
    other.answering(
        "/Contacts",
        lambda asked: Rewritten.of(nothing) if asked.query.get("page_token") in is_empty else None,
    )
    other.rewrite("/Contacts|/users|/Contacts/deleted", promise)

    run = run_tap(other, deadline=30, **CONTACTS)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


def test_fewer_ids_a_call_are_asked_for_by_halves(sandbox: Sandbox, other: OtherBigin) -> None:
    """How many ids a call takes is not documented: what is read by id must not depend on a guess."""
    sandbox.create("Contacts", Last_Name="Last")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 120, "data": {"Last_Name": "Person {n}"}})
    limit = {"code": "LIMIT_EXCEEDED", "details": {"limit": 50}, "message": "too many", "status": "error"}
    other.answering(
        "/Contacts",
        lambda asked: Rewritten.of(limit, 400) if asked.query.get("ids", "").count(",") >= 50 else None,
    )
    # No token is any good, and by number no more than one page: the rest is read by key.
    other.answering(
        "/Contacts",
        lambda asked: (
            Rewritten.of({"code": "EXPIRED_VALUE", "details": {}, "status": "error"}, 400)
            if "page_token" in asked.query or asked.query.get("page", "1") != "1"
            else None
        ),
    )

    run = run_tap(other, **CONTACTS)

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
