"""One access token for all threads, refreshed in time and kept between runs if asked."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigin_api.errors import AuthError, ServerError, TransientError
from bigin_api.limits import ACCESS_TOKEN_LIFETIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from bigin_api.http.transport import Transport
    from bigin_api.settings import Credentials

RENEW_BEFORE_END = 300  # seconds; at most half of a shorter life

logger = logging.getLogger(__name__)

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
        accounts_url: str,
        *,
        cache: Path | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._accounts_url = accounts_url
        self._cache = cache
        self._now = now
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._refused_token: str | None = None
        self._refusal: AuthError | None = None
        self.refreshes = 0
        self.has_answered = False  # whether the accounts server ever did

    def current(self) -> AccessToken:
        """A token that lives. Raises AuthError if the credentials are refused."""
        token = self._token
        if token is not None and token.is_fresh(self._now()):
            return token
        with self._lock:
            if self._token is None or not self._token.is_fresh(self._now()):
                self._token = self._kept_by_a_run() or self._refresh()
            return self._token

    def refuse(self, token: AccessToken) -> None:
        """Bigin refused this token: the next call gets another one, whoever asks first."""
        with self._lock:
            self._refused_token = token.value
            if self._token is token:
                self._token = None

    def _kept_by_a_run(self) -> AccessToken | None:
        """The token that an earlier run or one beside us left in the cache, if it is still good."""
        kept = self._read_cache()
        if kept is None or kept.value == self._refused_token or not kept.is_fresh(self._now()):
            return None
        return kept

    def _refresh(self) -> AccessToken:
        if self._refusal is not None:
            raise AuthError(self._refusal.message, code=self._refusal.code, status=self._refusal.status)
        try:
            token = self._request()
        except AuthError as error:
            self._refusal = error
            raise
        except TransientError as error:
            error.may_have_happened = False  # what failed is the token's call: the caller's was never sent
            raise
        self._write_cache(token)
        return token

    def _request(self) -> AccessToken:
        self.refreshes += 1
        received = self._transport.send(
            "POST",
            f"{self._accounts_url}/oauth/v2/token",
            form={
                "grant_type": "refresh_token",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
                "refresh_token": self._credentials.refresh_token,
            },
        )
        self.has_answered = True
        return self._read_token(received.status, received.body)

    def _read_token(self, status: int, body: bytes) -> AccessToken:
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if not isinstance(content, dict) or status >= 500:  # noqa: PLR2004
            raise ServerError(
                f"{self._accounts_url}: HTTP {status} with no token answer. Is accounts_url right?",
                status=status,
            )
        value = content.get("access_token")
        if not isinstance(value, str) or not value:
            raise self._refused(status, content)
        domain = content.get("api_domain")
        seconds = content.get("expires_in")
        return AccessToken.granted(
            value,
            domain if isinstance(domain, str) and domain.startswith("http") else None,
            now=self._now(),
            lifetime=seconds if isinstance(seconds, int | float) else ACCESS_TOKEN_LIFETIME.total_seconds(),
        )

    def _refused(self, status: int, content: dict[str, Any]) -> AuthError:
        code = str(content.get("error") or "no access_token in the answer")
        advice = _ADVICE.get(code.lower(), "check data_center, client_id, client_secret and refresh_token")
        return AuthError(
            f"{self._accounts_url} refused the credentials (HTTP {status}, {code}): {advice}.",
            code=code,
            status=status,
        )

    @property
    def _cache_key(self) -> str:
        who = f"{self._accounts_url}\n{self._credentials.client_id}\n{self._credentials.refresh_token}"
        return hashlib.sha256(who.encode()).hexdigest()

    def _read_cache(self) -> AccessToken | None:
        if self._cache is None:
            return None
        try:
            kept = json.loads(self._cache.read_text(encoding="utf-8"))[self._cache_key]
            return AccessToken(str(kept["value"]), kept["api_domain"], float(kept["fresh_until"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # absent, of another client or unreadable: a refresh mends it

    def _write_cache(self, token: AccessToken) -> None:
        if self._cache is None:
            return
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._cache.parent)  # mode 0600
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({self._cache_key: asdict(token)}, file)
            Path(name).replace(self._cache)
        except OSError as exc:
            logger.warning(
                "token_cache_path: cannot write %s (%s); each run will ask for a token of its own.",
                self._cache,
                exc.strerror,
            )
