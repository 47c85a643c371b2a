"""What scripts and people rely on: each flag, each key of --json, help with an example, --version, no colour."""

from __future__ import annotations

import json
import re

import click
import pytest
from support.command import run_command

from bigin_cli.main import SUBCOMMANDS, main
from bigin_sandbox.__main__ import main as serve_sandbox
from tap_bigin.reconcile.command import main as reconcile

FLAGS = {
    "auth": "--for --modules --client-id --client-secret --code --data-center --accounts-url --api-url --config",
    "doctor": "--config --for --json",
    "plan": "--config --catalog --state --json",
    "log": "--since --until --method --path --module --stream --status --format",
    "report": "--log --runs --rejects --feed-log -o",
    "retry": "--config --only",
    "reconcile": "--config --held --output --as-of --price",
    "feed serve": "--config --host --port",
    "feed run": "--log --at-most-every --at-least-every",
    "feed status": "--log --secrets",
    "feed position": "--log --at",
    "feed stop-channels": "--config",
    "sandbox serve": "--host --port --db --seed --size --edition --latency-ms --token-paging --ims",
}
EVERYWHERE = ("--help", "--version")
CHOICES = {
    ("auth", "--for"): ("read", "write", "feed"),
    ("doctor", "--for"): ("tap", "target", "feed"),
    ("log", "--format"): ("table", "csv", "json"),
}
EVERY_COMMAND = ["", "feed", "sandbox", *FLAGS]


def run(*arguments: str):
    return run_command(lambda: main(list(arguments)))


def command_of(path: str) -> click.Command:
    """The click command of `feed serve` and the like."""
    found: click.Command = main
    for name in path.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name) or pytest.fail(f"no command {path}")
    return found


@pytest.mark.parametrize("path", FLAGS)
def test_each_flag_is_there(path):
    """A script that worked must go on working."""
    helped = run(*path.split(), "--help")

    assert helped.code == 0
    for flag in (*FLAGS[path].split(), *EVERYWHERE):
        assert re.search(rf"(?<![\w-]){flag}\b", helped.out), flag


@pytest.mark.parametrize(("path", "flag"), CHOICES)
def test_each_choice_is_there(path, flag):
    """The words that a flag takes are as much of a contract as the flag."""
    (option,) = (each for each in command_of(path).params if flag in each.opts)

    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == CHOICES[path, flag]


@pytest.mark.parametrize("path", EVERY_COMMAND)
def test_each_command_has_an_example_its_exit_codes_and_a_version(path):
    """Whoever has forgotten how looks there first."""
    helped = run(*path.split(), "--help")
    told = run(*path.split(), "--version")

    assert re.search(r"(?im)^examples?:", helped.out)
    assert re.search(r"(?im)^exit codes?:", helped.out)
    assert "..." not in helped.out.partition("Commands:")[2], "a sentence is cut"
    assert "\x1b" not in helped.out
    assert told.code == 0
    assert re.fullmatch(r"bigin( \w+)* \d+\.\d+\.\d+\n", told.out)


def test_the_names_of_before_stay():
    """`bigin-reconcile` and `bigin-sandbox` stand in people's scripts."""
    for start, name in ((reconcile, "bigin-reconcile"), (serve_sandbox, "bigin-sandbox")):
        helped = run_command(lambda start=start: start(["--help"]))

        assert helped.code == 0
        assert f"example: {name} " in helped.out


def test_no_command_is_left_out_here():
    """A new one comes with its line in the table."""
    assert {each.partition(" ")[0] for each in FLAGS} == SUBCOMMANDS.keys()
    assert {f"feed {each}" for each in command_of("feed").commands} <= FLAGS.keys()


@pytest.fixture
def config(sandbox, tmp_path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(sandbox.settings_for(modules=["Contacts"])))
    return str(path)


def test_the_keys_of_a_plan(config):
    """A script that holds a run back reads them."""
    ended = run("plan", "--config", config, "--json")

    plan = json.loads(ended.out)
    assert {"credits", "minutes", "daily", "remaining", "streams"} <= plan.keys()
    assert plan["daily"].keys() == {"credits"}
    assert {"stream", "records", "method", "calls", "credits"} <= plan["streams"][0].keys()
    assert plan["credits"] == sum(each["credits"] for each in plan["streams"]) + plan["metadata"]["credits"]


@pytest.mark.parametrize("program", ["tap", "target", "feed"])
def test_the_keys_of_the_doctors_findings(sandbox, config, program):
    """Whoever watches a thousand organisations reads nothing else."""
    ended = run("doctor", "--config", config, "--for", program, "--json")

    found = json.loads(ended.out)
    assert ended.code == 0
    assert found["ok"] is True
    assert found["verdict"]
    assert found["problems"] == [] or {"severity", "what", "do"} == found["problems"][0].keys()
    assert ended.said == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("plan --config nowhere.json --json", 1),
        ("plan --config bad.json --json", 1),
        ("plan --json --oops", 2),
        ("plan --json extra", 2),
        ("doctor --json --for nobody", 2),
    ],
)
def test_json_is_one_document_on_an_error_too(arguments, code, tmp_path, monkeypatch):
    """A program that reads it must not find nothing; people find their line on stderr."""
    (tmp_path / "bad.json").write_text('{"client_id": 5}')
    monkeypatch.chdir(tmp_path)

    ended = run(*arguments.split())

    assert ended.code == code
    assert json.loads(ended.out)["ok"] is False
    assert json.loads(ended.out)["error"] in ended.said
    assert len(ended.said.splitlines()) == 1


@pytest.mark.parametrize("name", ["nowhere.json", "bad.json"])
def test_settings_that_cannot_be_read_are_a_finding_of_the_doctor(name, tmp_path, monkeypatch):
    """The document is the same one as of settings that can be."""
    (tmp_path / "bad.json").write_text("{")
    monkeypatch.chdir(tmp_path)

    ended = run("doctor", "--config", name, "--json")

    found = json.loads(ended.out)
    assert (ended.code, found["ok"], ended.said) == (1, False, "")
    assert name in found["problems"][0]["what"]


def test_a_log_of_which_nothing_fits_is_an_empty_document(tmp_path):
    """With exit code 1 and a line that says so; a table says nothing."""
    log = tmp_path / "api.jsonl"
    log.write_text('{"time": "2026-05-14T09:59:58Z", "method": "GET", "path": "/Contacts"}\n')

    as_json, as_csv, table = (
        run("log", str(log), "--module", "Notes", "--format", form) for form in ("json", "csv", "table")
    )

    assert [each.code for each in (as_json, as_csv, table)] == [1, 1, 1]
    assert json.loads(as_json.out) == []
    assert as_csv.out.startswith("time,method,path")
    assert table.out == ""
