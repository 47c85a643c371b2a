"""One gate for the inserts of a module: shut while an answer is lost, until it is known what was written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from bigin_api import WriteResult
from bigin_api.http.meter import OUR_CLOCK_MAY_BE_WRONG_BY, ServerClock
from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.files.id_map import IdMap
from target_bigin.files.journal import Journal
from target_bigin.records.record import Fields, Record
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_recovery import Lost, Search

LIKELY_WRONG_BY = timedelta(hours=3)  # our clock: a zone or two
REMEMBERED = 30.0  # seconds before the oldest call in flight, beside the doubt of the clock: an id matters
PAUSE = 1.0  # seconds between the first two looks, then twice as long each time: a look costs a credit


class InsertGate:
    """The calls that make records of one module, of all its streams. Main thread alone.

    While an answer is lost no insert of the module is sent. Whatever was in flight when Bigin was asked is
    awaited before its answer is judged, and all that is lost is judged together: so every record that is
    not ours to find has a known id, or is itself looked for.
    """

    def __init__(
        self, module: str, tasks: Tasks, clock: ServerClock, *, journal: Journal, id_map: IdMap
    ) -> None:
        self._module = module
        self._tasks = tasks
        self._clock = clock
        self.journal = journal
        self.begun = time.monotonic()  # what a former run sent, it sent before this
        self._id_map = id_map
        self._in_flight: dict[object, float] = {}  # token: when it was sent
        self._made: list[tuple[float, Sequence[str | None]]] = []  # when, and which ids are known by then
        self._lost: list[Lost] = []
        self._is_asking = False
        self._change: Wait[None] = Wait(tasks)  # a call or an inquiry has ended
        self._end_of_input: Wait[None] = Wait(tasks)

    @property
    def may_send(self) -> bool:
        """Whether no answer is lost."""
        return not self._lost

    async def wait_to_send(self) -> None:
        """Until no answer is lost."""
        while not self.may_send:
            await self._change

    async def watch(self, call: Wait[list[WriteResult]]) -> list[WriteResult]:
        """The answer of another call under way: what it writes is no lost insert."""
        token, made = self.started(), list[str | None]()
        try:
            results = await call
            made = [result.id for result in results if result.succeeded]
        finally:
            self.ended(token, made)
        return results

    def started(self) -> object:
        """A call goes out; gives a token for ``ended``."""
        token = object()
        self._in_flight[token] = time.monotonic()
        return token

    def ended(self, token: object, ids: Sequence[str | None] = ()) -> None:
        """A call was answered with these ids, None for what was not written, or its answer is lost."""
        self._made.append((time.monotonic(), ids))
        if not self._lost and not self.journal.remembers:
            needed_since = min(self._in_flight.values()) - REMEMBERED - self._clock.doubt
            self._made = [each for each in self._made if each[0] > needed_since]
        del self._in_flight[token]
        self.go_on()

    async def inquire(
        self,
        context: StreamContext,
        records: Sequence[Record],
        *,
        since: datetime,
        until: float,
        may_wait: bool,
    ) -> Lost:
        """What became of lost records: see ``Lost``.

        With ``may_wait`` nothing is settled by a row that may be that of a record that has yet to come.
        Raises InvalidRequest or PermissionDenied if Bigin cannot be asked.
        """
        sure_since = since if self._clock.latest else since + OUR_CLOCK_MAY_BE_WRONG_BY - LIKELY_WRONG_BY
        lost = Lost(records, since, until, sure_since)
        self._lost.append(lost)
        try:
            while not lost.is_over:
                if self._is_asking:
                    await self._change
                else:
                    await self._ask(context, lost)
            if may_wait:
                lost.unsettled = lost.more | lost.doubtful.keys()
                for number in lost.more:
                    del lost.found[number]
            self._made.append((time.monotonic(), list(lost.found.values())))
            return lost
        finally:
            self._lost.remove(lost)

    def go_on(self) -> None:
        """A call has ended, or an inquiry, and its records were told: whoever waits looks again."""
        change, self._change = self._change, Wait(self._tasks)
        change.set_result(None)

    async def end_of_input(self) -> None:
        """Until every record has been read, and nothing else is to be done."""
        await self._end_of_input

    def finish(self) -> bool:
        """The input has ended, and nothing is in flight; whether anybody has waited for that."""
        ended, self._end_of_input = self._end_of_input, Wait(self._tasks)
        is_awaited = bool(ended.waiting)
        ended.set_result(None)
        return is_awaited

    async def _ask(self, context: StreamContext, own: Lost) -> None:
        """Look again and again until it is known: a call whose connection broke may still be at work."""
        self._is_asking = True
        try:
            carried = context.matched.values()
            search = Search(context.client, self._module, context.fields, carried=carried)
            pause = PAUSE
            while not own.is_over:
                now, lost = time.monotonic(), [each for each in self._lost if not each.is_over]
                rows = await self._tasks.call(partial(search.look, lost))
                before = set(self._in_flight)
                while not before.isdisjoint(self._in_flight):
                    await self._change
                if any(not each.is_over and each not in lost for each in self._lost):
                    continue  # what was lost meanwhile may be among the rows
                search.judge(lost, self._not_known(rows), now=now)
                if not own.is_over:
                    await self._tasks.sleep(min(pause, own.until - time.monotonic()))
                    pause *= 2
        finally:
            self._is_asking = False

    def _not_known(self, rows: Sequence[Fields]) -> list[Fields]:
        """Those that are not known to be other records."""
        ids = {str(row["id"]) for row in rows}
        made = chain.from_iterable(each for _, each in self._made)
        known = ids.intersection(chain(self.journal.ids(), self._id_map.ids(self._module), made))
        found = {each for lost in self._lost for each in lost.found.values()}
        return [row for row in rows if str(row["id"]) not in known | found]
