"""What the streams of a run share: in which order they are read, whose turn has ended, what the state keeps."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.feed import ToldLog
from support.scripted import settings_for
from support.streams import Lines

from bigin_api import BiginError, CreditBudgetReached, PermissionDenied, ServerError
from tap_bigin.bookmarks import from_text
from tap_bigin.discovery.turns import TOLD_METADATA, Turns
from tap_bigin.feed import memory
from tap_bigin.lists.deletions import News
from tap_bigin.lists.marks import Begun, Mark
from tap_bigin.run import Run
from tap_bigin.singer.batch import Batch

CUT = CreditBudgetReached("enough")
REFUSED = PermissionDenied("no")
NINE = from_text("2026-05-14T09:00:00Z")
CONFIG = settings_for("http://127.0.0.1:1", allow_http=True)
BEGUN = Batch([], {"pass": {}})
WAITED = {"turn": "2026-05-14T09:00:00Z"}


class Stream:
    """A stream that brings these batches; ``happened`` is what became of all streams of a run, in order."""

    def __init__(self, name: str, *batches: Batch, raises: BaseException | None = None, **more: Any) -> None:
        self.name, self._batches, self._raises = name, batches, raises
        self._before = more.get("before", lambda: None)
        self.selected: bool = more.get("selected", True)
        self._due: bool = more.get("due", False)
        self.happened: list[Any] = []
        self.run: Run

    def saved_state(self) -> dict[str, Any]:
        return {"of": self.name}

    def read_ahead(self, state: Any) -> Iterator[Batch]:
        assert state == {"of": self.name}
        self._before()
        yield from self._batches
        if self._raises is not None:
            raise self._raises

    def is_sweep_due(self, state: Any) -> bool:
        assert state == {"of": self.name}
        return self._due

    def write(self, batch: Batch) -> None:
        self.happened.append((self.name, batch.records, self.run.others_come))

    def end_turn(self) -> None:
        self.happened.append(f"{self.name} had its turn")

    def end(self, error: BaseException | None) -> None:
        self.happened.append((self.name, error))


class Feed(SimpleNamespace):
    """A feed that notes what it is asked."""

    def __init__(self, **more: Any) -> None:
        super().__init__(asked=[], why_not=None, cannot_keep=None, position={"position": 7}, **more)

    def __getattr__(self, name: str) -> Any:
        return lambda *what, **more: self.asked.append((name, *what, *more.values()))

    def reached(self, before: Any, *, is_complete: bool, selected: Any) -> Any:
        self.asked.append((before, is_complete, list(selected)))
        return self.position

    def remember(self, metadata: Any) -> str | None:
        self.asked.append(metadata)
        return self.cannot_keep

    def lines(self) -> list[str]:
        return ["what was told"]


def _run(*streams: Stream, **more: Any) -> Run:
    config = {**CONFIG, **more.pop("config", {})}
    feed, client = more.pop("feed", None), more.pop("client", None)
    run = Run(config, logger=Lines(), carried={}, told_before={}, streams=lambda: streams, **more)  # type: ignore[arg-type]
    happened: list[Any] = []
    for each in streams:
        each.run, each.happened = run, happened
    run.__dict__["description"] = SimpleNamespace(left=frozenset())
    if feed is not None:
        run.__dict__["feed"] = feed
    if client is not None:
        run.__dict__["client"] = client
    return run


def _said(run: Run) -> list[tuple[int, Any]]:
    return run.report._logger.lines  # type: ignore[attr-defined, no-any-return]


# What is read


def test_within_a_budget_streams_come_one_after_the_other_as_it_is_their_turn() -> None:
    """What was begun comes to its end, and whoever asks for a later stream has the earlier ones written."""
    is_begun, first_ends = threading.Event(), threading.Event()

    def wait() -> None:
        assert not is_begun.wait(0.1)
        first_ends.set()

    def begin() -> None:
        assert first_ends.is_set()
        is_begun.set()

    later = Stream("later", Batch([{"id": "1"}]), Batch([{"id": "2"}]), before=begin)
    first = Stream("deleted_records", Batch([{"id": "3"}]), raises=REFUSED, before=wait)
    last = Stream("most recent", BEGUN, raises=CUT)
    entries = {"deleted_records": {"pass": {}}, "most recent": WAITED}
    run = _run(last, later, first, Stream("left out", selected=False), turns=Turns(9, entries))
    assert not run.others_come

    run.write_until_done("later")
    run.write_until_done("deleted_records")
    run.write_until_done("most recent")

    assert later.happened == [
        ("deleted_records", [{"id": "3"}], True),
        "deleted_records had its turn",
        ("deleted_records", REFUSED),
        ("later", [{"id": "1"}], True),
        ("later", [{"id": "2"}], True),
        "later had its turn",
        ("later", None),
        ("most recent", [], True),
        "most recent had its turn",
        ("most recent", CUT),
    ]
    assert run.ended == {"later", "deleted_records", "most recent"}
    assert not run.others_come
    run.close()


def test_without_a_budget_streams_are_read_side_by_side() -> None:
    """None waits until another has ended."""
    both_are_read = threading.Barrier(2)
    streams = [Stream(name, Batch([{"id": name}]), before=lambda: both_are_read.wait(10)) for name in "ab"]
    run = _run(*streams)

    run.write_until_done("a")
    run.write_until_done("b")

    assert {each for each in streams[0].happened if len(each) == 2} == {("a", None), ("b", None)}
    run.close()


def test_with_a_feed_what_was_deleted_comes_last() -> None:
    """The others find out what is not there, and readers of a run that is over must not wait for room."""
    streams = [Stream("deleted_records", Batch([{"id": "1"}])), Stream("Tasks", Batch([{"id": "2"}]))]
    run = _run(*streams, feed=Feed())

    run.write_until_done("Tasks")
    of_the_others = run._prefetch
    run.write_until_done("deleted_records")

    assert [each[0] for each in streams[0].happened] == ["Tasks"] * 2 + ["deleted_records"] * 2
    assert of_the_others is not None
    assert of_the_others._closed
    run.close()


# Whose turn ended


@pytest.mark.parametrize(
    ("ended", "turns", "too_large"),
    [
        ([("a", True, None), ("b", False, CUT)], "a", None),  # the turn of b did not come
        ([("a", False, None), ("b", True, CUT), ("c", False, CUT)], "ab", None),
        ([("a", True, CUT), ("b", False, CUT)], "a", None),
        ([("a", False, CUT), ("b", False, CUT)], "a", "a"),
        ([("a", False, REFUSED), ("b", False, REFUSED)], "ab", None),
        ([("a", False, REFUSED), ("b", False, CUT)], "a", None),
    ],
)
def test_a_turn_that_came_has_ended_and_one_that_was_cut_before_its_first_page_is_kept(
    ended: list[tuple[str, bool, BaseException | None]], turns: str, too_large: str | None
) -> None:
    """Else the same streams take the budget at every run; and who comes no further in any run is named."""
    for budget in (Turns(9, {}), None):
        streams = {name: Stream(name) for name, *_ in ended}
        run = _run(*streams.values(), turns=budget)
        for name, is_begun, error in ended:
            run.note_batch(name, Batch([{"id": "7"}]))  # no page that the state knows of
            if is_begun:
                run.note_batch(name, BEGUN)
            run.note_end(streams[name], error)  # type: ignore[arg-type]

        told = [each for each in streams["a"].happened if isinstance(each, str)]
        assert told == ([f"{name} had its turn" for name in turns] if budget else [])
        assert run.too_large == (too_large if budget else None)


FEED = {"position": 3}


@pytest.mark.parametrize(
    ("errors", "position", "entries", "left", "expected"),
    [
        ([None, None], {"position": 7}, {}, (), (True, None, {"position": 7})),
        ([None, None], None, {}, (), (True, None, FEED)),
        ([None, None], FEED, {}, (), (True, None, FEED)),  # nothing was told
        ([None, CUT], {"position": 7}, {}, (), (False, None, {"position": 7})),
        ([CUT, CUT], FEED, {"a": {}}, (), (False, "a", FEED)),  # the first that was cut, not the last
        ([None, CUT], FEED, {}, (), (False, "b", FEED)),
        ([CUT, CUT], FEED, {"a": {}, "b": {"pass": {}}}, (), (False, None, FEED)),  # it goes on from there
        ([CUT, CUT], FEED, {"b": {"pass": {}}}, (), (False, None, FEED)),
        ([BiginError("broken"), None], FEED, {}, (), (False, None, FEED)),
        ([None, None], FEED, {}, ("Calls",), (False, None, FEED)),
    ],
)
def test_the_position_in_the_log_moves_once_everything_is_written(
    errors: list[BiginError | None], position: Any, entries: Any, left: tuple[str, ...], expected: Any
) -> None:
    """What was told is read whole or begun anew: a run that ends in it comes no further in any."""
    streams = [Stream("a"), Stream("b"), Stream("not selected", selected=False)]
    feed = Feed()
    feed.position = position
    run = _run(*streams, turns=Turns(9, {}), feed=feed)
    run.description.left = frozenset(left)
    state = {"feed": FEED, "bookmarks": entries}
    for stream, error in zip(streams, errors, strict=False):
        if isinstance(error, CreditBudgetReached):
            run.budget_reached = error
        elif error is not None:
            run.report.stream(stream.name).failure = error
        run.note_batch(stream.name, BEGUN)
        run.note_end(stream, error)  # type: ignore[arg-type]

    assert run.end_feed(state)

    assert feed.asked == [(FEED, expected[0], ["a", "b"])]
    assert (run.too_large, state["feed"]) == expected[1:]
    assert _said(run) == [(logging.INFO, "what was told")]


def test_a_feed_is_read_where_there_is_one(tmp_path: Path) -> None:
    """Its log is opened once for all streams."""
    told = ToldLog(f"sqlite:///{tmp_path / 'feed.sqlite'}")
    run = _run(config={"feed_log": told.url})

    assert run.feed is not None
    assert run.feed.state.id == told.log.state().id
    run.close()
    told.log.close()


def test_without_a_feed_nothing_is_told_of_one() -> None:
    """The state of such a run stays as it is."""
    run, state = _run(Stream("a", due=True)), {"bookmarks": {"a": {}}}

    run.begin_feed(state)
    run.remember_metadata()

    assert not run.end_feed(state)
    assert state == {"bookmarks": {"a": {}}}
    assert _said(run) == []


@pytest.mark.parametrize(("due", "why_not"), [((False, True), "the log was pruned"), ((False, False), None)])
def test_whose_log_it_is_is_asked_where_something_is_swept(
    due: tuple[bool, bool], why_not: str | None
) -> None:
    """It costs a credit; a position that does not count is said."""
    feed, client = Feed(), SimpleNamespace(metadata="the metadata", close=lambda: None)
    feed.why_not = why_not
    feed.cannot_keep = "It is full."
    streams = [Stream(name, due=is_due) for name, is_due in zip("ab", due, strict=True)]
    run = _run(*streams, Stream("not selected", due=True, selected=False), feed=feed, client=client)

    run.begin_feed({"feed": FEED})
    run.remember_metadata()
    run.close()

    asked = [("check_organisation", client)] if any(due) else []
    assert feed.asked == [("resume", FEED), *asked, "the metadata", ("close",)]
    said = [(logging.WARNING, "Feed: the log was pruned: everything is swept.")] if why_not else []
    assert _said(run) == [
        *said,
        (logging.WARNING, "feed_log: modules and fields cannot be kept, each run asks. It is full."),
    ]


# Within a budget


class Client(SimpleNamespace):
    """A client of whose clock nothing is known, and that was told to recall something."""

    def __init__(self, raises: Exception | None = None, **more: Any) -> None:
        told = {"recalls": True, "server_time": None, "asked": 0, **more}
        super().__init__(metadata=SimpleNamespace(recalls=told.pop("recalls")), raises=raises, **told)
        self.organization = self

    def get(self) -> None:
        self.asked += 1
        if self.raises is not None:
            raise self.raises


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({}, 1),
        ({"raises": REFUSED}, 1),
        ({"raises": ServerError("broken")}, 1),
        ({"recalls": False}, 0),
        ({"server_time": NINE}, 0),
        ({"turns": None}, 0),
        ({"feed": Feed()}, 0),
        ({"streams": []}, 0),
        ({"turns": Turns(9, {"deleted_records": WAITED})}, 1),
        ({"turns": Turns(9, {"a": WAITED, "b": {"pass": {}, **WAITED}})}, 0),  # a pass that knows its clock
        ({"turns": Turns(9, {"a": WAITED, "b": {"pass": {}}, "deleted_records": {"pass": {}}})}, 1),
        ({"turns": Turns(9, {"a": {"pass": {}, **WAITED}, "b": {}, "deleted_records": WAITED})}, 0),
    ],
)
def test_bigins_clock_is_asked_for_before_a_pass_that_begins_without(
    more: dict[str, Any], asked: int
) -> None:
    """A bookmark is that clock; who recalls what an earlier run was told has asked nothing yet."""
    settings = {"turns": Turns(9, {}), "feed": None, "streams": ["b", "a", "deleted_records"], **more}
    client = Client(
        settings.get("raises"),
        **{name: settings[name] for name in ("recalls", "server_time") if name in settings},
    )
    streams = map(Stream, settings["streams"])
    run = _run(*streams, turns=settings["turns"], feed=settings["feed"], client=client)

    run.begin_turns()

    assert client.asked == asked


ANSWERS = {
    ("modules", None): [{"api_name": "Tasks"}],
    ("fields", "Tasks"): [{"api_name": "Subject", "data_type": "text"}],
    ("fields", "Calls"): PermissionDenied("no"),
    ("custom_views", "Tasks"): [{"id": "7"}],
    ("related_lists", "Tasks"): [{"api_name": "Notes"}],
}
KEPT = {"fields Tasks", "related_lists Tasks", "fields Deals", "custom_views Tasks"}


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"budget_reached": CUT}, KEPT),
        ({"left": {"Calls"}}, KEPT),
        ({}, None),
        ({"budget_reached": CUT, "turns": False}, None),
        ({"budget_reached": CUT, "feed": Feed()}, None),
    ],
)
def test_a_run_that_was_cut_short_keeps_what_the_metadata_told(
    more: dict[str, Any], kept: set[str] | None
) -> None:
    """But for refusals, which may be mended, and what a stream of the metadata says as it is then."""
    before = {"fields Deals": {"asked": "2026-05-14T09:00:00Z", "rows": [{"api_name": "Stage"}]}}
    turns = Turns(9, {}, memory.packed(before, memory.name_of(CONFIG))) if more.get("turns", True) else None
    client = SimpleNamespace(metadata=SimpleNamespace(answered=lambda: ANSWERS))
    streams = map(Stream, ("settings_modules", "settings_fields"))
    run = _run(*streams, turns=turns, client=client, feed=more.get("feed"))
    run.budget_reached = more.get("budget_reached")
    run.description.left = frozenset(more.get("left", ()))
    state: dict[str, Any] = {"bookmarks": {}}

    assert run.end_turns(state) is (kept is not None)

    told = memory.unpacked(state.get(TOLD_METADATA), memory.name_of(CONFIG))
    assert set(told) == (kept or set())
    assert ("metadata" in state) is (kept is not None)
    if kept:
        assert told["fields Deals"] == before["fields Deals"]


@pytest.mark.parametrize("has_turns", [True, False])
def test_a_run_that_goes_on_recalls_what_the_one_before_was_told(*, has_turns: bool) -> None:
    """A credit a module, from a budget that was too small for all of them."""
    run = _run(turns=None)
    now = run._began
    kept = memory.keep({}, ANSWERS, now)
    turns = Turns(9, {}, memory.packed(kept, memory.name_of(CONFIG)))
    run = _run(turns=turns if has_turns else None)

    assert run.client.metadata.assumes("Tasks") is has_turns
    assert run.client.metadata.recalls is has_turns
    run.close()


def test_with_a_feed_its_log_tells_what_it_was_told() -> None:
    """Not the state, which is older."""
    feed = Feed()
    run = _run(
        feed=feed, turns=Turns(9, {}, memory.packed(memory.keep({}, ANSWERS, NINE), memory.name_of(CONFIG)))
    )

    assert feed.asked == []
    assert not run.client.metadata.recalls
    assert feed.asked == [("recall", run.client.metadata)]
    run.close()


# What was deleted

READ = Mark(since=NINE, gone=("7", "8"), listed=2, checked=NINE)
HALF = Mark(begun=Begun(read=200, gone=("7",)))


@pytest.mark.parametrize(
    ("more", "told", "begun"),
    [
        ({}, News(("9",), READ), Mark(gone=("9",))),
        ({"config": {"deleted_records": "soft"}, "streams": []}, News(("9",), READ), Mark(gone=("9",))),
        ({"streams": ["Tasks"]}, None, Mark(gone=("9",))),
        ({"turns": None}, None, Mark(gone=("9",))),
        ({"mark": HALF}, None, Mark(gone=("9",), begun=HALF.begun)),
        ({"entries": {}}, None, Mark(gone=("9",))),
        ({"entries": {"deleted_records": {"modules": None}}}, None, Mark(gone=("9",))),
        ({"entries": {"deleted_records": {"modules": {"Calls": READ.to_state()}}}}, None, Mark(gone=("9",))),
    ],
)
def test_a_list_of_deletions_is_taken_over_from_the_stream_of_them(
    more: dict[str, Any], told: News | None, begun: Mark
) -> None:
    """Within a budget, and where that stream is read: a list costs a credit for 200 entries."""
    entries = {"deleted_records": {"modules": {"Tasks": more.get("mark", READ).to_state()}}}
    run = _run(
        *map(Stream, more.get("streams", ["deleted_records"])),
        Stream("deleted_records", selected=False),
        turns=more.get("turns", Turns(9, {})),
        entries=more.get("entries", entries),
        config=more.get("config", {}),
        client=SimpleNamespace(server_time=NINE),
    )

    assert run.deletions_told("Tasks", Mark(gone=("9",))) == told
    assert run.deletions_begun("Tasks", Mark(gone=("9",))) == begun


def test_a_run_that_is_over_ends_what_it_started() -> None:
    """A process must not hang in a thread, and a thread that still ends must not have the last word."""
    ended: list[str] = []
    stream = Stream("a", *[Batch([{"id": "7"}])] * 20)
    run = _run(stream, client=SimpleNamespace(close=lambda: ended.append("client")))
    calls, is_over = run.calls, threading.Event()
    unanswered = calls.submit(is_over.wait, 10)
    next(run._arrivals)

    run.close()
    assert not unanswered.done()
    is_over.set()
    run.report.say(logging.INFO, "too late")

    assert ended == ["client"]
    assert _said(run) == []
    with pytest.raises(RuntimeError):
        calls.submit(print)
    assert run._prefetch is not None
    assert run._prefetch._closed
