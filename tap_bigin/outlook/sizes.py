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
from bigin_api.limits import MAX_FIELDS_PER_CALL, RECORDS_PER_PAGE
from bigin_api.moments import offset_text
from tap_bigin.lists.pages import MODIFIED
from tap_bigin.values.rich_text import may_be_cut

if TYPE_CHECKING:
    from bigin_api import Client, Field

T = TypeVar("T")

DAY = timedelta(hours=24)


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

    def changed_in_a_day(self, module: str, everything: int) -> int:
        """Records that a daily run reads; a module of one page is not worth asking."""
        now = self._client.server_time
        if everything <= RECORDS_PER_PAGE or now is None:
            return min(everything, 1)
        return self.count(module, since=now - DAY) or 0

    def cut_texts(self, module: str, fields: Sequence[Field], records: int) -> tuple[int, int]:
        """How many records of the newest page have a text that the list cuts; asked only where one could."""
        names = [each.api_name for each in fields if each.textarea_type == "rich_text"]
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
