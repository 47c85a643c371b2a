"""The single door to Bigin: composes the small objects and offers the families of endpoints.

Per attempt, inside out: ``retry( gate( token → send → meter → log → read_reply ) )``. A call that
waits for its next try holds no place in the gate, and every attempt carries a fresh token, is paid
for and is logged.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import backoff

from bigin_api.bulk.bulk_read import BulkRead
from bigin_api.bulk.bulk_write import BulkWrite
from bigin_api.endpoints.coql import Coql
from bigin_api.endpoints.metadata import Metadata
from bigin_api.endpoints.organization import Organization
from bigin_api.endpoints.records import Records
from bigin_api.endpoints.related import Related
from bigin_api.endpoints.tags import Tags
from bigin_api.errors import (
    AuthError,
    BiginError,
    ClientClosed,
    ConnectionFailed,
    InvalidRequest,
    RateLimited,
    Refused,
    TransientError,
)
from bigin_api.http.auth import FixedToken, TokenSource
from bigin_api.http.call_log import CallLog
from bigin_api.http.calls import Call, Reply
from bigin_api.http.gate import Gate, Pace
from bigin_api.http.meter import Meter, ServerClock, Spent
from bigin_api.http.replies import credits_remaining, read_reply, retry_after, server_time
from bigin_api.http.retry import Retry, retried
from bigin_api.http.transport import Received, Transport
from bigin_api.limits import BULK_READ_DOWNLOADS_PER_MINUTE
from bigin_api.settings import ClientSettings, GivenToken, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from typing_extensions import Self

    from bigin_api.http.auth import AccessToken

logger = logging.getLogger(__name__)

BASE_PATHS = {"rest": "/bigin/v2", "bulk": "/bigin/bulk/v2", "upload": "/bigin/v2", "root": ""}
TRIES_IN_SILENCE = 3  # a call that succeeds at the second or third try is no news
BUDGET_A_CALL_AHEAD = 20  # credits of a budget: a twentieth of it may be lost at its end
PACE_SECONDS = 61.0  # a minute of Bigin's clock, and what travels may be late by


class Client:
    """One per process: one token, one gate, one meter for every thread.

    Use it as a context manager, or call ``close``.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        jitter: Callable[[float], float] = backoff.full_jitter,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Time and chance, for those who must not wait.

        ``jitter`` picks the wait before a retry from the longest one, ``now`` tells the age of tokens,
        ``sleep`` waits for jobs and for the next download (by default until then, or until ``close``).
        """
        limits = settings.limits
        self._settings = settings
        self._stop = threading.Event()
        self._sleep = sleep
        self._transport = Transport(
            timeout=limits.request_timeout,
            connections=limits.max_concurrent_requests + 1,  # one more for the token
            user_agent=settings.user_agent,
        )
        self._tokens = self._token_source(now)
        self._gate = Gate(limits.max_concurrent_requests)
        self._retry = Retry(
            limits.max_retries, stop=self._stop, jitter=jitter, on_retry=_say_retry, heard=self._has_heard
        )
        self._meter = Meter(limits.credit_budget)
        self._log = CallLog(settings.api_log_path)
        self._downloads = Pace(BULK_READ_DOWNLOADS_PER_MINUTE, PACE_SECONDS, pause=self.pause)
        self.clock = ServerClock()
        self.metadata = Metadata(self)
        self.records = Records(self)
        self.coql = Coql(self)
        self.related = Related(self)
        self.tags = Tags(self)
        self.organization = Organization(self)
        self.bulk_read = BulkRead(self, pause=self.pause)
        self.bulk_write = BulkWrite(self, org_id=self.organization.zgid, pause=self.pause)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """A client from the settings of a tap, a target or a script. Raises SettingsError."""
        return cls(ClientSettings.from_mapping(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def limits(self) -> Limits:
        """The limits it was made with."""
        return self._settings.limits

    @property
    def server_time(self) -> datetime | None:
        """Bigin's clock at its latest answer, None before the first."""
        return self.clock.latest

    @property
    def places_free(self) -> int:
        """How many calls more could be in flight at this moment; less than none where some wait."""
        return self._gate.free

    def spent(self) -> Spent:
        """Credits spent until now, by endpoint and by label."""
        return self._meter.spent()

    def labelled(self, label: str) -> Labelled:
        """The same client, whose calls are counted and logged under a stream's name."""
        return Labelled(self, label)

    def send(self, call: Call) -> Reply:
        """The answer to a call, tried again where that helps.

        Raises the BiginError that a caller can act on, see ``bigin_api.errors``.
        """
        return self._retry.run(call, lambda made: self._attempt(call, made, None))

    def download(self, call: Call, into: BinaryIO) -> Reply:
        """Like ``send``, with the answer's body written into a file from where it stood."""
        start = into.tell()

        def attempt(made: int) -> Reply:
            self._downloads.wait()
            into.seek(start)
            into.truncate()
            return self._attempt(call, made, into)

        return self._retry.run(call, attempt)

    def is_answering(self) -> bool:
        """Whether Bigin answers at all, be it by a refusal: asks for the organisation. Costs 1 credit."""
        with retried(0):
            try:
                self.organization.get()
            except TransientError:
                return False
            except Refused:
                return True
        return True

    def pause(self, seconds: float) -> None:
        """Sleep. Raises ClientClosed as soon as the client is closed."""
        if self._sleep is not None:
            self._sleep(seconds)
        elif self._stop.wait(seconds):
            raise ClientClosed("The client was closed while it waited.")

    def close(self) -> None:
        """End at once: calls that wait are given up, those in flight run out."""
        self._stop.set()
        self._gate.close()
        self._transport.close()
        self._log.close()

    def _token_source(self, now: Callable[[], float]) -> TokenSource | FixedToken:
        settings = self._settings
        if isinstance(settings.credentials, GivenToken):
            return FixedToken(settings.credentials)
        return TokenSource(
            self._transport, settings.credentials, settings.hosts, cache=settings.token_cache_path, now=now
        )

    def _attempt(self, call: Call, made: int, into: BinaryIO | None) -> Reply:
        with self._gate(urgent=call.urgent) as seen:
            token = self._tokens.current()
            url = f"{self._host(call, token)}{BASE_PATHS[call.api]}{call.path}"
            self._meter.charge(call)
            begun = time.monotonic()
            received: Received | None = None
            status: int | None = None
            code: str | None = None
            try:
                received = self._send(call, url, token, into)
                status = received.status
                self._note(received.header)
                reply = _read(call, received, into)
            except BiginError as error:
                status, code = error.status or status, error.code or type(error).__name__
                if isinstance(error, TransientError) and received is not None:
                    error.retry_after = retry_after(received.header)
                self._react(error, call, token, seen)
                raise
            finally:
                spent_ms = round((time.monotonic() - begun) * 1000)
                self._log.write(call, status=status, code=code, milliseconds=spent_ms, attempt=made)
        self._gate.succeed()
        return reply

    def _send(self, call: Call, url: str, token: AccessToken, into: BinaryIO | None) -> Received:
        return self._transport.send(
            call.method,
            url,
            params=call.params,
            headers={**call.headers, "Authorization": f"Zoho-oauthtoken {token.value}"},
            json=call.json,
            upload=call.upload,
            into=into,
        )

    def _note(self, header: Mapping[str, str]) -> None:
        """What every answer tells, a refusal too."""
        self._meter.note_remaining(credits_remaining(header))
        self.clock.note(server_time(header))

    def _has_heard(self) -> bool:
        return self.server_time is not None or self._tokens.has_answered

    def _react(self, error: BiginError, call: Call, token: AccessToken, seen: int) -> None:
        if isinstance(error, ConnectionFailed) and not error.may_have_happened:
            self._meter.refund(call)
        if isinstance(error, AuthError):
            self._tokens.refuse(token)
        if isinstance(error, RateLimited):
            self._gate.shrink(seen)

    def _host(self, call: Call, token: AccessToken) -> str:
        hosts = self._settings.hosts
        if call.host is not None:
            if not hosts.may_have_token(call.host):
                host = call.host.encode("unicode_escape").decode()
                raise InvalidRequest(
                    f"{call.what}: {host} is not Zoho's, so no token is sent there.", module=call.module
                )
            return call.host
        if call.api == "upload":
            return hosts.content_url
        return (hosts.api_url or token.api_domain or hosts.default_api_url).rstrip("/")


class Labelled:
    """A client's families of endpoints, with every call stamped with a stream's name."""

    def __init__(self, client: Client, label: str, *, urgent: bool = False) -> None:
        self._client = client
        self._urgent = urgent
        self.label = label
        self.metadata = client.metadata
        self.records = Records(self)
        self.coql = Coql(self)
        self.related = Related(self)
        self.tags = Tags(self)
        self.organization = Organization(self)
        self.bulk_read = BulkRead(self, pause=client.pause)
        self.bulk_write = BulkWrite(self, org_id=client.organization.zgid, pause=client.pause)

    @property
    def server_time(self) -> datetime | None:
        """Bigin's clock at the client's latest answer."""
        return self._client.server_time

    @property
    def credit_budget(self) -> int | None:
        """What the whole run may spend, None for any sum."""
        return self._client.limits.credit_budget

    @property
    def calls_ahead(self) -> int | None:
        """How many calls to begin before the one that is waited for has ended, None for as many as may be.

        Within a budget they are few: at its end what came out of turn is paid for and not used.
        """
        return None if self.credit_budget is None else max(1, self.credit_budget // BUDGET_A_CALL_AHEAD)

    @property
    def places_free(self) -> int:
        """As the client's."""
        return self._client.places_free

    def urgent(self) -> Labelled:
        """The same, whose calls go before those that nothing hangs on."""
        return Labelled(self._client, self.label, urgent=True)

    def send(self, call: Call) -> Reply:
        """As the client's, counted under the label."""
        return self._client.send(replace(call, label=self.label, urgent=self._urgent))

    def download(self, call: Call, into: BinaryIO) -> Reply:
        """As the client's, counted under the label."""
        return self._client.download(replace(call, label=self.label), into)


def _read(call: Call, received: Received, into: BinaryIO | None) -> Reply:
    if into is not None and received.in_file:
        header = received.header
        return Reply(received.status, None, server_time(header), credits_remaining(header), header)
    reply = read_reply(received.status, received.body, received.header, call=call)
    for place in reply.damaged:
        logger.warning("%s: %s: what came is no text or no number. It is null.", call.module, place)
    return reply


def _say_retry(error: BiginError, seconds: float, made: int) -> None:
    level = logging.INFO if made < TRIES_IN_SILENCE else logging.WARNING
    logger.log(level, "%s Trying again in %.1f s (attempt %d failed).", error.message, seconds, made)
