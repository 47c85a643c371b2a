"""What a run makes of the feed's log: which streams are swept, what was told, how far it got."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from bigin_api import AuthError, PermissionDenied
from bigin_feed.log import LogUnusable, Post
from bigin_feed.notifications import Told
from tap_bigin.feed.reading import Feed

NOW = datetime(2026, 5, 14, 9, 0, 0, 500_000, timezone.utc)
BEGAN = "2026-05-14T09:00:00Z"
RECENT, OLD = "2026-05-14T08:30:00Z", "2026-05-14T07:00:00Z"


@pytest.fixture
def resumed(log):
    """``resumed(swept=…)``: a feed that goes on from a mark in its log; ``mark=False`` at a first run."""
    opened = []

    def resumed(position=0, *, swept=None, due=None, name=None, mark=True, meanwhile=lambda: None):
        feed = Feed(
            log.url,
            settings={},
            sweep_every=timedelta(hours=1),
            overlap=timedelta(minutes=5),
            now=lambda: NOW,
        )
        opened.append(feed)
        meanwhile()
        kept = {"log": name or log.log.state().id, "position": position, "swept": swept or {}}
        feed.resume({**kept, "due": due} if due and mark else kept if mark else None)
        return feed

    yield resumed
    for feed in opened:
        feed.close()


def _tell(log, *told, received="2026-05-14T08:45:00.000Z"):
    """Rows of records, each given as module, id and operation."""
    rows = [Told("1", module, record_id, operation) for module, record_id, operation in told]
    return log.log.append([Post(rows, received)])


def _silence(log, ended, why="nobody listened"):
    log.log.append(silence=("2026-05-14T08:00:00.000Z", ended, why))


SILENT = "notifications may have been missed: nobody listened"


@pytest.mark.parametrize(
    ("swept", "silent_until", "expected"),
    [
        (None, None, ["it is due", "it is due"]),
        (OLD, None, ["it is due", "it is due"]),
        (RECENT, None, [None, None]),
        (RECENT, "2026-05-14T08:31:00.000Z", [SILENT, None]),
        (RECENT, "2026-05-14T08:29:00.000Z", [SILENT, None]),  # two machines' clocks: it may be the later one
        (RECENT, "2026-05-14T08:28:59.999Z", [None, None]),  # an earlier run of a budget's has swept it since
    ],
)
def test_a_stream_is_swept_where_it_is_due_or_something_was_missed(
    log, resumed, swept, silent_until, expected
):
    """What nobody tells of is not missed by a silence."""
    if silent_until:
        _silence(log, "2026-05-14T08:00:00.000Z", "asleep")
        _silence(log, silent_until)
    feed = resumed(swept={"Contacts": swept} if swept else {"Tasks": RECENT})

    assert [feed.why_sweep("Contacts", relies_on_it=each) for each in (True, False)] == expected


def test_a_silence_before_the_position_was_made_good_by_the_run_that_reached_it(log, resumed):
    """And one that is noted while a run reads is the next one's."""
    _silence(log, BEGAN)
    feed = resumed(position=1, swept={"Contacts": RECENT}, meanwhile=lambda: _silence(log, BEGAN))

    assert feed.why_sweep("Contacts", relies_on_it=True) is None
    assert list(feed.lines()) == ["Feed: 0 records told of from 1 to 1, 0 of them looked at."]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"name": "other"}, "the position belongs to another log (other)"),
        ({"position": 9}, "the position 9 is ahead of the log, which ends at 2"),
    ],
)
def test_a_position_that_does_not_count_makes_everything_due(log, resumed, place, why):
    """Nothing is known of what came since: neither changes nor silences say anything."""
    _tell(log, ("Contacts", "7", "update"))
    _silence(log, BEGAN)
    feed = resumed(**place, swept={"Contacts": RECENT})

    assert feed.why_sweep("Contacts", relies_on_it=True) == feed.why_not == why
    assert feed.why_sweep("Contacts", relies_on_it=False) is None
    assert list(feed.modules) == []
    assert list(feed.lines()) == [f"Feed: everything was swept: {why}."]
    assert feed.is_known is ("name" not in place)


@pytest.mark.parametrize(
    ("rows", "why"), [(20_000, None), (20_001, "20,001 rows were told since the last run")]
)
def test_where_very_much_was_told_a_sweep_brings_it(log, resumed, rows, why):
    """It costs half, and the rows would fill the memory."""
    position = _tell(log, ("Contacts", "1", "update"))
    _tell(log, *(("Contacts", str(number), "update") for number in range(rows)))

    feed = resumed(position=position, swept={"Contacts": RECENT})

    assert feed.why_not == why


def test_what_was_told_since_the_position_is_read_up_to_the_head_of_the_beginning(log, resumed):
    """What is told meanwhile is the next run's."""
    position = _tell(log, ("Contacts", "6", "update"))
    _tell(log, ("Contacts", "7", "insert"), ("Tasks", "8", "delete"), ("Contacts", "7", "delete"))
    _tell(log, ("Tasks", "5", "update"))
    feed = resumed(position=position, due={"Contacts": ["5"], "Calls": ["4"]})
    _tell(log, ("Contacts", "9", "update"))

    assert sorted(feed.modules) == ["Contacts", "Tasks"]
    told = feed.told_of("Contacts")
    assert (list(told.changes), list(told.due), told.changes["7"].was_deleted) == (["7"], ["5"], True)
    assert list(feed.told_of("Calls").portions()) == [["4"]]
    assert feed.deletion("Tasks", "8").entry()["deleted_time"] == "2026-05-14T08:45:00Z"
    for module, record_id in (("Contacts", "9"), ("Tasks", "5")):
        with pytest.raises(KeyError):
            feed.deletion(module, record_id)
    assert [row.id for row in feed.rows(0)] == ["6", "7", "8", "7", "5"]
    feed.count_looked_at(2)
    feed.count_looked_at(1)
    assert list(feed.lines()) == ["Feed: 3 records told of from 1 to 5, 3 of them looked at."]


@pytest.mark.parametrize(
    ("reached", "place", "expected"),
    [
        ({"log": "{log}", "seq": 1}, {"position": 2}, 1),
        ({"log": "{log}", "seq": 3}, {"position": 2}, 2),  # a log that was put back
        ({"log": "{log}", "seq": 3}, {"position": 2, "name": "other"}, 3),
        ({"log": "{log}", "seq": 9}, {"mark": False}, 4),
        ({"log": "other", "seq": 3}, {"position": 2}, 0),
        ({}, {"position": 2}, 0),
    ],
)
def test_a_stream_of_rows_goes_on_after_the_last_that_was_written(log, resumed, reached, place, expected):
    """Of another log all rows are new, but those that were pruned."""
    _tell(log, *(("Contacts", str(number), "update") for number in range(4)))
    here = {**reached, "log": log.log.state().id} if reached.get("log") == "{log}" else reached

    assert resumed(**place).rows_from(here) == expected


MARK = {"swept": {"Contacts": RECENT, "Tasks": OLD}, "due": {"Calls": ["4"], "Tasks": ["5"]}}


@pytest.mark.parametrize(
    ("place", "run", "expected"),
    [
        ({"mark": False}, (False, []), "kept"),
        ({"mark": False}, (False, ["Contacts"]), {"position": 4, "swept": {"Contacts": BEGAN}}),
        ({"mark": False}, (True, ["Contacts", "Notes"]), {"position": 4, "swept": {"Contacts": BEGAN}}),
        (MARK, (True, ["Contacts"]), {**MARK, "position": 4, "swept": {"Contacts": BEGAN}}),
        (MARK, (False, ["Contacts"]), {**MARK, "position": 0, "swept": {"Contacts": BEGAN, "Tasks": OLD}}),
        (MARK, (False, []), {**MARK, "position": 0}),
        ({**MARK, "position": 4}, (True, []), {**MARK, "position": 4}),  # nothing was told, so none passed by
        ({**MARK, "name": "other"}, (False, []), "kept"),
        (
            {**MARK, "name": "other"},
            (False, ["Contacts"]),
            {"position": 4, "swept": {"Contacts": BEGAN}, "due": MARK["due"]},
        ),
        ({**MARK, "name": "other", "position": 4}, (True, []), {"position": 4, "swept": {"Contacts": RECENT}, "due": MARK["due"]}),
    ],
)  # fmt: skip
def test_the_position_moves_once_everything_is_written(log, resumed, place, run, expected):
    """A stream that was passed by is swept when it is back; what was swept is not swept again."""
    _tell(log, *(("Contacts", str(number), "update") for number in range(4)))
    feed, (is_complete, swept) = resumed(**place), run
    _tell(log, ("Contacts", "9", "update"))
    for stream in swept:
        feed.has_been_swept(stream)

    reached = feed.reached("kept", is_complete=is_complete, selected={"Contacts"})

    assert reached == (expected if expected == "kept" else {"log": log.log.state().id, **expected})


def test_what_is_looked_for_again_stands_in_the_state_until_it_is_found(log, resumed):
    """The newest where they are too many."""
    feed = resumed(due={"Calls": ["4"], "Tasks": ["5"], "Notes": ["6"]})
    feed.stay_due("Tasks", [])
    feed.stay_due("Notes", ["6", "7"])
    feed.stay_due("Contacts", [str(number) for number in range(2_001)])

    due = feed.reached(None, is_complete=True, selected=())["due"]

    assert due.pop("Contacts") == [str(number) for number in range(1, 2_001)]
    assert due == {"Calls": ["4"], "Notes": ["6", "7"]}


@pytest.mark.parametrize(
    ("swept", "missed"),
    [
        (["Contacts"], "3 records of which it had not been told: Contacts 3."),
        (["Contacts", "Tasks"], "2 records of which it had not been told: Contacts 2."),
        (["Notes"], "1 record of which it had not been told: Contacts 1."),  # all that the log has counts
        ([], None),
    ],
)
def test_the_end_says_what_a_sweep_brought_untold(log, resumed, swept, missed):
    """Told since the sweeps before, as long before as a bookmark overlaps: until now, not until the beginning."""
    _tell(log, ("Contacts", "1", "update"), received="2026-05-14T06:54:59.999Z")
    _tell(log, ("Contacts", "2", "update"), received="2026-05-14T06:55:00.000Z")
    _tell(log, ("Contacts", "3", "update"), received="2026-05-14T08:25:00.000Z")
    feed = resumed(swept={"Contacts": RECENT, "Tasks": OLD}, position=3)
    _tell(log, ("Contacts", "4", "update"))
    for stream in swept:
        feed.has_been_swept(stream)
    feed.note_swept("Contacts", "Contacts", [{"id": each} for each in "12349"])

    assert list(feed.lines())[1:] == ([f"Feed: the sweep found {missed}"] if missed else [])


def test_a_first_run_says_where_the_next_one_begins(log, resumed):
    """Nothing was told to it."""
    _tell(log, *(("Contacts", str(number), "update") for number in range(1_000)))
    feed = resumed(mark=False)
    feed.has_been_swept("Contacts")

    assert list(feed.lines()) == ["Feed: the first run; the next one reads what is told after 1,000."]
    assert (list(feed.modules), feed.is_known) == ([], False)
    assert feed.why_sweep("Contacts", relies_on_it=True) == "it is due"
    assert list(feed.told_of("Contacts").portions()) == []
    with pytest.raises(KeyError):
        feed.deletion("Contacts", "7")


def test_a_log_whose_driver_is_not_installed_is_told_with_what_to_install(monkeypatch):
    """PostgreSQL's comes with an extra."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(LogUnusable, match=r"psycopg is not installed: pip install 'bigin-singer\[feed\]'"):
        Feed("postgresql://ann@h/db", settings={}, sweep_every=timedelta(hours=1), overlap=timedelta())


def _client(zgid, server_time=None):
    def asked():
        if isinstance(zgid, Exception):
            raise zgid
        return zgid

    return SimpleNamespace(server_time=server_time, organization=SimpleNamespace(zgid=asked))


@pytest.mark.parametrize(
    ("client", "place", "error"),
    [
        (_client("6100"), {}, None),
        (_client("6200"), {}, LogUnusable),
        (_client("6200", NOW), {}, None),  # known, and Bigin's clock as well: it is not asked
        (_client("6200", NOW), {"mark": False}, LogUnusable),
        (_client("6200", NOW), {"name": "other"}, LogUnusable),
        (_client(PermissionDenied("no")), {}, None),
        (_client(AuthError("no")), {}, AuthError),
    ],
)
def test_a_log_of_another_organisation_is_not_read(log, resumed, client, place, error):
    """Its ids would be looked for in vain, and its deletions taken for ours."""
    log.log.keep({"organisation": "6100"})
    feed = resumed(**place)

    if error is None:
        feed.check_organisation(client)
    else:
        with pytest.raises(error):
            feed.check_organisation(client)


def test_a_log_that_keeps_no_organisation_is_anybodys(resumed):
    """A receiver whose token may not see it notes none."""
    resumed().check_organisation(_client("6100"))


def test_what_the_metadata_said_is_kept_in_the_log_for_the_next_run(log, resumed):
    """Only where something was asked that streams are defined by."""
    answers = {("modules", None): [{"api_name": "Contacts"}]}
    told = []
    metadata = SimpleNamespace(answered=lambda: answers, recall=told.append)
    first = resumed()
    first.recall(metadata)

    assert first.remember(SimpleNamespace(answered=lambda: {("roles", None): []})) is None
    assert log.log.kept() == {}
    assert first.remember(metadata) is None
    assert first.remember(SimpleNamespace(answered=lambda: {("fields", "Contacts"): []})) is None
    resumed().recall(metadata)

    assert told == [{}, {**answers, ("fields", "Contacts"): []}]
