"""Changes that show late, clocks that are ahead, records that nobody has approved: none is lost."""

from __future__ import annotations

from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds, run_tap

HERE: dict[str, Any] = {"modules": ["Contacts"], "overlap_seconds": 60}


def _kept(*runs: Any) -> dict[str, Any]:
    return {record_id: record for run in runs for record_id, record in run.latest("Contacts").items()}


def _later(sandbox: Sandbox, seconds: int) -> None:
    sandbox.clock(advance=seconds)
    sandbox.forget_tokens()


def test_a_change_that_shows_ten_seconds_after_its_stamp_is_read(sandbox: Sandbox) -> None:
    """Stamped before the bookmark and seen after it: the overlap reads it, two seconds did not."""
    sandbox.settings(visibility_delay_seconds=10)
    sandbox.create("Contacts", Last_Name="Late")

    first = run_tap(sandbox, **HERE)
    _later(sandbox, 30)
    second = run_tap(sandbox, state=first.state, **HERE)

    assert "Late" not in [each["Last_Name"] for each in first.latest("Contacts").values()]
    assert_holds(sandbox, "Contacts", _kept(first, second))


def test_a_deletion_that_shows_late_is_told(sandbox: Sandbox) -> None:
    """The list of deletions has bookmarks of its own."""
    first = run_tap(sandbox, deleted_records="stream", **HERE)
    sandbox.settings(visibility_delay_seconds=10)
    gone = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})

    second = run_tap(sandbox, deleted_records="stream", state=first.state, **HERE)
    _later(sandbox, 30)
    third = run_tap(sandbox, deleted_records="stream", state=second.state, **HERE)

    assert gone in [*second.ids("deleted_records"), *third.ids("deleted_records")]


@pytest.mark.parametrize("ahead", [10, 3_600])
def test_a_date_that_was_ahead_loses_nothing(sandbox: Sandbox, ahead: int) -> None:
    """Within the overlap it does no harm; what is later than Bigin's clock is said and not believed."""
    sandbox.clock(date_ahead=ahead)
    first = run_tap(sandbox, **HERE)
    sandbox.clock(date_ahead=0)
    sandbox.create("Contacts", Last_Name="Meanwhile")

    second = run_tap(sandbox, state=first.state, **HERE)
    third = run_tap(sandbox, state=second.state, **HERE)

    assert_holds(sandbox, "Contacts", _kept(first, second))
    assert bool(second.said("later than Bigin's clock")) == (ahead > 60)
    assert not third.said("later than Bigin's clock")
    assert len(third.ids("Contacts")) < sandbox.count("Contacts")


def test_records_under_approval_are_read(sandbox: Sandbox) -> None:
    """Approved later they keep their Modified_Time, and no incremental run would bring them."""
    waiting = sandbox.create("Contacts", Last_Name="Waits")
    sandbox.mutate({"op": "submit", "module": "Contacts", "id": waiting})

    run = run_tap(sandbox, **HERE)

    assert waiting in run.ids("Contacts")


def test_a_server_that_does_not_take_the_wish_is_read_without_it(sandbox: Sandbox) -> None:
    """It stands on no page of v2."""
    other = OtherBigin(sandbox)

    def refuse(asked: Asked) -> Rewritten | None:
        refusal = {
            "code": "INVALID_DATA",
            "details": {"param_name": "approved"},
            "message": "no such parameter",
            "status": "error",
        }
        return Rewritten.of(refusal, 400) if "approved" in asked.query else None

    other.answering("/Contacts", refuse)

    run = run_tap(other, **HERE)

    other.close()
    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
