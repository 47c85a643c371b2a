"""``bigin feed serve``: what is answered 200 is in the log, and nobody else gets in."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
import time
from contextlib import closing

import pytest
import requests
from support.command import run_command
from support.feed import Feed
from support.sandbox import Sandbox

import bigin_cli.main as cli
from bigin_feed.log import FeedLog

PATIENCE = 20
RECORD = "6100000000000451010"  # of a good notification


@pytest.fixture
def log_url(tmp_path):
    return f"sqlite:///{tmp_path / 'feed.sqlite'}"


@pytest.fixture
def start(sandbox, tmp_path, log_url):
    """``start(**settings)``: a receiver for the sandbox, ended at the end."""
    started = []

    def make(*, port=None, **settings):
        started.append(Feed(tmp_path, sandbox.settings_for(feed_log=log_url, **settings), port=port))
        return started[-1]

    yield make
    for feed in started:
        if feed.process.poll() is None:
            assert feed.stop() == 0


@pytest.fixture
def feed(start):
    return start()


@pytest.fixture(scope="module")
def lasting(sandbox_process, tmp_path_factory):
    """One receiver for the tests that only look at what it refuses."""
    folder = tmp_path_factory.mktemp("feed")
    settings = Sandbox(sandbox_process.url).settings_for(feed_log=f"sqlite:///{folder / 'feed.sqlite'}")
    feed = Feed(folder, settings)
    yield feed
    assert feed.stop() == 0


def rows(feed):
    with FeedLog(feed.log_url, read_only=True) as log:
        return list(log.rows(0, log.state().head))


def eventually(what):
    """The first true answer within some seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    pytest.fail("it did not come about")


# what Bigin tells


def test_an_edit_in_bigin_is_a_row_of_the_log(sandbox, feed):
    """From the person's edit to the log, by a channel that the receiver opened itself."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Phone": "+47 1"}})
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": contact})

    told = eventually(lambda: len(rows(feed)) >= 3 and rows(feed))

    assert [(row.module, row.id, row.operation) for row in told] == [
        ("Contacts", contact, "insert"),
        ("Contacts", contact, "update"),
        ("Contacts", contact, "delete"),
    ]
    assert told[1].fields == ("Phone",)
    assert json.loads(told[1].values)["Phone"] == "+47 1"


def test_the_channel_is_one_for_all_modules(sandbox, feed):
    """Values are asked for, related records are not; the line on stdout says until when it is open."""
    listed = sandbox.api("GET", "/actions/watch").json()["watch"]

    assert {item["channel_id"] for item in listed} == {feed.channel_id}
    assert {item["resource_name"] for item in listed} == {
        "Contacts", "Pipelines", "Accounts", "Products", "Tasks", "Events", "Calls",
    }  # fmt: skip
    assert not any(item["notify_on_related_action"] for item in listed)
    assert all(item["return_affected_field_values"] for item in listed)
    assert feed.said.startswith("channel open until 20")


def test_the_same_body_twice_is_one_row(feed):
    """Bigin may tell twice; both are answered 200."""
    assert [feed.notify().status_code for _ in range(2)] == [200, 200]

    assert len(rows(feed)) == 1


def test_several_ids_are_several_rows(feed):
    """A receiver that reads the first id only loses the rest."""
    feed.notify(ids=["1", "2", "3"], affected_fields=[{"2": ["Email"]}], operation="insert")

    assert [(row.id, row.fields) for row in rows(feed)] == [("1", ()), ("2", ("Email",)), ("3", ())]


def test_what_is_told_of_a_record_in_two_parts_is_stored_whole(feed):
    """Fields and values in several entries; a text that only looks like an escape is a text."""
    feed.notify(
        ids=["7"],
        affected_fields=[{"7": ["Phone"]}, {"7": ["Email"]}],
        affected_values=[
            {"record_id": "7", "values": {"Phone": r"\u0000", "Seats": 2**63 - 1}},
            {"record_id": 7, "values": {"Email": "ann@example.com"}},
        ],
    )

    (row,) = rows(feed)
    assert row.fields == ("Phone", "Email")
    values = {"Phone": r"\u0000", "Seats": 2**63 - 1, "Email": "ann@example.com"}
    assert json.loads(row.values) == values


@pytest.mark.parametrize(
    "arguments",
    [
        {"params": {"id": "42"}},
        {"data": {"id": "42", "name": "Berg"}},
        {"json": {"id": 42}},
        {"files": {"id": (None, "42"), "name": (None, "Berg")}},
        {"json": {"data": [{"id": "42", "Last_Name": "Berg"}]}},
        {"json": {"rule_id": 9, "events": [{"data": {"id": "42", "Last_Name": "Berg"}}]}},
    ],
)
def test_a_workflow_may_tell_in_its_own_form(lasting, arguments):
    """An administrator chose it: an id is enough. The same again is another change."""
    for _ in range(2):
        assert lasting.post(f"/hook/{lasting.secret}/Contacts", **arguments).status_code == 200

    assert [(row.channel, row.module, row.id) for row in rows(lasting)[-2:]] == [
        ("hook", "Contacts", "42")
    ] * 2


def test_a_log_that_cannot_be_written_answers_503_and_leaves_a_silence(feed):
    """Bigin does not repeat: who reads the log is told to look by itself."""
    path = feed.log_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE feed_rows RENAME TO gone")
        refused = feed.notify()
        database.execute("ALTER TABLE gone RENAME TO feed_rows")

    taken = feed.notify()

    assert (refused.status_code, taken.status_code) == (503, 200)
    assert feed.health()[1]["silences"][-1]["why"] == "the log could not be written"
    assert len(rows(feed)) == 1


# nobody gets in


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"token": "wrong"}, 403),
        ({"token": None}, 403),
        ({"channel_id": "1"}, 404),
        ({"channel_id": ["1"]}, 400),
        ({"module": ["Contacts"]}, 400),
        ({"module": "Contacts; DROP TABLE"}, 400),
        ({"ids": []}, 400),
        ({"ids": ["x"]}, 400),
        ({"ids": "6100000000000451010"}, 400),
        ({"operation": "merge"}, 400),
        ({"affected_fields": [{"6100000000000451010": ["Pho\x00ne"]}]}, 400),
        ({"affected_values": [{"record_id": "6100000000000451010", "values": {"a": "\x00"}}]}, 400),
        ({"affected_fields": [{RECORD: [["Phone"]]}]}, 400),
        ({"affected_values": [{"record_id": RECORD, "values": {"a": 10**40}}]}, 400),
        ({"affected_values": [{"record_id": RECORD, "values": {"a": [{}, {"b": -(2**63) - 1}]}}]}, 400),
        (
            {"affected_values": [{"record_id": RECORD, "values": json.loads('{"a":' * 70 + "1" + "}" * 70)}]},
            400,
        ),
        ({"server_time": 10**40}, 400),
        ({"server_time": 2**62}, 400),
        ({"server_time": -1}, 400),
        ({"ids": [10**40]}, 400),
        ({"ids": [1e3]}, 400),
        ({"ids": [True]}, 400),
        ({"channel_id": 10**40}, 400),
        ({"filler": "x" * 1_100_000}, 413),
    ],
)
def test_what_is_no_notification_of_ours_is_refused(lasting, how, status):
    """Nothing is stored, and good notifications go on."""
    before = len(rows(lasting))

    assert lasting.notify(**how).status_code == status

    assert len(rows(lasting)) == before
    assert lasting.notify().status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"\\ud800"', b"[" * 100_000, b"\xff\xfe", b"null", b'{"a":1e999}']
)
def test_garbage_is_refused(lasting, body):
    """400, whatever it is, at both doors."""
    before = len(rows(lasting))

    assert lasting.post(f"/notify/{lasting.secret}", data=body).status_code == 400
    assert lasting.post(f"/hook/{lasting.secret}/Contacts", data=body).status_code == 400

    assert len(rows(lasting)) == before


@pytest.mark.parametrize(
    "path", ["/", "/notify/guess", "/notify/", "/hook/guess/Contacts", "/../notify", "/v2/sync/start"]
)
def test_a_guessed_path_is_not_found(lasting, path):
    """404, and the answer holds no secret."""
    before = len(rows(lasting))

    answer = lasting.post(path, json=lasting.body())

    assert answer.status_code == 404
    assert lasting.secret not in answer.text
    assert len(rows(lasting)) == before


def test_no_secret_is_said(feed):
    """Neither by the log of the process nor on /health."""
    feed.notify(token="wrong")
    feed.post("/notify/guess")
    shown = requests.get(f"{feed.url}/health", timeout=10).text

    for secret in (feed.secret, feed.token):
        assert secret not in feed.errors.read_text() + shown + feed.first_line
    assert "Refused a POST of /notify" in feed.errors.read_text()


def test_a_thousand_silent_connections_hold_nothing_up(feed):
    """Strangers that connect and say nothing, or half a head: good notifications go on."""
    strangers = [socket.create_connection(("127.0.0.1", feed.port)) for _ in range(1_000)]
    for each in strangers[::2]:
        each.sendall(b"POST /notify/x HTTP/1.1\r\nX-Slow: ")

    answer = feed.notify()

    for each in strangers:
        each.close()
    assert answer.status_code == 200


def test_a_head_that_never_ends_ends_its_connection(feed):
    """Memory stays flat: 64 KB of a head are enough."""
    with socket.create_connection(("127.0.0.1", feed.port), timeout=20) as stranger:
        stranger.sendall(b"POST /notify/x HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r".*"):  # noqa: PT012 -- whichever send meets the closed end
            for number in range(100_000):
                stranger.sendall(b"X-%d: " % number + b"x" * 1_000 + b"\r\n")

    assert feed.notify().status_code == 200


# health, and silences


def test_health_tells_how_far_the_log_is(feed):
    """Public: head, heartbeat, channel, silences."""
    head = feed.health()[1]["head"]
    feed.notify()

    status, health = feed.health()

    assert status == 200
    assert set(health) == {"head", "heartbeat", "channels", "silences"}
    assert health["head"] == head + 1
    assert len(health["channels"][0]["modules"]) == 7
    assert [each["why"] for each in health["silences"]] == ["there was no receiver"]


def test_the_time_without_a_receiver_is_a_silence(start):
    """From the last heartbeat to the open channel, also though Bigin still lists the channel."""
    first = start()
    first.stop()
    with FeedLog(first.log_url, read_only=True) as log:
        heartbeat = log.state().heartbeat

    second = start()

    _, health = second.health()
    assert health["silences"][-1]["from"] == heartbeat
    assert health["silences"][-1]["to"] > heartbeat
    assert second.secret == first.secret


def test_a_receiver_goes_on_without_a_channel(sandbox, start):
    """Bigin refuses: it says so, health is 503, hooks are taken all the same."""
    sandbox.fault("POST /actions/watch", status=400, times=100)

    feed = start()

    assert feed.said.startswith("no channel yet")
    status, health = feed.health()
    assert (status, health["channels"]) == (503, [])
    assert health["silences"][-1]["to"] is None
    assert feed.post(f"/hook/{feed.secret}/Contacts?id=1").status_code == 200


def test_an_address_that_does_not_lead_here_is_told(start):
    """The probe fails, one line says so, and the receiver goes on."""
    feed = start(public_url="http://127.0.0.1:9")

    eventually(lambda: "does not answer" in feed.errors.read_text())
    assert feed.health()[0] == 200


def test_what_answers_there_and_is_no_receiver_is_told(start):
    """Not even HTTP: the probe says so, and the channel is kept all the same."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        threading.Thread(target=answer_nonsense, args=[stranger], daemon=True).start()
        feed = start(public_url=f"http://127.0.0.1:{stranger.getsockname()[1]}")

        eventually(lambda: "something else answers there" in feed.errors.read_text())
    assert "Traceback" not in feed.errors.read_text()
    assert feed.health()[0] == 200


def answer_nonsense(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def test_the_log_of_another_organisation_is_refused(sandbox, feed, tmp_path):
    """One clear line: two organisations in one log would mix."""
    feed.stop()
    with FeedLog(feed.log_url) as log:
        log.keep({"organisation": "99"})

    with pytest.raises(pytest.fail.Exception, match="belongs to organisation 99"):
        Feed(tmp_path, sandbox.settings_for(feed_log=feed.log_url))


def test_the_channel_is_ended_on_request(sandbox, feed):
    """Bigin lists none any more, and status says so; the receiver, still running, would open it again."""
    feed.stop()

    ended = run_command(lambda: cli.main(["feed", "stop-channels", "--config", str(feed.config)]))
    status = run_command(lambda: cli.main(["feed", "status", "--log", feed.log_url]))

    assert (ended.code, ended.out) == (0, "bigin feed: the channel is ended.\n")
    assert sandbox.api("GET", "/actions/watch").status_code == 204
    assert "it was stopped" in status.out


def test_what_was_answered_survives_a_kill_of_the_receiver(feed, tmp_path):
    """A kill -9: what was answered 200 is in the log."""
    answered = [feed.notify(ids=[str(number)]).status_code for number in range(1, 30)]

    feed.process.kill()
    feed.process.wait()
    feed.process.stdout.close()

    assert set(answered) == {200}
    assert [row.id for row in rows(feed)] == [str(number) for number in range(1, 30)]
