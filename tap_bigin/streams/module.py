"""The stream of a module: its records, in full once, then what was modified; and what was restored.

State has beside the bookmark what ``deletions`` remembers of the module's deleted list:

    {"replication_key": "Modified_Time", "replication_key_value": "…Z", "deleted": {…}, "pass": {…},
     "fields": ["Email", …]}  # that the bookmark stands for
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bigin_api.errors import Refused, TransientError
from bigin_api.limits import BULK_READ_CREDITS, BULK_READ_MODULES, DELETED_MODULES, MAX_IDS_PER_CALL
from tap_bigin.bookmarks import (
    Scan,
    begin,
    moment_told,
    scan_of,
    shape_of_scan,
    to_utc_text,
)
from tap_bigin.discovery.definition import DELETED_AT, ModuleDefinition
from tap_bigin.extraction import Extraction
from tap_bigin.lists.deletions import deleted_pages, news_of
from tap_bigin.lists.marks import Begun, Mark
from tap_bigin.lists.pages import MODIFIED, ModulePages, in_hundreds
from tap_bigin.planning import list_credits
from tap_bigin.singer.batch import Batch, in_portions
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion
from tap_bigin.values.rich_text import RichTexts

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from bigin_api import Field
    from tap_bigin.feed.reading import Feed
    from tap_bigin.feed.told import Told
    from tap_bigin.lists.deletions import News
    from tap_bigin.singer.batch import Record, State


class ModuleStream(BiginStream[ModuleDefinition]):
    """Records of one module, with the selected fields alone."""

    def read(self, state: State) -> Iterator[Batch]:
        """The pass that was interrupted, what came back from the recycle bin, and the pass that is due.

        After an interrupted pass comes another at once: what changed since it began is as old as that.
        Within a budget it is the next run's, after the streams that have waited.
        """
        self._warn_of_new_types()
        state = self.with_fields(state, [each.api_name for each in self._selected])
        left = scan_of(state, shape=self._shape)
        if left is not None:
            self.report.inform(f"goes on where a run ended after {left.emitted:,} records.")
            state = yield from self._read(state, left)
            is_next_runs = self.client.credit_budget is not None and self._feed is None
            if is_next_runs or not self.is_incremental:
                return
        news = yield from self._news(state)
        if news is not None:
            state = {**state, "deleted": news.mark.to_state()}
            yield from in_portions(self._restored(news), state)
        scan = self.new_scan(state, shape=self._shape)
        if news is not None:  # whoever ends here need not read the list again before the first page
            yield Batch([], begin(state, scan))
        yield from self._read(state, scan)

    @property
    def least_credits(self) -> int:
        """A page in all its groups of fields, of which a long text is kept once it has been read.

        Who wants jobs whatever they cost needs one. What a feed told is read whole, of all modules.
        """
        wants_job = self.settings.extraction_method == "bulk" and self._module in BULK_READ_MODULES
        texts = min(1, self._rich_texts.most_calls)
        feed, groups = self._feed, len(self._pages.groups)
        told = [] if feed is None else [len(feed.told_of(each).changes) for each in feed.modules]
        beside = groups - 1 + texts + sum(-(-each // MAX_IDS_PER_CALL) * groups for each in told)
        return super().least_credits + beside + BULK_READ_CREDITS * wants_job

    # With a feed

    @property
    def relies_on_feed(self) -> bool:
        """Bigin notifies of seven modules; what a workflow's webhook tells of others is looked at, too."""
        return self.is_incremental and self._module in DELETED_MODULES

    def is_sweep_due(self, state: State) -> bool:
        """Also where fields were selected since, which only a reading of everything fills."""
        fields = state.get("fields", ())
        lacks_fields = "replication_key_value" in state and any(
            each.api_name not in fields for each in self._selected
        )
        return super().is_sweep_due(state) or (lacks_fields and self.settings.backfill)

    def read_told(self, state: State) -> Iterator[Batch]:
        """The records that were told of, as they are now. The bookmark stays: a sweep alone moves it."""
        feed = self._feed
        if feed is not None and self.is_incremental:
            yield from self._look_at(feed, feed.told_of(self._module), state)

    def read_swept(self, state: State) -> Iterator[Batch]:
        """The pass, then what was told of and did not come with it: it may be older than the bookmark."""
        feed = self._feed
        if feed is None:
            yield from self._versioned(state)
            return
        told, reached = feed.told_of(self._module), state
        bookmark = state.get("replication_key_value")
        for batch in self._versioned(state):
            told.see(batch.records)
            if bookmark is not None and self.relies_on_feed:
                news = [each for each in batch.records if _is_newer(each, bookmark)]
                feed.note_swept(self.name, self._module, news)
            reached = batch.state or reached
            yield batch
        if self.is_incremental:
            yield from self._look_at(feed, told, reached, is_swept=True)

    def _look_at(self, feed: Feed, told: Told, state: State, *, is_swept: bool = False) -> Iterator[Batch]:
        if not (told.changes or is_swept):  # what is due is a sweep's
            return
        feed.deletions.look_at(self._module)
        version = state.get("version") if self.is_swept else None
        for portion in told.portions():
            answers = self._pages.by_ids_in_turn(portion)
            for ids, records in zip(in_hundreds(portion), answers, strict=True):
                told.look(ids, records)
                feed.count_looked_at(len(ids))
                self._prepare(records)
                yield Batch(records, version=version)
        yield from self._absent(feed, told, state, is_swept=is_swept)

    def _absent(self, feed: Feed, told: Told, state: State, *, is_swept: bool) -> Iterator[Batch]:
        """What is told of and not there: deleted if somebody says so, else due at the next sweep."""
        records: list[Record] = []
        unexplained = told.unexplained
        feed.deletions.tell_back(
            self._module, told.found.intersection(Mark.from_state(state.get("deleted")).gone)
        )
        if self.run.tracks_deletions and self._module in DELETED_MODULES:
            gone = [feed.deletion(self._module, each) for each in told.deleted]
            feed.deletions.tell(self._module, gone)
            if self._has_tombstones:
                records += [{"id": each.id, DELETED_AT: each.time} for each in gone]
            if any(each not in told.due for each in unexplained):
                news = yield from self._news(state)
                if news is not None:
                    feed.deletions.ask_list(self._module)
                    state = {**state, "deleted": news.mark.to_state()}
                    records += self._restored(news)
                listed = self.run.deleted_lists.listed(self._module, unexplained)
                unexplained = [each for each in unexplained if each not in listed]
            if gone:
                mark = Mark.from_state(state.get("deleted")).with_gone(each.id for each in gone)
                state = {**state, "deleted": mark.to_state()}
        feed.stay_due(self._module, [each for each in unexplained if not (is_swept and each in told.due)])
        yield Batch(records, state)

    @property
    def _feed(self) -> Feed | None:
        return self.run.feed

    def _read(self, state: State, scan: Scan) -> Generator[Batch, None, State]:
        """One pass to its end; gives the state with its bookmark."""
        extraction = self._extraction()
        before, ahead = replace(scan, ahead=()), list(scan.ahead)
        by_earlier_run = frozenset(ahead)
        for read, reached in extraction.pages(before):
            records = [each for each in read if each["id"] not in by_earlier_run]
            for portion, is_last in self._rich_texts.portions(records):
                ahead += (each["id"] for each in portion)
                self._convert_all(portion)
                stands = reached if is_last else replace(before, ahead=tuple(ahead))
                yield Batch(portion, begin(state, stands))
            before, ahead = reached, []
        self.report.reason = _why_counts_differ(scan.emitted)
        if "deleted" in state and extraction.pages_read > 1:
            mark = self._with_deleted_meanwhile(Mark.from_state(state["deleted"]), scan)
            state = {**state, "deleted": mark.to_state()}
        state = self.completed(state, extraction.scan)
        yield Batch([], state)
        return state

    @property
    def module_read(self) -> str:
        """Its own."""
        return self._module

    def price_of_everything(self) -> str:
        """By list; 1 credit."""
        try:
            counted = self.client.records.count(self._module)
        except (Refused, TransientError):
            return ""
        return f", {list_credits(counted, len(self._selected)):,} credits or fewer"

    # What is asked for

    @property
    def _module(self) -> str:
        return self.definition.module.api_name

    @property
    def _has_tombstones(self) -> bool:
        return DELETED_AT in self.definition.schema.properties

    @cached_property
    def _selected(self) -> list[Field]:
        """The fields that are asked for."""
        return [each for each in self.definition.fields if self.is_asked_for(each.api_name)]

    def _extraction(self) -> Extraction:
        return Extraction(
            self.client,
            self.calls,
            self._module,
            self.definition.fields,
            pages=self._pages,
            settings=self.settings,
            report=self.report,
        )

    @cached_property
    def _pages(self) -> ModulePages:
        asked = [each.api_name for each in self._selected] or ["id"]
        return ModulePages(self.client, self.calls, self._module, asked, report=self.report)

    @cached_property
    def _convert(self) -> Conversion:
        properties = self.effective_schema["properties"]
        asked = [name for name in properties if name != DELETED_AT and self.is_asked_for(name)]
        return Conversion(
            {name: properties[name] for name in asked},
            self.definition.schema.treatments,
            warn=self.report.warn,
            instants=self._pages.instants,
        )

    @cached_property
    def _rich_texts(self) -> RichTexts:
        return RichTexts(self.client, self.calls, self._module, self._selected, report=self.report)

    def _prepare(self, records: list[Record]) -> None:
        """Complete and convert a page's records, in place."""
        self._rich_texts.complete(records)
        self._convert_all(records)

    def _convert_all(self, records: list[Record]) -> None:
        self._convert(records)
        if self._has_tombstones:
            for record in records:
                record[DELETED_AT] = None

    # The scan

    @property
    def _shape(self) -> str:
        return shape_of_scan(self._module, self._pages.groups, self.is_incremental)

    def _warn_of_new_types(self) -> None:
        for name, data_type in self.definition.schema.unknown.items():
            if self.is_asked_for(name):
                self.report.warn(
                    f"field {name!r} is of a type that is new here, {data_type!r}: taken as it is."
                )

    # What was deleted and restored

    def _news(self, state: State) -> Generator[Batch, None, News | None]:
        """What is new in the list of what was deleted; before that its tombstones, a page as it is read."""
        if not self.run.tracks_deletions or self._module not in DELETED_MODULES:
            return None
        mark = Mark.from_state(state.get("deleted"))
        if not self._has_tombstones:
            if (known := self.run.deletions_told(self._module, mark)) is not None:
                return known
            mark = self.run.deletions_begun(self._module, mark)
        reached, is_told = mark, self._has_tombstones or self.client.credit_budget is not None
        try:
            for entries, reached in self.run.deleted_lists.new_entries(self.client, self._module, mark):
                if is_told:
                    told = [self._tombstone(each) for each in entries] if self._has_tombstones else []
                    yield Batch(told, {**state, "deleted": reached.to_state()})
        except (Refused, TransientError) as refused:
            if self._has_tombstones:
                self.report.warn(f"deletions cannot be told. {refused.message}")
            return None
        return news_of(reached)

    def _tombstone(self, entry: Record) -> Record:
        """Of ``deleted_records: soft``; where it is not told when it was deleted, as of now."""
        moment = moment_told(entry.get("deleted_time")) or self.client.server_time
        return {"id": entry["id"], DELETED_AT: to_utc_text(moment) if moment else None}

    def _restored(self, news: News) -> list[Record]:
        """Records that left the recycle bin, perhaps with a Modified_Time that no pass reads again."""
        records = self._pages.by_ids(news.left)
        self._prepare(records)
        if records:
            self.report.inform(f"{len(records)} records were restored from the recycle bin.")
        return records

    def _with_deleted_meanwhile(self, mark: Mark, scan: Scan) -> Mark:
        """The mark, with what went into the bin while many pages were read: it may come back."""
        with suppress(Refused, TransientError):
            for some in deleted_pages(self.client, self._module, Begun(since=scan.started)):
                mark = mark.with_gone(some.in_bin)
        return mark


def _is_newer(record: Record, bookmark: str) -> bool:
    """Whether a record was changed since the bookmark, or is told to be deleted."""
    modified = record.get(MODIFIED)
    return modified is None or modified > bookmark


def _why_counts_differ(emitted_before: int) -> str:
    if emitted_before:
        return f"{emitted_before:,} were written by earlier runs"
    return "its count lags by up to ten minutes, and people work meanwhile"
