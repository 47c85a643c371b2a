"""The brake on deletions: a run that suddenly deletes more than a quarter of a module is stopped.

A source that was emptied by mistake looks like one in which everybody was deleted. So deletions are
held back until the input has ended and the module has been counted (1 credit); nothing is deleted if
there are too many, whichever streams they came from. A company takes its contacts and notes along, so they
count too (1 credit for 50 companies, 1 for 200 contacts; the notes, where there are any, by their list, 1
for 200). ``allow_mass_delete`` lifts the brake for a stream.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from bigin_api import Client, Labelled
from bigin_api.errors import Refused
from bigin_api.limits import COQL_MAX_IN_VALUES
from target_bigin.concurrency.tasks import Wait
from target_bigin.records.forecast import Forecast
from target_bigin.records.record import Record, Reject
from target_bigin.schema.context import Run

logger = logging.getLogger("target-bigin")

ALLOWED_PART = 4  # one record in so many may go
PARENT = "Parent_Id"
COMPANIES, CONTACTS, NOTES = "Accounts", "Contacts", "Notes"
"""A deleted company takes its contacts and notes along: FACTS 4."""


def may_delete(deletions: int, records: int) -> bool:
    """Whether so many deletions are no more than a quarter of a module; a single one always may be.

    >>> may_delete(25, 100), may_delete(26, 100), may_delete(1, 2)
    (True, False, True)
    """
    return deletions <= max(1, records // ALLOWED_PART)


class Brakes:
    """On all that a run deletes, module by module. Main thread alone."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._held: dict[str, list[tuple[Record, Wait[None]]]] = {}  # by module
        self._done: dict[str, int] = {}  # deletions that were allowed before
        self._turn: Wait[None] | None = None  # of the question that was put last

    async def allow(self, record: Record, module: str) -> None:
        """Hold a deletion until all of them are known. Raises Reject if they are too many."""
        wait: Wait[None] = Wait(self._run.tasks)
        self._held.setdefault(module, []).append((record, wait))
        await wait

    def finish(self) -> None:
        """No further record will come: count, then let go or refuse."""
        held, self._held = self._held, {}
        for module, deletions in held.items():
            self._run.tasks.create_task(self._decide(module, deletions))

    async def too_many(self, module: str, ids: Collection[object], *, stream: str) -> Reject | None:
        """Why so many more must not be deleted; None: they may. ``ids``: one for each record.

        One question after the other: what one of them lets go counts at the next.
        """
        before, turn = self._turn, Wait[None](self._run.tasks)
        self._turn = turn
        if before is not None:
            await before
        try:
            reject = await self._counted(module, ids, stream)
        except Refused:
            turn.set_result(None)
            raise
        turn.set_result(None)
        return reject

    async def _counted(self, module: str, ids: Collection[object], stream: str) -> Reject | None:
        reject = await self._judged(module, len(ids), stream)
        if reject is None and module == COMPANIES:
            known = [str(each) for each in ids if isinstance(each, str)]
            along = len(
                await self._run.tasks.call(lambda: contacts_of(self._run.client, known, self._run.forecast))
            )
            because = f" with {len(ids)} {module}"
            reject = await self._judged(CONTACTS, along, stream, because=because)
            if reject is None:
                notes = await self._run.tasks.call(lambda: self._notes_of(frozenset(known)))
                reject = await self._judged(NOTES, notes, stream, because=because)
        return reject

    async def _judged(self, module: str, deletions: int, stream: str, *, because: str = "") -> Reject | None:
        if not deletions:
            return None
        done = self._done.get(module, 0)
        # What this run has deleted already counts as if it were still there.
        records = done + await self._run.tasks.call(lambda: self._run.client.records.count(module))
        deletions += done
        if may_delete(deletions, records):
            self._done[module] = deletions
            return None
        message = (
            f"{stream} would delete {deletions} of the {records} records of {module}{because}, more than a "
            "quarter: nothing was deleted. If that is meant, set allow_mass_delete for the stream."
        )
        return Reject("invalid", "MASS_DELETE", message)

    def _notes_of(self, companies: Collection[str]) -> int:
        """In a thread: how many notes are theirs; 0 where this token may not see notes."""
        records, token, found = self._run.client.records, None, 0
        try:
            while True:
                page = records.page(NOTES, [PARENT], page_token=token)
                parents = (each.get(PARENT) for each in page.records)
                found += sum(isinstance(each, dict) and each.get("id") in companies for each in parents)
                token = page.next_page_token
                if token is None:
                    return found
        except Refused:
            return found

    async def _decide(self, module: str, held: Sequence[tuple[Record, Wait[None]]]) -> None:
        streams = " and ".join(dict.fromkeys(record.stream for record, _ in held))
        try:
            reject = await self.too_many(
                module, {record.id or record.locks for record, _ in held}, stream=streams
            )
            if reject is not None:
                logger.error("%s", reject.message)
        except Refused as error:
            reject = Reject("rejected", error.code or "NO_COUNT", error.message)
        for _, wait in held:
            if reject is None:
                wait.set_result(None)
            else:
                wait.set_exception(reject)


def contacts_of(
    client: Client | Labelled, companies: Sequence[str], forecast: Forecast | None
) -> Collection[str]:
    """The ids of the contacts of these companies. In a thread; 1 credit for 50 companies."""
    found: set[str] = set()
    for start in range(0, len(companies), COQL_MAX_IN_VALUES):
        where = f"Account_Name in ({', '.join(companies[start : start + COQL_MAX_IN_VALUES])})"
        for page in client.coql.pages_by_id(CONTACTS, ["id"], where=where):
            found.update(str(row["id"]) for row in page)
    return forecast.contacts_of(companies, found) if forecast else found
