"""COQL: queries of at most 200 rows a page, and whole tables by key.

Source: coql-overview, construct-coql-query, get-records-coql (Bigin v2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, is_unsaid
from bigin_api.errors import QueryRefused, ServerError
from bigin_api.http.calls import Call
from bigin_api.json_values import whole_number
from bigin_api.limits import COQL_MAX_ROWS
from bigin_api.moments import offset_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from bigin_api.http.calls import Sender

Record = dict[str, Any]


class Coql:
    """Queries. Needs the scope ZohoBigin.coql.READ and the module's own. Costs 1 credit a page."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def query(self, select_query: str, *, module: str | None = None) -> Page:
        """Send a query as it is. Lookups come as ``{"id"}`` only, joined columns as flat dotted keys.

        Rows without id are told and left out.
        Raises QueryRefused with line and column where Bigin gives them.
        """
        call = Call("POST", "/coql", json={"select_query": select_query}, endpoint="coql", module=module)
        page = Page.of_records(self._sender.send(call), module or "COQL")
        if is_unsaid(page.info.get("more_records")):  # a page that is not full is the last
            page = replace(page, more_records=len(page.records) + page.left_out >= COQL_MAX_ROWS)
        return page

    def pages_by_id(
        self,
        module: str,
        columns: Sequence[str],
        *,
        where: str | None = None,
        after_id: str = "0",
        on_lack: Callable[[str], None] | None = None,
    ) -> Iterator[list[Record]]:
        """Every row that meets ``where``, by ascending id, a page at a time.

        Immune to what people do meanwhile: a page begins after the last id of the page before, so
        nothing shifts. No end at 10,000 rows, since there is no offset. A page that lacks rows, or has some
        without id, is asked for once more. ``on_lack`` is told of what does not come then; without it
        QueryRefused is raised. Raises ServerError for a page that does not lead on beyond the page before.
        """
        last = after_id
        while True:
            query = by_id_query(module, columns, where=where, after_id=last)
            page, lacking = self._whole_page(query, module)
            if lacking:
                said = f"{lacking} rows of COQL did not come as records."
                if on_lack is None:
                    raise QueryRefused(f"{module}: {said}", module=module)
                on_lack(said)
            if not page.records:
                return
            before, last = last, page.records[-1]["id"]
            if int(last) <= int(before):
                raise ServerError(
                    f"{module}: COQL's rows after id {before} end with {last!r}.", module=module
                )
            yield page.records
            if len(page.records) < COQL_MAX_ROWS and not page.more_records:
                return

    def _whole_page(self, select_query: str, module: str) -> tuple[Page, int]:
        """A page, and how many rows it lacks, asked once more."""
        for _ in range(2):
            page = self.query(select_query, module=module)
            counted = whole_number(page.info.get("count")) or 0
            lacking = page.left_out
            if counted <= COQL_MAX_ROWS:
                lacking = max(lacking, counted - len(page.records))
            if not lacking:
                break
        return page, lacking


def by_id_query(
    module: str,
    columns: Sequence[str],
    *,
    where: str | None = None,
    after_id: str = "0",
    limit: int = COQL_MAX_ROWS,
) -> str:
    """The query of one page.

    >>> by_id_query("Contacts", ["id"], where="Last_Name = 'Berg'", after_id="7")
    "select id from Contacts where (Last_Name = 'Berg' and id > 7) order by id asc limit 200"
    """
    condition = f"({where} and id > {after_id})" if where else f"id > {after_id}"
    asked = ", ".join(map(as_column, columns))
    return f"select {asked} from {module} where {condition} order by id asc limit {limit}"


# The words of the grammar that construct-coql-query shows.
RESERVED = frozenset(
    ("select", "from", "where", "order", "group", "by", "asc", "desc", "limit", "offset", "as")
)
OPERATORS = frozenset(("and", "or", "not", "in", "like", "between", "is", "null"))


def as_column(name: str) -> str:
    """A field's name as COQL takes it: a reserved word is put in quotes. Source: FACTS 7.22.

    >>> as_column("Order"), as_column("Last_Name"), as_column("'Order'")
    ("'Order'", 'Last_Name', "'Order'")
    """
    return quote(name) if name.lower() in RESERVED | OPERATORS else name


def all_of(conditions: Sequence[str], *, word: str = "and") -> str:
    """Conditions joined in pairs by brackets, as COQL's grammar demands.

    >>> all_of(["a = 1", "b = 2", "c = 3"])
    '((a = 1 and b = 2) and c = 3)'
    """
    joined = conditions[0]
    for each in conditions[1:]:
        joined = f"({joined} {word} {each})"
    return joined


def quote(value: str) -> str:
    """A string as COQL takes it: in single quotes, those inside doubled. Source: FACTS 7.22.

    >>> quote("O'Neil")
    "'O''Neil'"
    """
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def moment(value: datetime) -> str:
    """A datetime as COQL takes it, in quotes.

    >>> from bigin_api.moments import parse_moment
    >>> moment(parse_moment("2026-05-14T09:53:58Z"))
    "'2026-05-14T09:53:58+00:00'"
    """
    return f"'{offset_text(value)}'"
