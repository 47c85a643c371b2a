"""What travels: a record on its way from a line of input to its one end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from target_bigin.concurrency.tasks import Wait
from target_bigin.settings import Operation

Fields = dict[str, Any]
"""A record as JSON: values by name."""

Kind = Literal["invalid", "rejected", "unmatched"]
"""Why a record was not written: we refused it, Bigin did, or an update or a lookup found none or several."""

Action = Literal["inserted", "updated", "deleted", "merged", "unchanged"]
"""How a record ended well. ``merged``: a later record of the same key held all that this one said."""

Lock = tuple[str, str]
"""A field and its value, as Bigin compares it: two records that share one never travel side by side."""


@dataclass(unsafe_hash=True)
class Reject(Exception):  # noqa: N818 -- an outcome, not a fault
    """Why one record was not written. Raised anywhere on its way, which then ends.

    ``code`` is Bigin's for ``rejected``, else one of ours.
    """

    kind: Kind
    code: str
    message: str
    field: str | None = None

    def of_part(self, part: str) -> Reject:
        """Why a part was not written, when the record itself was."""
        return replace(self, message=f"the record was written, but not its {part}: {self.message}")


class Spoiled(Fields):
    """A record with a value that no JSON holds (``NaN``, half a character), null here. It ends by ``why``."""

    def __init__(self, fields: Fields, why: Reject) -> None:
        super().__init__(fields)
        self.why = why


@dataclass(frozen=True)
class Unresolved:
    """A lookup of which the id is not known yet: ``value`` as it was read. No call ever carries one."""

    value: Any


@dataclass(slots=True, eq=False)
class Record:
    """One record of the input and everything known about it so far.

    ``number`` is its place in the ledger, ``raw`` the record as read (for the reject log), ``body``
    what Bigin shall get. ``id`` is Bigin's: from the record, found by its key, or answered.
    """

    number: int
    stream: str
    raw: Fields
    body: Fields = field(default_factory=dict)
    operation: Operation = "upsert"
    locks: tuple[Lock, ...] = ()
    id: str | None = None
    mergeable: bool = True  # False: it adds to what is there (rows of a subform, $append_values)
    alone: bool = False  # True: answered by several entries (a recurring activity), so in a call of its own
    by_bulk: bool = False  # True: waits for a bulk job
    attempts: int = 0
    has_place: bool = False  # in the order of its keys
    wait: Wait[Action | float | None] | None = None
    """None: its turn has come; else how it was written, or in how many seconds it is to be sent again."""
    merged: list[Record] | None = None  # earlier records that this one stands for, oldest first
