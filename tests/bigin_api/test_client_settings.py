"""The settings that make a client: each bad value is told by its name, and no secret is ever shown."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.scripted import SECRETS, settings_for

from bigin_api import CLIENT_SETTINGS, Client, ClientSettings, SettingsError
from bigin_api.settings import DATA_CENTERS, REQUIRED_SETTINGS, data_center, demanded, is_zoho

MINIMAL = {"client_id": "the-client", "client_secret": SECRETS[0], "refresh_token": SECRETS[1]}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("client_id", None),
        ("client_id", ""),
        ("client_id", "  "),
        ("client_id", 17),
        ("client_secret", None),
        ("client_secret", "the-secret\nthe-secret"),
        ("client_secret", "the-secret the-secret"),
        ("client_secret", "thé-secret"),
        ("client_secret", ["the-secret"]),
        ("refresh_token", None),
        ("refresh_token", "“the-refresh-token”"),
        ("refresh_token", {"the-refresh-token": 1}),
        ("data_center", "mars"),
        ("data_center", 1),
        ("api_url", "www.zohoapis.eu"),
        ("api_url", "ftp://www.zohoapis.eu"),
        ("api_url", "https://"),
        ("api_url", "http://[::1"),
        ("api_url", "http://host:port"),
        ("api_url", "https://user:the-secret@www.zohoapis.eu"),
        ("api_url", "ftp://user:the-secret@www.zohoapis.eu"),
        ("api_url", "https://www.zohoapis.eu?token=the-secret"),
        ("api_url", "https://www.zohoapis.eu/bigin/v2"),
        ("api_url", 8585),
        ("api_url", r"https://HOST\.zoho.com"),
        ("api_url", "https://HOST\t.zoho.com"),
        ("api_url", "https://HOST\x00.zoho.com"),
        ("api_url", "https://www zohoapis.eu"),
        ("api_url", "https://HOST%2f.zoho.com"),
        ("api_url", "https://zohoapis。eu"),
        ("api_url", f"https://{'x' * 64}.eu"),
        ("api_url", "https://www.zohoapis.eu:99999"),
        ("api_url", "http://www.zohoapis.eu"),
        ("api_url", "http://10.0.0.7:8585"),
        ("accounts_url", "http://127.0.0.1.example.org"),
        ("accounts_url", "http://localhost.example.org"),
        ("accounts_url", "http://accounts.zoho.eu"),
        ("allow_http", "true"),
        ("allow_http", 1),
        ("access_token", 17),
        ("access_token", "the-secret\r\nX-Evil: 1"),
        ("access_token", "the-secret the-secret"),
        ("accounts_url", "accounts.zoho.eu"),
        ("max_concurrent_requests", 0),
        ("max_concurrent_requests", 11),
        ("max_concurrent_requests", "5"),
        ("max_concurrent_requests", True),
        ("max_concurrent_requests", 2.5),
        ("request_timeout", 0),
        ("request_timeout", -1),
        ("max_retries", -1),
        ("max_retries", "many"),
        ("credit_budget", 0),
        ("credit_budget", "1000"),
        ("api_log_path", 1),
        ("token_cache_path", ["a"]),
        ("user_agent", "mine\r\nX-Evil: yes"),
        ("user_agent", "mine ☃"),
    ],
)
def test_a_bad_value_is_told_by_name_and_no_secret_is_shown(setting, value):
    """The last line of a failed start says which setting to mend, and may be pasted into a ticket."""
    with pytest.raises(SettingsError) as raised:
        ClientSettings.from_mapping({**MINIMAL, setting: value})

    assert setting in raised.value.message
    assert not any(secret in raised.value.message for secret in SECRETS)


@pytest.mark.parametrize("setting", REQUIRED_SETTINGS)
def test_credentials_are_required(setting):
    """Nothing can be done without them, so nothing is begun."""
    given = {name: value for name, value in MINIMAL.items() if name != setting}

    with pytest.raises(SettingsError, match=f"{setting} is missing"):
        Client.from_settings(given)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8585", "http://127.9.9.9", "http://localhost:1", "http://[::1]:8585"]
)
def test_plain_http_stays_on_this_machine(url):
    """The sandbox runs there, and nobody can listen on the way."""
    assert ClientSettings.from_mapping({**MINIMAL, "api_url": url}).hosts.api_url == url


@pytest.mark.parametrize("setting", ["api_url", "accounts_url"])
def test_plain_http_to_another_machine_is_for_those_who_say_so(setting):
    """A proxy in one's own network may do without TLS."""
    given = {**MINIMAL, setting: "http://proxy.internal:8080"}

    made = ClientSettings.from_mapping({**given, "allow_http": True})

    assert getattr(made.hosts, setting) == "http://proxy.internal:8080"
    with pytest.raises(SettingsError, match=f"{setting}.*allow_http"):
        ClientSettings.from_mapping(given)


def test_an_access_token_stands_for_the_credentials():
    """Whoever gives one need not give what makes one; an empty one, as of an unset variable, is none."""
    made = ClientSettings.from_mapping({"access_token": "the-secret"})

    assert "the-secret" not in repr(made)
    with pytest.raises(SettingsError, match="client_id is missing"):
        ClientSettings.from_mapping({"access_token": ""})


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("https://www.zohoapis.eu", True),
        ("https://download-accl.zoho.com", True),
        ("https://proxy.example.org:8443", True),
        ("https://PROXY.example.org:8443/x", True),
        ("https://accounts.example.org", True),
        ("http://proxy.example.org:8443", False),
        ("https://proxy.example.org", False),
        ("https://other.example.org:8443", False),
        (r"https://proxy.example.org:8443\.evil.org", False),
        ("https://proxy.example.org:8443@evil.org", False),
    ],
)
def test_a_token_goes_to_zoho_and_to_what_the_user_set(address, may):
    """Scheme, host and port are those that were set: another port is another server."""
    given = {
        "api_url": "https://proxy.example.org:8443/bigin-api",
        "accounts_url": "https://accounts.example.org",
    }

    hosts = ClientSettings.from_mapping({**MINIMAL, **given}).hosts

    assert hosts.may_have_token(address) is may


def test_defaults_are_those_that_are_declared():
    """A setting is declared once: what the plugin shows as default is what the client does."""
    made = ClientSettings.from_mapping(MINIMAL)

    declared = {name: schema["default"] for name, schema in CLIENT_SETTINGS.items() if "default" in schema}
    assert declared == {
        "data_center": "us",
        "max_concurrent_requests": made.limits.max_concurrent_requests,
        "request_timeout": made.limits.request_timeout,
        "max_retries": made.limits.max_retries,
        "allow_http": False,
    }
    assert made.limits.credit_budget is None
    assert made.hosts.accounts_url == "https://accounts.zoho.com"


def test_every_setting_is_read(tmp_path):
    """A setting that is declared and ignored is worse than none."""
    made = ClientSettings.from_mapping(
        {
            **MINIMAL,
            "client_id": " padded ",
            "data_center": "EU",
            "api_url": "http://127.0.0.1:8585/",
            "accounts_url": "http://127.0.0.1:8586/",
            "max_concurrent_requests": 10,
            "request_timeout": 7,
            "max_retries": 0,
            "credit_budget": 1000,
            "api_log_path": str(tmp_path / "api.jsonl"),
            "token_cache_path": str(tmp_path / "token.json"),
            "user_agent": "acme-nightly/1.0",
        }
    )

    assert made.credentials.client_id == "padded"
    assert made.hosts.api_url == made.hosts.content_url == "http://127.0.0.1:8585"
    assert made.hosts.accounts_url == "http://127.0.0.1:8586"
    assert made.hosts.default_api_url == "https://www.zohoapis.eu"
    limits = made.limits
    assert (limits.max_concurrent_requests, limits.request_timeout) == (10, 7)
    assert (limits.max_retries, limits.credit_budget) == (0, 1000)
    assert made.api_log_path == Path(tmp_path / "api.jsonl")
    assert made.token_cache_path == Path(tmp_path / "token.json")
    assert made.user_agent == "acme-nightly/1.0"


def test_secrets_are_marked_as_such():
    """What is marked secret is masked by Meltano and by --about."""
    secret = {name for name, schema in CLIENT_SETTINGS.items() if schema.get("secret")}

    assert secret == {"client_secret", "refresh_token", "access_token"}


def test_no_repr_shows_a_secret():
    """Objects end up in logs and in the frames of tracebacks."""
    made = ClientSettings.from_mapping(settings_for("http://127.0.0.1:1"))

    assert not any(secret in repr(made) for secret in SECRETS)
    assert "the-client" in repr(made)


@pytest.mark.parametrize(
    ("name", "accounts", "api"),
    [
        ("us", "https://accounts.zoho.com", "https://www.zohoapis.com"),
        ("eu", "https://accounts.zoho.eu", "https://www.zohoapis.eu"),
        ("in", "https://accounts.zoho.in", "https://www.zohoapis.in"),
        ("au", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
        ("cn", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
        ("jp", "https://accounts.zoho.jp", "https://www.zohoapis.jp"),
        ("sa", "https://accounts.zoho.sa", "https://www.zohoapis.sa"),
        ("ca", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
    ],
)
def test_each_data_center_has_its_hosts(name, accounts, api):
    """A token asked for in one data center is unknown in the next."""
    made = data_center(name)

    assert (made.accounts_url, made.default_api_url) == (accounts, api)
    assert made.content_url == api.replace("www.", "content.")
    assert is_zoho(made.accounts_url)
    assert is_zoho(made.default_api_url)
    assert is_zoho(made.content_url)


def test_no_data_center_is_without_a_test():
    """A new row of the table needs a new row above."""
    assert list(DATA_CENTERS) == ["us", "eu", "in", "au", "cn", "jp", "sa", "ca"]


@pytest.mark.parametrize(
    "url",
    [
        "http://www.zohoapis.eu",
        "https://zohoapis.eu.example.org",
        "https://evilzoho.com",
        "https://www.zoho.com@example.org",
        "https://example.org/zoho.com",
        "https://example.org#.zoho.com",
        r"https://HOST\.zoho.com",
        r"https://HOST\@www.zoho.com",
        "https://HOST\n.zoho.com",
        "https://HOST?.zoho.com",
        "https://HOST .zoho.com",
        "https://HOST:.zoho.com",
        "https://zohocloud.com",
        "https://x.zohocloud.eu",
        "https://x.zoho.ca",
        "https://",
        "www.zohoapis.eu",
        "",
    ],
)
def test_a_host_that_only_looks_like_zohos_gets_no_token(url):
    """A result's address comes from an answer: whoever could write there must not get our token."""
    assert not is_zoho(url)


@pytest.mark.parametrize(
    "url", ["https://download-accl.zoho.com/v2/crm/1/x.zip", "https://CONTENT.zohoapis.com.au:443"]
)
def test_zohos_own_hosts_are_known(url):
    """Results of bulk writes lie on hosts that no table names."""
    assert is_zoho(url)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"access_token": "x"}, []),
        (MINIMAL, []),
        ({**MINIMAL, "access_token": None}, []),
        ({"client_id": "x"}, ["client_secret", "refresh_token"]),
        ({"access_token": None}, list(REQUIRED_SETTINGS)),
        ({"access_token": ""}, list(REQUIRED_SETTINGS)),
    ],
)
def test_a_plugins_schema_demands_what_the_client_does(given, missing):
    """The SDK checks the schema before anything of ours runs, and shows its words: each names a setting."""
    schema = {"type": "object", "properties": dict(CLIENT_SETTINGS), "required": list(REQUIRED_SETTINGS)}

    found = [error.message for error in Draft202012Validator(demanded(schema, given)).iter_errors(given)]

    assert found == [f"{name!r} is a required property" for name in missing]
