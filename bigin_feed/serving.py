"""The receiver as a process: listens, opens the channel, says so on one line, stops cleanly."""

from __future__ import annotations

import json
import logging
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

import uvicorn

from bigin_api import AuthError, BiginError, Client
from bigin_api.moments import utc_text
from bigin_feed.channels import Channel, Keeper
from bigin_feed.guard import GuardedProtocol
from bigin_feed.log import FeedLog, LogUnusable, LogWriter
from bigin_feed.receiver import Receiver
from bigin_feed.settings import FeedSettings
from bigin_feed.sync_flow import SyncFlow

logger = logging.getLogger(__name__)

KEEP_ALIVE = 75  # seconds
PROBE_SECONDS = 10.0


def serve(settings: FeedSettings, *, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT. ``say`` gets one line as soon as the channel was asked for.

    Raises OSError where it cannot listen, LogUnusable, and AuthError for refused credentials.
    """
    _allow_many_connections()
    with (
        _listen(host, port) as listener,
        FeedLog(settings.feed_log) as log,
        Client(settings.client) as client,
    ):
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        channel = Channel(client, log, settings.public_url, settings.modules)
        writer = LogWriter(log)
        keeper = Keeper(
            log,
            writer,
            channel,
            retention_days=settings.retention_days,
            listens=lambda: not server.should_exit,
        )
        receiver = Receiver(log, writer, keeper, channel, SyncFlow(log, client), settings.sync_token)
        server = uvicorn.Server(_config(receiver))
        _stop_at_signals(server)
        fatal: list[Exception] = []

        def keep() -> None:
            try:
                _check_organisation(client, log)
                keeper.run(lambda: _started(keeper, address, settings.public_url, say))
            except Exception as error:  # noqa: BLE001 -- without a keeper there is no channel: whoever starts it starts it anew
                fatal.append(error)
                server.should_exit = True

        keeping = threading.Thread(target=keep, name="channel-keeper")
        keeping.start()
        try:
            server.run(sockets=[listener])
        finally:
            keeper.stop()
            client.close()  # what waits for Bigin is given up
            keeping.join()
            writer.close()
        if fatal:
            raise fatal[0]


def _check_organisation(client: Client, log: FeedLog) -> None:
    """Raise LogUnusable if the log is another organisation's; without an answer, go on."""
    try:
        here = client.organization.zgid()
    except AuthError:
        raise
    except BiginError as error:
        logger.warning("Which organisation this is could not be asked: %s", error)
        return
    kept = log.keep_first("organisation", here)
    if kept != here:
        raise LogUnusable(f"feed_log belongs to organisation {kept}, the credentials to {here}.")


def _started(keeper: Keeper, address: str, public_url: str, say: Callable[[str], None]) -> None:
    expiry = keeper.expiry
    until = f"channel open until {utc_text(expiry)}" if expiry else f"no channel yet: {keeper.trouble}"
    say(f"bigin feed: listening on {address}, {until}")
    if (why := _why_unreachable(public_url)) is not None:
        logger.error("public_url %s: %s. Without it only sweeps bring changes.", public_url, why)


def _why_unreachable(public_url: str) -> str | None:
    """Ask the receiver for its health by its public address; why that failed, None if it did not."""
    try:
        try:
            answer = urllib.request.urlopen(f"{public_url}/health", timeout=PROBE_SECONDS)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error  # 503 where no channel is open
        with answer:
            said = json.loads(answer.read(1_000_000))
    except OSError as error:
        return f"it does not answer ({getattr(error, 'reason', error)})"
    except (ValueError, RecursionError, HTTPException):
        said = None
    return None if isinstance(said, dict) and "heartbeat" in said else "something else answers there"


def _config(receiver: Receiver) -> uvicorn.Config:
    return uvicorn.Config(
        receiver.app(),
        http=GuardedProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,  # it would print the secret path
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=10,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.create_server((host, port), family=family)
    # Its connections inherit this; asyncio sends small packets at once only on sockets that say TCP.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _stop_at_signals(server: uvicorn.Server) -> None:
    """End well: uvicorn raises a signal again for the handler that was there before, which is this one."""

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _allow_many_connections() -> None:
    """A thousand strangers must not use up the files that good notifications need."""
    try:
        import resource  # noqa: PLC0415 -- Unix alone has it
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
