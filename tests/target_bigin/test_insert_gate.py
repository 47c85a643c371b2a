"""The gate for inserts: when it is asked what became of lost ones, what is awaited first, what cannot be theirs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from bigin_api import InvalidRequest, WriteResult
from bigin_api.http.meter import OUR_CLOCK_MAY_BE_WRONG_BY
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.id_map import IdMap
from target_bigin.records.record import Record
from target_bigin.writing import insert_gate
from target_bigin.writing.insert_gate import InsertGate

NOW = datetime(2026, 5, 14, tzinfo=timezone.utc)
CONTEXT = SimpleNamespace(client="client", fields={"Last_Name": "field"}, matched={"name": "Last_Name"})


class Search:
    """Gives rows look by look, and takes a row of a record's number for it."""

    def __init__(self, world, *args, **more):
        self._world = world
        world.searches.append((*args, list(more["carried"])))

    def look(self, lost):
        self._world.looked.append(list(lost))
        rows = self._world.rows.pop(0) if self._world.rows else []
        if isinstance(rows, Exception):
            raise rows
        return [{"id": each} for each in rows]

    def judge(self, lost, rows, *, now):
        ids = [each["id"] for each in rows]
        self._world.judged.append((len(lost), ids, now))
        for each in lost:
            found = {one.number: str(one.number) for one in each.records if str(one.number) in ids}
            if len(found) == len(each.records) or now >= each.until:
                each.is_over, each.found = True, found
                each.more, each.doubtful = (
                    frozenset(found.keys() & {4}),
                    dict.fromkeys({5} - found.keys(), "x"),
                )


class World:
    """A gate, a clock that goes forward by sleeping alone, and a search that is told what it finds."""

    def __init__(self, run, monkeypatch, *rows, doubt=0.0, latest=NOW, noted=(), remembers=False):
        self.now, self.rows = 1000.0, list(rows)
        self.searches, self.looked, self.judged, self.naps = [], [], [], []
        self.run, self.tasks = run, run.tasks
        monkeypatch.setattr(insert_gate, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(insert_gate, "Search", lambda *args, **more: Search(self, *args, **more))
        monkeypatch.setattr(self.tasks, "sleep", self._sleep)
        self.journal = SimpleNamespace(ids=lambda: iter(noted), remembers=remembers)
        self.id_map = IdMap()
        clock = SimpleNamespace(doubt=doubt, latest=latest)
        self.gate = InsertGate("Contacts", self.tasks, clock, journal=self.journal, id_map=self.id_map)

    async def _sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds

    async def inquire(self, *numbers, seconds=0.0, may_wait=False, since=NOW):
        """What became of records that nothing is at work on after so many seconds."""
        records = [Record(number, "people", {}) for number in numbers]
        more = {"until": self.now + seconds, "may_wait": may_wait}
        lost = await self.gate.inquire(CONTEXT, records, since=since, **more)
        self.gate.go_on()
        return lost

    def inquired(self, *numbers, **more):
        (lost,) = self.run.results(self.inquire(*numbers, **more))
        return lost

    def judged_rows(self, *rows):
        """Which of these are not known to be other records."""
        self.rows = [list(rows)]
        self.inquired(99)
        return self.judged[-1][1]


def test_bigin_is_asked_ever_more_seldom_until_nothing_can_be_at_work(run, monkeypatch):
    """Each look costs a credit; the last one is when the time is over, not later. Meanwhile the gate is shut."""
    world = World(run, monkeypatch)
    task = world.inquire(1, seconds=10)

    run.tasks.create_task(keep(task, ended := []))
    shut = not world.gate.may_send
    run.land()

    assert (shut, world.gate.may_send) == (True, True)
    assert (ended[0].is_over, ended[0].found) == (True, {})
    assert world.naps == [1.0, 2.0, 4.0, 3.0]
    assert world.judged == [(1, [], now) for now in (1000.0, 1001.0, 1003.0, 1007.0, 1010.0)]
    assert world.searches == [("client", "Contacts", CONTEXT.fields, ["Last_Name"])]


async def keep(coroutine, ended):
    ended.append(await coroutine)


def test_what_is_found_is_nobody_elses(run, monkeypatch):
    """No second look is taken; the next that are lost cannot be these rows."""
    world = World(run, monkeypatch, ["1", "7"])

    assert world.inquired(1, seconds=10).found == {1: "1"}

    assert (world.naps, len(world.looked)) == ([], 1)
    assert world.judged_rows("1", "7") == ["7"]


def test_rows_that_are_known_are_other_records(run, monkeypatch):
    """Those of a former run, those of the id map, and what another call has made; what it was refused is none."""
    world = World(run, monkeypatch, noted=["1"])
    world.id_map.remember("people", "Contacts", "key", "2")
    wait = Wait(run.tasks)
    run.tasks.create_task(keep(world.gate.watch(wait), results := []))
    wait.set_result([WriteResult(True, id="3"), WriteResult(False, id="4")])

    assert world.judged_rows("1", "2", "3", "4") == ["4"]
    assert [each.id for each in results[0]] == ["3", "4"]


def test_calls_that_were_in_flight_are_awaited_before_an_answer_is_judged(run, monkeypatch):
    """What they have made may be among the rows; what is sent once it is answered cannot be."""
    world = World(run, monkeypatch, ["5", "6"])
    first, failing = world.gate.started(), Wait(run.tasks)
    run.tasks.create_task(keep(failed(world.gate.watch(failing)), errors := []))
    run.tasks.create_task(keep(world.inquire(6), ended := []))
    meanwhile = world.gate.started()
    run.land()
    before = list(world.judged)
    world.gate.started()  # ... and never ends

    world.gate.ended(meanwhile)
    world.gate.ended(first, ["5"])
    still = list(world.judged)
    failing.set_exception(InvalidRequest("no"))

    assert (before, still) == ([], [])
    assert world.judged == [(1, ["6"], 1000.0)]
    assert ended[0].found == {6: "6"}
    assert [str(each) for each in errors] == ["no"]


async def failed(coroutine):
    try:
        await coroutine
    except InvalidRequest as error:
        return error


def test_what_is_lost_meanwhile_is_judged_with_the_rest(run, monkeypatch):
    """One asks for all of them: a row of one of them would be taken for another's. It looks again for that."""
    world = World(run, monkeypatch, ["1", "2"], ["1", "2"])
    run.tasks.create_task(keep(world.inquire(1, seconds=10), one := []))
    run.tasks.create_task(keep(world.inquire(2, seconds=10), two := []))
    run.land()

    assert [each[0].found for each in (one, two)] == [{1: "1"}, {2: "2"}]
    assert [len(each) for each in world.looked] == [1, 2]
    assert world.judged == [(2, ["1", "2"], 1000.0)]
    assert len(world.searches) == 1


def test_what_is_over_is_looked_for_no_more(run, monkeypatch):
    """Though who asked for it has not been told yet: the others' question goes on without it."""
    world = World(run, monkeypatch, ["2"], ["2"], ["1", "2"])
    run.tasks.create_task(keep(world.inquire(1, seconds=10), one := []))
    run.tasks.create_task(keep(world.inquire(2, seconds=10), two := []))
    run.land()

    assert [each[0].found for each in (one, two)] == [{1: "1"}, {2: "2"}]
    assert [len(each) for each in world.looked] == [1, 2, 1]
    assert world.judged == [(2, ["2"], 1000.0), (1, ["1"], 1001.0)]


def test_whoever_is_left_asks_on(run, monkeypatch):
    """The one that asked has found its own: the next one takes its turn."""
    world = World(run, monkeypatch, ["1"], ["1"], ["1", "2"])
    run.tasks.create_task(keep(world.inquire(1, seconds=10), one := []))
    run.tasks.create_task(keep(world.inquire(2, seconds=10), two := []))
    run.land()

    assert [each[0].found for each in (one, two)] == [{1: "1"}, {2: "2"}]
    assert [len(each) for each in world.looked] == [1, 2, 1]
    assert world.judged[1:] == [(1, ["2"], 1000.0)]
    assert world.gate.may_send


@pytest.mark.parametrize(
    ("may_wait", "found", "unsettled"), [(False, {3: "3", 4: "4"}, set()), (True, {3: "3"}, {4, 5})]
)
def test_what_may_be_a_record_that_has_yet_to_come_settles_nothing(
    run, monkeypatch, *, may_wait, found, unsettled
):
    """A row that says more than what was sent, and one that is like it, if more will be known later."""
    world = World(run, monkeypatch, ["3", "4"])

    lost = world.inquired(3, 4, 5, may_wait=may_wait)

    assert (lost.found, lost.unsettled) == (found, unsettled)
    world.rows = [["3", "4"]]
    assert world.inquired(99).found == {}
    assert world.judged[-1][1] == (["4"] if may_wait else [])


def test_where_bigin_may_not_be_asked_the_gate_opens_again(run, monkeypatch):
    """The next that is lost is asked for as ever."""
    world = World(run, monkeypatch, InvalidRequest("no"), ["2"])

    assert str(world.inquired(1)) == "no"
    assert world.gate.may_send
    assert world.inquired(2).found == {2: "2"}


@pytest.mark.parametrize(
    ("seconds", "others_since", "more", "is_known"),
    [
        (29, 29, {}, True),
        (30, 30, {}, False),
        (31, 31, {}, False),
        (31, 0, {}, True),  # a call that long in flight may be lost yet
        (31, 31, {"doubt": 2.0}, True),  # our clock may be wrong by that
        (31, 31, {"doubt": 0.5}, False),
        (31, 31, {"remembers": True}, True),  # a former run may have sent an equal one
    ],
)
def test_what_was_made_stays_known_as_long_as_it_could_be_found(
    run, monkeypatch, *, seconds, others_since, more, is_known
):
    """Half a minute before the oldest call in flight: memory does not grow with the run."""
    world = World(run, monkeypatch, **more)
    world.gate.ended(world.gate.started(), ["1"])
    world.now += others_since
    world.gate.started()
    world.now += seconds - others_since
    world.gate.ended(world.gate.started(), ["2"])

    known = {each for _, ids in world.gate._made for each in ids}
    assert known == ({"1", "2"} if is_known else {"2"})


def test_nothing_is_forgotten_while_it_is_asked_for_lost_ones(run, monkeypatch):
    """The rows of a look that is under way may be years old."""
    world = World(run, monkeypatch, ["1", "3"])
    world.gate.ended(world.gate.started(), ["1"])
    run.tasks.create_task(keep(world.inquire(3, seconds=10), []))
    world.now += 1_000
    world.gate.ended(world.gate.started(), ["2"])
    run.land()

    assert world.judged[0][1] == ["3"]


@pytest.mark.parametrize(("latest", "least", "most"), [(NOW, 0, 0), (None, 2, 4)])
def test_without_a_clock_rows_of_hours_before_may_be_ours(run, monkeypatch, latest, least, most):
    """They are looked for from what our clock may be wrong by; surely ours are those of a zone or two."""
    world = World(run, monkeypatch, latest=latest)
    since = NOW - (OUR_CLOCK_MAY_BE_WRONG_BY if latest is None else timedelta())

    lost = world.inquired(1, since=since)

    assert lost.since == since
    ago = NOW - lost.sure_since
    assert ago == timedelta() if latest else timedelta(hours=least) < ago < timedelta(hours=most)


def test_who_waits_for_the_end_of_the_input_is_told_of_it_once(run, monkeypatch):
    """The run ends when nobody has waited."""
    world = World(run, monkeypatch)
    run.tasks.create_task(keep(world.gate.end_of_input(), ended := []))
    before = list(ended)

    assert (world.gate.finish(), world.gate.finish()) == (True, False)
    assert (before, ended) == ([], [None])
