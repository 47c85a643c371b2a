"""The log: nothing answered is lost, nothing is skipped, and a reader knows when it cannot go on."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from bigin_feed.log import Change, FeedLog, LogUnusable, LogWriter, Row, Unwritten, bring_to, now_text
from bigin_feed.log.database import BODIES, insert, known
from bigin_feed.log.log import Post
from bigin_feed.notifications import Told

EARLY, LATE = "2026-05-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z"


def told(number=1, operation="update", module="Contacts", **more):
    return Told("10000", module, str(number), operation, **more)


def post(*records, received=EARLY, digest=None):
    return Post(records, received, digest)


def test_what_was_appended_is_read_as_it_was_told(log):
    """Every column comes back."""
    one = told(
        7, time="2026-05-01T10:00:00.000Z", person='{"id":"3"}', fields=("Phone",), values='{"Phone":"1"}'
    )

    head = log.append([post(one)])

    assert head == log.state().head == 1
    assert list(log.rows(0, 1)) == [
        Row(
            1, EARLY, "10000", "Contacts", "7", "update", "2026-05-01T10:00:00.000Z", '{"id":"3"}', ("Phone",),
            '{"Phone":"1"}',
        )
    ]  # fmt: skip


def test_a_body_that_came_before_adds_no_row(log):
    """Bigin may send twice; the second is answered alike and stored once, in one batch or in two."""
    log.append([post(told(1), digest="a"), post(told(1), digest="a"), post(told(2), digest="b")])
    log.append([post(told(1), digest="a"), post(told(3))])

    assert [row.id for row in log.rows(0, 9)] == ["1", "2", "3"]
    assert log.state().head == 3


def test_a_long_batch_is_several_statements(log, monkeypatch):
    """A text of PostgreSQL's holds so many rows; none is left out between two texts, or comes twice."""
    monkeypatch.setattr("bigin_feed.log.database.ROWS_TOGETHER", 3)
    posts = [post(told(number), digest=str(number)) for number in range(1, 8)]

    log.append(posts)
    log.append(posts)

    assert [(row.seq, row.id) for row in log.rows(0, 99)] == [(number, str(number)) for number in range(1, 8)]


def test_whether_a_body_came_before_is_looked_up_in_the_index(log):
    """A month of bodies is a large table: to read the whole of it for each batch would end the speed."""
    asked = []

    def note(_connection, _cursor, statement, parameters, *_more):
        asked.append((statement, parameters))

    with log.writing() as connection:
        insert(connection, BODIES, [(f"{number:064x}", EARLY) for number in range(5_000)])
        sa.event.listen(connection, "before_cursor_execute", note)
        assert known(connection, BODIES.c.digest, [f"{7:064x}", "none"]) == [f"{7:064x}"]
        ((statement, parameters),) = asked
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())

    assert "Seq Scan on feed_bodies" not in plan
    assert "SCAN feed_bodies" not in plan


def test_changes_name_each_record_once(log):
    """However often it was told, with all that happened to it, and only within the positions asked for."""
    log.append([post(told(1, "insert"), told(2), told(1)), post(told(1, "delete"))])
    log.append([post(told(9)), post(told(1))])

    assert log.changes(5, 6) == [Change("Contacts", "1", 6, was_inserted=False, was_deleted=False)]
    assert log.changes(3, 6)[-1] == Change("Contacts", "1", 6, was_inserted=False, was_deleted=True)
    assert log.changes(1, 4) == [
        Change("Contacts", "2", 2, was_inserted=False, was_deleted=False),
        Change("Contacts", "1", 4, was_inserted=False, was_deleted=True),
    ]


def test_rows_are_read_in_pieces_without_a_gap(log, monkeypatch):
    """A reader holds some rows in memory, never all of them."""
    monkeypatch.setattr("bigin_feed.log.log.ROWS_AT_ONCE", 3)
    log.append([post(*(told(number) for number in range(1, 8)))])

    assert [row.seq for row in log.rows(1, 7)] == [2, 3, 4, 5, 6, 7]


def test_a_silence_has_a_place_in_the_order(log):
    """A reader that was before it sees it, one that was behind it does not, and the head moves."""
    log.append([post(told(1))])

    head = log.append(silence=(EARLY, LATE, "no receiver"))

    assert head == 2
    assert [(each.seq, each.begun, each.ended, each.why) for each in log.silences(1)] == [
        (2, EARLY, LATE, "no receiver")
    ]
    assert log.silences(2) == []


def test_pruning_goes_by_age_and_tells_how_far(log, monkeypatch):
    """A position in what was pruned is known as such; what is younger stays."""
    monkeypatch.setattr("bigin_feed.log.log.PRUNED_AT_ONCE", 2)
    log.append([post(*(told(number) for number in range(5)), digest="old")])
    log.append([post(told(6), received=LATE, digest="young")])

    log.prune(before=LATE)

    state = log.state()
    assert (state.pruned, state.head) == (5, 6)
    assert [row.seq for row in log.rows(0, 9)] == [6]
    assert state.why_not_from(state.id, 5) is None
    assert "pruned" in state.why_not_from(state.id, 4)
    assert log.append([post(told(6), digest="young")]) == 6
    assert log.append([post(told(7), digest="old")]) == 7


def test_with_rows_go_the_silences_among_them_and_what_devices_missed(log):
    """A device whose position is pruned begins anew; another one gets all the same what it has not acknowledged."""
    log.append([post(told(1))])
    log.append([post(told(2))], silence=(EARLY, EARLY, "before"))
    log.append(silence=(EARLY, EARLY, "after"))
    change = Change("Contacts", "1", 1, was_inserted=False, was_deleted=False)
    for device, position in (("behind", 2), ("there", 3)):
        bring_to(log, device, position, [change])

    log.prune(before=EARLY)
    assert (log.state().pruned, len(log.silences())) == (0, 2)
    log.prune(before=LATE)

    assert log.state().pruned == 3
    assert [each.why for each in log.silences()] == ["after"]
    assert [[due.id for due in bring_to(log, device, 4)] for device in ("behind", "there")] == [[], ["1"]]


def test_the_latest_silences_are_told_in_their_order(log):
    """A person looks at some of them."""
    for why in "abcd":
        log.append(silence=(EARLY, LATE, why))

    assert [each.why for each in log.silences(last=2)] == ["c", "d"]
    assert [each.why for each in log.silences(1, last=9)] == ["b", "c", "d"]
    assert [each.seq for each in log.silences()] == [1, 2, 3, 4]


def test_what_is_kept_first_is_kept(log):
    """Two receivers that start at once have one secret."""
    assert [log.keep_first("secret", value) for value in ("one", "two")] == ["one", "one"]
    assert log.kept() == {"secret": "one"}


def test_a_heartbeat_stays_until_the_next(log):
    """What comes in between says nothing of it; a log is made with one."""
    assert log.state().heartbeat == "1970-01-01T00:00:00Z"
    assert log.append(heartbeat=LATE) == 0

    log.append([post(told(1))])

    assert (log.state().heartbeat, log.state().head) == (LATE, 1)


def test_of_equal_bodies_that_come_together_the_first_is_stored(log):
    """At its own moment; what has none came now, and what has no digest is never the same."""
    before = now_text()

    log.append([
        post(told(1), digest="a"), post(told(1), digest="a", received=LATE),
        post(told(2), received=None, digest="b"), post(told(3)), post(told(3)),
    ])  # fmt: skip

    rows = list(log.rows(0, 9))
    assert [row.id for row in rows] == ["1", "2", "3", "3"]
    assert rows[0].received == EARLY
    assert before <= rows[1].received <= now_text()


def test_a_position_of_another_log_or_ahead_of_it_is_known(log):
    """A state that belongs to another file must not skip what this one holds."""
    state = log.state()

    assert state.why_not_from(state.id, 0) is None
    assert "another log" in state.why_not_from("other", 0)
    assert "ahead" in state.why_not_from(state.id, 1)


def test_a_later_log_has_later_numbers(url, tmp_path, open_log):
    """A log that is lost, and made anew: its rows never pass for those of the first one."""
    first = open_log(url, now=lambda: "2026-05-14T09:53:58.000Z")
    first.append([post(*map(told, range(1_000)))])

    second = open_log(f"sqlite:///{tmp_path / 'second.sqlite'}", now=lambda: "2026-05-14T09:54:00.000Z")

    empty = second.state()
    assert empty.head == empty.pruned > first.state().head
    assert second.append([post(told(1))]) == empty.head + 1
    assert [row.id for row in second.rows(empty.pruned, empty.head + 1)] == ["1"]
    assert "pruned" in empty.why_not_from(empty.id, 0), "a position of before it is swept"


def test_the_present_is_told_to_the_millisecond():
    """Texts of another length sort otherwise than the moments that they tell."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now_text())


def test_a_position_is_found_by_time(log):
    """To replay from a moment; from one in the future there is nothing to replay."""
    log.append([post(told(1)), post(told(2), received=LATE), post(told(3), received=LATE)])

    assert [log.position_at(moment) for moment in (EARLY, LATE, "2027")] == [0, 1, 3]


def test_a_log_keeps_its_id_and_what_was_kept_in_it(log, url, open_log):
    """Positions belong to an id; secrets outlive the process."""
    log.keep({"token": "one", "secret": "two"})
    log.keep({"token": "three"})

    again = open_log(url, read_only=True)

    assert again.state() == log.state()
    assert re.fullmatch(r"[0-9a-f]{32}", again.state().id)
    assert again.kept() == {"token": "three", "secret": "two"}


def test_a_reader_cannot_write(log, url, open_log):
    """The tap opens the log read-only: it must not be able to do harm."""
    reader = open_log(url, read_only=True)

    with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
        reader.append([post(told(1))])


def test_a_reader_at_work_holds_no_writer_up(log, url, open_log):
    """A tap reads for minutes, and Bigin waits for an answer for seconds."""
    log.append([post(told(1))])
    reader = open_log(url, read_only=True)

    with reader.reading() as connection:
        before = connection.exec_driver_sql("SELECT head FROM feed_log").scalar()
        log.append([post(told(2))])

    assert (before, reader.state().head) == (1, 2)


def test_a_reader_needs_no_receiver(tmp_path):
    """A SQLite log that nobody writes to any more is read all the same."""
    url = f"sqlite:///{tmp_path / 'feed.sqlite'}"
    with FeedLog(url) as log:
        head = log.append([post(told(1))])

    with FeedLog(url, read_only=True) as reader:
        assert reader.state().head == head


def test_programs_that_start_at_once_make_one_log(url):
    """The tables are made once, with one id."""
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: _id_of(url), range(4)))

    assert len(set(ids)) == 1


def _id_of(url):
    with FeedLog(url) as log:
        return log.state().id


def test_a_reader_never_skips_what_two_writers_append(url, open_log):
    """Numbers become visible in their order: what a reader has passed never grows."""
    writers = [open_log(url) for _ in range(2)]
    reader = open_log(url, read_only=True)
    seen: list[int] = []
    done = threading.Event()

    def read():
        while not done.is_set() or reader.state().head > (seen[-1] if seen else 0):
            after = seen[-1] if seen else 0
            seen.extend(row.seq for row in reader.rows(after, reader.state().head))

    def write(writer, start):
        for number in range(start, start + 100):
            writer.append([post(told(number), told(number + 10_000))])

    threads = [threading.Thread(target=read)]
    threads += [threading.Thread(target=write, args=(writers[n % 2], n * 1_000)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    done.set()
    threads[0].join()

    assert seen == list(range(1, 801))


KILLED = """
import asyncio, os, sys
from bigin_feed.log import FeedLog, LogWriter
from bigin_feed.log.log import Post
from bigin_feed.notifications import Told

async def write(writer, start):
    for number in range(start, start + 100_000):
        await writer.append(Post([Told("1", "Contacts", str(number), "update")], "2026", str(number)))
        os.write(1, b"%d\\n" % number)

async def write_all():
    writer = LogWriter(FeedLog(sys.argv[1]))
    await asyncio.gather(*(write(writer, each * 1_000_000) for each in range(8)))

asyncio.run(write_all())
"""


@pytest.mark.parametrize("answers", [1, 40, 250])
def test_what_was_answered_survives_a_kill(url, open_log, answers):
    """A kill -9 at any moment: every row that was said to be stored is there."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
    answered = [process.stdout.readline().strip() for _ in range(answers)]

    process.kill()
    answered += process.stdout.read().split("\n")[:-1]
    process.wait()
    process.stdout.close()

    log = open_log(url)
    assert set(filter(None, answered)) <= {row.id for row in log.rows(0, log.state().head)}
    assert log.append([post(told(1))]) == log.state().head


# what is no log


def test_a_log_of_a_newer_program_is_refused(url, log):
    """One clear line."""
    with log.writing() as connection:
        connection.exec_driver_sql("UPDATE feed_log SET format = 99")

    with pytest.raises(
        LogUnusable, match=r"^feed_log: \S+ has format 99, this program knows 1: update it\.$"
    ):
        FeedLog(url, read_only=True)


def test_a_database_without_a_log_is_refused_by_a_reader(url, tmp_path):
    """The tap does not make one: it would wait for notifications that nobody writes."""
    with pytest.raises(LogUnusable, match=r"bigin feed serve makes one"):
        FeedLog(url, read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "expected a URL"),
        ("mysql://u:secret@host/db", "neither sqlite nor postgresql"),
        ("sqlite://", "is a file"),
        ("sqlite:///feed.sqlite?timeout=soon", "is a file"),
        ("sqlite:///feed\0.sqlite", "is a file"),
        ("postgresql://u:secret@127.0.0.1:port/db", "expected a URL"),
        ("postgresql://127.0.0.1:1/db?user=u&password=secret", "cannot be used"),
        ("postgresql://u:secret@127.0.0.1:1/db", "cannot be used"),
        ("sqlite:////nowhere/at/all/feed.sqlite", "feed_log: cannot write /nowhere/at/all/feed.sqlite"),
    ],
)
def test_what_is_no_place_for_a_log_is_told_without_its_password(url, said):
    """One clear line, and no secret in it."""
    with pytest.raises(LogUnusable, match=said) as refused:
        FeedLog(url)

    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    """One clear line."""
    (tmp_path / "notes.txt").write_text(
        "no database, only some text that is long enough to be looked at" * 20
    )

    with pytest.raises(LogUnusable, match="not a database"):
        FeedLog(f"sqlite:///{tmp_path / 'notes.txt'}")


# the writer


@pytest.fixture
def store(log):
    """``store(*posts)``: what became of each that came at once, None for stored; ``most_waiting`` as wished."""

    def make(*posts, **how):
        return asyncio.run(append_all(LogWriter(log, **how), posts))

    return make


async def append_all(writer, posts):
    try:
        return await asyncio.gather(*map(writer.append, posts), return_exceptions=True)
    finally:
        writer.close()


def test_what_comes_at_once_is_one_commit(log, store):
    """A commit each would be a third of the speed."""
    commits = []
    sa.event.listen(log._engine, "commit", commits.append)

    assert store(*(post(told(number)) for number in range(20))) == [None] * 20

    assert len(commits) == 1
    assert log.state().head == 20


def test_of_very_many_that_come_at_once_each_is_stored_once(log, store, monkeypatch):
    """A commit of all would lock the log for too long: they are parted, and no part has what another has."""
    monkeypatch.setattr("bigin_feed.log.writer.MOST_TOGETHER", 3)
    commits = []
    sa.event.listen(log._engine, "commit", commits.append)

    assert store(*(post(told(number)) for number in range(8))) == [None] * 8

    assert [row.id for row in log.rows(0, 99)] == [str(number) for number in range(8)]
    assert len(commits) == 3


def test_a_row_that_no_database_takes_does_not_fail_its_neighbours(log, store):
    """It is refused before the queue; should one slip through, those beside it are stored all the same."""
    first, bad, good = store(post(told(1)), post(told(2, values=object())), post(told(3)))

    assert (first, good) == (None, None)
    assert isinstance(bad, Unwritten)
    assert [row.id for row in log.rows(0, 9)] == ["1", "3"]


def test_a_log_that_is_locked_is_asked_once_for_all_that_wait():
    """Each by itself would wait for the lock as long again, and the answers come after Bigin has gone."""
    asked = []

    class Locked:
        def append(self, posts):
            asked.append(len(posts))
            raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database is locked"))

    answers = asyncio.run(append_all(LogWriter(Locked()), [post(told(number)) for number in range(3)]))

    assert [str(each) for each in answers] == ["database is locked"] * 3
    assert asked == [3]


def test_a_full_queue_refuses_at_once_and_owes_a_silence(log):
    """The answer is 503 and Bigin's notification is lost, but memory stays bounded and nobody waits."""
    writer = LogWriter(log, most_waiting=1)

    first, second = asyncio.run(append_all(writer, [post(told(1)), post(told(2))]))

    assert first is None
    assert isinstance(second, Unwritten)
    assert writer.refusing_since > EARLY


def test_after_its_end_a_writer_takes_nothing(log):
    """A dead writer answers 503, never 200."""
    writer = LogWriter(log)
    writer.close()

    (refused,) = asyncio.run(append_all(writer, [post(told(1))]))

    assert isinstance(refused, Unwritten)
    assert log.state().head == 0


def test_a_caller_that_gave_up_ends_no_writer(log):
    """A connection that closes cancels its wait; the others are answered all the same."""

    async def give_one_up():
        writer = LogWriter(log)
        waiting = [asyncio.create_task(writer.append(post(told(number)))) for number in range(3)]
        await asyncio.sleep(0)
        waiting[2].cancel()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        await writer.append(post(told(9)))
        writer.close()
        return answers

    assert asyncio.run(give_one_up())[:2] == [None, None]
    assert log.state().head == 4


def test_a_disk_that_was_full_takes_again_what_comes_when_there_is_room(tmp_path):
    """Nothing is half written, and the writer goes on."""
    path = tmp_path / "feed.sqlite"
    with FeedLog(f"sqlite:///{path}") as log:
        begin = log.state().head
        writer = LogWriter(log)

        async def meet_a_full_disk():
            await writer.append(post(told(1)))
            _fill(log)
            for number in (2, 3):
                with pytest.raises(Unwritten, match="full"):
                    await writer.append(post(told(number, values="x" * 100_000)))
            _make_room(log)
            await writer.append(post(told(4)))
            writer.close()

        asyncio.run(meet_a_full_disk())

        assert writer.refusing_since > EARLY
        assert [row.id for row in log.rows(begin, log.state().head)] == ["1", "4"]
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _fill(log):
    """No page more than now: what a full disk is to SQLite."""
    with log._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")


def _make_room(log):
    with log._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
