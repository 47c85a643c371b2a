"""The channel looks after itself, and each time without one is a silence in the log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta, timezone

import pytest

from bigin_api import Reply, ServerError
from bigin_feed.channels import Channel, Keeper
from bigin_feed.log import LogWriter

MODULES = ("Contacts", "Tasks")
NOW = datetime(2026, 5, 14, 10, tzinfo=timezone.utc)


class Bigin:
    """Answers for /actions/watch: ``life`` of a channel, whether it is ``listed``, whether it is ``down``."""

    server_time = None

    def __init__(self):
        self.life = timedelta(hours=2)
        self.listed = True
        self.down = False
        self.calls = []

    def send(self, call):
        self.calls.append(call)
        if self.down:
            raise ServerError("HTTP 500")
        if call.method == "GET":
            rows = [{"resource_name": name} for name in MODULES] if self.listed else []
            return Reply(200, {"watch": rows}, NOW)
        expiry = (NOW + self.life).isoformat()
        events = [{"channel_expiry": expiry, "resource_name": name} for name in MODULES]
        return Reply(201, {"watch": [{"details": {"events": events}}]}, NOW)

    def counted(self, method):
        return sum(call.method == method for call in self.calls)


class Clock:
    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def bigin():
    return Bigin()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(tmp_path, open_log):
    return open_log(f"sqlite:///{tmp_path / 'feed.sqlite'}")


@pytest.fixture
def writer(log):
    made = LogWriter(log)
    yield made
    made.close()


@pytest.fixture
def channel(bigin, log):
    return Channel(bigin, log, "https://feed.example.com", MODULES)


@pytest.fixture
def keeper(log, writer, channel, clock):
    return Keeper(log, writer, channel, retention_days=30, clock=clock)


def test_what_is_asked_for_a_channel(keeper, bigin):
    """All modules in one, within a day, whole seconds, values asked for, related records not."""
    keeper.step()

    (entry,) = bigin.calls[0].json["watch"]
    assert entry["events"] == ["Contacts.all", "Tasks.all"]
    assert entry["notify_on_related_action"] is False
    assert entry["return_affected_field_values"] is True
    wished = datetime.fromisoformat(entry["channel_expiry"])
    assert timedelta(hours=23) < wished - datetime.now(timezone.utc) < timedelta(hours=24)
    assert wished.microsecond == 0


def test_it_is_renewed_at_half_of_the_life_that_the_answer_says(keeper, bigin, clock):
    """Two hours were given though a day was asked for: renewed after one, not before."""
    keeper.step()
    clock.seconds += 3_590
    keeper.step()
    before = bigin.counted("POST")
    clock.seconds += 20
    keeper.step()

    assert (before, bigin.counted("POST")) == (1, 2)
    assert keeper.expiry == NOW + timedelta(hours=2)


def test_the_start_leaves_a_silence_from_the_last_heartbeat(keeper, log):
    """Nobody listened until the channel was open, whatever Bigin lists."""
    before = log.state().heartbeat

    keeper.step()

    (silence,) = log.silences()
    assert (silence.begun, silence.why) == (before, "there was no receiver")
    assert log.state().heartbeat >= silence.ended


def test_a_channel_that_bigin_does_not_list_is_made_again(keeper, bigin, clock, log):
    """Its loss is seen within a quarter of an hour, and the time since it was last seen is a silence."""
    keeper.step()
    clock.seconds += 901
    bigin.listed = False

    keeper.step()

    assert bigin.counted("POST") == 2
    assert log.silences()[-1].why == "Bigin did not list the channel any more"
    assert keeper.expiry is not None


def test_a_renewal_does_not_hide_that_the_channel_was_gone(keeper, bigin, clock, log):
    """A POST makes a channel anew without a word: so the list is looked at first."""
    bigin.life = timedelta(minutes=10)
    keeper.step()
    clock.seconds += 301
    bigin.listed = False

    keeper.step()

    assert [each.why for each in log.silences()] == [
        "there was no receiver",
        "Bigin did not list the channel any more",
    ]


def test_without_bigin_the_channel_expires_and_no_heartbeat_is_written(keeper, bigin, clock, log):
    """Until it expires it is open; then there is silence, until it is opened again."""
    keeper.step()
    bigin.down = True
    clock.seconds += 3_700
    keeper.step()
    still_open = keeper.expiry
    clock.seconds += 3_700
    heartbeat = log.state().heartbeat
    keeper.step()

    assert still_open is not None
    assert (keeper.expiry, log.state().heartbeat) == (None, heartbeat)
    assert keeper.silence == ("2026-05-14T12:00:00.000Z", "the channel expired")
    assert keeper.trouble is not None

    bigin.down = False
    clock.seconds += 301
    keeper.step()
    assert log.silences()[-1].begun == "2026-05-14T12:00:00.000Z"
    assert (keeper.silence, keeper.trouble) == (None, None)
    assert log.state().heartbeat > heartbeat


def test_a_receiver_that_ends_writes_no_heartbeat(log, writer, channel, clock):
    """It takes no connection any more: what is told until its last request is answered is missed."""
    listens = True
    keeper = Keeper(log, writer, channel, retention_days=30, listens=lambda: listens, clock=clock)
    keeper.step()
    before = log.state().heartbeat

    listens = False
    keeper.step()

    assert log.state().heartbeat == before > "2026"


def test_what_could_not_be_written_is_a_silence(keeper, writer, log, clock):
    """Whoever reads the log is told to look by itself, once."""
    keeper.step()
    writer.refusing_since = "2026-05-14T12:00:00.000Z"
    owed = keeper.silence
    keeper.step()
    keeper.step()

    assert owed == ("2026-05-14T12:00:00.000Z", "the log could not be written")
    assert (log.silences()[-1].begun, log.silences()[-1].why) == owed
    assert len(log.silences()) == 2
    assert keeper.silence is None


def test_what_is_refused_while_a_silence_is_noted_is_a_silence_of_its_own(keeper, writer, log, monkeypatch):
    """The one that is being noted may end before it."""
    keeper.step()
    writer.refusing_since = "2026-05-14T12:00:00.000Z"
    append = log.append

    def append_and_refuse(*posts, **said):
        append(*posts, **said)
        writer.refusing_since = writer.refusing_since or "2026-05-14T12:00:05.000Z"

    with monkeypatch.context() as patched:
        patched.setattr(log, "append", append_and_refuse)
        keeper.step()
    keeper.step()

    assert [each.begun for each in log.silences()][1:] == [
        "2026-05-14T12:00:00.000Z",
        "2026-05-14T12:00:05.000Z",
    ]


def test_a_silence_that_cannot_be_noted_keeps_its_beginning(keeper, writer, log):
    """It began with the first notification that was refused, not with the heartbeat that failed later."""
    keeper.step()
    writer.refusing_since = "2026-05-14T12:00:00.000Z"
    with closing(sqlite3.connect(log.url.removeprefix("sqlite:///"))) as database:
        database.execute("ALTER TABLE feed_log RENAME TO gone")
        keeper.step()
        database.execute("ALTER TABLE gone RENAME TO feed_log")
    keeper.step()

    assert log.silences()[-1].begun == "2026-05-14T12:00:00.000Z"


def test_a_log_that_takes_no_heartbeat_is_told_once_and_is_a_silence(keeper, log, caplog):
    """A full disk lasts for hours; in the end it is one silence."""
    keeper.step()
    with closing(sqlite3.connect(log.url.removeprefix("sqlite:///"))) as database:
        database.execute("ALTER TABLE feed_log RENAME TO gone")
        for _ in range(3):
            keeper.step()
        database.execute("ALTER TABLE gone RENAME TO feed_log")
    keeper.step()

    assert [each.why for each in log.silences()] == ["there was no receiver", "the log could not be written"]
    assert caplog.text.count("Notifications are missed") == 1


def test_bigin_is_not_asked_at_every_step_while_it_is_down(keeper, bigin, clock):
    """Attempts come 5, 10, 20 … seconds after one another, at most 300."""
    bigin.down = True
    for _ in range(100):
        keeper.step()
        clock.seconds += 5

    assert bigin.counted("POST") == 7


def test_an_idle_day_costs_little(keeper, bigin, clock):
    """A channel of a day: its care costs less than a hundred credits, a fiftieth of the free edition's."""
    bigin.life = timedelta(hours=23, minutes=50)
    for _ in range(24 * 12):
        keeper.step()
        clock.seconds += 300

    assert len(bigin.calls) < 105


def test_the_secrets_are_made_once(channel, bigin, log):
    """They outlive the process, and the token is short enough for Bigin."""
    again = Channel(bigin, log, "https://feed.example.com", MODULES)

    assert (again.id, again.token, again.secret) == (channel.id, channel.token, channel.secret)
    assert len(channel.token) <= 50
    assert channel.id.isdecimal()
    assert channel.secret not in repr(channel)


def test_the_address_that_bigin_is_given_holds_the_secret(channel, bigin):
    """Whoever guesses the rest does not get in."""
    channel.open()

    (entry,) = bigin.calls[0].json["watch"]
    assert entry["notify_url"] == f"https://feed.example.com/notify/{channel.secret}"
