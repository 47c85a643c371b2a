"""Finds out what each stream of a run would cost, by the choices that the run itself would make.

Costs what a run's discovery costs, 1 credit a module to count it, and a few more where a size decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.coql import all_of, as_column, moment
from bigin_api.limits import DELETED_MODULES, RECORDS_PER_PAGE
from tap_bigin.bookmarks import DELETED_RECORDS
from tap_bigin.bulk.choice import JobChoice
from tap_bigin.lists.marks import Mark
from tap_bigin.lists.pages import MODIFIED
from tap_bigin.outlook.forecast import (
    Plan,
    StreamForecast,
    by_changes,
    by_feed,
    by_jobs,
    by_list,
    by_parents,
    by_query,
    by_view,
    described,
    whole_texts,
)
from tap_bigin.outlook.sizes import DAY, Sizes
from tap_bigin.planning import jobs_and_rest, plan_extraction
from tap_bigin.report import METADATA, StreamReport
from tap_bigin.streams.changes import ChangesStream
from tap_bigin.streams.deleted import DeletedStream
from tap_bigin.streams.module import ModuleStream
from tap_bigin.streams.organization import OrganizationStream
from tap_bigin.streams.query import QueryStream
from tap_bigin.streams.related import RelatedStream
from tap_bigin.streams.stream import BiginStream
from tap_bigin.streams.view import ViewStream

if TYPE_CHECKING:
    from datetime import datetime

    from bigin_api import Field
    from tap_bigin.run import Run

OF_EACH_MODULE = frozenset(
    ("settings_layouts", "settings_custom_views", "settings_related_lists", "settings_tags")
)
OF_ALL_MODULES = OF_EACH_MODULE | {DELETED_RECORDS, "settings_modules", "settings_fields"}
FREE = frozenset(("settings_modules", "settings_fields"))  # discovery has asked for them


def make_plan(run: Run, streams: Iterable[object], *, has_catalog: bool) -> Plan:
    """The plan of a run that reads the selected ones of these streams. Raises BiginError."""
    return _Estimates(run, streams, has_catalog=has_catalog).plan()


class _Estimates:
    def __init__(self, run: Run, streams: Iterable[object], *, has_catalog: bool) -> None:
        self._streams = [each for each in streams if isinstance(each, BiginStream) and each.selected]
        self._run = run
        self._client = run.client
        self._names = {each.name for each in self._streams}
        self._has_catalog = has_catalog
        self._sizes = Sizes(self._client)

    def plan(self) -> Plan:
        first: list[StreamForecast] = []
        daily: list[StreamForecast] = []
        is_due = self._run.feed is None or any(
            each.is_sweep_due(each.saved_state()) for each in self._streams
        )
        describing = self._client.spent().by_label.get(METADATA, 0)
        for now, later in self._run.calls.map_in_order(self._of, self._streams):
            first.append(now)
            daily.append(later)
        if is_due and self._names & OF_ALL_MODULES:
            _ = self._run.description.modules  # a catalog spares discovery this answer, but not these
        # What discovery and choosing cost here they will cost the run.
        if is_due:
            describing = self._client.spent().by_label.get(METADATA, 0) + self._asks_organisation()
        return Plan(
            metadata=describing,
            streams=first,
            daily=daily,
            daily_metadata=describing,
            latency=self._sizes.latency,
            concurrency=self._client.limits.max_concurrent_requests,
            remaining=self._client.spent().remaining,
            spent=self._client.spent().credits,
        )

    def _of(self, stream: BiginStream[Any]) -> tuple[StreamForecast, StreamForecast]:
        """What a stream costs in this run, and in a daily one."""
        if isinstance(stream, ChangesStream):
            return self._twice(by_feed(stream.name, 0, 0))
        now, later = self._by_bookmark(stream)
        feed = self._run.feed
        if feed is None or stream.is_sweep_due(stream.saved_state()):
            return now, later
        told = 0
        if isinstance(stream, ModuleStream):
            told = len(feed.told_of(stream.definition.module.api_name).changes)
        fields = sum(map(stream.is_asked_for, stream.definition.schema.properties))
        return by_feed(stream.name, told, fields), later

    def _by_bookmark(self, stream: BiginStream[Any]) -> tuple[StreamForecast, StreamForecast]:
        """What a stream costs that is read by its bookmark, or in full: with a feed, at sweeps."""
        if isinstance(stream, ModuleStream):
            return self._module(stream)
        if isinstance(stream, DeletedStream):
            return self._twice(self._deletions(stream))
        if isinstance(stream, OrganizationStream):
            return self._twice(described(stream.name, self._answers(stream.name)))
        if isinstance(stream, ViewStream):
            definition = stream.definition
            counted = self._sizes.count(definition.module, cvid=definition.cvid)
            fields = sum(map(stream.is_asked_for, definition.schema.properties))
            return self._twice(by_view(stream.name, counted or 0, fields))
        if isinstance(stream, QueryStream):
            return self._query(stream)
        if isinstance(stream, RelatedStream):
            return self._related(stream)
        raise TypeError(f"{stream.name}: no forecast is known for a {type(stream).__name__}.")

    def _asks_organisation(self) -> bool:
        """Whether a sweep asks whose log this is, or for Bigin's clock, since metadata is not asked for."""
        feed = self._run.feed
        if feed is None:
            return False
        return self._client.metadata.recalls or not feed.is_known

    def _twice(self, forecast: StreamForecast) -> tuple[StreamForecast, StreamForecast]:
        return forecast, forecast

    # A module

    def _module(self, stream: ModuleStream) -> tuple[StreamForecast, StreamForecast]:
        definition, module = stream.definition, stream.definition.module.api_name
        unsupported = definition.schema.unsupported
        fields = [
            each
            for each in definition.fields
            if each.api_name not in unsupported and stream.is_asked_for(each.api_name)
        ]
        width = len(fields) + (MODIFIED not in {each.api_name for each in fields})
        state = stream.saved_state()
        since = stream.reads_from(state)
        everything = self._sizes.count(module) or 0
        choice = self._choice(stream, fields)
        _ = choice.may_pay  # an incremental run finds it out too, and asks for what that takes
        if since is None:
            now = self._full(stream.name, choice, everything, width=len(fields))
        else:
            now = by_changes(stream.name, self._sizes.count(module, since=since) or 0, width)
        now = now.plus(
            whole_texts(now.records or 0, *self._sizes.cut_texts(module, fields, now.records or 0))
        )
        later = (
            now
            if stream.bookmark_key is None
            else by_changes(stream.name, self._sizes.changed_in_a_day(module, everything), width)
        )
        return self._with_deletions(now, module, state), self._with_deletions(later, module, state)

    def _choice(self, stream: ModuleStream, fields: Sequence[Field]) -> JobChoice:
        return JobChoice(
            self._client.labelled(stream.name),
            stream.definition.module.api_name,
            fields,
            settings=self._run.settings,
            report=StreamReport(stream.name, _say_nothing),
        )

    def _full(self, stream: str, choice: JobChoice, counted: int, *, width: int) -> StreamForecast:
        """A full scan, in whichever way the run would choose once it has counted."""
        wish = self._run.settings.extraction_method
        if not choice.may_pay:
            return by_list(stream, counted, width)
        if not choice.are_cheaper(counted, wish=wish):
            return by_list(stream, counted, width).plus(1)
        plan = plan_extraction(choice.columns, records=counted, fields=width, wish=wish)
        jobs, _rest = jobs_and_rest(counted, choice.columns.field_count)
        asked = 1 + choice.columns.has("untagged")
        return by_jobs(stream, counted, plan.credits, jobs).plus(asked)

    def _query(self, stream: QueryStream) -> tuple[StreamForecast, StreamForecast]:
        """A query's rows: the module's, or those that meet its condition and have changed since."""
        definition, key, server_time = stream.definition, stream.bookmark_key, self._client.server_time
        select, module = definition.select, definition.select.module.text
        state = stream.saved_state()
        since = stream.reads_from(state)
        a_day_ago = server_time - DAY if key and server_time else None

        def rows(since: datetime | None) -> int | None:
            if since is None and not select.where:
                known = self._sizes.count(module)
            else:
                changed = (
                    [f"{as_column(definition.replication_column or '')} >= {moment(since)}"] if since else []
                )
                known = self._sizes.rows(module, all_of([select.condition, *changed]))
            return known if select.limit is None else min(select.limit, known or select.limit)

        by_id = not select.is_bounded
        now = by_query(stream.name, rows(since), by_id=by_id)
        return now, by_query(stream.name, rows(a_day_ago), by_id=by_id) if a_day_ago else now

    # Deletions

    def _with_deletions(
        self, forecast: StreamForecast, module: str, state: Mapping[str, Any]
    ) -> StreamForecast:
        """With the deleted list, which the module's stream reads for all; once more after many pages."""
        if not self._run.tracks_deletions or module not in DELETED_MODULES:
            return forecast
        pages = self._deleted_pages(state.get("deleted"))
        again = forecast.records is not None and forecast.records > RECORDS_PER_PAGE
        return forecast.plus(pages + again)

    def _deletions(self, stream: DeletedStream) -> StreamForecast:
        """Of modules whose own streams are not read; the others' lists are theirs."""
        marks = stream.saved_state().get("modules") or {}
        modules = [
            each.api_name for each in self._run.description.modules if each.api_name in DELETED_MODULES
        ]
        calls = sum(self._deleted_pages(marks.get(each)) for each in modules if each not in self._names)
        return StreamForecast(stream.name, None, "deleted", calls, calls)

    def _deleted_pages(self, kept: Mapping[str, Any] | None) -> int:
        """Pages of a deleted list, as long as it was when it was last read; of one under way what is left."""
        mark = Mark.from_state(kept)
        if mark.asks_since(self._client.server_time) is not None:
            return 1
        read = mark.begun.read if mark.begun is not None else 0
        return max(1, ceil((mark.listed - read) / RECORDS_PER_PAGE))

    # The organisation, related lists

    def _answers(self, name: str) -> int:
        """Answers that the stream asks for and discovery does not."""
        modules = self._run.description.modules
        if name == "settings_related_lists":  # the setting related_lists has asked for some of them
            globs = [each.partition(".")[0] for each in self._run.settings.related_lists]
            return sum(not any(fnmatchcase(each.api_name, glob) for glob in globs) for each in modules)
        if name in OF_EACH_MODULE:
            return len(modules)
        if name == "settings_sub_pipelines":
            return int("settings_layouts" not in self._names)
        if name == "settings_fields" and self._has_catalog:
            return sum(each.api_name not in self._names for each in modules)
        return 0 if name in FREE else 1

    def _related(self, stream: RelatedStream) -> tuple[StreamForecast, StreamForecast]:
        definition = stream.definition
        if definition.tells_parent and definition.related_module:
            return self._of_one_list(stream, definition.related_module)
        return self._twice(by_parents(stream.name, self._sizes.count(definition.module) or 0))

    def _of_one_list(self, stream: RelatedStream, module: str) -> tuple[StreamForecast, StreamForecast]:
        """All that the related module holds, or what changed of it."""
        fields = sum(map(stream.is_asked_for, stream.definition.schema.properties))
        everything, key = self._sizes.count(module) or 0, stream.bookmark_key
        now = by_list(stream.name, everything, fields)
        if key is None:
            return self._twice(now)
        since = stream.reads_from(stream.saved_state())
        if since is not None:
            now = by_changes(stream.name, self._sizes.count(module, since=since) or 0, fields)
        return now, by_changes(stream.name, self._sizes.changed_in_a_day(module, everything), fields)


def _say_nothing(_level: int, _message: str) -> None:
    """What choosing would tell a run's log."""
