"""`bigin doctor`: what a run would fail of is an error and exit code 1, what it goes on without a warning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bigin_cli.doctor import command as doctor


@pytest.fixture
def check(run, sandbox, tmp_path):
    """``check(*options, **settings)``: exit code and findings."""

    def start(*options: str, **settings: Any) -> tuple[int, dict]:
        config = write(tmp_path, sandbox.settings_for(**settings))
        result = run(doctor, "--config", config, "--json", *options)
        assert result.stderr == ""
        found = json.loads(result.stdout)
        assert (result.exit_code == 0) == found["ok"]
        assert bool([each for each in found["problems"] if each["severity"] == "error"]) != found["ok"]
        return result.exit_code, found

    return start


def write(folder: Path, settings: dict) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    return path


def problems(found: dict, severity: str) -> list[str]:
    return [each["what"] for each in found["problems"] if each["severity"] == severity]


def test_whose_account_it_is(check):
    """The first mistake is to be in another organisation, the second to be nobody there."""
    _, found = check()

    assert found["organization"] == "Northwind Lamps"
    assert found["edition"] == "express"
    assert found["user"] == "ann.ek@example.org"
    assert found["profile"] == "Administrator"
    assert found["data_center"] == "us"
    assert found["credits_a_day"] > 50_000
    assert abs(found["clock_seconds"]) < 60


def test_a_refused_module_that_nobody_named_is_a_warning(check):
    """The run goes on without it, and says so."""
    code, found = check()

    assert code == 0
    [warning] = problems(found, "warning")
    assert warning.startswith("Payroll cannot be read")
    assert "Crm_Implied_View_Payroll" in found["problems"][0]["do"]
    assert {each["module"]: each["readable"] for each in found["modules"]}["Payroll"] is False


def test_a_refused_module_that_somebody_named_is_an_error(check):
    """Who names a module waits for its records."""
    code, found = check(modules=["Contacts", "Payroll"])

    assert code == 1
    assert problems(found, "error")[0].startswith("Payroll cannot be read")


def test_a_module_that_there_is_not_is_guessed(check):
    """A misspelt name is the commonest mistake."""
    code, found = check(modules=["Contcts", "Accounts"])

    assert code == 1
    assert found["verdict"].endswith("did you mean Contacts?")


def test_missing_scopes_say_what_they_cost(check, sandbox):
    """A token with fewer scopes works, dearer or with less."""
    code, found = check(refresh_token=sandbox.limited_refresh_token)

    assert code == 0
    assert sorted(found["missing_scopes"]) == ["ZohoBigin.bulk.READ", "ZohoBigin.coql.READ"]
    assert any("Bulk Read jobs" in each for each in problems(found, "warning"))


@pytest.mark.parametrize(
    "settings",
    [{"extraction_method": "bulk"}, {"queries": [{"name": "q", "query": "select id from Contacts"}]}],
)
def test_a_missing_scope_that_the_settings_need_is_an_error(check, sandbox, settings):
    """What is asked for and not allowed fails at seven in the morning, or now."""
    code, _ = check(refresh_token=sandbox.limited_refresh_token, modules=["Contacts"], **settings)

    assert code == 1


def test_refused_credentials_are_one_error_that_says_what_to_check(check):
    """Nothing else can be found out then."""
    code, found = check(refresh_token="hush-hush")

    assert code == 1
    assert len(found["problems"]) == 1
    assert "refresh_token is revoked" in found["problems"][0]["do"]
    assert "hush-hush" not in json.dumps(found)


def test_a_clock_that_differs_is_a_warning(check, sandbox):
    """Runs go by Bigin's clock; only logs would look odd."""
    sandbox.clock(advance=7_200)

    code, found = check(modules=["Contacts"])

    assert code == 0
    assert found["clock_seconds"] < -7_000
    assert "behind" in problems(found, "warning")[0]


def test_wrong_settings_are_told_without_a_call(check, sandbox):
    """Each of them, since mending one at a time costs a morning."""
    code, found = check(extraction_methode="bulk", lookups="ids")

    assert code == 1
    assert any("did you mean 'extraction_method'" in each for each in problems(found, "error"))
    assert any("'ids' is not one of" in each for each in problems(found, "error"))
    assert sandbox.usage()["calls"] == 0


def test_a_target_learns_by_what_its_records_are_known(check, sandbox):
    """A key that is not unique finds several records, and then none is written."""
    sandbox.create("Tasks", Subject="Twice")
    sandbox.create("Tasks", Subject="Twice ")
    code, found = check(
        streams={
            "people": {"module": "Contacts"},
            "to_do": {
                "module": "Tasks",
                "external_key": "Subject",
                "lookups": {"Ownr": {"match_on": "email"}},
            },
        }
    )

    people, to_do = found["streams"]
    assert code == 0
    assert people["module"] == "Contacts"
    assert people["key"] == ["Email"]
    assert people["unique"] is True
    assert to_do["key"] == ["Subject"]
    assert to_do["unique"] is False
    assert to_do["duplicates"] >= 2
    assert to_do["nowhere"] == ["Ownr"]
    assert any(each["do"] == "did you mean Owner?" for each in found["problems"])


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ({"module": "Contcts"}, "no module 'Contcts'"),
        ({"module": "Contacts", "duplicate_check_fields": ["Phone"]}, "Phone cannot identify records"),
        ({"module": "Contacts", "external_key": "Emial"}, "no field 'Emial'"),
        (
            {"module": "Contacts", "lookups": {"Account_Name": {"match_on": "Nmae"}}},
            "no field 'Nmae' to match on",
        ),
        ({"module": "Payroll"}, "Payroll"),
    ],
)
def test_a_stream_that_cannot_be_written_is_an_error(check, stream, words):
    """Better now than as ten thousand rejects."""
    code, found = check(streams={"s": stream})

    assert code == 1
    assert any(words in each for each in problems(found, "error")), found["problems"]


def test_nothing_is_written_and_no_file_is_touched(check, sandbox, tmp_path):
    """Asking must be free of consequences, also while a run is under way."""
    before = sandbox.dump("Contacts")

    check(
        streams={"Contacts": {}},
        rejects_path=str(tmp_path / "r.jsonl"),
        id_map_path=str(tmp_path / "m.jsonl"),
    )

    assert sandbox.dump("Contacts") == before
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_feed_is_checked_for_its_own_scopes(check):
    """It neither queries nor uploads."""
    code, found = check("--for", "feed")

    assert code == 0
    assert found["verdict"].startswith("All is well")


def test_people_read_it_from_top_to_bottom(run, sandbox, tmp_path):
    """Who, what is wrong and what to do; the verdict last."""
    result = run(doctor, "--config", write(tmp_path, sandbox.settings_for(modules=["Contacts", "Payroll"])))

    lines = result.stdout.splitlines()
    assert lines[0] == "organization  Northwind Lamps"
    assert any(line.startswith("ERROR  Payroll") for line in lines)
    assert lines[-1].startswith("The configured run would fail: 1 error")
    assert "\x1b" not in result.stdout


PROJECT = """
default_environment: dev
plugins:
  extractors:
  - name: tap-bigin
    config: {client_id: sandbox-client, api_url: $SANDBOX, modules: [Tasks]}
  loaders:
  - name: target-bigin
    config: {client_id: sandbox-client, streams: {people: {module: Contacts}}}
environments:
- name: dev
- name: prod
  config:
    plugins:
      extractors:
      - name: tap-bigin
        config: {modules: [Contacts, Payroll]}
"""


@pytest.fixture
def project(sandbox, tmp_path, monkeypatch):
    """A Meltano project with secrets in .env; the current folder lies in it."""
    (tmp_path / "meltano.yml").write_text(PROJECT)
    names = [f"{each}_BIGIN_{name}" for each in ("TAP", "TARGET") for name in ("ACCOUNTS_URL", "API_URL")]
    (tmp_path / ".env").write_text(
        "TAP_BIGIN_CLIENT_SECRET=sandbox-secret\nTAP_BIGIN_REFRESH_TOKEN=sandbox-refresh\n"
        "TARGET_BIGIN_CLIENT_SECRET=sandbox-secret\nTARGET_BIGIN_REFRESH_TOKEN=sandbox-refresh\n"
        + "".join(f"{name}={sandbox.url}\n" for name in names if name != "TAP_BIGIN_API_URL")
        + f"SANDBOX={sandbox.url}\n"
    )
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")


def test_in_a_meltano_project_its_own_settings_are_checked(project, run):
    """Nobody writes a second file of settings for the doctor."""
    both = json.loads(run(doctor, "--json").stdout)
    tap = json.loads(run(doctor, "--json", "--for", "tap").stdout)

    assert both["ok"], both
    assert [each["stream"] for each in both["streams"]] == ["people"]
    assert [each["module"] for each in both["modules"]] == ["Tasks"]
    assert "streams" not in tap


def test_the_settings_of_the_meltano_environment_and_of_variables_win(project, run, monkeypatch):
    """As in a run of Meltano."""
    monkeypatch.setenv("MELTANO_ENVIRONMENT", "prod")
    found = json.loads(run(doctor, "--json", "--for", "tap").stdout)
    monkeypatch.setenv("TAP_BIGIN_MODULES", "Calls")
    by_variable = json.loads(run(doctor, "--json", "--for", "tap").stdout)

    assert {each["module"] for each in found["modules"]} == {"Contacts", "Payroll"}
    assert [each["module"] for each in by_variable["modules"]] == ["Calls"]


def test_where_there_are_no_settings_that_is_one_line(run, tmp_path, monkeypatch):
    """A command without a file in an empty folder is wrong use."""
    monkeypatch.chdir(tmp_path)

    result = run(doctor)

    assert result.exit_code == 2
    assert result.stderr.startswith("bigin doctor: --config FILE is missing, and neither a Meltano project")


def test_a_feed_log_that_cannot_be_read_is_an_error(check, tmp_path):
    """The run would end before it began."""
    _, found = check("--for", "tap", feed_log=f"sqlite:///{tmp_path / 'none.sqlite'}")

    assert "feed_log: there is no file" in problems(found, "error")[0]
