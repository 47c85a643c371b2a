"""What is asked beside the records costs none of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.answer_faults import run
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds, discover, select


@pytest.mark.parametrize(
    "answer", [Rewritten(500, b""), Rewritten(200, b"<"), Rewritten(200, b"[]")], ids=range(3)
)
def test_a_list_of_deletions_that_fails_costs_no_record(
    sandbox: Sandbox, other: OtherBigin, answer: Rewritten
) -> None:
    """The module's own records are read, and those of the other modules' deletions; it is asked again."""
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": sandbox.dump("Contacts")[0]["id"]})
    account = sandbox.create("Accounts", Account_Name="Alder")
    sandbox.mutate({"op": "delete", "module": "Accounts", "id": account})
    other.answering("/Contacts/deleted", lambda _: answer)

    spoiled = run(other, modules=["Contacts", "Accounts"])
    after = run(sandbox, modules=["Contacts", "Accounts"], state=spoiled.state)

    assert spoiled.code == 1
    assert "deleted_records: failed, the other streams are written" in spoiled.log[-1]
    assert_holds(sandbox, "Contacts", spoiled.latest("Contacts"))
    assert [each["module"] for each in spoiled.records["deleted_records"]] == ["Accounts"]
    assert "Contacts" in {each["module"] for each in after.records["deleted_records"]}


def test_a_401_that_is_not_bigins_costs_the_stream_that_met_it(sandbox: Sandbox, other: OtherBigin) -> None:
    """A gate between refuses one address; the credentials are as good as before."""
    other.answering("/Contacts", lambda _: Rewritten(401, b"<html>", {"Content-Type": "text/html"}))
    sandbox.create("Accounts", Account_Name="Alder")

    ended = run(other, modules=["Contacts", "Accounts"])

    assert ended.code == 1
    assert "Contacts: failed, the other streams are written" in ended.log[-1]
    assert_holds(sandbox, "Accounts", ended.latest("Accounts"))


@pytest.mark.parametrize("details", [{}, {"id": ["x"]}, {"id": "spoiled"}, []], ids=str)
def test_a_job_whose_id_is_not_told_is_no_job(sandbox: Sandbox, other: OtherBigin, details: Any) -> None:
    """It was noted in the state, and no later run came past it."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")

    def spoil(_: Asked, answer: Rewritten) -> None:
        body = json.loads(answer.body)
        body["data"][0]["details"] = details
        answer.body = json.dumps(body).encode()

    other.changing("/bigin/bulk/v2/read", spoil)

    spoiled = run(other, catalog=catalog, extraction_method="bulk")
    after = run(sandbox, catalog=catalog, extraction_method="bulk", state=spoiled.state)

    assert spoiled.code == 1
    assert "its id is not told" in spoiled.log[-1]
    assert after.code == 0
    assert_holds(sandbox, "Contacts", after.latest("Contacts"))


@pytest.mark.parametrize(
    "body", [b"", b"<", b'{"users": [null, {"full_name": "x"}, {"id": []}]}'], ids=range(3)
)
def test_a_job_is_read_where_the_users_are_not_told(sandbox: Sandbox, other: OtherBigin, body: bytes) -> None:
    """Their names are learnt from a record that has them."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    other.answering("/users", lambda _: Rewritten(200, body, {"Content-Type": "application/json"}))

    ended = run(other, catalog=catalog, extraction_method="bulk")

    assert ended.code == 0
    assert_holds(sandbox, "Contacts", ended.latest("Contacts"))
