"""Streams of tap-bigin that describe the organisation they were read from: nothing of them is written.

Whoever pipes one organisation into another gets them along with the records. Modules, fields and users
cannot be made by the API; the records are settled as unchanged, and it is said once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from target_bigin.records.ledger import Account, Ledger
from target_bigin.records.record import Prepared, Record
from target_bigin.streams.stream import SideLane

SETTINGS = "settings_"
MARKS: Mapping[str, frozenset[str]] = {
    "users": frozenset(("full_name", "zuid", "profile")),
    "organization": frozenset(("company_name", "zgid")),
}
"""Properties by which tap-bigin's own streams of these common names are known."""


def is_description(stream: str, properties: Collection[str]) -> bool:
    """Whether a stream is one of tap-bigin's descriptions; another tap's ``users`` is none.

    >>> is_description("users", ["id", "full_name", "zuid", "profile"]), is_description("users", ["id"])
    (True, False)
    """
    if stream.startswith(SETTINGS):
        return True
    marks = MARKS.get(stream)
    return marks is not None and marks <= set(properties)


class DescribingLane(SideLane):
    """Settles every record as unchanged."""

    def __init__(self, stream: str, account: Account, ledger: Ledger) -> None:
        self._stream = stream
        self._account = account
        self._ledger = ledger

    def take(self, raw: Record) -> None:
        """Nothing is written."""
        record = Prepared(self._ledger.read(self._account), self._stream, raw)
        self._ledger.settle(record, "unchanged")
