"""The device flow: a person says yes in a browser while a program polls. Source: FACTS 6a.

What a person does is asked for by `POST /_sandbox/device` or the setting `device_consent`; opening the
`verification_url` with `?user_code=` says yes, too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bigin_sandbox.rules.access.tokens import Tokens

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context

LOCATIONS = ("us", "eu", "in", "au", "cn", "jp", "sa", "ca")  # FACTS 1
WHERE_IT_BEGINS = "us"  # the accounts server without a location in its address
SLOWER = 6  # times the interval, once too fast: 30 seconds instead of 5
ANSWERS = {"approve": True, "deny": False}
WAITING, APPROVED, DENIED = "waiting", "approved", "denied"


@dataclass
class Device:
    """A program that waits for a person."""

    device_code: str
    user_code: str
    scope: str
    is_offline: bool  # only then it gets a refresh token
    expires: float
    interval: float  # seconds
    slow_interval: float
    state: str = WAITING
    user: int = 0  # place of who said yes among the organisation's users
    polls: int = 0
    not_before: dict[str, float] = field(default_factory=dict)  # by location: when it may poll again

    def is_too_fast(self, location: str, now: float) -> bool:
        """Whether it polls a server before it may; once too fast, it must be slower for good."""
        too_fast = now < self.not_before.get(location, 0.0)
        if too_fast:
            self.interval = max(self.interval, self.slow_interval)
        self.not_before[location] = now + self.interval
        return too_fast


@dataclass(frozen=True)
class Poll:
    """What a poll comes to: an error's body, or whose token is to be given."""

    error: dict[str, str] | None = None
    device: Device | None = None


class Devices:
    """The programs that wait, by device code."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, Device] = {}

    def begin(self, scope: str, *, is_offline: bool) -> Device:
        """A program begins to wait."""
        settings = self._context.settings
        device = Device(
            f"1004.{secrets.token_hex(16)}.{secrets.token_hex(16)}",
            secrets.token_hex(4).upper(),
            scope,
            is_offline,
            self._now() + settings.device_code_ms / 1000,
            settings.device_interval_ms / 1000,
            settings.device_interval_ms / 1000 * SLOWER,
        )
        self._waiting[device.device_code] = device
        if settings.device_consent != "ask":
            _decide(device, settings.device_consent)
        return device

    def answer(self, answer: str, *, user_code: str | None, user: int) -> list[str]:
        """A person says yes or no to a code, or to all that wait; gives the codes.

        Raises ValueError for another word, LookupError for a code that does not wait.
        """
        if answer not in ANSWERS:
            raise ValueError(f"answer is one of {', '.join(ANSWERS)}, not {answer!r}")
        self._context.part(Tokens).check_user(user)
        open_ = [device for device in self._waiting.values() if device.state == WAITING]
        meant = [device for device in open_ if user_code in {None, device.user_code}]
        if not meant:
            code = "" if user_code is None else f" with the code {user_code}"
            raise LookupError(f"no device waits{code}")
        for device in meant:
            device.user = user
            _decide(device, answer)
        return [device.user_code for device in meant]

    def poll(self, device_code: str, location: str) -> Poll:
        """What a program hears that asks whether somebody said yes; a token is given once."""
        device = self._waiting.get(device_code)
        if device is None:
            return Poll({"error": "invalid_code"})
        device.polls += 1
        now = self._now()
        if now >= device.expires:
            del self._waiting[device_code]
            return Poll({"error": "expired"})
        if device.is_too_fast(location, now):
            return Poll({"error": "slow_down"})
        if device.state == WAITING:
            return Poll({"error": "authorization_pending"})
        home = self._context.settings.location
        if device.state == APPROVED and location != home:
            return Poll({"error": "other_dc", "user_location": home})
        del self._waiting[device_code]
        return Poll({"error": "access_denied"}) if device.state == DENIED else Poll(device=device)

    def to_json(self) -> list[dict[str, Any]]:
        """Those that wait."""
        names = ("user_code", "scope", "state", "polls")
        return [{name: getattr(each, name) for name in names} for each in self._waiting.values()]

    def consent(self, device: Device) -> str:
        """The refresh token that comes of a yes."""
        return self._context.part(Tokens).consent(device.user, device.scope)

    def _now(self) -> float:
        return self._context.clock.timestamp()


def _decide(device: Device, answer: str) -> None:
    device.state = APPROVED if ANSWERS[answer] else DENIED
