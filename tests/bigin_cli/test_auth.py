"""`bigin auth`: a tested file of settings, readable by its owner alone, and no secret on the screen."""

from __future__ import annotations

import json

import pytest
from support.scripted import Answer, token_answer

from bigin_api.access import grants
from bigin_cli.auth import command as auth
from bigin_cli.doctor import command as doctor

NEW = "the-new-refresh-token"
GRANTED = Answer.of({"access_token": "the-access-token", "refresh_token": NEW, "expires_in": 3600})
BEGUN = Answer.of(
    {
        "user_code": "ABCD-EFGH",
        "device_code": "the-device-code",
        "verification_url": "https://accounts.zoho.com/oauth/v3/device",
        "interval": 10,
        "expires_in": 300_000,
    }
)
ORG = Answer.of({"org": [{"company_name": "Ek and Sons", "zgid": "1"}]})
CLIENT = ["--client-id", "the-client", "--client-secret", "the-secret"]


@pytest.fixture(autouse=True)
def _looks_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a second between two looks whether the person has answered, where Zoho is given one."""
    monkeypatch.setattr(grants, "LEAST_INTERVAL", 0.1)


@pytest.fixture
def here(server) -> list[str]:
    """Options that lead to the scripted server."""
    return ["--accounts-url", server.url, "--api-url", server.url]


def test_the_device_flow_ends_with_a_tested_file(run, server, here, tmp_path):
    """Without a terminal it shows the address and the code, and polls."""
    config = tmp_path / "new" / "config.json"
    server.token_answers.extend([BEGUN, GRANTED, token_answer("t", server.url)])
    server.answers.append(ORG)

    result = run(auth, *CLIENT, *here, "--config", config)

    assert result.exit_code == 0, result.output
    assert "https://accounts.zoho.com/oauth/v3/device" in result.stdout
    assert "ABCD-EFGH" in result.stdout
    assert "credentials for Ek and Sons" in result.stdout
    assert "20 refresh tokens" in result.stdout
    assert json.loads(config.read_text()) == {
        "client_id": "the-client",
        "client_secret": "the-secret",
        "refresh_token": NEW,
        "data_center": "us",
        "accounts_url": server.url,
        "api_url": server.url,
    }
    assert config.stat().st_mode & 0o777 == 0o600
    assert [asked.path for asked in server.asked] == ["/bigin/v2/org"]


def test_no_secret_is_ever_printed(run, server, here, tmp_path):
    """Screens are shared and logs are kept."""
    server.token_answers.extend([BEGUN, GRANTED, token_answer("the-access-token", server.url)])
    server.answers.append(ORG)

    result = run(auth, *CLIENT, *here, "--config", tmp_path / "config.json")

    for secret in ("the-secret", NEW, "the-access-token", "the-device-code"):
        assert secret not in result.output


def test_a_file_that_is_there_keeps_its_other_settings_and_loses_its_readers(run, server, here, tmp_path):
    """Client and settings of an earlier time are used; what is new replaces what was."""
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps({"client_id": "c", "client_secret": "s", "refresh_token": "old", "modules": ["Contacts"]})
    )
    config.chmod(0o644)
    server.token_answers.extend([GRANTED, token_answer("t", server.url)])
    server.answers.append(ORG)

    result = run(auth, "--code", "1000.code", "--data-center", "EU", *here, "--config", config)

    settings = json.loads(config.read_text())
    assert result.exit_code == 0, result.output
    assert settings["modules"] == ["Contacts"]
    assert settings["refresh_token"] == NEW
    assert settings["data_center"] == "eu"
    assert config.stat().st_mode & 0o777 == 0o600


def test_lines_for_meltano_take_the_secrets_from_the_file(run, server, here, tmp_path):
    """They can be pasted as they are, and show nothing."""
    server.token_answers.extend([GRANTED, token_answer("t", server.url)])
    server.answers.append(ORG)

    result = run(auth, *CLIENT, *here, "--code", "x", "--for", "write", "--config", tmp_path / "config.json")

    assert "meltano config set target-bigin $name" in result.stdout
    assert "--for target" in result.stdout


def test_a_refused_consent_leaves_the_file_as_it_was(run, server, here, tmp_path):
    """A pipeline that runs must go on running."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"client_id": "c", "client_secret": "s", "refresh_token": "old"}))
    before = config.read_text()
    server.token_answers.extend([BEGUN, Answer.of({"error": "access_denied"})])

    result = run(auth, *here, "--config", config)

    assert result.exit_code == 1
    assert "consent was refused" in result.stderr
    assert config.read_text() == before


def test_credentials_that_fail_their_check_are_kept_and_told(run, server, here, tmp_path):
    """The consent was given: it must not be lost to a call that failed."""
    config = tmp_path / "config.json"
    server.token_answers.extend([GRANTED, token_answer("t", server.url)])
    server.answers.append(
        Answer.of({"code": "OAUTH_SCOPE_MISMATCH", "details": {}, "message": "no", "status": "error"}, 401)
    )

    result = run(auth, *CLIENT, *here, "--code", "x", "--config", config)

    assert result.exit_code == 1
    assert "its check failed" in result.stderr
    assert json.loads(config.read_text())["refresh_token"] == NEW


def test_a_code_for_the_sandbox(run, sandbox, tmp_path):
    """The local Bigin changes its code as the real one does."""
    config = tmp_path / "config.json"

    result = run(
        auth,
        "--client-id", sandbox.client_id,
        "--client-secret", sandbox.client_secret,
        "--code", "sandbox-code",
        "--accounts-url", sandbox.url,
        "--config", config,
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert json.loads(config.read_text())["refresh_token"] == sandbox.refresh_token


@pytest.mark.parametrize("location", ["us", "eu"])
def test_the_device_flow_of_the_sandbox(run, sandbox, tmp_path, location):
    """A person says yes; the flow finds where the account lives, and what it got works."""
    sandbox.settings(device_consent="approve", device_interval_ms=100, location=location)
    config = tmp_path / "config.json"

    result = run(
        auth,
        "--client-id", sandbox.client_id,
        "--client-secret", sandbox.client_secret,
        "--accounts-url", sandbox.url,
        "--config", config,
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    assert "credentials for Northwind Lamps" in result.stdout
    settings = json.loads(config.read_text())
    assert settings["data_center"] == location
    assert settings["refresh_token"] not in result.output


@pytest.mark.parametrize(
    ("options", "readable"),
    [([], {"Contacts", "Subscriptions"}), (["--modules", "Contacts,Pipelines"], {"Contacts", "Pipelines"})],
)
def test_the_scopes_asked_for_are_enough(run, sandbox, tmp_path, options, readable):
    """The doctor finds nothing missing in what was just granted."""
    sandbox.settings(device_consent="approve", device_interval_ms=100)
    config = tmp_path / "config.json"
    client = ["--client-id", sandbox.client_id, "--client-secret", sandbox.client_secret]
    run(auth, *client, "--accounts-url", sandbox.url, "--config", config, *options)

    found = json.loads(run(doctor, "--config", config, "--json").stdout)

    assert found["ok"]
    assert found["missing_scopes"] == []
    assert readable <= {each["module"] for each in found["modules"] if each["readable"]}


def test_a_person_who_says_no(run, sandbox, tmp_path):
    """Nothing is written."""
    sandbox.settings(device_consent="deny", device_interval_ms=100)

    result = run(
        auth,
        "--client-id", sandbox.client_id,
        "--client-secret", sandbox.client_secret,
        "--accounts-url", sandbox.url,
        "--config", tmp_path / "config.json",
    )  # fmt: skip

    assert result.exit_code == 1
    assert "consent was refused" in result.stderr
    assert not (tmp_path / "config.json").exists()
