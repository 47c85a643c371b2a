"""One access token for all threads, refreshed in time and kept between runs if asked."""

from __future__ import annotations

import hashlib
import math
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bigin_api.errors import (
    AuthError,
    BiginError,
    RateLimited,
    ServerError,
    TransientError,
)
from bigin_api.http.replies import is_busy, retry_after
from bigin_api.json_values import mapping, read_json
from bigin_api.limits import ACCESS_TOKEN_LIFETIME
from bigin_api.run_files.token_cache import TokenCache
from bigin_api.settings.files import real_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from bigin_api.http.transport import Received, Transport
    from bigin_api.settings import Credentials, GivenToken, Hosts

RENEW_BEFORE_END = 300  # seconds; at most half of a shorter life
_TOKEN = re.compile(r"[\x21-\x7e]+")  # what a header can carry

_ADVICE = {
    "invalid_client": "the client_id is unknown there: check data_center first, then client_id",
    "invalid_client_secret": "the client_secret does not fit: it may differ per data center",
    "invalid_code": "the refresh_token is revoked, of another client or of another data center",
    "access_denied": "access was refused, or too many tokens were asked for: wait ten minutes",
    "access denied": "too many access tokens were asked for: Zoho grants 10 in 10 minutes and stays shut for "
    "about ten; share one token between runs with token_cache_path",
}


@dataclass(frozen=True)
class AccessToken:
    """A token, where its API lives, and until when calls may begin with it (``time.time()``)."""

    value: str = field(repr=False)
    api_domain: str | None
    fresh_until: float

    @classmethod
    def granted(cls, value: str, api_domain: str | None, *, now: float, lifetime: float) -> AccessToken:
        """A token that lives for so many seconds from now on."""
        return cls(value, api_domain, now + lifetime - min(RENEW_BEFORE_END, lifetime / 2))

    def is_fresh(self, now: float) -> bool:
        """Whether it lives long enough to begin a call."""
        return now < self.fresh_until


class TokenSource:
    """The token that every thread uses.

    Refreshed once for all of them: five minutes before it ends, or when a call was refused with it.
    Credentials that were refused are not tried again: Zoho counts the attempts.
    Source: auth pages (Bigin v2); failures come as HTTP 200 with an ``error``.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        hosts: Hosts,
        *,
        cache: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._hosts = hosts
        self._cache = TokenCache(real_path(cache)) if cache else None
        self._now = now
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._refused_token: str | None = None
        self._failure: BiginError | None = None  # of the latest refresh
        self.refreshes = 0
        self.has_answered = False  # whether the accounts server ever did

    def current(self) -> AccessToken:
        """A token that lives. Raises AuthError if the credentials are refused, else as the transport."""
        token, seen = self._token, self.refreshes
        if token is not None and token.is_fresh(self._now()):
            return token
        with self._lock:
            if self._token is None or not self._token.is_fresh(self._now()):
                if self._failure and (isinstance(self._failure, AuthError) or self.refreshes != seen):
                    raise self._failure.with_traceback(None)  # of the refresh that this thread waited for
                self._token = self._kept_by_a_run() or self._renew()
            return self._token

    def refuse(self, token: AccessToken) -> None:
        """Bigin refused this token: the next call gets another one, whoever asks first."""
        with self._lock:
            self._refused_token = token.value
            if self._token is token:
                self._token = None

    def _kept_by_a_run(self) -> AccessToken | None:
        """The token that an earlier run or one beside us left in the cache, if it is still good."""
        if self._cache is None:
            return None
        try:
            kept = msgspec.convert(self._cache.read(self._cache_key), AccessToken)
        except msgspec.ValidationError:
            return None  # none, or damaged: a refresh mends it
        is_good = (
            kept.value != self._refused_token
            and kept.is_fresh(self._now())
            and (kept.api_domain is None or self._hosts.may_have_token(kept.api_domain))
            and _TOKEN.fullmatch(kept.value)
        )
        return kept if is_good else None

    def _renew(self) -> AccessToken:
        """A token of the accounts server, or of a run beside us that asked it first."""
        if self._cache is None:
            return self._refresh()
        with self._cache.turn():
            token = self._kept_by_a_run()
            if token is None:
                token = self._refresh()
                self._cache.keep(self._cache_key, asdict(token), now=self._now())
            return token

    def _refresh(self) -> AccessToken:
        try:
            token = self._request()
        except BiginError as error:
            if isinstance(error, TransientError):
                error.may_have_happened = False  # the caller's call, which waits for the token, was not sent
            self._failure = error
            raise
        finally:
            self.refreshes += 1
        self._failure = None
        return token

    def _request(self) -> AccessToken:
        received = self._transport.send(
            "POST",
            f"{self._hosts.accounts_url}/oauth/v2/token",
            form={
                "grant_type": "refresh_token",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
                "refresh_token": self._credentials.refresh_token,
            },
        )
        self.has_answered = True
        content = read_json(received.body)
        if is_busy(received.status) or (received.status < 300 and not isinstance(content, Mapping)):  # noqa: PLR2004
            raise self._no_answer(received)
        return self._read_token(received.status, mapping(content))

    def _no_answer(self, received: Received) -> TransientError:
        """What may be mended by asking again: an accounts server that is busy or broken, a body cut off."""
        error = (RateLimited if received.status == 429 else ServerError)(  # noqa: PLR2004
            f"{self._hosts.accounts_url}: HTTP {received.status} without a token. Is accounts_url right?",
            status=received.status,
        )
        error.retry_after = retry_after(received.header)
        return error

    def _read_token(self, status: int, content: Mapping[str, Any]) -> AccessToken:
        value, domain, seconds = (content.get(key) for key in ("access_token", "api_domain", "expires_in"))
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise self._refused(status, content)
        if self._hosts.api_url or not isinstance(domain, str) or not domain.startswith("http"):
            domain = None  # not needed, or no address
        elif not self._hosts.may_have_token(domain):
            raise AuthError(
                f"{self._hosts.accounts_url} says that the API lives at {domain[:100]!r}, which is neither "
                "Zoho's nor set: no token is sent there. If that host is yours, set api_url.",
                status=status,
            )
        if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            seconds = ACCESS_TOKEN_LIFETIME.total_seconds()
        return AccessToken.granted(value, domain, now=self._now(), lifetime=seconds)

    def _refused(self, status: int, content: Mapping[str, Any]) -> AuthError:
        said = content.get("error")
        code = " ".join(said.split())[:100] if isinstance(said, str) else "no access_token in the answer"
        advice = _ADVICE.get(code.lower(), "check data_center, client_id, client_secret and refresh_token")
        return AuthError(
            f"{self._hosts.accounts_url} refused the credentials (HTTP {status}, {code}): {advice}.",
            code=code,
            status=status,
        )

    @property
    def _cache_key(self) -> str:
        given = self._credentials
        who = (self._hosts.accounts_url, given.client_id, given.client_secret, given.refresh_token)
        return hashlib.sha256("\n".join(who).encode()).hexdigest()


class FixedToken:
    """A token that somebody else renews, in place of a ``TokenSource``: once refused, it has ended."""

    has_answered = False

    def __init__(self, token: GivenToken) -> None:
        self._token = AccessToken(token.access_token, None, math.inf)
        self._refused = False

    def current(self) -> AccessToken:
        """The token. Raises AuthError once it was refused."""
        if self._refused:
            raise AuthError(
                "access_token was refused: it has ended, or is one of another data center. Set a new one, or "
                "client_id, client_secret and refresh_token, with which a run renews its token itself."
            )
        return self._token

    def refuse(self, token: AccessToken) -> None:
        """Bigin refused it: no call is sent any more."""
        self._refused = token is self._token
