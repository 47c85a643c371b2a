"""How many records a module has, what changed in it lately, how long an answer takes. Each asked for once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bigin_api import Refused
from bigin_api.errors import ServerError
from bigin_api.http.calls import Call
from bigin_api.limits import COQL_MAX_ROWS, COQL_MAX_WINDOW, MAX_FIELDS_PER_CALL, RECORDS_PER_PAGE
from bigin_api.moments import offset_text
from tap_bigin.lists.pages import MODIFIED
from tap_bigin.values.rich_text import may_be_cut

if TYPE_CHECKING:
    from bigin_api import Client, Field

T = TypeVar("T")

DAY = timedelta(hours=24)
LAST_PAGE = COQL_MAX_WINDOW // COQL_MAX_ROWS - 1


class Sizes:
    """Answers of 1 credit each; safe for many threads, since nobody counts a module but its own stream."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seconds: list[float] = []
        self._counts: dict[tuple[str, str], int] = {}

    @property
    def latency(self) -> float:
        """Seconds that an answer took on average."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    def count(self, module: str, *, since: datetime | None = None, cvid: str | None = None) -> int | None:
        """Records of a module, asked for once; None where Bigin does not tell. 1 credit."""
        params = {}
        if since is not None:
            params["criteria"] = f"({MODIFIED}:greater_equal:{offset_text(since)})"
        if cvid is not None:
            params["cvid"] = cvid
        key = (module, str(params))
        if key not in self._counts:
            call = Call("GET", f"/{module}/actions/count", params, endpoint="count", module=module)
            try:
                body = self._timed(partial(self._client.send, call)).body
                self._counts[key] = int(body["count"]) if body else 0
            except (Refused, ServerError, KeyError, TypeError, ValueError):
                return None
        return self._counts[key]

    def rows(self, module: str, where: str) -> int | None:
        """Rows that meet a condition of COQL, which counts none itself; None where Bigin does not tell.

        Looks at pages in ever longer steps, then between the last full and the first empty one: 1 credit for
        up to 200 rows, 11 at most. Beyond 10,000, where COQL's offset ends, all of the module's.
        """
        page, full, empty = 0, -1, None
        while empty is None or empty - full > 1:
            asked = (
                f"select id from {module} where {where} limit {COQL_MAX_ROWS} offset {page * COQL_MAX_ROWS}"  # noqa: S608 -- COQL
            )
            try:
                found = len(self._timed(partial(self._client.coql.query, asked, module=module)).records)
            except (Refused, ServerError):
                return None
            if 0 < found < COQL_MAX_ROWS:
                return page * COQL_MAX_ROWS + found
            full, empty = (page, empty) if found else (full, page)
            if full == LAST_PAGE:
                return self.count(module)
            page = min(LAST_PAGE, 2 * page + 1) if empty is None else (full + empty) // 2
        return empty * COQL_MAX_ROWS

    def changed_in_a_day(self, module: str, everything: int) -> int:
        """Records that a daily run reads; a module of one page is not worth asking."""
        now = self._client.server_time
        if everything <= RECORDS_PER_PAGE or now is None:
            return min(everything, 1)
        return self.count(module, since=now - DAY) or 0

    def cut_texts(self, module: str, fields: Sequence[Field], records: int) -> tuple[int, int]:
        """How many records of the newest page have a text that the list cuts; asked only where one could."""
        names = [each.api_name for each in fields if each.may_be_rich_text]
        if not names or not records:
            return 0, 0
        try:
            page = self._timed(
                partial(self._client.records.page, module, names[:MAX_FIELDS_PER_CALL])
            ).records
        except (Refused, ServerError):
            return 0, 0
        cut = [row for row in page if any(may_be_cut(row.get(name)) for name in names)]
        return len(page), len(cut)

    def _timed(self, ask: Callable[[], T]) -> T:
        begun = time.monotonic()
        answer = ask()
        self._seconds.append(time.monotonic() - begun)
        return answer
