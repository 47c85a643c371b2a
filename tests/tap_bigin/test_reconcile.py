"""bigin-reconcile: does the warehouse hold what the organisation holds? Said truly, at a price told first."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest
from support.command import run_command
from support.processes import run
from support.tap import run_tap

from tap_bigin.reconcile.command import main


@pytest.fixture
def reconcile(sandbox, tmp_path):
    """Run the command with a CSV of what is held; settings by file."""

    def run(held, *arguments, **settings):
        (tmp_path / "config.json").write_text(json.dumps(sandbox.settings_for(**settings)))
        (tmp_path / "held.csv").write_text(held)
        files = ["--config", str(tmp_path / "config.json"), "--held", str(tmp_path / "held.csv")]
        return run_command(lambda: main([*files, *arguments]))

    return run


def held_by(rows, header="stream,id,Modified_Time"):
    """The CSV of rows of (stream, id, Modified_Time)."""
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def all_rows(sandbox, *modules):
    return [
        (module, each["id"], each["Modified_Time"]) for module in modules for each in sandbox.dump(module)
    ]


def test_warehouse_that_holds_everything_is_the_same(sandbox, reconcile):
    """What a tap has emitted is what the organisation holds: exit code 0, a price told before."""
    run = run_tap(sandbox, modules=["Contacts", "Pipelines"])
    rows = [
        (stream.lower(), each["id"], each["Modified_Time"].replace("T", " ").removesuffix("Z"))
        for stream in ("Contacts", "Pipelines")
        for each in run.records[stream]
    ]

    ended = reconcile(held_by(rows))

    assert ended.code == 0, ended.said
    assert "contacts: 48 records, the same" in ended.out
    assert "To compare: 2 credits in all" in ended.said


def test_missing_stale_and_ghost_ids_are_told_apart(sandbox, reconcile, tmp_path):
    """What is not there, what is old, what is gone from Bigin: three different faults of a pipeline."""
    rows = all_rows(sandbox, "Contacts")
    missing, stale, ghost = rows[0][1], rows[1][1], "6100000000009999999"
    held = [(*rows[1][:2], "2020-01-01T00:00:00Z"), *rows[2:], ("Contacts", ghost, "2024-01-01 00:00:00+00")]

    ended = reconcile(held_by(held), "--output", str(tmp_path / "all.csv"))

    assert ended.code == 1
    assert f"1 missing: {missing}" in ended.out
    assert f"1 stale: {stale}" in ended.out
    assert f"1 ghost: {ghost}" in ended.out
    with (tmp_path / "all.csv").open() as file:
        found = {each["problem"]: each for each in csv.DictReader(file)}
    assert {problem: each["id"] for problem, each in found.items()} == {
        "missing": missing,
        "stale": stale,
        "ghost": ghost,
    }
    assert found["stale"]["held"] == "2020-01-01T00:00:00Z"


def test_first_few_ids_are_shown_and_all_are_written(sandbox, reconcile, tmp_path):
    """A screen takes a few, a repair needs all."""
    ended = reconcile(held_by(all_rows(sandbox, "Contacts")[:1]), "--output", str(tmp_path / "all.csv"))

    assert ended.code == 1
    assert "47 missing" in ended.out
    assert "and 42 more" in ended.out
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 48


def test_changes_since_the_last_load_are_no_fault(sandbox, reconcile):
    """People go on working: with --as-of only what should have been loaded counts."""
    held = held_by(all_rows(sandbox, "Contacts"))
    loaded = sandbox.clock()
    sandbox.clock(advance=60)
    sandbox.create("Contacts", Last_Name="New")
    some = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": some, "data": {"Last_Name": "Changed"}})

    assert reconcile(held).code == 1
    ended = reconcile(held, "--as-of", loaded)

    assert ended.code == 0
    assert "2 changed since" in ended.out


def test_streams_that_cannot_be_checked_are_named(sandbox, reconcile):
    """Silence about a stream would read as proof."""
    rows = [*all_rows(sandbox, "Contacts"), ("users", "1", ""), ("Notes", "2", "2024-01-01 00:00:00")]

    ended = reconcile(held_by(rows))

    assert ended.code == 0
    assert "users: not checked" in ended.out
    assert "Notes: not checked" in ended.out


def test_nothing_that_could_be_checked_is_no_success(sandbox, reconcile):
    """Exit code 0 means compared and the same."""
    assert reconcile(held_by([("users", "1", "")])).code == 2


def test_price_can_be_asked_alone(sandbox, reconcile):
    """Somebody may want to know before spending."""
    ended = reconcile(held_by(all_rows(sandbox, "Contacts")), "--price")

    assert ended.code == 0
    assert "Contacts: 48 records, 1 credits" in ended.said
    assert sandbox.calls("POST /coql") == 0


def test_more_than_a_page_is_read_by_id(sandbox, reconcile):
    """200 ids a credit, without the end that offsets have."""
    sandbox.mutate({"op": "create", "module": "Calls", "count": 10_500, "data": {"Subject": "Call {n}"}})
    rows = all_rows(sandbox, "Calls")

    ended = reconcile(held_by(rows[:-1]))

    assert ended.code == 1
    assert f"1 missing: {rows[-1][1]}" in ended.out


def test_held_comes_from_a_pipe_and_settings_from_the_environment(sandbox):
    """As a step of a pipeline: no files, no secrets on the command line."""
    environment = {f"TAP_BIGIN_{name.upper()}": value for name, value in sandbox.settings_for().items()}

    ended = run(
        *("bigin-reconcile", "--held", "-"),
        given=held_by(all_rows(sandbox, "Products")),
        env={**os.environ, **environment, "TAP_BIGIN_MAX_CONCURRENT_REQUESTS": "3"},
    )

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ("id,Modified_Time\n1,2024-01-01 00:00:00\n", "lacks stream"),
        ("stream,id,Modified_Time\nContacts,x,2024-01-01 00:00:00\n", "line 2"),
        ("stream,id,Modified_Time\n", "no rows"),
    ],
)
def test_unreadable_held_is_an_error_of_usage(reconcile, held, words):
    """Exit code 2: nothing was compared."""
    ended = reconcile(held)

    assert ended.code == 2
    assert words in ended.said
    assert "Traceback" not in ended.said


def test_wrong_credentials_are_an_error_of_usage(sandbox, reconcile):
    """One clear line, and never the secret."""
    ended = reconcile(held_by(all_rows(sandbox, "Products")), refresh_token="wrong-one")

    assert ended.code == 2
    assert "data center" in ended.said
    assert "wrong-one" not in ended.said


@pytest.mark.parametrize(
    "arguments",
    [["--held", "nowhere.csv"], ["--config", "nowhere.json", "--held", "-"], [], ["--as-of", "x"]],
)
def test_wrong_command_line_is_an_error_of_usage(arguments):
    """Files that are not there, options that lack."""
    ended = run("bigin-reconcile", *arguments)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_lines_of_sql_that_the_help_gives_are_read(sandbox, reconcile, tmp_path):
    """The line for DuckDB, run by DuckDB, gives a file that the command takes."""
    duckdb = pytest.importorskip("duckdb")
    shown = run("bigin-reconcile", "--help").stdout
    sql = (
        shown.split("DuckDB", 1)[1]
        .split("Postgres", 1)[0]
        .replace("held.csv", str(tmp_path / "from_duckdb.csv"))
    )
    with duckdb.connect() as connection:
        connection.execute("create schema bigin")
        for module in ("Contacts", "Accounts"):
            connection.execute(f"create table bigin.{module.lower()} (id varchar, modified_time timestamp)")
            rows = [(each["id"], each["Modified_Time"][:19]) for each in sandbox.dump(module)]
            connection.executemany(f"insert into bigin.{module.lower()} values (?, ?)", rows)
        connection.execute(sql)

    ended = reconcile((tmp_path / "from_duckdb.csv").read_text())

    assert ended.code == 0, ended.out + ended.said
    assert "Accounts: 20 records, the same" in ended.out
    assert io.StringIO(shown).readline().startswith("usage: bigin-reconcile")
