"""source-bigin as Airbyte runs it: each line is held to the official models by support.source."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from support.command import run_command
from support.feed import ToldLog
from support.sandbox import Sandbox
from support.source import SourceRun, configured, offered, read, source
from support.tap import assert_holds

from bigin_airbyte.command import main
from tap_bigin.tap import TapBigin

CONTACTS = {"stream": {"name": "Contacts", "json_schema": {}}, "sync_mode": "incremental"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's caches are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_spec_is_a_form_that_hides_secrets(sandbox: Sandbox) -> None:
    """Airbyte validates the settings by it, shows it to people and keeps what is marked as secret."""
    (spec,) = SourceRun.of(0, run_command(lambda: main(["spec"])).out).of_type("spec")

    schema = spec["connectionSpecification"]
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(sandbox.settings_for(modules=["Contacts"], credit_budget=5))
    assert not Draft7Validator(schema).is_valid({"client_id": "x"})
    secrets = {name for name, each in schema["properties"].items() if each.get("airbyte_secret")}
    assert secrets == {"client_secret", "refresh_token", "feed_log"}
    own = TapBigin.config_jsonschema["properties"].keys() - {"access_token"}
    offered_names = schema["properties"].keys()
    assert {
        name for name in own if not name.startswith(("batch_", "faker_", "flattening_", "stream_map"))
    } == (offered_names)


def test_check_says_what_the_doctor_says(sandbox: Sandbox) -> None:
    """A refused module that nobody named is no reason not to begin; a missing right of a named one is."""
    good = source(sandbox, "check")
    bad = source(sandbox, "check", modules=["Payroll"])

    assert (good.code, bad.code) == (0, 0)
    assert good.of_type("connectionStatus") == [{"status": "SUCCEEDED"}]
    (status,) = bad.of_type("connectionStatus")
    assert status["status"] == "FAILED"
    assert "Crm_Implied_View_Payroll" in status["message"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"client_secret": "wrong"}, "client_secret"),
        ({"refresh_token": ""}, "refresh_token is missing"),
        ({"modulse": ["Contacts"]}, "did you mean 'modules'"),
        ({"api_url": "http://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
    ids=["secret", "missing", "misspelt", "nobody there"],
)
def test_settings_that_are_wrong_fail_the_check_and_end_a_read(
    sandbox: Sandbox, wrong: dict[str, Any], said: str
) -> None:
    """Airbyte shows a person the message of the status, and of the error that ends a sync."""
    checked = source(sandbox, "check", max_retries=0, **wrong)
    ended = read(sandbox, {"streams": [CONTACTS]}, max_retries=0, **wrong)

    (status,) = checked.of_type("connectionStatus")
    assert (checked.code, status["status"]) == (0, "FAILED")
    assert said in status["message"]
    assert ended.code == 1
    kind = "transient_error" if "api_url" in wrong else "config_error"
    assert ended.errors[None]["failure_type"] == kind
    assert said in ended.errors[None]["message"]


@pytest.mark.parametrize("command", ["check", "discover", "read"])
def test_settings_that_are_no_json_are_one_message(sandbox: Sandbox, command: str) -> None:
    """A platform shows messages, not tracebacks."""
    files = {"config": "{", **({"catalog": {"streams": []}} if command == "read" else {})}

    ended = source(sandbox, command, files)

    told = json.dumps(ended.messages)
    assert "not JSON" in told
    assert "Traceback" not in told + ended.said


def test_the_catalog_is_the_taps(sandbox: Sandbox) -> None:
    """Keys, cursors and modes are known to the source: nobody has to choose them."""
    streams = {each["name"]: each for each in offered(sandbox)["streams"]}

    contacts, users = streams["Contacts"], streams["users"]
    assert contacts["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert contacts["default_cursor_field"] == ["Modified_Time"]
    assert contacts["source_defined_cursor"] is True
    assert contacts["source_defined_primary_key"] == [["id"]]
    assert streams["deleted_records"]["source_defined_primary_key"] == [["module"], ["id"]]
    assert users["supported_sync_modes"] == ["full_refresh"]
    for each in streams.values():
        Draft7Validator.check_schema(each["json_schema"])


def test_a_read_tells_every_record_once_and_counts_them(sandbox: Sandbox) -> None:
    """Airbyte holds the counts of the states against the records that came, and complains of a difference."""
    catalog = configured(offered(sandbox))

    ended = read(sandbox, catalog)

    assert ended.code == 0
    for module in ("Contacts", "Accounts", "Pipelines", "Notes"):
        records = ended.records[module]
        assert len(records) == sandbox.count(module)
        assert_holds(sandbox, module, {each["id"]: each for each in records})
    counted = Counter[str]()
    for state in ended.states:
        counted[state["stream"]["stream_descriptor"]["name"]] += state["sourceStats"]["recordCount"]
    assert {name: len(each) for name, each in ended.records.items()} == {
        k: n for k, n in counted.items() if n
    }
    schemas = {each["stream"]["name"]: each["stream"]["json_schema"] for each in catalog["streams"]}
    for name, records in ended.records.items():
        validator = Draft7Validator(schemas[name])
        assert [each.message for record in records for each in validator.iter_errors(record)] == []


def test_times_leave_as_utc(sandbox: Sandbox) -> None:
    """Destinations drop an offset without a word: ten o'clock in Chennai would be ten o'clock in Greenwich."""
    catalog = configured(offered(sandbox), "Contacts", "Tasks", "Events", "users", "deleted_records")

    ended = read(sandbox, catalog)

    times = [
        record[name]
        for stream in catalog["streams"]
        for name, schema in stream["stream"]["json_schema"]["properties"].items()
        if schema.get("format") == "date-time"
        for record in ended.records[stream["stream"]["name"]]
        if record.get(name)
    ]
    assert times
    assert [each for each in times if not each.endswith("Z")] == []


def test_a_second_read_brings_what_is_new_and_nothing_twice(sandbox: Sandbox) -> None:
    """The state that a platform kept, in any order, is where the next sync begins."""
    catalog = configured(offered(sandbox), "Contacts", "Accounts", "Tasks")
    first = read(sandbox, catalog)
    sandbox.clock(advance=60)
    edited = first.records["Contacts"][0]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": edited, "data": {"Last_Name": "Renamed"}})
    made = sandbox.create("Accounts", Account_Name="Newly founded")

    second = read(sandbox, catalog, state=first.state[::-1])

    assert second.code == 0
    assert {name: [each["id"] for each in told] for name, told in second.records.items()} == {
        "Contacts": [edited],
        "Accounts": [made],
    }
    assert second.records["Contacts"][0]["Last_Name"] == "Renamed"
    assert second.statuses["Tasks"] == ["STARTED", "COMPLETE"]


def test_statuses_come_in_order_and_states_before_the_last(sandbox: Sandbox) -> None:
    """A destination closes a stream's table at its last status: what came after would be lost."""
    ended = read(sandbox, configured(offered(sandbox), "Contacts", "users"))

    assert ended.statuses == {name: ["STARTED", "RUNNING", "COMPLETE"] for name in ("Contacts", "users")}
    kinds = [each["type"] for each in ended.messages if each["type"] in {"RECORD", "STATE"}]
    assert kinds[-1] == "STATE"
    last = [each["type"] for each in ended.messages[-2:]]
    assert last == ["TRACE", "TRACE"]


def test_one_stream_that_fails_costs_only_itself(sandbox: Sandbox) -> None:
    """A non-zero exit would throw away what the others brought; the next sync mends the one."""
    catalog = configured(offered(sandbox), "Contacts", "Tasks")
    sandbox.fault("GET /Tasks", status=500, times=50)

    failed = read(sandbox, catalog, max_retries=0)
    sandbox.clear_faults()
    mended = read(sandbox, catalog, state=failed.state)

    assert failed.code == 0
    assert (failed.statuses["Contacts"][-1], failed.statuses["Tasks"][-1]) == ("COMPLETE", "INCOMPLETE")
    assert failed.errors["Tasks"]["failure_type"] == "transient_error"
    assert len(failed.records["Contacts"]) == sandbox.count("Contacts")
    assert mended.statuses["Tasks"][-1] == "COMPLETE"
    assert {name: len(each) for name, each in mended.records.items()} == {"Tasks": sandbox.count("Tasks")}


def test_streams_that_may_not_be_read_or_are_gone_say_so(sandbox: Sandbox) -> None:
    """Complete without a record, a destination that overwrites would empty the table."""
    catalog = configured(offered(sandbox), "Payroll", "Contacts")
    gone = {**catalog["streams"][0]["stream"], "name": "Projects"}
    catalog["streams"].append({**catalog["streams"][0], "stream": gone})

    ended = read(sandbox, catalog)
    alone = read(sandbox, {"streams": catalog["streams"][-1:]})

    assert ended.code == 0
    assert {name: each[-1] for name, each in ended.statuses.items()} == {
        "Contacts": "COMPLETE",
        "Payroll": "INCOMPLETE",
        "Projects": "INCOMPLETE",
    }
    assert {each["failure_type"] for each in ended.errors.values()} == {"config_error"}
    assert alone.code == 1


def test_only_the_columns_that_were_kept_are_read(sandbox: Sandbox) -> None:
    """A column that is deselected in Airbyte is missing from the configured schema."""
    catalog = configured(offered(sandbox), "Contacts")
    properties = catalog["streams"][0]["stream"]["json_schema"]["properties"]
    for name in list(properties):
        if name not in {"id", "Last_Name", "Modified_Time"}:
            del properties[name]

    ended = read(sandbox, catalog)

    assert {tuple(sorted(each)) for each in ended.records["Contacts"]} == {
        ("Last_Name", "Modified_Time", "id")
    }


def test_a_full_refresh_reads_all_again(sandbox: Sandbox) -> None:
    """Formulas change without Modified_Time: people ask for everything."""
    catalog = configured(offered(sandbox), "Contacts", mode="full_refresh")
    first = read(sandbox, catalog)

    second = read(sandbox, catalog, state=first.state)

    assert len(second.records["Contacts"]) == sandbox.count("Contacts")


def test_with_a_feed_edits_come_by_it_and_what_is_read_in_full_comes_whole(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Its position is all streams'; and a table that is overwritten must not be emptied between two sweeps."""
    told = ToldLog(f"sqlite:///{tmp_path / 'feed.sqlite'}")
    catalog = configured(offered(sandbox, feed_log=told.url), "Contacts", "users")
    first = read(sandbox, catalog, feed_log=told.url)
    edited = first.records["Contacts"][0]["id"]
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": edited, "data": {"Last_Name": "Renamed"}})
    told.tell("Contacts", edited)

    second = read(sandbox, catalog, state=first.state, feed_log=told.url)
    third = read(sandbox, catalog, state=second.state, feed_log=told.url)
    told.log.close()

    assert [each["id"] for each in second.records["Contacts"]] == [edited]
    assert "Contacts" not in third.records
    assert [len(each.records["users"]) for each in (first, second, third)] == [7, 7, 7]


def test_deletions_in_the_module_carry_the_column_that_destinations_drop_rows_by(sandbox: Sandbox) -> None:
    """The row with the latest cursor counts, so a deletion has one."""
    catalog = configured(offered(sandbox, deleted_records="soft"), "Contacts")
    first = read(sandbox, catalog, deleted_records="soft")
    victim = sandbox.dump("Contacts")[0]["id"]
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": victim})

    second = read(sandbox, catalog, state=first.state, deleted_records="soft")

    before = {each["id"] for each in first.records["Contacts"] if each["_ab_cdc_deleted_at"] is None}
    assert before == {victim, *(each["id"] for each in sandbox.dump("Contacts"))}
    (told,) = [each for each in second.records["Contacts"] if each["id"] == victim]
    assert told["Modified_Time"] == told["_ab_cdc_deleted_at"]
    assert "_sdc_deleted_at" not in told


def test_a_budget_ends_a_sync_in_good_order(sandbox: Sandbox) -> None:
    """What was paid for is kept; the next sync goes on."""
    catalog = configured(offered(sandbox), "Contacts", "Accounts", "Tasks")

    ended = read(sandbox, catalog, credit_budget=5)
    second = read(sandbox, catalog, state=ended.state, credit_budget=5)
    third = read(sandbox, catalog, state=second.state, credit_budget=5)

    incomplete = {name for name, each in ended.statuses.items() if each[-1] == "INCOMPLETE"}
    assert ended.code == 0
    assert 0 < len(incomplete) < 3
    assert {ended.errors[name]["failure_type"] for name in incomplete} == {"transient_error"}
    told = Counter(name for run in (ended, second, third) for name in run.records for _ in run.records[name])
    assert told == {name: sandbox.count(name) for name in ("Contacts", "Accounts", "Tasks")}


def test_one_token_serves_a_whole_sync(sandbox: Sandbox, cache: Path) -> None:
    """Each command is a process, and Zoho grants ten tokens in ten minutes."""
    source(sandbox, "check")
    sandbox.fault("POST /oauth/v2/token", status=500, times=50)

    ended = read(sandbox, configured(offered(sandbox, max_retries=0), "Contacts"), max_retries=0)

    assert ended.statuses["Contacts"][-1] == "COMPLETE"
    (kept,) = cache.rglob("token-*.json")
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("catalog", "state", "said"),
    [
        ({"streams": [{"name": "Contacts"}]}, [], "catalog: streams[0]"),
        ([], [], "catalog: expected"),
        ({"streams": []}, {"bookmarks": {}}, "state: expected a list"),
        ({"streams": []}, [{"type": "GLOBAL", "global": {}}], "state: [0]"),
        ("{", [], "not JSON"),
    ],
)
def test_inputs_that_are_none_are_config_errors(
    sandbox: Sandbox, catalog: Any, state: Any, said: str
) -> None:
    """A state that is not understood is refused: read as none, everything would be read and paid for again."""
    ended = read(sandbox, catalog, state=state)

    assert ended.code == 1
    assert ended.errors[None]["failure_type"] == "config_error"
    assert said in ended.errors[None]["message"]


def test_a_stop_is_a_stop_with_whole_lines_and_a_state(sandbox: Sandbox, tmp_path: Path) -> None:
    """Platforms stop a source when a sync is cancelled; what was read is kept."""
    sandbox.reset(size="medium")
    catalog = configured(offered(sandbox), "Contacts", "Pipelines")
    sandbox.fault("GET /Pipelines", delay_ms=3_000, times=50)
    given = {"config": sandbox.settings_for(), "catalog": catalog}
    arguments = ["read"]
    for name, content in given.items():
        (tmp_path / name).write_text(json.dumps(content))
        arguments += [f"--{name}", str(tmp_path / name)]
    command = [sys.executable, "-c", "from bigin_airbyte.command import main; main()", *arguments]
    with (tmp_path / "out").open("w") as out, subprocess.Popen(command, stdout=out) as process:
        deadline = time.monotonic() + 60
        while '"recordCount":' not in (tmp_path / "out").read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)
    sandbox.clear_faults()

    ended = SourceRun.of(code, (tmp_path / "out").read_text())
    rest = read(sandbox, catalog, state=ended.state)

    assert code == -signal.SIGTERM
    assert ended.statuses["Pipelines"][-1] == "INCOMPLETE"
    told = Counter(each["id"] for run in (ended, rest) for each in run.records.get("Contacts", ()))
    assert told.keys() == {each["id"] for each in sandbox.dump("Contacts", drained=False)}
    assert len(rest.records["Pipelines"]) == sandbox.count("Pipelines", drained=False)


def test_the_image_is_of_this_version() -> None:
    """Airbyte takes the image by the tag that its metadata names."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "airbyte" / "image"
    metadata = yaml.safe_load((folder / "metadata.yaml").read_text("utf-8"))["data"]

    project = (folder.parents[2] / "pyproject.toml").read_text("utf-8")
    assert f'\nversion = "{metadata["dockerImageTag"]}"\n' in project
    assert f"ARG VERSION={metadata['dockerImageTag']}\n" in (folder / "Dockerfile").read_text("utf-8")


def test_each_command_explains_itself() -> None:
    """--help works without settings."""
    assert "discover" in run_command(lambda: main(["--help"])).out
    assert "--catalog" in run_command(lambda: main(["read", "--help"])).out
    assert run_command(lambda: main(["read"])).code == 2
