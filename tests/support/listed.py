"""A module in memory, behind the methods of the client that a scan of its list calls: each call is noted.

It is as harsh as FACTS lets Bigin be: tokens are positions, and COQL, tokens or numbers may be refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from bigin_api import InFlight, Labelled, Page
from bigin_api.errors import PermissionDenied
from tap_bigin.bookmarks import Scan, from_text, to_utc_text
from tap_bigin.lists.list_scan import ListScan
from tap_bigin.lists.pages import ModulePages
from tap_bigin.report import StreamReport

NINE = from_text("2026-05-14T09:00:00Z")
DAY = timedelta(days=1)
TOKENS_END = NINE + 2 * DAY
Record = dict[str, Any]


class Listed:
    """Records by id, each with the second after nine in which it was modified. A call takes ten seconds.

    ``before[n]`` is done before the call of that number, from 0; ``answers[n]`` changes what it answers, and may
    raise in its place.
    """

    def __init__(self, times: Mapping[int, int], *, most_per_page: int = 200, has_coql: bool = True) -> None:
        self.times = dict(times)
        self.deleted_at: dict[int, int] = {}
        self.most_per_page = most_per_page
        self.has_coql = has_coql
        self.obeys_since = True
        self.calls: list[str] = []
        self.first: list[int] = []  # calls that go before those of other lists
        self.before: dict[int, Callable[[], object]] = {}
        self.answers: dict[int, Callable[[Page], Page]] = {}
        self.said: list[str] = []
        self.report = StreamReport("Contacts", lambda _, said: self.said.append(said))
        self.server_time = NINE + DAY
        self.credit_budget: int | None = None
        self.places_free = 0
        self.records = self.coql = self

    def scan(self, scan: Scan, *, module: str = "Contacts") -> list[tuple[list[int], Scan]]:
        """Ids of each page of a scan to its end, with where it stands then; records that came otherwise fail."""
        return list(self.pages(scan, module=module))

    def pages(self, scan: Scan, *, module: str = "Contacts") -> Iterator[tuple[list[int], Scan]]:
        """The same, a page at a time."""
        client, names = cast("Labelled", self), ["Modified_Time", "Name"]
        pages = ModulePages(client, cast("InFlight", Now()), module, names, report=self.report)
        for records, reached in ListScan(client, module, pages, report=self.report).pages(scan):
            yield [int(each["id"]) for each in records], reached

    def delete(self, *ids: int) -> None:
        """As a person would, now."""
        for each in ids:
            del self.times[each]
            self.deleted_at[each] = (self.server_time - NINE) // timedelta(seconds=1)

    # What the client has

    def urgent(self) -> Any:
        def page(*what: Any, **how: Any) -> Page:
            self.first.append(len(self.calls))
            return self.page(*what, **how)

        return SimpleNamespace(records=SimpleNamespace(page=page))

    def page(
        self,
        _module: str,
        _fields: Sequence[str],
        *,
        page: int | None,
        page_token: str | None,
        per_page: int,
        sort_by: str,
        sort_order: str,
        modified_since: datetime | None,
        cvid: None,
        approved: str,
    ) -> Page:
        assert (cvid, approved, page is None) == (None, "both", page_token is not None)
        size = min(per_page, self.most_per_page)
        start = (page - 1) * size if page else int(str(page_token))
        since = f" since {to_utc_text(modified_since)}" if modified_since else ""
        called = self._call(f"{sort_by} {sort_order} {page or f'token {page_token}'} x {per_page}{since}")
        column: Callable[[int], int] = self.times.__getitem__ if sort_by == "Modified_Time" else int
        ids = sorted(self.times, key=lambda each: (column(each), each), reverse=sort_order == "desc")
        if modified_since and self.obeys_since:
            ids = [each for each in ids if NINE + timedelta(seconds=self.times[each]) >= modified_since]
        rows, more = ids[start : start + size], start + size < len(ids)
        token = str(start + size) if more else None
        return called(page_of([self._record(each) for each in rows], more=more and bool(rows), token=token))

    def by_ids(self, _module: str, ids: Sequence[str], _fields: Any, **_: Any) -> list[Record]:
        called = self._call(f"ids {' '.join(ids)}")
        return called(page_of([self._record(each) for each in map(int, ids) if each in self.times])).records

    def deleted(self, _module: str, *, page: int, per_page: int, modified_since: datetime) -> Page:
        called = self._call(f"deleted {page} since {to_utc_text(modified_since)}")
        told = [{"id": str(each), "deleted_time": _at(at)} for each, at in self.deleted_at.items()]
        told = [each for each in told if from_text(each["deleted_time"]) >= modified_since]
        return called(
            page_of(told[(page - 1) * per_page : page * per_page], more=page * per_page < len(told))
        )

    def pages_by_id(
        self, module: str, columns: Sequence[str], *, where: str | None = None, after_id: str = "0", **_: Any
    ) -> Iterator[list[Record]]:
        assert list(columns) == ["id"]
        called = self._call(f"coql {where} after {after_id}")
        if not self.has_coql:
            raise PermissionDenied("no scope", module=module)
        meets = _condition(where or "id is not null")
        found = [
            each for each in sorted(self.times) if each > int(after_id) and meets(each, self.times[each])
        ]
        for at in range(0, len(found), 200):
            yield called(page_of([{"id": str(each)} for each in found[at : at + 200]])).records

    def _call(self, what: str) -> Callable[[Page], Page]:
        number = len(self.calls)
        self.server_time += timedelta(seconds=10)
        self.calls.append(what)
        self.before.get(number, lambda: None)()
        return self.answers.get(number, lambda page: page)

    def _record(self, record_id: int) -> Record:
        return {"id": str(record_id), "Modified_Time": _at(self.times[record_id]), "Name": "N"}


def page_of(records: list[Record], *, more: bool = False, token: str | None = None) -> Page:
    """A page as the client gives it."""
    expires = to_utc_text(TOKENS_END) if token else None
    return Page(records, more, token, expires, None, False, {"count": len(records)}, 0)


class Now:
    """Calls that are answered when they are made."""

    def submit(self, ask: Callable[..., Any], *what: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(ask(*what))
        except Exception as error:  # noqa: BLE001 -- it is raised where the answer is taken
            done.set_exception(error)
        return done

    def map_in_order(self, ask: Callable[[Any], Any], wanted: Sequence[Any]) -> Iterator[Any]:
        return map(ask, wanted)


def _at(second: int) -> str:
    return to_utc_text(NINE + timedelta(seconds=second))


def _condition(where: str) -> Callable[[int, int], bool]:
    """A condition of ids and times, as the scans write it."""
    value = r"(\d+|'[^']+')"
    where = where.replace("id is not null", "id > 0")
    where = re.sub(rf"(\w+) between {value} and {value}", r"(\2 <= \1 <= \3)", where)
    where = re.sub(r"'([^']+)'", lambda told: str((from_text(told[1]) - NINE) // timedelta(seconds=1)), where)
    assert not re.sub(r"\b(and|or|id|Modified_Time|\d+)\b|-?\d+|[()<>= ]", "", where), where
    meets = compile(where, "where", "eval")
    return lambda record_id, time: bool(eval(meets, {"id": record_id, "Modified_Time": time}))
