"""Credits over a rolling day, and calls at once. Source: FACTS 2."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING, Any

from bigin_sandbox.http.answers import Refusal

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall, Context

DAY = 24 * 60 * 60
FREE_CREDITS = 5_000
PAID_CREDITS, PAID_CREDITS_PER_USER, MOST_CREDITS = 50_000, 250, 100_000
CONCURRENCY = {"free": 5, "express": 10}
SUB_CONCURRENCY = 10
RECORDS_PER_CREDIT = 10  # insert, update, upsert
CUSTOM_VIEW_CREDITS = 3
TAGGED_RECORDS_PER_CREDIT = 50


class Credits:
    """What the organisation may still spend."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._clock = context.clock
        self._spent: deque[tuple[float, int]] = deque()
        self._used = 0

    @property
    def limit(self) -> int:
        """Credits that the edition gives a day."""
        return credit_limit(self._context.settings.edition, self._context.store.users())

    @property
    def used(self) -> int:
        """Credits spent in the last 24 hours."""
        earliest = self._clock.timestamp() - DAY
        while self._spent and self._spent[0][0] <= earliest:
            self._used -= self._spent.popleft()[1]
        return self._used

    @property
    def remaining(self) -> int:
        """Credits left."""
        return max(0, self.limit - self.used)

    def spend(self, price: int) -> bool:
        """Pay for a call; False, and nothing paid, if the credits do not suffice."""
        if self.used + price > self.limit:
            return False
        self._spent.append((self._clock.timestamp(), price))
        self._used += price
        return True


def credit_limit(edition: str, users: list[dict[str, Any]]) -> int:
    """Credits a day: 5,000, or 50,000 and 250 for each active user up to 100,000."""
    if edition == "free":
        return FREE_CREDITS
    active = len([user for user in users if user["status"] == "active"])
    return min(MOST_CREDITS, PAID_CREDITS + PAID_CREDITS_PER_USER * active)


class InFlight:
    """Calls being worked on at this moment, of all kinds and of the sub-concurrency class."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.now = 0
        self.of_the_class = 0
        self.most = 0

    def enter(self, *, in_class: bool) -> bool:
        """One more; False if that is too many. `leave` must follow either way."""
        self.now += 1
        self.of_the_class += in_class
        self.most = max(self.most, self.now)
        limit = CONCURRENCY[self._context.settings.edition]
        return self.now <= limit and (not in_class or self.of_the_class <= SUB_CONCURRENCY)

    def leave(self, *, in_class: bool) -> None:
        """One is done."""
        self.now -= 1
        self.of_the_class -= in_class


def price_of_list(call: ApiCall) -> int:
    """Get Records: 1, with a custom view 3."""
    return CUSTOM_VIEW_CREDITS if "cvid" in call.params else 1


def price_of_write(call: ApiCall) -> int:
    """Insert, update, upsert: 1 for each 10 records begun."""
    return max(1, ceil(records_sent(call) / RECORDS_PER_CREDIT))


def is_large_write(call: ApiCall) -> bool:
    """More than 10 records: of the sub-concurrency class."""
    return records_sent(call) > RECORDS_PER_CREDIT


def is_viewed_or_sorted(call: ApiCall) -> bool:
    """Get Records with `cvid` or sorting: of the sub-concurrency class."""
    return "cvid" in call.params or "sort_by" in call.params


def records_sent(call: ApiCall) -> int:
    """How many records a write's body holds; 0 if it is no such body."""
    try:
        body = call.json
    except Refusal:  # the endpoint says so; here it only has a price
        return 0
    data = body.get("data") if isinstance(body, dict) else None
    return len(data) if isinstance(data, list) else 0
