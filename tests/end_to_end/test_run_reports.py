"""`run_report_path`: what a run did, as JSON, whatever became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.tap import run_tap
from support.target import record, run_target, schema


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_a_run_of_the_tap_is_told_stream_by_stream(sandbox, tmp_path):
    """The numbers are those of the account that the run prints."""
    path = tmp_path / "runs" / "tap.json"

    run = run_tap(sandbox, modules=["Contacts"], run_report_path=str(path))

    told = read(path)
    contacts = next(each for each in told["streams"] if each["stream"] == "Contacts")
    assert told["program"] == "tap-bigin"
    assert told["outcome"] == "good"
    assert contacts["records"] == len(run.records["Contacts"])
    assert contacts["credits"] > 0
    assert told["credits"] == sandbox.usage()["credits"]
    assert told["records"] == sum(map(len, run.records.values()))
    assert sum(told["credits_by_endpoint"].values()) == told["credits"]
    assert told["began"] <= told["ended"]
    assert set(told["versions"]) == {"python", "bigin-singer", "singer-sdk"}


def test_a_run_of_the_target_tells_outcomes_and_rejects(sandbox, tmp_path):
    """Grouped by code, since one cause makes a thousand rejects."""
    path = tmp_path / "target.json"
    messages = [
        schema("Contacts", "Last_Name", "Email_Opt_Out", key=["Email"]),
        record("Contacts", Email="a@ek.io", Last_Name="A"),
        record("Contacts", Email="b@ek.io", Last_Name="B", Email_Opt_Out="perhaps"),
        record("Contacts", Email="c@ek.io", Last_Name="C", Email_Opt_Out="perhaps"),
    ]

    run_target(sandbox, tmp_path, messages, run_report_path=str(path))

    told = read(path)
    [stream] = told["streams"]
    assert told["outcome"] == "failed"
    assert told["error"] == "2 records were rejected."
    assert told["rejected"] == 2
    assert (stream["stream"], stream["module"], stream["records"]) == ("Contacts", "Contacts", 3)
    assert stream["outcomes"] == {"inserted": 1}
    assert [(each["field"], each["count"]) for each in stream["rejects"]] == [("Email_Opt_Out", 2)]
    assert sum(told["rejects_by_code"].values()) == 2


def test_each_run_has_a_file_of_its_own_where_the_path_says_so(sandbox, tmp_path):
    """A trend needs more than the last run."""
    sandbox_settings = {"modules": ["Contacts"], "run_report_path": str(tmp_path / "run-{time}.json")}

    run_tap(sandbox, **sandbox_settings)

    [path] = tmp_path.iterdir()
    told = read(path)
    assert path.name == f"run-{told['began'].translate(str.maketrans('', '', '-:'))}.json"


@pytest.mark.parametrize("budget", [2, 5])
def test_a_stopped_run_is_none_that_failed(sandbox, tmp_path, budget):
    """The budget ends it in good order."""
    path = tmp_path / "tap.json"

    run_tap(sandbox, modules=["Contacts", "Accounts"], credit_budget=budget, run_report_path=str(path))

    assert read(path)["outcome"] == "stopped"
    assert "credit_budget" in read(path)["error"]


@pytest.mark.parametrize("wrong", [{"refresh_token": "hush-hush"}, {"lookups": "ids"}])
def test_a_run_that_cannot_begin_is_told_too(sandbox, tmp_path, wrong):
    """Whoever looks at seven must not find the report of yesterday."""
    path = tmp_path / "tap.json"

    run_tap(sandbox, run_report_path=str(path), **wrong)

    assert read(path)["outcome"] == "failed"
    assert read(path)["error"]
    assert "hush-hush" not in path.read_text()


def test_a_place_that_cannot_be_written_is_found_before_the_run(sandbox, tmp_path):
    """After an hour it would be too late."""
    (tmp_path / "file").write_text("")

    run = run_tap(sandbox, modules=["Contacts"], run_report_path=str(tmp_path / "file" / "run.json"))

    assert run.code == 1
    assert run.said("run_report_path: cannot write")
    assert "Contacts" not in run.records
