"""The accounts server's book: refresh tokens, access tokens, and how many of them. Source: FACTS 1."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bigin_sandbox.http.calls import AccessToken

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
LIFETIME = 3600
LIVE_TOKENS = 15
WINDOW = 600  # seconds: of the limit, and for how long the door stays shut
MOST_REFRESH_TOKENS = 20  # of a client and a user: FACTS 6a
CODE_LIFETIME = 600  # seconds; of a redirect about a minute: FACTS 6a
ALL_SCOPES = (
    "ZohoBigin.modules.ALL ZohoBigin.settings.ALL ZohoBigin.users.ALL ZohoBigin.org.ALL ZohoBigin.bulk.ALL "
    "ZohoBigin.coql.READ ZohoBigin.notifications.ALL ZohoSearch.securesearch.READ ZohoFiles.files.ALL "
    "ZohoBigin.modules.change_owner.CREATE ZohoBigin.modules.emails.READ ZohoBigin.Files.ALL "
    "ZohoBigin.send_mail.all.CREATE"
)
# A user without administrator's rights, and a token that may neither query nor use the bulk APIs.
LIMITED_SCOPES = "ZohoBigin.modules.ALL ZohoBigin.settings.READ ZohoBigin.users.READ ZohoBigin.org.READ"


@dataclass
class Grant:
    """A refresh token: whose it is, what for, and the access tokens it gave."""

    user: int  # place among the organisation's users
    scope: str
    issued: deque[float] = field(default_factory=deque)  # when, within the window
    live: deque[AccessToken] = field(default_factory=deque)  # oldest first
    shut_until: float = 0.0


@dataclass(frozen=True)
class Code:
    """A grant code: whose consent it stands for, and until when."""

    user: int
    scope: str
    expires: float
    refresh_token: str | None = None  # that the consent has given already


class Tokens:
    """Gives access tokens and knows which of them live."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.grants = {
            "sandbox-refresh": Grant(user=0, scope=ALL_SCOPES),
            "sandbox-limited": Grant(user=1, scope=LIMITED_SCOPES),
        }
        self._codes = {"sandbox-code": Code(0, ALL_SCOPES, float("inf"), "sandbox-refresh")}

    def consent(self, user: int, scope: str) -> str:
        """A new refresh token; the user's 21st ends the oldest, also the one that somebody uses."""
        refresh_token = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self.check_user(user)
        self.grants[refresh_token] = Grant(user, scope)
        own = [value for value, grant in self.grants.items() if grant.user == user]
        for oldest in own[:-MOST_REFRESH_TOKENS]:
            del self.grants[oldest]
        return refresh_token

    def make_code(self, user: int, scope: str, seconds: float) -> str:
        """A grant code, as the page of a self client makes one."""
        value = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        self.check_user(user)
        self._codes[value] = Code(user, scope, self._context.clock.timestamp() + seconds)
        return value

    def check_user(self, user: int) -> None:
        """Raise LookupError where the organisation has no user at that place."""
        if not 0 <= user < len(self._context.store.users()):
            raise LookupError(f"the organisation has no user at place {user}")

    def redeem(self, value: str) -> str | None:
        """The refresh token for a grant code, which serves once; None if there is no such code any more."""
        code = self._codes.pop(value, None)
        if code is None or code.expires <= self._context.clock.timestamp():
            return None
        return code.refresh_token or self.consent(code.user, code.scope)

    def issue(self, refresh_token: str) -> AccessToken | None:
        """A new access token; None if too many were asked for lately. The 16th ends the oldest."""
        grant = self.grants[refresh_token]
        now = self._context.clock.timestamp()
        if not self._may_issue(grant, now):
            return None
        user_id = self._context.store.users()[grant.user]["id"]
        scopes = frozenset(grant.scope.lower().replace(",", " ").split())
        value = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"
        token = AccessToken(value, user_id, scopes, refresh_token, now, now + LIFETIME)
        grant.issued.append(now)
        grant.live = deque(live for live in grant.live if live.expires > now)
        grant.live.append(token)
        while len(grant.live) > LIVE_TOKENS:
            grant.live.popleft()
        return token

    def find(self, value: str) -> AccessToken | None:
        """The live token of that value."""
        now = self._context.clock.timestamp()
        for grant in self.grants.values():
            for token in grant.live:
                if token.value == value and token.expires > now:
                    return token
        return None

    def expire_all(self) -> int:
        """End every access token at once; gives how many lived."""
        ended = sum(len(grant.live) for grant in self.grants.values())
        for grant in self.grants.values():
            grant.live.clear()
        return ended

    def _may_issue(self, grant: Grant, now: float) -> bool:
        while grant.issued and grant.issued[0] <= now - WINDOW:
            grant.issued.popleft()
        if now < grant.shut_until:
            return False
        if len(grant.issued) >= self._context.settings.access_tokens_per_10_minutes:
            grant.shut_until = now + WINDOW
            return False
        return True
