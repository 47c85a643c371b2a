"""What the client's tests share: a scripted server, and clients that do not sleep between tries."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.scripted import ScriptedServer, settings_for

from bigin_api import Client, ClientSettings


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that says what the test wrote down."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """``connect(url, **settings)``: clients that try again without a wait, closed at the end."""
    clients = []

    def make(
        url: str,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] | None = None,
        **settings: Any,
    ) -> Client:
        given = ClientSettings.from_mapping(settings_for(url, **settings))
        clients.append(Client(given, jitter=lambda _longest: 0.0, now=now, sleep=sleep))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(server: ScriptedServer, connect: Callable[..., Client]) -> Client:
    """A client of the scripted server."""
    return connect(server.url)


@pytest.fixture
def bigin(sandbox: Sandbox, connect: Callable[..., Client]) -> Client:
    """A client of the sandbox."""
    return connect(sandbox.url, **sandbox.settings_for())


class SandboxClock:
    """Sleeping moves the sandbox's clock, and takes hardly any time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._sandbox.clock(advance=seconds)
        time.sleep(0.01)  # the work of a job is done in real time


@pytest.fixture
def clock(sandbox: Sandbox) -> SandboxClock:
    """The clock of ``patient``."""
    return SandboxClock(sandbox)


@pytest.fixture
def patient(sandbox: Sandbox, connect: Callable[..., Client], clock: SandboxClock) -> Client:
    """A client of the sandbox that waits for jobs by moving the sandbox's clock."""
    return connect(sandbox.url, sleep=clock.sleep, **sandbox.settings_for())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A certificate for 127.0.0.1, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
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
