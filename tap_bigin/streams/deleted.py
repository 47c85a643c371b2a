"""The stream of deleted records: what went into the recycle bin, out of it for good, or back.

State has what ``deletions`` remembers of each module's list:

    {"replication_key": "deleted_time", "replication_key_value": "…Z", "modules": {"Contacts": {…}}}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api.errors import Refused, TransientError
from bigin_api.limits import DELETED_MODULES
from tap_bigin.bookmarks import BEGUN, Scan, begin, complete, scan_of
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.lists.deletions import DELETED_TIME, KEPT, news_of, restored
from tap_bigin.lists.marks import Mark
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.data_types import DATETIME, LINK, STRING, JsonSchema, nullable
from tap_bigin.values.schema import RecordSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_bigin.feed.reading import Feed
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import Record, State


RESTORED = "restored"

_Page = tuple[list["Record"], Mark]
"""Rows of a module's list, and its mark once they are written."""


@dataclass(frozen=True)
class _List:
    """A module's list that is being read."""

    module: str
    pages: Iterator[_Page]


@dataclass(frozen=True)
class DeletedDefinition(StreamDefinition):
    """The stream of deleted records."""


def define_deleted(*, lookups: Lookups = "object") -> DeletedDefinition:
    """Its definition.

    >>> define_deleted().primary_keys
    ('module', 'id')
    """
    properties: dict[str, JsonSchema] = {
        "module": {"type": "string"},
        "id": {"type": "string"},
        "display_name": STRING,
        "type": nullable(
            "string",
            description="recycle: in the recycle bin; permanent: deleted for good; restored: it is back, "
            "and deleted_time is null.",
        ),
        DELETED_TIME: DATETIME,
        "deleted_by": STRING if lookups == "id" else LINK,
    }
    schema = RecordSchema(properties, {DELETED_TIME: "datetime", "deleted_by": "link"})
    return DeletedDefinition("deleted_records", schema, ("module", "id"), DELETED_TIME)


class DeletedStream(BiginStream[DeletedDefinition]):
    """News of the seven modules whose deletions Bigin lists."""

    is_swept = False  # a journal: what it told stays true

    @property
    def relies_on_feed(self) -> bool:
        """Notifications tell of deletions, too."""
        return True

    def read_told(self, state: State) -> Iterator[Batch]:
        """Between two sweeps: what streams of modules found, and what was told of modules not selected."""
        feed = self.run.feed
        if feed is None:
            return
        marks: dict[str, State] = dict(state.get("modules") or {})
        for module in filter(DELETED_MODULES.__contains__, feed.modules):
            mark = Mark.from_state(marks.get(module))
            records: list[Record] = []
            if feed.deletions.is_listed(module):
                for rows, reached in self._news(module, mark):
                    records += rows
                    mark = reached
            known = {each["id"] for each in records}
            told = [each for each in self._told(feed, module) if each["id"] not in known]
            mark = mark.with_gone(each["id"] for each in told)
            back = [{"id": each, "type": RESTORED} for each in feed.deletions.back_of(module)]
            self.convert(rows := [*records, *_rows(module, [*told, *back])])
            if rows:
                marks = {**marks, module: mark.to_state()}
                yield Batch(rows, {**state, "modules": marks})

    def read_swept(self, state: State) -> Iterator[Batch]:
        """What Bigin lists, and what was told of and is not listed."""
        feed = self.run.feed
        if feed is None:
            yield from self._versioned(state)
            return
        told_of = {each: feed.told_of(each).changes for each in feed.modules if each in DELETED_MODULES}
        written: dict[str, set[str]] = defaultdict(set)  # of what was told
        for batch in self._versioned(state):
            for each in batch.records:
                if each["id"] in told_of.get(each["module"], ()):
                    written[each["module"]].add(each["id"])
            self._note_missed(feed, batch.records, state.get("replication_key_value"))
            yield batch
        for module in told_of:
            told = self._told(feed, module)
            known = written[module] | self.run.deleted_lists.listed(module, [each["id"] for each in told])
            self.convert(rows := _rows(module, (each for each in told if each["id"] not in known)))
            yield Batch(rows)

    def _note_missed(self, feed: Feed, records: Sequence[Record], bookmark: str | None) -> None:
        """What is newer than the bookmark was told, or missed."""
        news: dict[str, list[Record]] = defaultdict(list)
        for each in records:
            if bookmark is not None and (each.get(DELETED_TIME) or bookmark) >= bookmark:
                news[each["module"]].append(each)
        for module, some in news.items():
            feed.note_swept(self.name, module, some)

    def _told(self, feed: Feed, module: str) -> list[Record]:
        """What was told to be deleted and is not there, as entries of Bigin's list."""
        if feed.deletions.is_looked_at(module):
            gone = feed.deletions.told_of(module)
        else:
            told = [each.id for each in feed.told_of(module).changes.values() if each.was_deleted]
            try:
                there = set(restored(self.client, module, told))
            except Refused as refused:
                self.report.warn(f"without those of {module}. {refused.message}")
                return []
            gone = [feed.deletion(module, each) for each in told if each not in there]
        return [each.entry() for each in gone]

    def read(self, state: State) -> Iterator[Batch]:
        """A batch a page of a module's list, then its mark: each module has one of its own.

        All lists side by side, for streams of modules read them, too. Within a budget one after the other,
        and where that does not do for all of them the next run goes on with those that are left.
        """
        modules = self._modules()  # the answer tells Bigin's clock
        begun = scan_of(state, shape=self.name)
        scan = begun or Scan("full", self.client.server_time, self.name)
        marks: dict[str, State] = dict(state.get("modules") or {}) if self.is_incremental or begun else {}
        if self.client.credit_budget is not None:
            left = [module for module in modules if module not in scan.ended]
            modules = sorted(left, key=lambda module: _rank(marks.get(module) or {}))
        lists = [_List(each, self._news(each, Mark.from_state(marks.get(each)))) for each in modules]
        at_once = 1 if self.client.credit_budget is not None else len(lists)
        failed: TransientError | None = None
        for module, page in self.calls.as_they_come(self._next_page, lists, at_once=at_once):
            rows: list[Record] = []
            if isinstance(page, TransientError):
                failed = failed or page
            elif page is None:
                scan = replace(scan, ended=(*scan.ended, module))
            else:
                rows, mark = page
                marks = {**marks, module: mark.to_state()}
                self.convert(rows)
            if rows or page is None:
                yield Batch(rows, self._under_way(state, marks, scan))
        bookmark = self.bookmark_key if failed is None else None  # it stays; the marks of the others are kept
        yield Batch([], complete({**state, "modules": marks}, scan, replication_key=bookmark))
        if failed is not None:
            raise failed

    def _next_page(self, listed: _List) -> tuple[tuple[str, _Page | TransientError | None], _List | None]:
        """The next page of a list, or what it failed with, and the list where that goes on."""
        try:
            page = next(listed.pages, None)
        except Refused as refused:
            self.report.warn(f"without those of {listed.module}. {refused.message}")
            return (listed.module, None), None
        except TransientError as error:
            return (listed.module, error), None
        return (listed.module, page), listed if page is not None else None

    def _under_way(self, state: State, marks: Mapping[str, State], scan: Scan) -> State:
        """The state while some lists are read and others are not."""
        reached = {**state, "modules": marks}
        return reached if self.client.credit_budget is None else begin(reached, scan)

    def _modules(self) -> list[str]:
        """Those of the organisation that the token can read, in Bigin's order."""
        readable = [module.api_name for module in self.run.description.modules]
        return [module for module in readable if module in DELETED_MODULES]

    def _news(self, module: str, mark: Mark) -> Iterator[_Page]:
        """Rows of what is new in a list, a page as it comes, then of what is back; the mark after each."""
        for entries, reached in self.run.deleted_lists.new_entries(self.client, module, mark):
            yield _rows(module, entries), reached
        news = news_of(reached)
        back = [{"id": each, "type": RESTORED} for each in restored(self.client, module, news.left)]
        yield _rows(module, back), news.mark


def _rank(mark: Mapping[str, Any]) -> tuple[bool, str]:
    """A list that is under way first, then what has waited longest."""
    return BEGUN not in mark, mark.get("since") or ""


def _rows(module: str, entries: Iterable[Mapping[str, Any]]) -> list[Record]:
    """The stream's rows of entries of a module's list."""
    return [{"module": module, **{name: each.get(name) for name in KEPT}} for each in entries]
