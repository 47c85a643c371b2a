"""The insert calls of one module: which are in flight, which ids are known, which answers were lost."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial

from bigin_api.errors import BiginError, InvalidRequest, PermissionDenied
from target_bigin.records.record import Reject
from target_bigin.schema.context import StreamContext
from target_bigin.writing.insert_recovery import Lost, find_written

REMEMBERED = 30.0  # seconds: how long before the oldest call in flight an id still matters


class ServerClock:
    """Bigin's time by its latest answer, carried on by ours: never ahead of the truth."""

    def __init__(self) -> None:
        self._seen: datetime | None = None
        self._at = 0.0

    def note(self, server_time: datetime | None) -> None:
        """An answer came with this time."""
        if server_time is not None and server_time != self._seen:
            self._seen, self._at = server_time, time.monotonic()

    def now(self) -> datetime:
        """What Bigin's clock says at least; before any answer our own, less an hour."""
        if self._seen is None:
            return datetime.now(timezone.utc) - timedelta(hours=1)
        return self._seen + timedelta(seconds=time.monotonic() - self._at)


@dataclass
class Inquiry:
    """Lost records and what follows: ``told(ids by number)``, or ``unknown(why)`` if Bigin cannot say."""

    context: StreamContext
    lost: Lost
    told: Callable[[dict[int, str]], None]
    unknown: Callable[[Reject], None]
    fail: Callable[[BaseException], None]


@dataclass
class InsertWatch:
    """Main thread alone; shared by all streams of a module.

    While an answer is lost no insert of the module is sent: what is in flight is awaited first, so
    that every record that is not ours to find has a known id.
    """

    clock: ServerClock
    _in_flight: dict[int, float] = field(default_factory=dict)
    _taken: deque[tuple[float, Sequence[str]]] = field(default_factory=deque)
    _inquiries: list[Inquiry] = field(default_factory=list)
    _asking: int = 0
    _tokens: int = 0

    @property
    def may_send(self) -> bool:
        """Whether no answer is lost."""
        return not self._inquiries and not self._asking

    def started(self) -> int:
        """A call goes out; gives a token for ``ended``."""
        self._tokens += 1
        self._in_flight[self._tokens] = time.monotonic()
        return self._tokens

    def ended(self, token: int, ids: Sequence[str] = ()) -> None:
        """A call was answered with these ids, or its answer is lost."""
        begun = self._in_flight.pop(token)
        now = time.monotonic()
        self._taken.append((now, ids))
        oldest = min(self._in_flight.values(), default=begun)
        while self._taken and self._taken[0][0] < oldest - REMEMBERED:
            self._taken.popleft()
        self._ask_if_quiet()

    def inquire(self, inquiry: Inquiry) -> None:
        """Find out what became of lost records, as soon as nothing is in flight."""
        self._inquiries.append(inquiry)
        self._ask_if_quiet()

    def _ask_if_quiet(self) -> None:
        """One inquiry after the other: what one has found is not the next one's."""
        if self._in_flight or self._asking or not self._inquiries:
            return
        inquiry = self._inquiries.pop(0)
        self._asking += 1
        context = inquiry.context
        taken = frozenset(each for _, ids in self._taken for each in ids)
        context.run.flights.start(
            partial(
                find_written,
                context.client,
                context.module.api_name,
                context.fields,
                inquiry.lost,
                taken=taken,
            ),
            partial(self._answered, inquiry),
        )

    def _answered(self, inquiry: Inquiry, future: Future[dict[int, str]]) -> None:
        self._asking -= 1
        try:
            found = future.result()
        except (InvalidRequest, PermissionDenied) as error:
            message = f"the answer to the insert was lost, and Bigin cannot be asked for it: {error.message}"
            inquiry.unknown(Reject("rejected", "FATE_UNKNOWN", message))
        except BiginError as error:
            inquiry.fail(error)
        else:
            self._taken.append((time.monotonic(), list(found.values())))
            inquiry.told(found)
        self._ask_if_quiet()
