"""Rows of written records: what is there is read, the difference is sent, and an answer that is lost doubles none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bigin_api import InvalidRequest, ServerError, WriteResult
from bigin_api.models import Field
from target_bigin.records.record import Record, Reject
from target_bigin.rows.fields import RowField
from target_bigin.rows.writer import LinkWriter, RowWriter
from target_bigin.values.sameness import compared_as

OK = WriteResult(succeeded=True)
LOCKED = WriteResult(succeeded=False, code="RECORD_LOCKED", message="locked")
REFUSED = WriteResult(succeeded=False, code="INVALID_DATA", message="no", details={"api_name": "Quantity"})
ODD = WriteResult(succeeded=False, code="ODD", message="odd")
LOST = ServerError("lost")
DESK, LAMP = ({"Product": {"id": each}, "Quantity": 1} for each in "78")
SOLD = {"id": "r1", **DESK}
SHAPE = RowField(
    "Sold",
    "Product",
    {},
    {},
    {name: compared_as(Field(name, kind)) for name, kind in (("Product", "lookup"), ("Quantity", "double"))},
)


class Deals:
    """Answers calls from a script, ``OK`` when it is at its end; an answer of its own may be lost."""

    def __init__(self, there, answers):
        self.records = self
        self.calls = []
        self._there = there
        self._answers = list(answers)

    def get(self, module, record_id, names):
        self.calls.append(("get", module, record_id, names))
        rows = self._there.get(record_id)
        return None if rows is None else {"Sold": rows}

    def update(self, module, bodies, *, trigger, repeatable):
        self.calls.append(("update", module, bodies, trigger, repeatable))
        answer = self._answers.pop(0) if self._answers else OK
        if isinstance(answer, dict):  # it was done, and the answer is lost
            self._there.update(answer)
            answer = LOST
        if isinstance(answer, ServerError):
            raise answer
        return answer if isinstance(answer, list) else [answer] * len(bodies)


def writer_of(run, deals, *, replace_rows=False, journal_path=None):
    run.settings.journal_path = journal_path
    context = SimpleNamespace(
        client=deals,
        module=SimpleNamespace(api_name="Pipelines"),
        settings=SimpleNamespace(replace_rows=replace_rows),
        run=run,
    )
    return RowWriter(context, {"Sold": SHAPE})


@pytest.fixture
def write(run):
    """``write(jobs, …)``: what became of each record's rows, and the calls that were made."""

    def written(*jobs, there=None, answers=(), **settings):
        deals = Deals(there or {}, answers)
        writer = writer_of(run, deals, **settings)
        coroutines = [
            writer.write(
                Record(number, "deals", {}, id=job["id"]),
                {"Sold": job["rows"]},
                job.get("action"),
                are_all=job.get("are_all", True),
            )
            for number, job in enumerate(jobs)
        ]
        return run.results(*coroutines, flush=writer.flush), deals.calls

    return written


def kinds(calls):
    return [each[0] for each in calls]


@pytest.mark.parametrize(
    ("action", "more", "calls", "sent"),
    [
        ("inserted", {}, ["update"], True),
        ("inserted", {"journal_path": "x"}, ["get", "update"], True),
        ("updated", {}, ["get", "update"], True),
        ("updated", {"there": {"1": [SOLD]}}, ["get"], False),
        ("inserted", {"answers": [LOCKED]}, ["update", "get", "update"], True),
        ("inserted", {"answers": [{"1": [SOLD]}]}, ["update", "get"], True),
        ("updated", {"answers": [LOST, LOCKED]}, ["get", "update"] * 3, True),
        ("updated", {"answers": [LOCKED, LOST, LOST]}, ["get", "update"] * 4, True),
        ("updated", {"answers": [LOCKED, {"1": [SOLD]}]}, ["get", "update", "get", "update", "get"], True),
    ],
)
def test_what_is_there_is_read_before_each_try_unless_there_can_be_nothing(write, action, more, calls, sent):
    """A record just made has no rows; with a journal an earlier run may have made it, rows and all."""
    results, made = write({"id": "1", "rows": [DESK], "action": action}, **more)

    assert (results, kinds(made)) == ([sent], calls)


def test_the_rows_of_several_records_share_a_call(write):
    """One that is refused is told why, and nobody else; what is there is not sent."""
    jobs = [{"id": each, "rows": [DESK, LAMP]} for each in "1234"]
    there = {"1": [SOLD], "2": [], "3": [SOLD, {"id": "r2", **LAMP}]}

    results, calls = write(*jobs, there=there, answers=[[OK, REFUSED, LOCKED], [ODD]])

    assert results == [
        True,
        Reject("rejected", "INVALID_DATA", "no", "Quantity"),
        False,
        Reject("rejected", "ODD", "odd", "Sold"),
    ]
    fourth = {"id": "4", "Sold": [DESK, LAMP]}
    assert calls == [
        *(("get", "Pipelines", each, ["Sold"]) for each in "1234"),
        (
            "update",
            "Pipelines",
            [{"id": "1", "Sold": [LAMP]}, {**fourth, "id": "2"}, fourth],
            ["workflow"],
            False,
        ),
        ("get", "Pipelines", "4", ["Sold"]),
        ("update", "Pipelines", [fourth], ["workflow"], False),
    ]


def test_what_a_record_carries_travels_behind_it(run):
    """So its own write may be repeated; an emptied field has no rows."""
    writer = writer_of(run, None)
    bodies = [{"Sold": [DESK], "Deal_Name": "Roof"}, {"Sold": None}, {"Deal_Name": "Roof"}]

    taken = [writer.take_out(Record(1, "deals", {}, body)) for body in bodies]

    assert taken == [{"Sold": [DESK]}, {"Sold": []}, {}]
    assert bodies == [{"Deal_Name": "Roof"}, {}, {"Deal_Name": "Roof"}]


def test_ten_records_share_a_call_and_a_credit(write):
    """As many as one credit writes."""
    results, calls = write(*({"id": str(n), "rows": [DESK], "action": "inserted"} for n in range(25)))

    assert results == [True] * 25
    assert [len(each[2]) for each in calls] == [10, 10, 5]


@pytest.mark.parametrize(
    ("answers", "code", "rounds"),
    [
        ([LOCKED] * 9, "RECORD_LOCKED", 4),
        ([LOST, *[LOCKED] * 9], "RECORD_LOCKED", 4),
        ([LOST] * 9, "NO_ANSWER", 8),
    ],
)
def test_it_is_not_tried_for_ever(write, answers, code, rounds):
    """What fails for one record alone is tried once more, patiently, before that record is blamed."""
    (result,), calls = write({"id": "1", "rows": [DESK], "action": "updated"}, answers=answers)

    assert (result.code, result.field) == (code, "Sold")
    assert result.message.startswith("the record was written, but not its rows: ")
    assert kinds(calls) == ["get", "update"] * rounds


@pytest.mark.parametrize(
    ("replace_rows", "are_all", "sent"),
    [
        (True, True, [DESK, {"id": "r2", "_delete": None}]),
        (True, False, [DESK]),
        (False, True, [DESK]),
    ],
)
def test_other_rows_go_where_these_are_all_and_that_is_asked_for(write, replace_rows, are_all, sent):
    """Half of the rows would remove the other half."""
    results, calls = write(
        {"id": "1", "rows": [DESK], "are_all": are_all},
        there={"1": [{"id": "r2", **LAMP}]},
        replace_rows=replace_rows,
    )

    assert results == [True]
    assert calls[-1][2] == [{"id": "1", "Sold": sent}]


@pytest.mark.parametrize("told", ["rows", {}, {"id": "7"}, [7], [SOLD, 7]])
def test_what_are_no_rows_cannot_be_compared(write, told):
    """They would be made once more."""
    (result,), calls = write({"id": "1", "rows": [DESK], "action": "updated"}, there={"1": told})

    assert "What came as Sold are no rows." in result.message
    assert kinds(calls) == ["get", "get"]


NO = InvalidRequest("no", code="NO_PERMISSION")


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ({}, True),
        ({"8": REFUSED}, Reject("rejected", "INVALID_DATA", "no", "Quantity")),
        ({"8": NO, "9": REFUSED}, Reject("rejected", "NO_PERMISSION", "no")),
    ],
)
def test_each_link_of_a_parent_is_made_once_whatever_becomes_of_the_others(run, answers, outcome):
    """Those behind a refused one were left out; the first reason is told."""
    calls = []

    def link(*which):
        calls.append(which)
        answer = answers.get(which[-1], OK)
        if isinstance(answer, InvalidRequest):
            raise answer
        return answer

    context = SimpleNamespace(
        client=SimpleNamespace(related=SimpleNamespace(link=link)),
        module=SimpleNamespace(api_name="Contacts"),
        run=run,
    )
    writer = LinkWriter(context, related_list="Products", column="Product")
    rows = {"Products": [{"Product": {"id": each}} for each in ("7", "8", "7", "9")]}

    results = run.results(
        writer.write(Record(1, "links", {}, id="1"), rows, are_all=True), flush=writer.flush
    )

    assert results == [outcome]
    assert calls == [("Contacts", "1", "Products", each) for each in "789"]
