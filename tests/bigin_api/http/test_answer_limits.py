"""How long an answer may take and how large it may be, over real connections that drip or never end."""

import contextlib
import io
import socket
import threading
import time
import tracemalloc

import pytest
from support.scripted import Answer

from bigin_api import Call, ConnectionFailed, InvalidRequest, ServerError
from bigin_api.http import transport

LIST = Call("GET", "/Contacts", endpoint="list", module="Contacts")
INSERT = Call("POST", "/Contacts", json={"data": [{}]}, module="Contacts", repeatable=False)
FILE = Call("GET", "/read/1/result", api="bulk")
JSON = {"Content-Type": "application/json"}
ONE = Answer.of({"data": [{"id": "1"}]})
SLOW = {
    "body": Answer(200, b'{"data": [' + b" " * 100 + b"]}", JSON, drip=0.25),
    "header": Answer(200, b"{}", {**JSON, "X-Long": "x" * 100}, drip=0.25, drip_header=True),
    "zipped body": Answer(200, ONE.body * 9, JSON, drip=0.25).zipped(),
    "refusal": Answer(403, b"<html>" + b" " * 100, {"Content-Type": "text/html"}, drip=0.25),
    "redirect": Answer(302, b"x" * 100, {"Location": "/elsewhere"}, drip=0.25),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
def test_an_answer_that_drips_is_lost_at_its_deadline(server, connect, answer):
    """A byte each quarter of a second never times out on its own, and a run would hang for a day."""
    server.answers.append(
        Answer(answer.status, answer.body, answer.headers, drip=0.25, drip_header=answer.drip_header)
    )
    client = connect(server.url, request_timeout=1, max_retries=0)
    begun = time.monotonic()

    with pytest.raises(ConnectionFailed, match="did not answer in time") as raised:
        client.send(INSERT)

    assert raised.value.may_have_happened
    assert time.monotonic() - begun < 10


def test_an_answer_may_take_longer_than_a_connection(server, connect, monkeypatch):
    """To connect takes a moment or comes to nothing; to look through a module may take a minute."""
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT", 0.3)
    server.answers.append(Answer(200, ONE.body, ONE.headers, seconds=0.6))

    assert connect(server.url, max_retries=0).send(LIST).rows() == [{"id": "1"}]


def test_an_answer_that_dripped_is_asked_for_again(server, connect):
    """A read comes to the same when it is sent again, over a connection of its own."""
    server.answers.extend([SLOW["body"], ONE])

    reply = connect(server.url, request_timeout=1).send(LIST)

    assert reply.rows() == [{"id": "1"}]


def test_a_token_answer_that_drips_is_lost_at_its_deadline(server, connect):
    """The accounts server's answers are answers too."""
    server.token_answers.append(Answer(200, b'{"access_token": "' + b"x" * 100, JSON, drip=0.25))
    client = connect(server.url, request_timeout=1)

    client.send(LIST)

    assert len(server.token_requests) == 2


def test_a_connection_that_was_used_long_ago_has_its_whole_time_again(server, connect):
    """The deadline is the answer's and not the connection's."""
    client = connect(server.url, request_timeout=2, max_retries=0)
    client.send(LIST)
    time.sleep(1.6)
    server.answers.append(Answer(200, ONE.body, ONE.headers, seconds=0.6))

    assert client.send(LIST).rows() == [{"id": "1"}]


def test_a_file_may_take_longer_but_not_for_ever(server, connect, monkeypatch):
    """A job's file of some hundred megabytes is no page of a list; its deadline is a multiple of theirs."""
    monkeypatch.setattr(transport, "FILE_TIMEOUTS", 3)
    server.answers.extend([Answer(200, b"PK" * 3, drip=0.25), Answer(200, b"PK" * 99, drip=0.25)])
    client = connect(server.url, request_timeout=1, max_retries=0)
    into = io.BytesIO()

    client.download(FILE, into)
    with pytest.raises(ConnectionFailed, match="did not answer in time"):
        client.download(FILE, io.BytesIO())

    assert into.getvalue() == b"PK" * 3


ENDLESS = {
    "page": Answer(200, b'{"data": [', JSON, endless=b"[]," * 30_000),
    "refusal": Answer(403, b"", {"Content-Type": "text/html"}, endless=b" " * 100_000),
    "redirect": Answer(302, b"", {"Location": "http://[::1"}, endless=b" " * 100_000),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_answer_without_an_end_fills_no_memory(server, connect, answer):
    """At full speed a list page took 2.5 GB before the machine gave up."""
    server.answers.append(answer)
    client = connect(server.url, max_retries=0)
    tracemalloc.start()

    with pytest.raises(ServerError, match="more than 64 MB") as raised:
        client.send(INSERT)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert raised.value.may_have_happened
    assert peak < 160 << 20


@pytest.mark.parametrize("piece", [b"[],", b'"a",', b'{"a":1},', b"[[]],"])
def test_a_small_answer_of_many_values_fills_no_memory(server, connect, piece):
    """A list that is empty takes 3 bytes on the wire and 66 in memory: 20 MB made half a gigabyte."""
    many = (20 << 20) // len(piece)
    server.answers.append(Answer(200, b'{"data":[' + piece * many + b"0]}", JSON).zipped())
    client = connect(server.url, max_retries=0)
    tracemalloc.start()

    with pytest.raises(ServerError, match="not a whole JSON object"):
        client.send(LIST)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 160 << 20


def test_what_is_packed_is_measured_unpacked(server, connect):
    """A page of 300 kB may unpack to 300 MB."""
    server.answers.append(Answer(200, b" " * (80 << 20), JSON).zipped())

    with pytest.raises(ServerError, match="more than 64 MB"):
        connect(server.url, max_retries=0).send(LIST)


def test_a_file_without_an_end_does_not_fill_the_disk(server, connect, monkeypatch):
    """The limit is far above any job's file; here it is a tenth of a megabyte."""
    monkeypatch.setattr(transport, "MAX_BYTES_IN_FILE", 100_000)
    server.answers.append(Answer(200, b"PK", endless=b"x" * 10_000))
    into = io.BytesIO()

    with pytest.raises(ServerError, match="given up"):
        connect(server.url, max_retries=0).download(FILE, into)

    assert len(into.getvalue()) < 200_000


def test_a_redirect_that_cannot_be_read_is_a_redirect(server, connect):
    """Where it points to is not looked at: an address that is none must not end in a traceback."""
    server.answers.append(Answer(302, b"", {"Location": "http://[::1"}))

    with pytest.raises(ServerError, match="redirect"):
        connect(server.url, max_retries=0).send(LIST)


@pytest.mark.parametrize("value", ["\ud800", [[]]], ids=["lone surrogate", "nested"])
@pytest.mark.parametrize("place", ["json", "params"])
def test_what_cannot_be_sent_is_refused(server, client, value, place):
    """Half a character is no text, and a list in itself has no end: a refusal, so that it is found by halves."""
    if place == "json" and isinstance(value, list):
        value[0].append(value)
    given = {"json": {"data": value}} if place == "json" else {"params": {"a": "\ud800"}}

    with pytest.raises(InvalidRequest, match="not sent") as raised:
        client.send(Call("POST", "/Contacts", **given))

    assert server.asked == []
    assert raised.value.__cause__ is raised.value.__context__ is None


CHUNK = b"4\r\n[1, \r\n"
CHUNKED = {**JSON, "Transfer-Encoding": "chunked"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, b'9\r\n{"data": \r\n' + CHUNK * 30, CHUNKED, drip=0.1), ConnectionFailed),
        (
            Answer(200, b'9\r\n{"data": \r\n', CHUNKED, endless=b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
            ServerError,
        ),
        (Answer(200, b"", CHUNKED, endless=b"1;" + b"x" * 60_000), ConnectionFailed),
    ],
    ids=["drips", "endless", "endless line"],
)
def test_an_answer_in_chunks_is_bounded_too(server, connect, answer, error):
    """A proxy that does not know the length sends chunks, and another part of the library reads them."""
    server.answers.append(answer)

    with pytest.raises(error):
        connect(server.url, request_timeout=1, max_retries=0).send(LIST)


class Tunnel(threading.Thread):
    """A proxy that opens a tunnel for CONNECT and passes on what comes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.opened: list[bytes] = []
        self._ends: list[socket.socket] = []
        self._passing: list[threading.Thread] = []

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.opened.append(client.recv(65536).partition(b"\r\n")[0])
                host, port = self.opened[-1].split()[1].rsplit(b":", 1)
                there = socket.create_connection((host.decode(), int(port)))
                self._ends += [client, there]
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                for one, other in ((client, there), (there, client)):
                    self._passing.append(
                        threading.Thread(target=self._pass_on, args=(one, other), daemon=True)
                    )
                    self._passing[-1].start()

    def close(self) -> None:
        """End what waits in any of its threads, and leave no connection behind."""
        self._end(self._listening)
        self.join()
        for end in self._ends:
            self._end(end)
        for thread in self._passing:
            thread.join()

    @staticmethod
    def _end(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _pass_on(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def test_an_answer_through_a_tunnel_has_its_deadline(secure, certificate, server, connect, monkeypatch):
    """Behind a company's proxy the connection is another one, and its answers are bounded as any."""
    tunnel = Tunnel()
    tunnel.start()
    monkeypatch.setenv("https_proxy", tunnel.url)
    monkeypatch.setenv("no_proxy", "nothing.invalid")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    secure.answers.extend([ONE, SLOW["body"]])
    client = connect(server.url, api_url=secure.url, request_timeout=1, max_retries=0)

    assert client.send(LIST).rows() == [{"id": "1"}]
    with pytest.raises(ConnectionFailed, match="did not answer in time"):
        client.send(LIST)

    tunnel.close()
    assert {each.split()[0] for each in tunnel.opened} == {b"CONNECT"}
