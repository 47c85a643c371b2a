"""What was asked of the sandbox since it was last reset: told by `GET /_sandbox/usage`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context


@dataclass
class Endpoint:
    """Calls of one kind, such as `GET /Contacts`."""

    calls: int = 0
    credits: int = 0


@dataclass
class Usage:
    """Counts every call to the API; token requests are counted apart, controls not at all."""

    context: Context
    by_endpoint: dict[str, Endpoint] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    token_requests: int = 0

    def count(self, endpoint: str, *, credits_paid: int, status: int) -> None:
        """Note one call and how it was answered; status 0 is an answer that never left."""
        entry = self.by_endpoint.setdefault(endpoint, Endpoint())
        entry.calls += 1
        entry.credits += credits_paid
        self.statuses[status] += 1

    def to_json(self) -> dict[str, Any]:
        """The numbers, by endpoint and in all."""
        entries = sorted(self.by_endpoint.items())
        return {
            "calls": sum(entry.calls for _, entry in entries),
            "credits": sum(entry.credits for _, entry in entries),
            "by_endpoint": {name: vars(entry) for name, entry in entries},
            "statuses": {str(status): times for status, times in sorted(self.statuses.items())},
            "token_requests": self.token_requests,
        }
