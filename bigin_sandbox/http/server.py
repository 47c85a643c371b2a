"""The sandbox as a process: listens, says so, stops cleanly when told to."""

from __future__ import annotations

import gc
import signal
import socket
import sqlite3
import sys

import uvicorn

from bigin_sandbox.http.app import make_app
from bigin_sandbox.sandbox import Sandbox
from bigin_sandbox.settings import Settings

BACKLOG = 512
KEEP_ALIVE = 75  # seconds


def serve(settings: Settings, *, host: str, port: int, db_path: str) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code. `port` 0 means a free one."""
    try:
        listener = _listen(host, port)
    except OSError as error:
        print(f"bigin-sandbox: cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr)
        return 1
    try:
        sandbox = Sandbox(settings, db_path=db_path)
    except sqlite3.Error as error:
        print(f"bigin-sandbox: cannot use {db_path}: {error}", file=sys.stderr)
        return 1
    config = uvicorn.Config(
        make_app(sandbox),
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        date_header=False,  # the sandbox has a clock of its own
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
    )
    server = uvicorn.Server(config)
    _stop_at_signals(server)
    address = f"http://{host}:{listener.getsockname()[1]}"
    origin = f"kept in {db_path}" if sandbox.was_kept else f"seed {settings.seed}"
    content = f"organisation of {sandbox.store.total()} records, {origin}"
    print(f"bigin-sandbox: listening on {address} ({content})", flush=True)
    gc.freeze()  # what is loaded by now is no garbage, nor are the records that answers are made of
    gc.set_threshold(50_000, 20, 20)
    server.run(sockets=[listener])
    sandbox.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # Named TCP: asyncio sends small packets at once (TCP_NODELAY) only on sockets that say so.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _stop_at_signals(server: uvicorn.Server) -> None:
    """End well at SIGINT and SIGTERM.

    At a signal uvicorn stops, and raises it again for the handler that was there before: this one, which
    also serves until uvicorn has its own.
    """

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
