"""Ids of records by the value of a field: asked by COQL in batches of 50, kept for the run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.coql import quote
from bigin_api.limits import COQL_MAX_IN_VALUES

if TYPE_CHECKING:
    from bigin_api import Client, Labelled
    from target_bigin.concurrency.tasks import Flights

Ids = tuple[str, ...]
Found = Callable[[Ids], None]

KEPT = 50_000  # values whose ids are kept, the latest used


def fold(value: object) -> str:
    """A value as Bigin compares it: outer blanks and case do not count.

    >>> fold(" Ann@Example.org ")
    'ann@example.org'
    """
    return str(value).strip().casefold()


class IdFinder:
    """Who has this value in this field: no, one or several ids.

    Used on the main thread alone. A value that many records ask for at once is asked for once.
    ``where`` narrows the module (COQL). Costs 1 credit per 50 values. COQL sees a new record at once.
    """

    def __init__(
        self,
        client: Client | Labelled,
        flights: Flights,
        *,
        module: str,
        field: str,
        is_text: bool = True,
        where: str | None = None,
    ) -> None:
        self.module = module
        self.field = field
        self._client = client
        self._flights = flights
        self._is_text = is_text
        self._where = where
        self._known: OrderedDict[str, Ids] = OrderedDict()
        self._asking: dict[str, list[Found]] = {}  # folded value → who wants to know
        self._waiting: dict[str, str] = {}  # folded value → as given; not asked for yet

    def __len__(self) -> int:
        """How many values wait for an answer."""
        return len(self._asking)

    def known(self, value: object) -> Ids | None:
        """The ids, if they are known already: () means that nobody has it. None: ask."""
        folded = fold(value)
        ids = self._known.get(folded)
        if ids is not None:
            self._known.move_to_end(folded)
        return ids

    def ask(self, value: object, found: Found) -> None:
        """``found(ids)`` follows on the main thread, at once if they are known."""
        ids = self.known(value)
        if ids is not None:
            found(ids)
            return
        folded = fold(value)
        wanting = self._asking.setdefault(folded, [])
        if not wanting:
            self._waiting[folded] = str(value).strip()
        wanting.append(found)
        if len(self._waiting) >= COQL_MAX_IN_VALUES:
            self.flush()

    def learn(self, value: object, record_id: str) -> None:
        """This run wrote a record with this value: nobody need be asked."""
        self._keep(fold(value), (record_id,))

    def forget(self, value: object) -> None:
        """What is known of this value no longer holds: its record was deleted."""
        self._known.pop(fold(value), None)

    def flush(self) -> None:
        """Ask now for all that waits, full batch or not."""
        while self._waiting:
            folded = list(self._waiting)[:COQL_MAX_IN_VALUES]
            values = [self._waiting.pop(each) for each in folded]
            self._flights.start(
                lambda values=values: self._query(values),  # type: ignore[misc]
                lambda future, folded=folded: self._answered(folded, future),  # type: ignore[misc]
            )

    def _query(self, values: Sequence[str]) -> list[dict[str, Any]]:
        listed = ", ".join(quote(each) if self._is_text else each for each in values)
        condition = f"{self.field} in ({listed})"
        columns = list(dict.fromkeys(("id", self.field)))
        if self._where:
            condition = f"({self._where} and {condition})"
        return [
            row
            for page in self._client.coql.pages_by_id(self.module, columns, where=condition)
            for row in page
        ]

    def _answered(self, folded: Sequence[str], future: Future[list[dict[str, Any]]]) -> None:
        ids: dict[str, list[str]] = {each: [] for each in folded}
        for row in future.result():
            ids.setdefault(fold(row.get(self.field)), []).append(str(row["id"]))
        for each in folded:
            self._keep(each, tuple(ids[each]))
            for found in self._asking.pop(each):
                found(tuple(ids[each]))

    def _keep(self, folded: str, ids: Ids) -> None:
        self._known[folded] = ids
        self._known.move_to_end(folded)
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
