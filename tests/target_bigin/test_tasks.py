"""Coroutines of the main thread: when they run, and what becomes of results and errors."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest

from bigin_api import BiginError, InFlight, InvalidRequest, ServerError
from bigin_api.http.calls import Call
from bigin_api.http.retry import Retry
from target_bigin.concurrency import tasks
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.files.id_map import IdMap
from target_bigin.links.resolver import Waiting, WaitingRecords
from target_bigin.lookups.directory import Directory, Query
from target_bigin.records.record import Record


class Run:
    """Tasks, what went wrong in them, and what they noted."""

    def __init__(self, workers=2):
        self.pool = InFlight(workers)
        self.errors = []
        self.noted = []
        self.tasks = Tasks(self.pool, on_error=self.errors.append)

    def land_all(self):
        while len(self.tasks):
            self.tasks.land(timeout=5)


@pytest.fixture
def run():
    started = Run()
    yield started
    started.pool.close()


def test_a_task_runs_at_once_until_it_first_waits(run):
    """So records take their places in the order of the input."""

    async def task(name):
        run.noted.append(f"{name} begins")
        await wait
        run.noted.append(f"{name} ends")

    wait = Wait(run.tasks)
    run.tasks.create_task(task("a"))
    assert run.noted == ["a begins"]

    wait.set_result(None)

    assert run.noted == ["a begins", "a ends"]


def test_what_is_woken_takes_turns_so_that_the_stack_stays_flat(run):
    """Thousands of records of one key follow each other, each freed by the one before it."""
    waits = [Wait(run.tasks) for _ in range(sys.getrecursionlimit() + 1_000)]

    async def task(place):
        await waits[place]
        run.noted.append(len(traceback.extract_stack()))
        if place + 1 < len(waits):
            waits[place + 1].set_result(None)

    for place in range(len(waits)):
        run.tasks.create_task(task(place))
    waits[0].set_result(None)

    assert run.errors == []
    assert len(run.noted) == len(waits) > sys.getrecursionlimit()
    assert len(set(run.noted)) == 1


def test_who_lands_calls_waits_for_the_first_of_them_alone(run):
    """Who looked again and again would take a whole processor; who waited for the rest would tell no one."""
    may_end = threading.Event()
    run.tasks.call(lambda: may_end.wait(2))
    assert run.tasks.land() == 0

    run.tasks.call(lambda: time.sleep(0.02))
    assert run.tasks.land(timeout=60) == 1

    may_end.set()
    assert run.tasks.land(timeout=60) == 1
    assert run.tasks.land(timeout=60) == 0


def test_there_is_room_for_one_call_more_than_can_run(run):
    """A thread that is done finds the next one at once; whatever else waits may still become fuller calls."""
    may_end = threading.Event()
    room = []
    for _ in range(run.pool.workers + 1):
        room.append(run.tasks.has_room)
        run.tasks.call(may_end.wait)
    room.append(run.tasks.has_room)
    may_end.set()
    run.land_all()

    assert room == [True, True, True, False]


def test_an_error_in_one_task_keeps_no_other_from_its_turn(run):
    """The answers of the same call are told, whatever one of them leads to."""
    waits = [Wait(run.tasks) for _ in range(3)]

    async def task(place):
        await waits[place]
        if place == 1:
            raise ValueError(place)
        run.noted.append(place)

    for place in range(3):
        run.tasks.create_task(task(place))
    for wait in waits:
        wait.set_result(None)

    assert run.noted == [0, 2]
    assert [str(error) for error in run.errors] == ["1"]


def test_who_sleeps_goes_on_when_the_moment_has_come(run, monkeypatch):
    """Not before, and each at its own."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(tasks, "time", clock)

    async def task(seconds):
        await run.tasks.sleep(seconds)
        run.noted.append(seconds)

    for seconds in (3, 1, 2, 1):
        run.tasks.create_task(task(seconds))
    seen = []
    for clock.now in (0.5, 1, 2, 2.5, 3):
        run.tasks.wake_sleepers()
        seen.append((list(run.noted), run.tasks.sleeping))

    assert seen == [
        ([], True),
        ([1, 1], True),
        ([1, 1, 2], True),
        ([1, 1, 2], True),
        ([1, 1, 2, 3], False),
    ]


def test_several_go_on_side_by_side_and_answer_in_their_order(run):
    """Whoever is answered first; an error is raised once its turn has come."""
    waits = [Wait(run.tasks) for _ in range(3)]

    async def part(place):
        return await waits[place]

    async def whole():
        try:
            run.noted.append(await run.tasks.gather([part(place) for place in range(3)]))
        except BiginError as error:
            run.noted.append(str(error))

    run.tasks.create_task(whole())
    for place in (2, 0, 1):
        assert run.noted == []
        waits[place].set_result(place)
    assert run.noted == [[0, 1, 2]]

    waits = [Wait(run.tasks) for _ in range(3)]
    run.tasks.create_task(whole())
    waits[1].set_exception(BiginError("no"))
    waits[0].set_result(0)

    assert run.noted == [[0, 1, 2], "no"]
    assert run.errors == []


@pytest.mark.parametrize(
    ("begin", "tries"),
    [("call", 10), ("patiently", 4), ("once", 1)],
)
def test_what_has_failed_before_is_tried_less(run, begin, tries):
    """It costs a call and its credits each time; where it is the last word, some seconds are waited for it."""
    made = []

    def fail(number):
        made.append(number)
        raise ServerError("Bigin fails at it.")

    def work():
        Retry(9, jitter=lambda _longest: 0.0).run(Call("GET", "/x", endpoint="x", repeatable=True), fail)

    async def task():
        call = run.tasks.call if begin == "call" else partial(run.tasks.call_again, patiently=begin != "once")
        with suppress(ServerError):
            await call(work)

    run.tasks.create_task(task())
    run.land_all()

    assert len(made) == tries
    assert run.errors == []


def test_an_error_reaches_everybody_who_asked_with_a_traceback_of_its_own(run):
    """One that grew with each of thousands who waited would take the memory of the run."""

    def refuse(_questions):
        raise BiginError("no")

    questions = Batcher(run.tasks, refuse, size=50)

    async def task():
        try:
            await questions.ask("same", None)
        except BiginError as error:
            run.noted.append(len(traceback.extract_tb(error.__traceback__)))

    for _ in range(40):
        run.tasks.create_task(task())
    questions.flush()
    run.land_all()

    assert len(run.noted) == 40
    assert max(run.noted) <= 3


def test_equal_questions_are_asked_once_and_each_gets_its_own_answer(run):
    """They share a call, and a full one waits for nobody."""
    calls = []

    def answer(questions):
        calls.append(dict(questions))
        return {key: f"{question}!" for key, question in questions.items()}

    questions = Batcher(run.tasks, answer, size=2)

    async def task(key):
        run.noted.append(await questions.ask(key, key.upper()))

    for key in ("a", "a", "b", "c"):
        run.tasks.create_task(task(key))
    run.land_all()
    assert sorted(run.noted) == ["A!", "A!", "B!"]

    questions.flush()
    run.land_all()

    assert sorted(run.noted) == ["A!", "A!", "B!", "C!"]
    assert calls == [{"a": "A", "b": "B"}, {"c": "C"}]


def test_an_answer_that_lacks_an_entry_ends_the_run_by_a_line(run):
    """What became of that record nobody can say; a KeyError says it to nobody."""
    questions = Batcher(run.tasks, lambda _questions: {}, size=1)

    async def task():
        await questions.ask("7", None)

    run.tasks.create_task(task())
    run.land_all()

    (error,) = run.errors
    assert isinstance(error, BiginError)
    assert "'7'" in str(error)


def test_what_bigin_fails_at_is_not_asked_again(run):
    """It was tried for minutes; whoever asks later is told at once."""
    calls = []

    def fail(questions):
        calls.append(list(questions))
        raise ServerError("Bigin fails at it.")

    questions = Batcher(run.tasks, fail, size=1)

    async def task():
        try:
            await questions.ask("7", None)
        except InvalidRequest:
            run.noted.append("told")

    run.tasks.create_task(task())
    run.land_all()
    run.tasks.create_task(task())

    assert run.noted == ["told", "told"]
    assert calls == [["7"], ["7"]]


def test_what_still_waits_at_the_end_is_dropped_in_silence(run):
    """A run that ends early leaves thousands waiting: none of them may go on, or complain."""
    wait = Wait(run.tasks)

    async def task():
        try:
            await wait
        finally:
            run.noted.append("dropped")

    coroutine = task()
    run.tasks.create_task(coroutine)
    coroutine.close()

    assert run.noted == ["dropped"]
    assert run.errors == []


def test_a_round_of_waiting_links_looks_at_each_of_them_once(run):
    """It was compared with every other: 0.34 s for 10,000 that wait, 1.4 s for 20,000."""
    counts = []

    def sought(_links):
        counts.append(1)
        return ()

    stream = SimpleNamespace(names=lambda _record: (), sought=sought)
    waiting = WaitingRecords()
    for number in range(2_000):
        record = Record(number, "s", {})
        waiting.hold(Waiting(record, (), stream, Wait(run.tasks)))

    waiting.finish()

    assert len(counts) == 2_000


def test_a_link_that_closes_a_circle_is_not_given_up_while_its_record_may_come(run):
    """The one half of the circle is written; what it shall be linked to waits for its own decision."""
    waiting, link, record = WaitingRecords(), Wait(run.tasks), Wait(run.tasks)
    waiting.written[1] = link
    stream = SimpleNamespace(names=lambda _record: ["a"], sought=lambda _links: ["a"])
    waiting.hold(Waiting(Record(2, "s", {}), (), stream, record))

    waiting.finish()
    assert (record.result(), link.is_done) == ("circle", False)

    waiting.unwritten.clear()
    waiting.finish()
    assert link.result() == "never"


def test_who_waits_for_two_records_that_appear_in_one_turn_goes_on_once(run):
    """Woken for each of them it would be sent on twice, in the midst of its next wait."""
    directory = Directory(run, IdMap())
    parents = [Query("source", key) for key in "ab"]

    async def child():
        appeared = Wait(run.tasks)
        for parent in parents:
            directory.watch(parent, appeared)
        await appeared
        run.noted.append("goes on")

    async def appear():
        for number, parent in enumerate(parents):
            record = Record(number, "companies", {}, id=str(number))
            directory.publish(record, module="Accounts", source_key=parent.value)

    run.tasks.create_task(child())
    run.tasks.create_task(appear())

    assert run.noted == ["goes on"]
    assert run.errors == []
