"""The ledger: every record read ends once, and a STATE goes out only when all before it have ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from target_bigin.records.account import Account
from target_bigin.records.record import Action, Record, Reject


class Ledger:
    """Numbers each record when it is read and ends it once.

    Invariants: a number ends once (a second time is an error); ``due_state`` never returns a state
    while a record read before it is open; what has ended is forgotten, so memory follows what is open.
    """

    def __init__(
        self,
        on_reject: Callable[[Record, Reject], None],
        *,
        on_good: Callable[[Record, Action], None] = lambda _record, _action: None,
    ) -> None:
        self._on_reject = on_reject
        self.on_good = on_good
        self._last = 0
        self._low = 0  # all numbers up to this one have ended
        self._ended: set[int] = set()  # those beyond it
        self._states: deque[tuple[int, Any]] = deque()
        self.accounts: dict[str, Account] = {}
        self.stated_up_to = 0  # the last record before the STATE that was read last
        self.covered_up_to = 0  # the last record that the state covers which ``due_state`` gave last

    @property
    def open(self) -> int:
        """How many records have been read and not settled."""
        return self._last - self._low - len(self._ended)

    @property
    def taken(self) -> int:
        """How many records have been read."""
        return self._last

    @property
    def rejected(self) -> int:
        """How many records were not written, of all streams."""
        return sum(account.rejected for account in self.accounts.values())

    def account(self, stream: str) -> Account:
        """The stream's account, opened at its first mention."""
        found = self.accounts.get(stream)
        if found is None:
            found = self.accounts[stream] = Account(stream)
        return found

    def read(self, account: Account) -> int:
        """The number of a record that was just read."""
        account.read += 1
        self._last += 1
        return self._last

    def end(self, record: Record, outcome: Action | Reject) -> None:
        """The record ended, well or in the reject log."""
        account = self.account(record.stream)
        account.ended = time.monotonic()
        if isinstance(outcome, Reject):
            key = (outcome.kind, outcome.code, outcome.field)
            account.rejects[key] += 1
            account.examples.setdefault(key, (record.number, outcome))
            self._on_reject(record, outcome)
        else:
            account.outcomes[outcome] += 1
            self.on_good(record, outcome)
        self._end(record.number)

    def queue_state(self, value: Any) -> None:
        """A STATE was read: it speaks for all records read before it."""
        self.stated_up_to = self._last
        self._states.append((self._last, value))

    def due_state(self) -> Any | None:
        """The latest state of which all records have ended, None if there is none that is new."""
        due = None
        while self._states and self._states[0][0] <= self._low:
            self.covered_up_to, due = self._states.popleft()
        return due

    def imbalance(self) -> list[str]:
        """The streams whose account does not balance: read = written + unchanged + rejected."""
        return [
            f"{account.stream}: read {account.read}, settled {account.settled}"
            for account in self.accounts.values()
            if account.read != account.settled
        ]

    def _end(self, number: int) -> None:
        if number <= self._low or number in self._ended or number > self._last:
            raise RuntimeError(f"Record {number} was settled twice, or never read.")
        if number != self._low + 1:
            self._ended.add(number)
            return
        self._low = number
        while self._low + 1 in self._ended:
            self._low += 1
            self._ended.remove(self._low)
