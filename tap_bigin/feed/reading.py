"""One run's reading of the feed: from the position that the loader has acknowledged to the log's head.

The head is taken before anything is read, so whatever is told meanwhile belongs to the next run. The position
moves to it at the very end, when every selected stream is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bigin_api import AuthError, BiginError
from bigin_api.moments import utc_text
from bigin_feed.log import FeedLog, LogUnusable, cause
from tap_bigin.bookmarks import from_text, to_utc_text
from tap_bigin.feed import memory
from tap_bigin.feed.deletions import Deletion, Deletions
from tap_bigin.feed.mark import MOST_DUE, FeedMark, is_sweep_due
from tap_bigin.feed.missed import Missed
from tap_bigin.feed.told import Told

if TYPE_CHECKING:
    from collections.abc import Collection

    from bigin_api import Client
    from bigin_api.endpoints.metadata import Metadata
    from bigin_feed.log import Row

MOST_TOLD = 20_000
"""Rows that are read one by one, some 30 MB; where more came, a sweep brings them for half the credits."""


CLOCKS_DIFFER_BY = timedelta(minutes=1)  # this machine's and the receiver's, at most


def _now() -> datetime:
    return datetime.now(timezone.utc)


class Feed:
    """What a run knows of the log. Call ``resume`` with the state's part before streams are read.

    Safe for the threads that read streams. Raises LogUnusable where the log cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        settings: Mapping[str, Any],
        sweep_every: timedelta,
        overlap: timedelta,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._url, self._sweep_every, self._overlap, self._now = url, sweep_every, overlap, now
        self._memory = memory.name_of(settings)
        try:
            self._log = FeedLog(url, read_only=True)
        except ModuleNotFoundError as missing:
            raise LogUnusable(
                f"feed_log: {missing.name} is not installed: pip install 'bigin-singer[feed]'."
            ) from None
        with self._reading() as log:
            self.state = log.state()
        self.began = now()
        self._mark: FeedMark | None = None
        self.why_not: str | None = None  # the position cannot be gone on from
        self._silence: str | None = None
        self._silent_until = datetime.min.replace(tzinfo=timezone.utc)  # by the receiver's clock
        self._swept: dict[str, str] = {}
        self._still_due: dict[str, list[str]] = {}
        self.deletions = Deletions()
        self.missed = Missed()
        self._looked_at: list[int] = []  # how many records each call asked for because they were told of

    def close(self) -> None:
        """Let go of the log."""
        self._log.close()

    def resume(self, kept: Any) -> None:
        """Go on from the state's part of the feed, None at a first run. Raises SettingsError."""
        self._mark = FeedMark.from_state(kept)
        if self._mark is not None:
            self.why_not = self.state.why_not_from(self._mark.log, self._mark.position)
        if self._mark is None or self.why_not is not None:
            return
        if self.state.head - self._mark.position > MOST_TOLD:
            self.why_not = f"{self.state.head - self._mark.position:,} rows were told since the last run"
            return
        with self._reading() as log:
            noted = log.silences(self._mark.position)
        heard = [each for each in noted if each.seq <= self.state.head]
        if heard:
            self._silence = f"notifications may have been missed: {heard[-1].why}"
            self._silent_until = max(from_text(each.ended) for each in heard)

    # What is to be swept

    def why_sweep(self, stream: str, *, relies_on_it: bool) -> str | None:
        """Why a stream is to be read by its bookmark now; None if what was told of it is enough.

        ``relies_on_it`` says that notifications tell of its records.
        """
        swept = None if self._mark is None else self._mark.swept.get(stream)
        if swept is None or is_sweep_due(swept, self.began, self._sweep_every):
            return "it is due"
        # Of several runs that a budget makes of one, an earlier one may have swept it since.
        is_made_good = from_text(swept) > self._silent_until + CLOCKS_DIFFER_BY
        return (self.why_not or (None if is_made_good else self._silence)) if relies_on_it else None

    def has_been_swept(self, stream: str) -> None:
        """The stream was read by its bookmark in this run, to its end."""
        self._swept[stream] = to_utc_text(self.began)

    @property
    def is_known(self) -> bool:
        """Whether a run before this one went on with this log."""
        return self._mark is not None and self._mark.log == self.state.id

    def check_organisation(self, client: Client) -> None:
        """Raise LogUnusable if the log is another organisation's; 1 credit, where it is not known already.

        The answer also tells Bigin's clock, which sweeps go by.
        """
        if self.is_known and client.server_time is not None:
            return
        try:
            here = client.organization.zgid()
        except AuthError:
            raise
        except BiginError:
            return  # the token may not see it
        with self._reading() as log:
            kept = log.kept().get("organisation", here)
        if kept != here:
            raise LogUnusable(f"feed_log belongs to organisation {kept}, the credentials to {here}.")

    # What was told

    @cached_property
    def _changes(self) -> Mapping[str, Mapping[str, Any]]:
        """What was told since the position by module and id; nothing where the position does not count."""
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        if self._mark is not None and self.why_not is None:
            with self._reading() as log:
                changes = log.changes(self._mark.position, self.state.head)
            for each in changes:
                found[each.module][each.id] = each
        return found

    @property
    def modules(self) -> Collection[str]:
        """The modules of which something was told."""
        return self._changes.keys()

    def told_of(self, module: str) -> Told:
        """The records of a module that are to be looked at."""
        due = self._mark.due.get(module, ()) if self._mark is not None else ()
        return Told(self._changes.get(module, {}), due)

    def stay_due(self, module: str, ids: Collection[str]) -> None:
        """Look for these again at the next sweep: they are not there, and nobody said why."""
        self._still_due[module] = list(ids)[-MOST_DUE:]

    def count_looked_at(self, records: int) -> None:
        """So many records were asked for because they were told of."""
        self._looked_at.append(records)

    def deletion(self, module: str, record_id: str) -> Deletion:
        """When, and by whom, a record was deleted that a notification told so of."""
        return self._deletions_told[module, record_id]

    @cached_property
    def _deletions_told(self) -> Mapping[tuple[str, str], Deletion]:
        position = self._mark.position if self._mark is not None else self.state.head
        return {
            (row.module, row.id): Deletion.of(row) for row in self.rows(position) if row.operation == "delete"
        }

    def rows(self, after: int) -> Iterator[Row]:
        """Each row of the log after a place, up to the head as this run took it."""
        with self._reading() as log:
            yield from log.rows(after, self.state.head)

    def rows_from(self, reached: Mapping[str, Any]) -> int:
        """After which row a stream of rows goes on that was written up to ``{"log", "seq"}``.

        A log that was put back to an earlier one has a position before that: its new rows have old numbers.
        """
        if reached.get("log") != self.state.id:
            return self.state.pruned
        position = self._mark.position if self._mark is not None and self.why_not is None else self.state.head
        return int(min(reached["seq"], position))

    def note_swept(self, stream: str, module: str, records: Collection[Mapping[str, Any]]) -> None:
        """What a sweep brought that is newer than the bookmark: told of, or missed."""
        self.missed.note(stream, ((module, each["id"]) for each in records))

    def lines(self) -> Iterator[str]:
        """The end of the run, for a person."""
        if self._mark is None:
            yield f"Feed: the first run; the next one reads what is told after {self.state.head:,}."
        elif self.why_not is not None:
            yield f"Feed: everything was swept: {self.why_not}."
        else:
            count = sum(map(len, self._changes.values()))
            yield (
                f"Feed: {count:,} records told of from {self._mark.position:,} to {self.state.head:,}, "
                f"{sum(self._looked_at):,} of them looked at."
            )
        if self._silence is not None:
            yield f"Feed: a sweep, for {self._silence}."
        told = self._told_since_sweep()
        if told is not None:
            yield f"Feed: {self.missed.line(told)}"

    def _told_since_sweep(self) -> set[tuple[str, str]] | None:
        """What was told since the sweeps before this run's, until now; None where that says nothing."""
        if not self._swept or self._mark is None or self.why_not is not None:
            return None
        swept = [from_text(self._mark.swept[each]) for each in self._swept if each in self._mark.swept]
        with self._reading() as log:
            head = log.state().head
            after = self.state.pruned
            if swept:
                after = log.position_at(utc_text(min(swept) - self._overlap, timespec="milliseconds"))
            if head - after > MOST_TOLD:
                return None
            return {(each.module, each.id) for each in log.changes(after, head)}

    # How far it got

    def reached(self, kept: Any, *, is_complete: bool, selected: Collection[str]) -> Any:
        """The state's part after the run: the head if everything was written, else how far it was before.

        A stream that was not selected was passed by: it is swept as soon as it is selected again.
        """
        mark = self._mark
        before = FeedMark(self.state.id, 0) if mark is None else mark
        if not is_complete and (mark is None or self.why_not is not None):
            if not self._swept:
                return kept
            # What was swept now has all that was told before: the others are due, and the next run's.
            before = FeedMark(self.state.id, self.state.head, {}, before.due)
        due = {**before.due, **self._still_due}
        moves = is_complete and (before.log, before.position) != (self.state.id, self.state.head)
        swept = {**before.swept, **self._swept}
        after = FeedMark(
            self.state.id,
            self.state.head if is_complete else before.position,
            {name: moment for name, moment in swept.items() if name in selected or not moves},
            {module: ids for module, ids in due.items() if ids},
        )
        return after.to_state()

    # What the metadata said

    def recall(self, metadata: Metadata) -> None:
        """Let the metadata answer as it did at the last sweep."""
        with self._reading() as log:
            kept = log.kept().get(self._memory)
        metadata.recall(memory.recalled(kept, self.began, self._sweep_every))

    def remember(self, metadata: Metadata) -> str | None:
        """Keep what the metadata was told in this run. Gives why that failed, if it did."""
        self._log.close()  # a discovery ends here; whoever reads on connects anew
        answers = metadata.answered()
        if not any(what in memory.QUESTIONS for what, _ in answers):
            return None
        try:
            with FeedLog(self._url) as log:
                kept = log.kept().get(self._memory)
                kept = kept if isinstance(kept, Mapping) else {}
                log.keep({self._memory: memory.keep(kept, answers, self.began)})
        except (LogUnusable, sa.exc.SQLAlchemyError, OSError) as error:
            return cause(error)
        return None

    @contextmanager
    def _reading(self) -> Iterator[FeedLog]:
        try:
            yield self._log
        except sa.exc.SQLAlchemyError as error:
            raise LogUnusable(f"feed_log: the log cannot be read: {cause(error)}") from None
