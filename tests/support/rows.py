"""A run without Bigin: tasks whose calls are answered from rows, and what was asked is remembered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bigin_api import BiginError, InFlight
from target_bigin.concurrency.tasks import Tasks
from target_bigin.records.record import Action, Record, Reject
from target_bigin.writing.queue import Queue


class Bigin:
    """Gives rows for each query that holds one of these texts, and remembers what was asked."""

    def __init__(self, **rows_by_text: list[dict[str, Any]]) -> None:
        self.rows = rows_by_text
        self.asked: list[str | None] = []
        self.columns: list[list[str]] = []
        self.coql = self
        self.meanwhile = lambda: None

    def pages_by_id(self, module, columns, *, where=None):
        assert module == "Contacts"
        self.asked.append(where)
        self.columns.append(columns)
        self.meanwhile()
        for text, rows in self.rows.items():
            if text in (where or text).casefold():
                yield rows


class Run:
    """Tasks whose calls end at once when they are waited for."""

    def __init__(self) -> None:
        self.pool = InFlight(1)
        self.errors: list[BaseException] = []
        self.tasks = Tasks(self.pool, on_error=self.errors.append)
        self.forecast = None
        self.settings = SimpleNamespace(deletes="ignore", trigger=["workflow"])

    def results(self, *coroutines, flush=lambda: None):
        """What each of them gives or raises, all begun before the first call ends."""
        ended: list[Any] = [None] * len(coroutines)

        async def note(place, coroutine):
            try:
                ended[place] = await coroutine
                assert not isinstance(ended[place], Reject)  # it is raised
            except (Reject, BiginError) as error:
                ended[place] = error

        for place, coroutine in enumerate(coroutines):
            self.tasks.create_task(note(place, coroutine))
        self.land(flush)
        assert self.errors == []
        return ended

    def land(self, flush=lambda: None):
        """Until nothing is under way; what never ends is found out."""
        flush()
        for _ in range(99):
            if not len(self.tasks):
                return
            self.tasks.land(timeout=5)
            flush()
        raise AssertionError("It asks and asks.")


async def keep_end(queue: Queue, record: Record, ended: dict[int, Action | Reject]) -> None:
    """Send a record, and note by its number how it ends."""
    try:
        ended[record.number] = await queue.send(record)
    except Reject as reject:
        ended[record.number] = reject


def row(record_id: str, **values: Any) -> dict[str, Any]:
    """A row of COQL's."""
    return {"id": record_id, **values}
