"""``bigin feed run``: as soon as something has come, one at a time, never too often."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from support.command import run_command
from support.processes import PIPE, start

import bigin_cli.main as cli
from bigin_feed.log import Post, now_text
from bigin_feed.notifications import Told
from bigin_feed.supervisor import Pace, Runs, Supervisor, as_arguments, seconds_to_wait

PACE = Pace(2, 3_600)
PATIENCE = 20  # seconds


@pytest.mark.parametrize(
    ("runs", "head", "now", "wait"),
    [
        (Runs(), 5, 0, 0),  # the first, at once
        (Runs(100, 5), 5, 110, 3_590),  # nothing came: the sweep
        (Runs(100, 5), 6, 101, 1),  # something came: not before two seconds
        (Runs(100, 5), 6, 110, -8),
        (Runs(100, 5), None, 110, 3_590),  # the log cannot be read: the sweep comes all the same
        (Runs(100, 5, 1), 6, 101, 4),  # it failed: five seconds, then ten …
        (Runs(100, 5, 2), 6, 101, 9),
        (Runs(100, 5, 60), 6, 101, 299),
        (Runs(100, None, 1), 0, 106, -1),  # tried again although nothing is new
    ],
)
def test_when_the_command_is_due(runs, head, now, wait):
    """From the start of the last run, by what is new since the last good one began."""
    assert seconds_to_wait(runs, head, now, PACE) == wait


def test_one_text_with_blanks_is_a_pipe_that_fails_if_any_part_fails():
    """A tap that fails before a loader that does not must not look good."""
    assert as_arguments(["meltano", "run", "x y"]) == ["meltano", "run", "x y"]
    assert subprocess.run(as_arguments(["false | true"]), check=False).returncode != 0
    assert subprocess.run(as_arguments(["true | true"]), check=False).returncode == 0


@pytest.fixture
def log(tmp_path, open_log):
    return open_log(f"sqlite:///{tmp_path / 'feed.sqlite'}")


@pytest.fixture
def supervise(log, tmp_path):
    """``supervise(command, …)``: the command as a process, ended at the end."""
    started = []

    def make(*command, options=("--at-most-every", "0.1"), stderr=None):
        supervisor = ("bigin", "feed", "run", "--log", log.url, *options)
        env = {**os.environ, "TMPDIR": str(tmp_path)}
        started.append(start(*supervisor, "--", *command, stdout=PIPE, stderr=stderr, text=True, env=env))
        return started[-1]

    yield make
    for each in started:
        if each.poll() is None:
            each.terminate()
            each.wait(20)
        each.stdout.close()


def eventually(what):
    """Until it is true, some seconds at most."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def tell(log, number):
    log.append([Post([Told("1", "Contacts", str(number), "update")], "2026")])


SAY = "import sys; print('run', flush=True)"


def test_it_runs_at_the_start_and_whenever_something_has_come(log, supervise):
    """The second run begins because of the row, not because of the hour."""
    running = supervise(sys.executable, "-c", SAY)
    assert running.stdout.readline() == "run\n"

    tell(log, 1)

    assert running.stdout.readline() == "run\n"
    running.terminate()
    assert running.wait(20) == 0


def test_sigterm_waits_for_the_run_under_way(supervise, tmp_path):
    """A loader that is killed in its work would do it again."""
    done = tmp_path / "done"
    running = supervise(
        sys.executable,
        "-c",
        f"import time; print('run', flush=True); time.sleep(1); open({str(done)!r}, 'w')",
    )
    running.stdout.readline()

    running.send_signal(signal.SIGTERM)

    assert running.wait(20) == 0
    assert done.exists()


def test_a_second_sigterm_ends_the_run(supervise):
    """Who asks twice does not want to wait."""
    running = supervise(sys.executable, "-c", "import time; print('run', flush=True); time.sleep(100)")
    running.stdout.readline()

    running.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    running.send_signal(signal.SIGTERM)

    assert running.wait(20) == 0


WORK = """
import os, sys, time
done, notes = sys.argv[1:]
def note(what):
    with open(notes, "a") as file:
        file.write(what)
note("begin ")
print("run", flush=True)
for _ in range(1_000):  # 20 seconds, whatever becomes of the test
    if os.path.exists(done):
        break
    time.sleep(0.02)
note("end ")
"""


@pytest.mark.parametrize("form", ["arguments", "a pipe"])
def test_a_command_whose_supervisor_was_killed_is_waited_for(log, supervise, tmp_path, form):
    """Two runs at once would read the same state, and the slower one would put it back."""
    done, notes, errors = tmp_path / "done", tmp_path / "notes", tmp_path / "errors"
    command = [sys.executable, "-c", WORK, str(done), str(notes)]
    if form == "a pipe":
        command = [f"{shlex.join(command)} | cat"]
    first = supervise(*command)
    first.stdout.readline()
    first.kill()
    first.wait()

    with errors.open("w") as stderr:
        second = supervise(*command, stderr=stderr)
    eventually(lambda: "waiting until that one ends" in errors.read_text())
    assert notes.read_text() == "begin "
    done.touch()

    assert second.stdout.readline() == "run\n"
    eventually(lambda: notes.read_text() == "begin end begin end ")


def test_what_a_command_leaves_in_the_background_holds_nothing_up(log, supervise, tmp_path):
    """Its own run has ended, and so may this program: a daemon that it started may live for months."""
    errors, pids = tmp_path / "errors", tmp_path / "pids"
    command = [f"sleep 60 & echo $! >> {pids}; echo run"]
    with errors.open("w") as stderr:
        first = supervise(*command, stderr=stderr)
        assert first.stdout.readline() == "run\n"
        first.kill()
        first.wait()
        second = supervise(*command, stderr=stderr)
        try:
            assert second.stdout.readline() == "run\n"
        finally:
            for pid in pids.read_text().split():
                os.kill(int(pid), signal.SIGKILL)
    assert "waiting" not in errors.read_text()


def test_without_a_temporary_folder_the_command_runs_all_the_same(log, caplog, monkeypatch, tmp_path):
    """A container that can write nowhere else has no other run to wait for either."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    done = tmp_path / "done"
    looks = itertools.count()

    def clock():
        if next(looks) == 2:
            supervisor.stop()
        return 0.0

    supervisor = Supervisor(log, ["touch", str(done)], PACE, clock=clock)
    supervisor.run()

    assert done.exists()
    assert "is not waited for" in caplog.text


def test_another_command_for_the_same_log_is_not_held_up(log, supervise, tmp_path):
    """One log may feed two warehouses."""
    running = [supervise(sys.executable, "-c", f"{SAY}; import time; time.sleep(1)", each) for each in "ab"]

    assert [each.stdout.readline() for each in running] == ["run\n"] * 2


def test_a_log_that_cannot_be_read_is_told_once(log, caplog, monkeypatch, tmp_path):
    """The sweeps go on, and five looks a second do not fill the disk with what they meet."""
    monkeypatch.setattr("bigin_feed.supervisor.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with log.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE feed_log RENAME TO gone")
    looks = itertools.count()

    def clock():
        if next(looks) == 9:
            supervisor.stop()
        return 0.0

    supervisor = Supervisor(log, ["true"], PACE, clock=clock)
    supervisor.run()

    assert caplog.text.count("The log cannot be read") == 1


# status and position


def run(*arguments):
    return run_command(lambda: cli.main(["feed", *arguments]))


def test_status_tells_where_the_log_stands_and_no_secret(log):
    """Secrets are for those who ask for them."""
    log.keep({"feed": {"secret": "hidden-1", "token": "hidden-2", "channel_id": "10000"}})
    tell(log, 1)
    log.append(silence=("2026-05-01T00:00:00Z", "2026-05-01T01:00:00Z", "the channel expired"))

    plain, whole = run("status", "--log", log.url), run("status", "--log", log.url, "--secrets")

    assert (plain.code, whole.code) == (0, 0)
    assert "head 2" in plain.out
    assert "the channel expired" in plain.out
    assert "hidden" not in plain.out + plain.said
    assert "hidden-1" in whole.out
    assert "hidden-2" in whole.out


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (None, "none yet: bigin feed serve opens it"),
        ({"expires": None, "modules": ["Tasks"]}, "ended, it was stopped; bigin feed serve opens it again"),
        ({"expires": "2026-05-01T00:00:00Z", "modules": ["Tasks"]}, "EXPIRED 2026-05-01T00:00:00Z"),
        ({"expires": "2999-05-01T00:00:00Z", "modules": ["Tasks"]}, "until 2999-05-01T00:00:00Z: Tasks\n"),
    ],
)
def test_status_tells_whether_the_channel_is_open(log, channel, said):
    """A time of day alone does not say that it has passed, nor what is to be done."""
    log.keep({"channel": channel})

    assert f"channel    {said}" in run("status", "--log", log.url).out


def test_status_tells_that_nothing_is_received(log):
    """By the heartbeat: a channel may be open at Bigin, and nobody there who hears."""
    assert "start bigin feed serve" in run("status", "--log", log.url).out

    log.append(heartbeat=now_text())

    assert "start bigin feed serve" not in run("status", "--log", log.url).out


def test_position_gives_the_state_to_replay_from(log):
    """As it stands in the tap's state."""
    log.append([Post([Told("1", "Contacts", "1", "update")], "2026-05-14T09:00:00.000Z")])
    log.append([Post([Told("1", "Contacts", "2", "update")], "2026-05-14T10:00:00.000Z")])

    ended = run("position", "--log", log.url, "--at", "2026-05-14T11:30:00+02:00")

    assert ended.out == f'{{"feed": {{"log": "{log.state().id}", "position": 1}}}}\n'


def test_wrong_use_is_told_in_a_line(log, tmp_path):
    """Exit code 2 for a time that is none, 1 for a log that is none."""
    assert run("position", "--log", log.url, "--at", "yesterday").code == 2
    missing = run("status", "--log", f"sqlite:///{tmp_path / 'none.sqlite'}")
    assert missing.code == 1
    assert missing.said.startswith("bigin feed status: feed_log: there is no file")
    assert not (tmp_path / "none.sqlite").exists()
