"""A token that is kept between runs, for its owner alone, and never one that was refused."""

import json
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripted import SECRETS, Clock, token_answer

from bigin_api import (
    Call,
    SettingsError,
)
from bigin_api.run_files import token_cache

LIST = Call("GET", "/Contacts")


def test_the_token_is_kept_between_runs_for_its_owner_alone(server, connect, tmp_path):
    """A cron job every five minutes must not ask for a token each time, nor leave one lying open."""
    path = tmp_path / "cache" / "token.json"
    connect(server.url, token_cache_path=str(path)).send(LIST)

    connect(server.url, token_cache_path=str(path)).send(LIST)

    assert len(server.token_requests) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.read_text(encoding="utf-8")
    assert not any(secret in kept for secret in SECRETS)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
def test_a_kept_token_vouches_for_no_other_credentials(server, connect, tmp_path, name):
    """A mistyped secret must fail at once, not when the token of the right one ends."""
    path = str(tmp_path / "token.json")
    connect(server.url, token_cache_path=path).send(LIST)

    connect(server.url, token_cache_path=path, **{name: "mistyped"}).send(LIST)

    assert len(server.token_requests) == 2


def test_a_kept_token_that_was_refused_is_not_taken_again(server, connect, tmp_path):
    """Revoked in the meantime: the run gets another one and leaves that to the next run."""
    path = tmp_path / "token.json"
    connect(server.url, token_cache_path=str(path)).send(LIST)
    server.dead_tokens.add("token-1")
    second = connect(server.url, token_cache_path=str(path))

    second.send(LIST)
    connect(server.url, token_cache_path=str(path)).send(LIST)

    assert [asked.headers["Authorization"][-7:] for asked in server.asked] == [
        "token-1",
        "token-1",
        "token-2",
        "token-2",
    ]


def test_a_token_that_another_run_left_is_taken_before_asking(server, connect, tmp_path):
    """Two runs side by side share the cache: when the token ends, the second takes what the first got."""
    path, clock = tmp_path / "token.json", Clock()
    first = connect(server.url, token_cache_path=str(path), now=clock)
    second = connect(server.url, token_cache_path=str(path), now=clock)
    first.send(LIST)
    second.send(LIST)
    clock.time += 3400

    first.send(LIST)
    second.send(LIST)

    assert len(server.token_requests) == 2


def test_of_runs_that_begin_together_one_asks_and_the_others_read(server, connect, tmp_path):
    """Twenty cron jobs of one minute would be twice what Zoho grants in ten, and be shut out for ten more."""
    server.token_answers.extend(
        replace(token_answer(f"token-{n}", server.url), seconds=0.2) for n in range(20)
    )
    runs = [connect(server.url, token_cache_path=str(tmp_path / "token.json")) for _ in range(20)]

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda run: run.send(LIST), runs))

    assert len(server.token_requests) == 1
    assert len(server.asked) == 20


def test_a_run_that_never_gives_its_turn_away_holds_nobody_up(server, connect, tmp_path, monkeypatch):
    """It may have been stopped; one that has died holds no lock."""
    monkeypatch.setattr(token_cache, "LONGEST_TURN", 0.01)
    path = tmp_path / "token.json"

    with token_cache.TokenCache(path).turn():
        connect(server.url, token_cache_path=str(path)).send(LIST)

    assert len(server.asked) == 1


def test_one_file_serves_several_credentials(server, connect, tmp_path):
    """A tap and a target of two organisations, in turn, must not ask anew each time. What ended is dropped."""
    path, clock = str(tmp_path / "token.json"), Clock()

    for name in ("one", "other", "one", "other"):
        connect(server.url, token_cache_path=path, now=clock, refresh_token=name).send(LIST)
    assert len(server.token_requests) == 2
    clock.time += 3600
    connect(server.url, token_cache_path=path, now=clock, refresh_token="third").send(LIST)

    assert len(json.loads(Path(path).read_text("utf-8"))) == 1


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '"x"', "{}", "another client's", "too old", "damaged"],
)
def test_a_cache_that_says_nothing_is_passed_over(server, connect, tmp_path, content):
    """Whatever lies there, a refresh mends it."""
    path, clock = tmp_path / "token.json", Clock()
    connect(server.url, token_cache_path=str(path), now=clock).send(LIST)
    kept = json.loads(path.read_text(encoding="utf-8"))
    (key,) = kept
    contents = {
        "another client's": json.dumps({"0" * 64: kept[key]}),
        "too old": json.dumps({key: {**kept[key], "fresh_until": clock.time - 1}}),
        "damaged": json.dumps({key: {"value": "x"}}),
    }
    path.write_text(contents.get(content, content), encoding="utf-8")

    connect(server.url, token_cache_path=str(path), now=clock).send(LIST)

    assert len(server.token_requests) == 2


def test_a_cache_that_cannot_be_written_is_said_and_not_fatal(server, connect, tmp_path, caplog):
    """The run has its token; that the next one will not find it is worth a line."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")

    with caplog.at_level(logging.WARNING):
        connect(server.url, token_cache_path=str(blocked / "token.json")).send(LIST)

    assert len(server.asked) == 1
    assert "token_cache_path" in caplog.text


@pytest.mark.parametrize("kind", ["device", "folder"])
def test_a_cache_that_is_no_file_is_said_at_the_start(server, connect, tmp_path, kind):
    """A device would be read without end, or replaced by a file with a token in it."""
    with pytest.raises(SettingsError, match="token_cache_path"):
        connect(server.url, token_cache_path="/dev/null" if kind == "device" else str(tmp_path))


def test_a_cache_that_cannot_be_written_leaves_no_token_behind(server, connect, tmp_path, monkeypatch):
    """A half-written file beside the cache is a token that nobody looks after."""
    monkeypatch.setattr(Path, "replace", _fail)

    connect(server.url, token_cache_path=str(tmp_path / "token.json")).send(LIST)

    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("token.json.lock", 0)]


def _fail(*_: object) -> None:
    raise OSError(28, "No space left on device")
