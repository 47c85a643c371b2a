"""Strangers that take their time do not keep their connections."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn

from bigin_feed import guard

HEAD = b"POST / HTTP/1.1\r\nHost: feed\r\nContent-Length: 4\r\n\r\n"


async def echo(_scope, receive, send):
    """Answer with the body, as soon as the whole of it is there."""
    body, said = b"", {"more_body": True}
    while said.get("more_body"):
        said = await receive()
        if said["type"] == "http.disconnect":
            return
        body += said["body"]
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def connect(monkeypatch):
    """``connect()``: a connection to a guarded server where a request has a second."""
    monkeypatch.setattr(guard, "REQUEST_SECONDS", 1.0)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=guard.GuardedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    connections = []

    def make():
        connections.append(socket.create_connection(listener.getsockname(), timeout=20))
        return connections[-1]

    yield make
    for each in connections:
        each.close()
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.mark.parametrize("said", [b"", b"POST / HTT", HEAD, HEAD + b"ab"])
def test_a_request_that_does_not_come_ends_its_connection(connect, said):
    """Nothing, half a head, half a body: the connection is closed, by an end or by a reset."""
    stranger = connect()
    stranger.sendall(said)

    try:
        answer = stranger.recv(1_000)
    except ConnectionResetError:
        answer = b""

    assert answer == b""


def test_a_connection_that_is_kept_may_rest_between_requests(connect):
    """A proxy keeps its connections: the time counts from a request's begin, not from the last one's end."""
    proxy = connect()
    answers = proxy.makefile("rb")
    for _ in range(2):
        proxy.sendall(HEAD + b"ping")
        lines = iter(answers.readline, b"\r\n")

        assert next(lines).startswith(b"HTTP/1.1 200")
        assert list(lines)
        assert answers.read(4) == b"ping"
        time.sleep(1.5)
    answers.close()
