"""People work while the tap reads, in any order: after they stop, one more run makes the copy whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sandbox import Sandbox
from support.tap import TapRun, assert_holds, discover, run_here, select

MODULE = "Products"
INTERLEAVINGS = int(
    os.environ.get("INTERLEAVINGS", "3")
)  # examples of each parameter; ``make soak`` draws more
Wish = dict[str, Any]


@dataclass
class Warehouse:
    """What a loader makes of the messages: the last record of each id, but for what was deleted."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def load(self, run: TapRun) -> None:
        """Take one run in, in the order of its messages."""
        for message in run.messages:
            if message["type"] != "RECORD":
                continue
            record = message["record"]
            if message["stream"] == MODULE:
                deleted_at = record.pop("_sdc_deleted_at", None)
                self.rows[record["id"]] = record
                (self.gone.add if deleted_at else self.gone.discard)(record["id"])
            elif record["module"] == MODULE:
                restored = record["type"] == "restored"
                (self.gone.discard if restored else self.gone.add)(record["id"])

    @property
    def held(self) -> dict[str, dict[str, Any]]:
        """The rows that are not deleted."""
        return {record_id: row for record_id, row in self.rows.items() if record_id not in self.gone}


@st.composite
def events(draw: st.DrawFn, living: Sequence[str], binned: Sequence[str]) -> list[tuple[int, list[Wish]]]:
    """What people do at which call of a run. In one run a record is not both deleted and restored."""
    living, binned = list(living), list(binned)
    done: list[tuple[int, list[Wish]]] = []
    for at in sorted(draw(st.lists(st.integers(0, 40), max_size=5))):
        wishes: list[Wish] = []
        for kind in draw(
            st.lists(st.sampled_from(["create", "edit", "edit", "delete", "delete", "restore"]), max_size=4)
        ):
            if kind == "create":
                data = {"Product_Name": "New {n}"}
                wishes.append(
                    {"op": "create", "module": MODULE, "count": draw(st.integers(1, 6)), "data": data}
                )
            elif kind == "restore" and binned:
                chosen = binned.pop(draw(st.integers(0, len(binned) - 1)))
                wishes.append({"op": "restore", "module": MODULE, "id": chosen})
            elif kind in ("edit", "delete") and living:
                place = draw(st.integers(0, len(living) - 1))
                chosen = living.pop(place) if kind == "delete" else living[place]
                data = {"data": {"Description": draw(st.sampled_from("abc"))}} if kind == "edit" else {}
                wishes.append({"op": kind, "module": MODULE, "id": chosen, **data})
        done.append((at, wishes))
    return done


CATALOGS: dict[str, dict[str, Any]] = {}


def _catalog(sandbox: Sandbox, mode: str) -> dict[str, Any]:
    if mode not in CATALOGS:
        CATALOGS[mode] = discover(sandbox, modules=[MODULE], deleted_records=mode)
    return select(CATALOGS[mode], MODULE, "deleted_records")


@pytest.mark.parametrize("mode", ["stream", "soft"])
# With as many streams as calls in flight, lists are not counted but read from both ends in turn.
@pytest.mark.parametrize("in_flight", [1, 5])
@settings(
    max_examples=INTERLEAVINGS,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(data=st.data())
def test_whatever_people_do_the_copy_becomes_whole(
    sandbox: Sandbox, data: st.DataObject, mode: str, in_flight: int
) -> None:
    """No record missing, none stale, none that was deleted: for every meaning of tokens and headers."""
    sandbox.reset(
        size="empty",
        token_paging=data.draw(st.sampled_from(["keyset", "offset"]), label="token_paging"),
        ims=data.draw(st.sampled_from(["exclusive", "inclusive", "ignored"]), label="ims"),
        most_per_page=data.draw(st.sampled_from([1, 2, 3, 4, 5, 8, 13]), label="most_per_page"),
        count_lag_seconds=data.draw(st.sampled_from([0, 60]), label="count_lag_seconds"),
        access_tokens_per_10_minutes=1_000,
    )
    catalog = _catalog(sandbox, mode)
    sandbox.clock(freeze=True)
    count = data.draw(st.integers(0, 60), label="records at first")
    if count:
        sandbox.mutate(
            {"op": "create", "module": MODULE, "count": count, "data": {"Product_Name": "Old {n}"}}
        )
    warehouse, state = Warehouse(), None

    for number in range(data.draw(st.integers(1, 3), label="runs under change")):
        sandbox.clock(advance=data.draw(st.sampled_from([0, 1, 3, 60]), label="seconds between"))
        living = [each["id"] for each in sandbox.dump(MODULE)]
        binned = [each["id"] for each in sandbox.deleted(MODULE) if each["kind"] == "recycle"]
        for at, wishes in data.draw(events(living, binned), label=f"events of run {number}"):
            sandbox.fault("* /*", after=at, mutate=wishes)
        budget = data.draw(st.sampled_from([None, None, 8, 12, 16, 30]), label="credit_budget")
        run = run_here(
            sandbox,
            catalog=catalog,
            state=state,
            modules=[MODULE],
            deleted_records=mode,
            credit_budget=budget,
            max_concurrent_requests=in_flight,
        )
        sandbox.clear_faults()
        run.validate()
        warehouse.load(run)
        state = run.state or state
    sandbox.clock(advance=60)
    last = run_here(sandbox, catalog=catalog, state=state, modules=[MODULE], deleted_records=mode)
    warehouse.load(last)

    assert_holds(sandbox, MODULE, warehouse.held)
