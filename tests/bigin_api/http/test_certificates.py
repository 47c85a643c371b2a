"""TLS: a certificate that nobody vouches for, and one that the environment does."""

import pytest

from bigin_api import Call, SettingsError

LIST = Call("GET", "/Contacts")


def test_a_certificate_that_is_refused_ends_the_run(server, secure, connect):
    """It will not get better by trying again; the message says how to name one's own authority."""
    client = connect(server.url, api_url=secure.url)

    with pytest.raises(SettingsError, match="REQUESTS_CA_BUNDLE"):
        client.send(LIST)

    assert secure.asked == []


def test_the_authority_that_the_environment_names_is_believed(
    server, secure, connect, certificate, monkeypatch
):
    """A company's own authority is named as for every other tool."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

    connect(server.url, api_url=secure.url).send(LIST)

    assert len(secure.asked) == 1
