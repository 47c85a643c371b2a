"""TLS: a certificate that nobody vouches for, and one that the environment does."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.scripted import ScriptedServer

from bigin_api import Call, SettingsError

LIST = Call("GET", "/Contacts")

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1, signed by itself."""
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    more = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run([*command.split(), *more], check=True, capture_output=True)
    return path


@pytest.fixture
def secure(certificate) -> Iterator[ScriptedServer]:
    """A scripted server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    server = ScriptedServer(tls=context)
    yield server
    server.close()


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
