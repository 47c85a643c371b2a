"""What a run needs is found out before it writes anything; what it owns no second run may use."""

from __future__ import annotations

import json
import os
import resource
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.command import run_command
from support.processes import PIPE, start
from support.target import command, lines, record, records, schema, settings_of, state

from bigin_api import SettingsError
from target_bigin.files.jsonl import JsonLines, held
from target_bigin.files.lock import locked
from target_bigin.target import TargetBigin

CONTACTS = schema("Contacts", "Last_Name", "Email", key=["Email"])


def people(count):
    return [{"Last_Name": f"Berg {n}", "Email": f"berg{n}@example.org"} for n in range(count)]


@pytest.mark.parametrize("setting", ["id_map_path", "unchanged_cache_path", "journal_path"])
def test_two_runs_at_once_do_not_share_a_file(sandbox, target, tmp_path, setting):
    """An overlapping cron job inserted everything a second time, and both runs ended well."""
    path = tmp_path / "ours"

    with locked(path, setting=setting):
        second = target([CONTACTS, *records("Contacts", people(3))], **{setting: str(path)})
    third = target([CONTACTS, *records("Contacts", people(3))], **{setting: str(path)})

    assert isinstance(second.error, SettingsError)
    assert f"{setting}: another run is using" in str(second.error)
    assert sandbox.calls("POST /Contacts/upsert") == 1
    assert third.error is None


@pytest.mark.parametrize("setting", ["id_map_path", "unchanged_cache_path", "journal_path"])
@pytest.mark.parametrize("kind", ["a link", "a hard link", "a link to the folder", "a way around"])
def test_a_file_has_one_owner_whatever_it_is_called(sandbox, target, tmp_path, setting, kind):
    """Two names of one journal: each of two runs inserted everything."""
    path = tmp_path / "ours"
    path.touch()
    (tmp_path / "linked").symlink_to(path)
    (tmp_path / "folder").symlink_to(tmp_path)
    os.link(path, tmp_path / "same")
    other = {
        "a link": tmp_path / "linked",
        "a hard link": tmp_path / "same",
        "a link to the folder": tmp_path / "folder" / "ours",
        "a way around": tmp_path / "folder" / ".." / tmp_path.name / "ours",
    }[kind]

    with locked(path, setting=setting):
        second = target([CONTACTS, *records("Contacts", people(3))], **{setting: str(other)})

    assert f"{setting}: another run is using" in str(second.error)
    assert sandbox.calls("POST /Contacts/upsert") == 0


@pytest.mark.parametrize("moves", [False, True])
def test_a_lock_holds_until_it_is_let_go(tmp_path, moves):
    """On the file itself, too, since that may have another name; unless its owner moves it aside."""
    path, same = tmp_path / "new" / "ours", tmp_path / "new" / "same"
    with locked(path, setting="journal_path", moves=moves):
        if moves:
            assert not path.exists()
            path.touch()
        os.link(path, same)
        for each in (path,) if moves else (path, same):
            with (
                pytest.raises(SettingsError, match=f"journal_path: another run is using {each}"),
                locked(each, setting="journal_path", moves=moves),
            ):
                pass
        assert stat.filemode(path.with_name("ours.lock").stat().st_mode) == "-rw-------"

    with locked(path, setting="journal_path"):
        assert moves or stat.filemode(path.stat().st_mode) == "-rw-------"


def test_what_a_link_names_is_replaced_and_not_the_link(target, tmp_path):
    """The journal was rewritten beside its old self, which the next run read."""
    for name in ("journal", "report"):
        (tmp_path / f"{name}.real").touch()
        (tmp_path / name).symlink_to(tmp_path / f"{name}.real")

    target(
        [CONTACTS, *records("Contacts", people(3))],
        journal_path=str(tmp_path / "journal"),
        run_report_path=str(tmp_path / "report"),
        default_operation="insert",
    )

    assert (tmp_path / "journal").is_symlink()
    assert (tmp_path / "report").is_symlink()
    assert json.loads((tmp_path / "report.real").read_text())["outcome"] == "good"


def test_a_reject_log_that_is_moved_aside_loses_no_line(tmp_path):
    """`bigin retry` moves it while a run writes: the run's further lines went with the moved file."""
    path, aside = tmp_path / "rejects.jsonl", tmp_path / "aside"
    file = JsonLines(path, setting="rejects_path", is_shared=True)
    file.open()
    for number in range(4):
        if number == 2:
            path.rename(aside)
        file.append({"n": number})
        file.flush()
    file.close()

    whole = [json.loads(line)["n"] for each in (aside, path) for line in each.read_text().splitlines()]
    assert whole == [0, 1, 2, 3]


def test_who_waits_for_a_file_has_what_is_in_its_place_when_the_turn_comes(tmp_path):
    """It was moved aside meanwhile: what was written to it then would have gone with it."""
    path, aside = tmp_path / "rejects.jsonl", tmp_path / "aside"
    path.write_text("old")

    def write():
        with held(path, "ab") as file:
            file.write(b"new")

    def opened():
        return [each for each in Path("/proc/self/fd").iterdir() if each.exists() and each.samefile(path)]

    with ThreadPoolExecutor(1) as threads:
        with held(path):
            writing = threads.submit(write)
            while len(opened()) < 2:
                time.sleep(0.01)
            assert not writing.done()
            path.rename(aside)
        writing.result(timeout=9)

    assert (aside.read_text(), path.read_text()) == ("old", "new")
    assert stat.filemode(path.stat().st_mode) == "-rw-------"


def test_two_runs_may_share_a_reject_log(tmp_path):
    """A disk that is full for one of them must not cut off the other's lines."""
    path = tmp_path / "rejects.jsonl"
    one, other = (JsonLines(path, setting="rejects_path", is_shared=True) for _ in range(2))
    for file in (one, other):
        file.open()
        file.append({"n": "x" * 20})
        file.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        one.append({"n": "x" * 500})
        with pytest.raises(SettingsError):
            one.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert path.read_text().splitlines() == ['{"n":"xxxxxxxxxxxxxxxxxxxx"}'] * 2
    for file in (one, other):
        file.close()


def test_a_dry_run_makes_no_file(sandbox, target, tmp_path):
    """It tells what would be done, and leaves the disk as it was."""
    names = ("id_map_path", "unchanged_cache_path", "journal_path")
    paths = {name: str(tmp_path / "new" / name) for name in names}
    before = sorted(tmp_path.iterdir())

    run = target([CONTACTS, *records("Contacts", people(3))], dry_run=True, **paths)

    assert run.error is None
    assert sorted(tmp_path.iterdir()) == before


def test_a_dry_run_reads_the_cache_and_leaves_it(target, tmp_path):
    """What is unchanged is told so, and no file of SQLite's stays beside it."""
    cache = tmp_path / "cache"
    target([CONTACTS, *records("Contacts", people(3))], unchanged_cache_path=str(cache))
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    run = target([CONTACTS, *records("Contacts", people(4))], dry_run=True, unchanged_cache_path=str(cache))

    assert run.outcomes("Contacts") == {"unchanged": 3, "inserted": 1}
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_what_cannot_be_read_is_not_told_as_written(tmp_path):
    """Whoever reads `cannot write to` looks for the wrong thing."""
    path = tmp_path / "notes.jsonl"
    path.symlink_to("/proc/self/mem")

    with pytest.raises(SettingsError, match=r"id_map_path: cannot read .*\(Input/output error\)"):
        JsonLines(path, setting="id_map_path").read(json.loads)


def test_a_reject_log_that_cannot_be_written_is_told_before_anything_is_written(sandbox, tmp_path):
    """At the first reject, nine hundred records were written already."""
    (tmp_path / "file").write_text("")
    config = sandbox.settings_for(rejects_path=str(tmp_path / "file" / "x.jsonl"))

    code, _, said = command(config, tmp_path, [CONTACTS, *records("Contacts", people(3))])

    assert code == 1
    assert "rejects_path: cannot write to" in said.splitlines()[-1]
    assert sandbox.calls("POST /Contacts/upsert") == 0


def test_a_run_without_rejects_leaves_no_reject_log(target, tmp_path):
    """An empty file would look like one that lost its lines."""
    target([CONTACTS, *records("Contacts", people(1))])

    assert not (tmp_path / "rejects.jsonl").exists()


def test_an_unknown_setting_is_refused_with_the_one_that_was_meant(sandbox, target):
    """`dryrun` wrote everything."""
    for settings, said in (
        ({"dryrun": True}, "did you mean 'dry_run'?"),
        ({"trigger": ["workflows"]}, "trigger.0: 'workflows' is not one of"),
        ({"default_operation": "upset"}, "did you mean 'upsert'?"),
        ({"streams": {"Contacts": {"opration": "insert"}}}, "did you mean 'operation'?"),
        (
            {"streams": {"Contacts": {"lookups": {"Account_Name": {"matchon": "Account_Name"}}}}},
            "did you mean 'match_on'?",
        ),
    ):
        with pytest.raises(Exception, match="Config validation failed") as refused:
            target([CONTACTS, record("Contacts", Last_Name="Berg")], **settings)
        assert said in " ".join(refused.value.errors)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("TARGET_BIGIN_DRYRUN=true", "did you mean TARGET_BIGIN_DRY_RUN?"),
        ("TARGET_BIGIN_DRY_RUN=ture", "TARGET_BIGIN_DRY_RUN: takes true or false."),
        ("TARGET_BIGIN_BATCH_SIZE=all", "TARGET_BIGIN_BATCH_SIZE: takes a whole number."),
        ("TARGET_BIGIN_STREAMS={Contacts}", "TARGET_BIGIN_STREAMS: not JSON"),
    ],
)
def test_the_environment_is_read_as_strictly_as_a_file(sandbox, tmp_path, monkeypatch, given, said):
    """`TARGET_BIGIN_DRYRUN=true` wrote everything, and so did a `DRY_RUN` that was no `true`."""
    (tmp_path / "config.json").write_text(json.dumps(settings_of(sandbox, tmp_path)))
    monkeypatch.setenv(*given.split("="))

    ended = run_command(
        lambda: TargetBigin.cli.main(["--config", str(tmp_path / "config.json"), "--config", "ENV"]),
        given=lines([CONTACTS, *records("Contacts", people(1))]),
    )

    assert (ended.code, said in ended.said.splitlines()[-1]) == (1, True)
    assert sandbox.calls("POST /Contacts/upsert") == 0


@pytest.mark.parametrize("name", ["contacts", "CONTACTS", "Contacts "])
def test_a_stream_that_is_configured_under_another_writing_is_not_written(sandbox, target, name):
    """Its settings were passed over, and it was upserted where it was to be a dry insert, or nothing."""
    run = target([CONTACTS, *records("Contacts", people(1))], streams={name: {"operation": "insert"}})

    assert f"streams.{name}: there is no such stream, did you mean 'Contacts'?" in str(run.error)
    assert sandbox.calls("POST /Contacts/upsert") == 0


def test_a_stream_that_is_set_to_nothing_is_one_line(target):
    """Validation itself failed at it, by a traceback."""
    with pytest.raises(Exception, match="Config validation failed") as refused:
        target([CONTACTS], streams={"Contacts": None})

    assert refused.value.errors == ["streams.Contacts: None is not of type 'object'"]


def test_a_setting_of_the_tap_in_the_same_file_is_let_be(target):
    """One file with the credentials serves both."""
    run = target([CONTACTS, *records("Contacts", people(1))], start_date="2026-01-01T00:00:00Z")

    assert run.error is None


def test_a_state_that_cannot_be_written_ends_the_run_as_a_signal_does(sandbox, target, tmp_path):
    """What is in flight is settled and noted, and one line says what happened."""
    journal = tmp_path / "journal.jsonl"
    config = settings_of(
        sandbox, tmp_path, default_operation="insert", journal_path=str(journal), batch_size=10
    )
    (tmp_path / "config.json").write_text(json.dumps(config))
    there = sandbox.count("Contacts")
    sent = [
        CONTACTS,
        *records("Contacts", people(30)),
        state({"at": 30}),
        *records("Contacts", people(70)[30:]),
    ]
    config_path = str(tmp_path / "config.json")
    process = start("target-bigin", "--config", config_path, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
    process.stdout.close()

    with process:
        process.stdin.write(lines(sent))
        process.stdin.close()
        said = process.stderr.read()

    assert process.returncode == 1
    assert "stdout (Broken pipe)" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert sandbox.calls("POST /Contacts") >= 3

    again = target(sent, default_operation="insert", journal_path=str(journal), batch_size=10)

    assert again.rejects == []
    assert sandbox.count("Contacts") - there == 70


OWN_FILES = ("rejects_path", "id_map_path", "unchanged_cache_path", "journal_path")


def test_files_with_peoples_data_are_for_their_owner_alone(sandbox, target, tmp_path):
    """Ids, rejected records and what was sent are nobody else's, whatever the umask says."""
    paths = {name: str(tmp_path / name) for name in OWN_FILES}
    broken = record("Contacts", Email="nobody@example.org")  # no Last_Name
    before = os.umask(0)
    try:
        for _ in range(2):  # the second run rewrites what the first one made
            target([CONTACTS, *records("Contacts", people(3)), broken], **paths, max_rejects=9)
    finally:
        os.umask(before)

    made = {each.name: stat.filemode(each.stat().st_mode) for each in tmp_path.iterdir()}

    assert set(OWN_FILES) <= set(made)
    assert set(made.values()) == {"-rw-------"}


@pytest.mark.parametrize("setting", OWN_FILES)
@pytest.mark.parametrize("kind", ["device", "folder", "pipe", "in a file", "on a file system of no files"])
def test_a_path_that_is_no_file_is_told_before_anything_is_written(sandbox, target, tmp_path, setting, kind):
    """A folder was found out by a traceback, a pipe waited for ever, a device was replaced by a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    path = {
        "device": "/dev/full",
        "folder": str(tmp_path / "folder"),
        "pipe": str(tmp_path / "pipe"),
        "in a file": str(tmp_path / "file" / "x"),
        "on a file system of no files": "/proc/x",
    }[kind]

    run = target([CONTACTS, *records("Contacts", people(3))], **{setting: path})

    assert isinstance(run.error, SettingsError)
    assert str(run.error).startswith(f"{setting}: ")
    assert path in str(run.error)
    assert sandbox.calls("POST /Contacts/upsert") == 0


@pytest.mark.parametrize("setting", OWN_FILES)
def test_a_full_disk_is_told_with_the_setting_and_nothing_counts_that_is_not_on_it(target, tmp_path, setting):
    """The last line says which file; no STATE covers what that file does not hold."""
    rows = people(400)
    if setting == "rejects_path":
        rows = [{"Email": each["Email"]} for each in rows]
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
    try:
        run = target(
            [CONTACTS, *records("Contacts", rows), state("all")],
            **{setting: str(tmp_path / "full")},
            max_rejects=400,
            streams={"Contacts": {"operation": "insert" if setting == "journal_path" else "upsert"}},
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert isinstance(run.error, SettingsError)
    assert str(run.error).startswith(f"{setting}: ")
    assert run.states == []


def test_two_settings_do_not_name_one_file(sandbox, target, tmp_path):
    """The reject log's lines made an id map that no run could read again."""
    path = str(tmp_path / "one.jsonl")

    run = target([CONTACTS], rejects_path=path, id_map_path=path)

    assert str(run.error) == f"rejects_path and id_map_path name the same file ({path})."


@pytest.mark.parametrize("setting", ["api_log_path", "token_cache_path", "run_report_path"])
@pytest.mark.parametrize("kind", ["a link", "a hard link", "not there yet"])
def test_two_names_are_one_file_too(target, tmp_path, setting, kind):
    """The log of calls in the id map, by a link to it."""
    path, other = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    if kind == "a hard link":
        path.touch()
        os.link(path, other)
    else:
        other.symlink_to(path)
    if kind == "not there yet":
        other = tmp_path / "." / ".." / tmp_path.name / "one.jsonl"

    run = target([CONTACTS], id_map_path=str(path), **{setting: str(other)})

    assert f"id_map_path and {setting} name the same file" in str(run.error)


def test_a_write_that_fails_leaves_the_lines_before_it(tmp_path):
    """The next run cuts off one last line; a hole or half a line in the middle would be the end of the file."""
    path = tmp_path / "notes.jsonl"
    path.write_text('{"a":1}\n{"cut off": "' + "x" * 500)
    file = JsonLines(path, setting="journal_path")
    file.open(whole=file.read(json.loads))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        file.append({"b": "x" * 1_000})
        with pytest.raises(SettingsError, match="journal_path: cannot write to"):
            file.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    assert path.read_text() == '{"a":1}\n'
    with pytest.raises(SettingsError):
        file.flush()
    file.close()
