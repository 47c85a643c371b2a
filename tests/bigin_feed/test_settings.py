"""The feed's settings: from a file and from the environment, with one line for what is wrong."""

from __future__ import annotations

import json

import pytest

from bigin_api import SettingsError
from bigin_feed.settings import NOTIFYING_MODULES, FeedSettings, read_settings

CREDENTIALS = {"client_id": "i", "client_secret": "s3cret", "refresh_token": "r3fresh"}
GOOD = {**CREDENTIALS, "public_url": "https://feed.example.com/"}


def test_the_defaults_are_those_that_are_told():
    """A file with credentials and an address is enough."""
    settings = FeedSettings.from_mapping(GOOD)

    assert settings.feed_log == "sqlite:///bigin-feed.sqlite"
    assert settings.public_url == "https://feed.example.com"
    assert settings.modules == NOTIFYING_MODULES
    assert (settings.retention_days, settings.sync_token) == (30, None)


def test_the_environment_goes_before_the_file(tmp_path):
    """Secrets need not stand in a file."""
    path = tmp_path / "feed.json"
    path.write_text(json.dumps({**GOOD, "retention_days": 7}))
    environment = {
        "BIGIN_FEED_RETENTION_DAYS": "9",
        "BIGIN_FEED_MODULES": "Contacts, T*",
        "BIGIN_FEED_SYNC_TOKEN": "t0ken",
    }

    settings = FeedSettings.from_mapping(read_settings(str(path), environment, sister=list))

    assert (settings.retention_days, settings.modules) == (9, ("Contacts", "Tasks"))
    assert "t0ken" not in repr(settings)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"public_url": None}, "public_url is missing"),
        *(
            ({"public_url": url}, "public_url: expected an address alone")
            for url in (
                "feed.example.com",
                "ftp://feed.example.com",
                "https://ann:s3cret@feed.example.com",
                "https://feed.example.com/?s3cret",
                "https://feed.example.com/#top",
                "https://feed.example.com:99999",
                "https://[::1",
                "https://feed example.com",
                "https://feed.example.com/\nX: y",
            )
        ),
        ({"modules": ["Notes"]}, "names none of"),
        ({"modules": "Contacts"}, "expected a list"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": True}, "retention_days"),
        ({"feed_log": 7}, "feed_log: expected a string"),
        ({"client_id": None}, "client_id is missing"),
    ],
)
def test_what_is_wrong_is_named(changed, said):
    """One clear line, without a secret's value."""
    with pytest.raises(SettingsError, match=said) as refused:
        FeedSettings.from_mapping({**GOOD, **changed})

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["https://feed.example.com", "https://feed.example.com:8443/bigin/feed", "http://[2001:db8::1]:8686"],
)
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_an_address_may_have_a_port_and_a_path(address, end):
    """A proxy decides what is in front of /notify; a slash at its end would be doubled."""
    assert FeedSettings.from_mapping({**GOOD, "public_url": address + end}).public_url == address


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"publik_url": ""}', "did you mean 'public_url'"),
        ("[1]", "no JSON object but a list"),
        ("{", "not JSON"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path, content, said):
    """And an unknown setting comes with the one that was meant."""
    path = tmp_path / "feed.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SettingsError, match=said):
        read_settings(str(path), {}, sister=list)


def test_a_setting_of_the_tap_is_let_be(tmp_path):
    """One file may serve all."""
    path = tmp_path / "feed.json"
    path.write_text(json.dumps({**GOOD, "start_date": "2026-01-01"}))

    assert FeedSettings.from_mapping(read_settings(str(path), {}, sister=lambda: {"start_date"}))


def test_a_variable_that_is_no_setting_is_told():
    """`BIGIN_FEED_RETENTION_DAY` kept thirty days instead of three."""
    with pytest.raises(SettingsError, match="did you mean BIGIN_FEED_RETENTION_DAYS"):
        read_settings(None, {"BIGIN_FEED_RETENTION_DAY": "3"}, sister=lambda: ())
