"""The run: in which order what waits is let go, when states leave, and how it ends."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from support.target import records, schema, settings_of

from bigin_api import BiginError, Client
from bigin_api.http.transport import Transport
from bigin_api.limits import MAX_RECORDS_PER_BULK_WRITE
from bigin_api.progress import Row
from target_bigin import engine as engine_module
from target_bigin.concurrency import tasks
from target_bigin.concurrency.tasks import SLICE
from target_bigin.engine import RECORDS_A_SECOND, Engine
from target_bigin.files.fingerprints import Written
from target_bigin.files.id_map import IdMap
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import Schema
from target_bigin.streams.opening import Opener
from target_bigin.streams.stream import COMPANY, PATIENCE


class Scripted:
    """A stream that notes what is called, and does what a test gave for the name of the call."""

    def __init__(self, engine, noted):
        self.noted, self.full = noted, []
        self.account = engine.ledger.account("people")
        self.account.begun = time.monotonic()
        self.records = []
        self._ledger = engine.ledger

    def __getattr__(self, name):
        def note(*values, **more):
            self.noted.append((name, *values, *more.values()) if values or more else name)

        return note

    @property
    def is_full(self):
        return bool(self.full) and self.full.pop(0)

    def take(self, raw):
        self.records.append(Record(self._ledger.read(self.account), "people", raw))

    def end(self, outcome="inserted"):
        self._ledger.end(self.records.pop(0), outcome)


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """``begun(**settings)``: an engine with one stream, what both note, and the states that left."""
    engines = []
    monkeypatch.setattr(engine_module, "SLICE", 0.01)
    monkeypatch.setattr(Opener, "open", lambda _self, schema, _first=None: schema)

    def begin(*, emit=None, **settings):
        login = dict.fromkeys(("client_id", "client_secret", "refresh_token"), "x")
        states, noted = [], []
        own = {"rejects_path": str(tmp_path / "rejects"), "run_report_path": str(tmp_path / "report")}
        engine = Engine({**login, **own, **settings}, emit=emit or states.append)
        engines.append(engine)
        stream = Scripted(engine, noted)
        assert engine.open_stream(stream) is stream
        assert engine.open_stream(None) is None
        for name in ("ask", "create_now"):
            setattr(engine._shared.directory, name, partial(noted.append, f"{name} of the directory"))
        return engine, stream, states

    yield begin
    for engine in engines:
        engine.abort()


def reported(tmp_path):
    told = json.loads((tmp_path / "report").read_text())
    return told["outcome"], told["error"]


def ended(engine, how):
    """The error by which a run ends, as whoever reads for it ends it."""
    try:
        how()
    except BiginError as error:
        engine.abort()
        return error
    return None


def fail():
    raise BiginError("no")


WAITS = ["ask of the directory", "ask", "send", "create_now of the directory", "complete"]


def test_at_the_end_what_waits_is_let_go_in_its_order_until_nothing_moves(begun, tmp_path):
    """Answers may be company for what is written, which may be company for its rows; then all is decided."""
    engine, stream, states = begun()
    ended = []

    def end_one(name, at):
        def end():
            stream.noted.append(name)
            ended.append(name)
            if ended.count(name) == at:
                stream.end()

        setattr(stream, name, end)

    for name, at in (("ask", 1), ("send", 1), ("finish", 1)):
        engine.take(stream, {})
        end_one(name, at)
    engine.queue_state("end")

    engine.finish()

    now = ("tick", 3 / RECORDS_A_SECOND, False)
    assert stream.noted == [
        *(now, *WAITS[:2]),
        *(now, *WAITS[:3]),
        *(now, *WAITS, "finish"),
        *(now, *WAITS, "finish"),
        *(now, *WAITS),
    ]
    assert states == ["end"]
    assert reported(tmp_path) == ("good", None)


def test_what_fails_ends_the_run_at_the_next_look(begun, tmp_path):
    """The first reason is the one that is told, and none after the end."""
    engine, stream, states = begun()

    async def fail(reason):
        raise BiginError(reason)

    def ask():
        stream.noted.append("ask")
        for reason in ("first", "second"):
            engine.tasks.create_task(fail(reason))
        engine.terminate("a signal")

    stream.ask = ask
    engine.take(stream, {})
    engine.queue_state("never")

    assert str(ended(engine, engine.finish)) == "first"
    assert stream.noted == [("tick", 1 / RECORDS_A_SECOND, False), *WAITS, "finish", "complete"]
    assert (states, reported(tmp_path)) == ([], ("failed", "first"))


def test_a_signal_ends_the_run_at_the_next_look(begun):
    """Whoever reads looks often."""
    engine, stream, _ = begun()
    engine.terminate("a signal")
    engine.terminate("another")

    for look in (engine.tick, engine.check, engine.finish, partial(engine.tasks.wait_for, int)):
        with pytest.raises(BiginError, match="a signal"):
            look()

    assert stream.noted == []


def test_who_waits_for_company_is_told_of_silence_and_of_what_was_read(begun):
    """A slow machine is no reason to cut other calls."""
    engine, stream, _ = begun()
    later = Scripted(engine, stream.noted)
    later.tick = lambda now, *, asks: stream.noted.append(("later", now, asks))
    engine.open_stream(later)
    for waited in (0.0, COMPANY / 2, COMPANY / 2, COMPANY / 2):
        engine.tick(waited)
    engine.tick()
    engine.take(stream, {})
    engine.tick(COMPANY / 2)

    silent = (0.0, 0.5, 1.0, 1.5, 1.5)
    moments = [*(COMPANY * each for each in silent), COMPANY * 2 + 1 / RECORDS_A_SECOND]
    ticks = [[(who, now, now in moments[2::3]) for who in ("tick", "later")] for now in moments]
    questions = ["ask of the directory", "create_now of the directory"]
    assert stream.noted == [
        *(*ticks[0], *ticks[1], *questions, *ticks[2], *ticks[3], *ticks[4], *questions, *ticks[5])
    ]


def test_reading_waits_for_a_stream_that_is_full(begun, monkeypatch):
    """And for nothing else; it looks now and then whether the run is to end."""
    engine, stream, _ = begun()
    waited = []
    monkeypatch.setattr(engine_module, "SLICE", SLICE)
    engine.tasks.land = lambda *, timeout: waited.append(timeout)

    engine.take(stream, {})
    assert waited == []
    stream.full = [True, True]
    engine.take(stream, {})
    assert waited == [SLICE, SLICE]
    engine.tick()
    assert waited == [SLICE, SLICE, 0.0]

    engine.terminate("a signal")
    stream.full = [True]
    with pytest.raises(BiginError, match="a signal"):
        engine.take(stream, {})


def test_reading_waits_while_too_much_is_open_that_a_call_may_end(begun, monkeypatch):
    """What waits for the end of the input is no reason: it would wait for ever."""
    engine, stream, _ = begun()
    monkeypatch.setattr(engine_module, "MOST_OPEN", 2)
    for _ in range(3):
        engine.take(stream, {})
    for _ in range(3):
        stream.end()
    may_end = threading.Event()

    async def write():
        await engine.tasks.call(lambda: may_end.wait(5))
        stream.end()

    engine.tasks.create_task(write())
    for _ in range(2):
        engine.take(stream, {})
    assert stream.noted == []
    may_end.set()
    engine.take(stream, {})

    assert engine.ledger.open == 2
    assert stream.noted


@pytest.mark.parametrize(
    ("outcomes", "settings", "said", "report"),
    [
        (
            [Reject("invalid", "NO", "no")],
            {},
            "1 record was rejected, max_rejects is 0. Everything else is written. The reasons are in {}.",
            ("failed", "1 record was rejected."),
        ),
        (
            [Reject("invalid", "NO", "no")] * 3,
            {"max_rejects": 2, "dry_run": True},
            "3 records were rejected, max_rejects is 2. Everything else would be written. The reasons are in {}.",
            ("failed", "3 records were rejected."),
        ),
        ([Reject("invalid", "NO", "no")] * 2, {"max_rejects": 2}, None, ("good", None)),
        (
            [None],
            {},
            "The account does not balance, this is a fault of target-bigin: ['people: read 1, settled 0'].",
            ("failed", "The account does not balance."),
        ),
    ],
)
def test_how_a_run_is_judged(*, begun, tmp_path, outcomes, settings, said, report):
    """By what was refused, and by what is missing; its report says the same."""
    engine, stream, _ = begun(**settings)
    for outcome in outcomes:
        engine.take(stream, {})
        if outcome:
            stream.end(outcome)

    error = ended(engine, engine.finish)

    assert str(error) == str(said).format(tmp_path / "rejects")
    assert reported(tmp_path) == report


@pytest.mark.parametrize("found_out", [(False, False), (False, True), (True, False)])
def test_what_is_found_out_at_the_end_comes_before_what_waits_for_others(begun, found_out):
    """What became of a lost insert may be what they wait for."""
    engine, _, _ = begun()
    shared, decided = engine._shared, []
    shared._gates = {
        n: SimpleNamespace(finish=lambda found=found: found) for n, found in enumerate(found_out)
    }
    for name in ("waiting", "brakes"):
        setattr(shared, name, SimpleNamespace(finish=partial(decided.append, name)))

    shared.finish()

    assert decided == ([] if any(found_out) else ["waiting", "brakes"])


def test_what_was_set_for_a_stream_that_never_came_is_told(begun, caplog):
    """It is misspelt, most likely."""
    engine, _, _ = begun(streams={"*": {}, "people": {}, "peopel": {}, "x": {}})

    engine.finish()

    assert [each for each in caplog.messages if "configured" in each] == [
        "streams.peopel is configured, but no such stream came, did you mean 'people'?",
        "streams.x is configured, but no such stream came.",
    ]


def test_what_a_state_covers_is_on_disk_before_it_leaves(begun, tmp_path):
    """The next run goes on after it, and knows of what was before by the file alone."""
    kept = tmp_path / "ids"
    seen = []
    engine, stream, _ = begun(emit=lambda _state: seen.append(kept.read_text()), id_map_path=str(kept))
    engine.take(stream, {})
    engine.queue_state("a")

    def write(_now, *, asks):
        engine._shared.id_map.remember("people", "Contacts", "own key", "6100000000000000007")
        stream.end()
        stream.tick = lambda *_now, **_asks: None
        assert not asks

    stream.tick = write
    engine.finish()

    (text,) = seen
    assert "own key" in text


def test_what_was_settled_is_kept_whatever_ends_the_run(begun, tmp_path):
    """The next run would make it once more, or write it."""
    files = {"id_map_path": tmp_path / "ids", "unchanged_cache_path": tmp_path / "written"}
    engine, _, _ = begun(**{name: str(path) for name, path in files.items()})
    slot, seen = ("people", "Contacts", "own key"), {"Email": b"12345678"}

    async def write():
        await engine.tasks.call(lambda: None)
        engine._shared.id_map.remember(*slot, "6100000000000000007")
        engine._shared._cache.use("people", {})
        engine._shared._cache.keep(slot, seen)

    engine.tasks.create_task(write())
    ended(engine, fail)

    assert IdMap(files["id_map_path"], read_only=True).find("own key", module="Contacts")
    kept = Written(files["unchanged_cache_path"], read_only=True)
    kept.use("people", {})
    assert kept.known(slot) == seen
    kept.close()


@pytest.mark.parametrize(
    ("error", "reason"), [(BrokenPipeError(32, "Broken pipe"), "Broken pipe"), (OSError(), "OSError")]
)
def test_nobody_is_told_a_state_once_nobody_reads_them(begun, tmp_path, error, reason):
    """What is in flight is settled all the same."""
    told = []

    def emit(state):
        told.append(state)
        raise error

    engine, _, _ = begun(emit=emit)
    engine.queue_state("a")
    refused = ended(engine, engine.tick)

    assert told == ["a"]
    assert str(refused).startswith(f"The state cannot be written to stdout ({reason}). ")
    assert refused.__cause__ is error
    assert reported(tmp_path) == ("failed", str(refused))


def test_a_run_that_ends_early_ends_for_its_first_reason(begun, tmp_path):
    """Nobody reads its states any more: that is no news."""
    told = []

    def emit(state):
        told.append(state)
        raise BrokenPipeError

    engine, _, _ = begun(emit=emit)
    engine.queue_state("a")
    ended(engine, fail)

    assert (told, reported(tmp_path)) == (["a"], ("failed", "no"))


@pytest.mark.parametrize("moves", ["call", "tick"])
def test_whatever_moves_after_the_end_is_decided_about_anew(begun, monkeypatch, moves):
    """A deletion that is looked for, a record that another one held back: there may be more to decide."""
    engine, stream, _ = begun()
    monkeypatch.setattr(engine_module, "SLICE", 9)  # a call ends while it is waited for
    finished = []

    async def look():
        await engine.tasks.call(lambda: None)
        finished.append("looked")

    def finish():
        finished.append("finish")
        if "looked" in finished and stream.records:
            stream.end()
        elif "looked" not in finished and moves == "call":
            engine.tasks.create_task(look())

    def tick(_now, *, asks):
        if moves == "tick" and finished == ["finish"]:
            finished.append("looked")
            stream.end()
        assert not asks

    stream.finish, stream.tick = finish, tick
    for _ in range(1 if moves == "call" else 2):
        engine.take(stream, {})

    engine.finish()

    assert finished[:3] == ["finish", "looked", "finish"]
    assert engine.ledger.open == 0


def test_answers_come_before_what_they_may_be_company_for_is_sent(begun, monkeypatch):
    """Else a call goes out half full."""
    engine, stream, _ = begun()
    monkeypatch.setattr(engine_module, "SLICE", 9)

    async def look():
        await engine.tasks.call(lambda: None)
        stream.noted.append("answer")

    def ask():
        if "answer" not in stream.noted:
            engine.tasks.create_task(look())

    stream.ask = ask
    engine.finish()

    assert stream.noted[:5] == [
        ("tick", 0.0, False),
        WAITS[0],
        "answer",
        ("tick", 0.0, False),
        ("tick", 0.0, False),
    ]


def test_who_waits_for_a_moment_goes_on_soon_after_it(begun, monkeypatch):
    """A record that Bigin stumbled over is tried again; nothing else is under way meanwhile."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    engine, stream, _ = begun()
    for module in (engine_module, tasks):
        monkeypatch.setattr(module, "time", clock)
    woken = []

    async def try_again(seconds):
        await engine.tasks.sleep(seconds)
        woken.append((seconds, clock.now))
        stream.end()

    for seconds in (0.5, 0.25, 0.25):
        engine.take(stream, {})
        engine.tasks.create_task(try_again(seconds))
    engine.finish()

    assert [seconds for seconds, _ in woken] == [0.25, 0.25, 0.5]
    assert all(seconds <= now < seconds + 0.1 for seconds, now in woken)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_that_ends_early_settles_what_is_in_flight(begun, tmp_path, caplog, dry_run):
    """And tells what it left; a dry run tells no state, for the next run is to do what it told."""
    engine, stream, states = begun(dry_run=dry_run)
    engine.take(stream, {})
    engine.queue_state("a")
    engine.take(stream, {})
    engine.queue_state("b")

    async def write():
        await engine.tasks.call(lambda: None)
        stream.end()

    engine.tasks.create_task(write())
    land, timeouts, closed = engine.tasks.land, [], []
    engine.tasks.land = lambda *, timeout: timeouts.append(timeout) or land(timeout=timeout)
    engine.client.close = lambda: closed.append(1)
    for _ in range(2):
        ended(engine, fail)

    assert (set(timeouts), closed) == ({0.01}, [1])
    assert set(stream.noted) == {"complete"}
    assert states == ([] if dry_run else ["a"])
    assert reported(tmp_path) == ("failed", "no")
    left = "1 records were read and not settled; the next run gets them again from the last state."
    assert caplog.messages.count(left) == 1


def test_a_call_that_does_not_end_is_given_up_after_a_while(begun, monkeypatch):
    """Whoever ends a run does not wait for ten minutes of retries."""
    engine, _, _ = begun()
    monkeypatch.setattr(engine_module, "GRACE", 0.0)
    given_up, told = threading.Event(), []
    close = engine.client.close
    engine.client.close = lambda: (given_up.set(), close())

    async def write():
        told.append(await engine.tasks.call(lambda: given_up.wait(2)))

    engine.tasks.create_task(write())
    engine.abort()

    assert told == [True]


def test_how_far_the_streams_are(tmp_path, monkeypatch, begun):
    """Of how many, is known once the input has ended; of what nobody read nothing is shown."""
    told = SimpleNamespace(rows=None, calls=[])

    class Progress:
        def __init__(self, rows, _logger, *, makes_room):
            assert makes_room
            told.rows = rows

        def __getattr__(self, name):
            return lambda: told.calls.append(name) or contextlib.nullcontext()

    monkeypatch.setattr(engine_module, "Progress", Progress)
    engine, stream, _ = begun()
    engine.ledger.account("nothing came of it")
    engine.open_stream(stream)
    for _ in range(3):
        engine.take(stream, {})
    stream.end()
    (before,) = told.rows()
    for _ in range(2):
        stream.end()
    engine.finish()
    (after,) = told.rows()

    assert before == Row("people", 1, None, 0, before.seconds)
    assert after == Row("people", 3, 3, 0, after.seconds)
    assert 0 <= before.seconds <= after.seconds < 60
    assert told.calls == ["start", "stop"]


def test_whether_bigin_answers_at_all_its_client_knows(begun, monkeypatch):
    """Before a record is blamed for what Bigin fails at."""
    monkeypatch.setattr(Client, "is_answering", lambda _self: "asked")
    engine, _, _ = begun()
    told = []

    async def ask():
        told.append(await engine.tasks.is_up())

    engine.tasks.create_task(ask())
    engine.finish()

    assert told == ["asked"]


def test_a_full_job_is_read_before_what_waits_for_company_goes():
    """Or a job would be cut short, at the price of a whole one."""
    assert MAX_RECORDS_PER_BULK_WRITE / RECORDS_A_SECOND < PATIENCE


@pytest.fixture
def opened(sandbox, tmp_path):
    """``opened(messages' schema, **settings)``: an engine before the sandbox, and the stream."""
    sandbox.reset(size="empty")
    engines = []

    def open_stream(stream, *properties, key, **settings):
        engine = Engine(settings_of(sandbox, tmp_path, **settings), emit=lambda _state: None)
        engines.append(engine)
        return engine, engine.open_stream(Schema(stream, dict.fromkeys((*properties, *key)), tuple(key)))

    yield open_stream
    for engine in engines:
        engine.abort()


def in_flight(engine, stream, *rows, waited=None):
    """How many calls are under way once these were read, and no input has come for so long."""
    for row in rows:
        engine.take(stream, row)
    if waited is not None:
        engine.tick(waited)
    return len(engine.tasks)


def land(engine):
    while len(engine.tasks):
        engine.tasks.land(timeout=5)


def people(*numbers, **more):
    return [{"Email": f"berg{n}@example.org", "Last_Name": f"Berg {n}", **more} for n in numbers]


def test_a_full_call_waits_for_nobody(opened):
    """Not for the next beat either; what does not fill one waits for company."""
    engine, stream = opened("Contacts", "Last_Name", "id", key=["Email"], batch_size=10)
    updates = [{"id": f"610000000000000000{n}", "Last_Name": "X"} for n in range(5)]

    assert in_flight(engine, stream, *people(*range(8)), *updates) == 0
    assert in_flight(engine, stream, *people(8)) == 0
    assert in_flight(engine, stream, *people(9)) == 1


def test_what_does_not_fill_a_call_goes_after_three_seconds_of_silence(opened, sandbox):
    """Counted from the first of those that wait."""
    engine, stream = opened("Contacts", "Last_Name", key=["Email"])

    assert in_flight(engine, stream, *people(1), waited=0.0) == 0
    assert in_flight(engine, stream, *people(2), waited=PATIENCE / 2) == 0
    assert in_flight(engine, stream, waited=PATIENCE / 2) == 1
    land(engine)
    assert in_flight(engine, stream, waited=PATIENCE / 2) == 0
    assert in_flight(engine, stream, *people(3), waited=PATIENCE / 2) == 0
    assert in_flight(engine, stream, *people(4), waited=PATIENCE / 2) == 0
    assert in_flight(engine, stream, waited=PATIENCE) == 1
    land(engine)
    assert sandbox.calls("POST /Contacts/upsert") == 2


def test_a_question_goes_after_a_second_of_silence(opened):
    """Of who a record is, and of the tags of one that was written."""
    engine, stream = opened("Tasks", key=["Subject"], streams={"Tasks": {"external_key": "Subject"}})
    assert in_flight(engine, stream, {"Subject": "Ring"}, waited=0.0) == 0
    assert in_flight(engine, stream, waited=COMPANY / 2) == 0
    assert in_flight(engine, stream, waited=COMPANY / 2) == 1

    engine, stream = opened(
        "Contacts", "Last_Name", key=["Email"], batch_size=1, streams={"Contacts": {"tags": ["vip"]}}
    )
    assert in_flight(engine, stream, *people(1)) == 1
    land(engine)
    assert in_flight(engine, stream, waited=0.0) == 0
    assert in_flight(engine, stream, waited=COMPANY) == 1


def test_no_call_is_made_where_signals_are_heard(sandbox, target, monkeypatch):
    """The main thread would hear of one when Bigin has answered at last."""
    made_by = []
    send = Transport.send

    def note(self, *what, **how):
        made_by.append(threading.current_thread())
        return send(self, *what, **how)

    monkeypatch.setattr(Transport, "send", note)
    lookups = {"Account_Name": {"match_on": "Account_Name"}, "Owner": {"match_on": "email"}}

    run = target(
        [
            schema("Contacts", "Last_Name", "Account_Name", "Owner", key=["Email"]),
            *records("Contacts", people(1)),
        ],
        streams={"Contacts": {"lookups": lookups}},
    )

    assert run.error is None
    assert made_by
    assert threading.main_thread() not in made_by
