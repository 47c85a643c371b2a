"""COQL: queries of at most 200 rows a page, and whole tables by key.

Source: coql-overview, construct-coql-query, get-records-coql (Bigin v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, whole_records
from bigin_api.errors import ServerError
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

        Raises QueryRefused with line and column where Bigin gives them.
        """
        call = Call("POST", "/coql", json={"select_query": select_query}, endpoint="coql", module=module)
        return Page.from_reply(self._sender.send(call))

    def pages_by_id(
        self,
        module: str,
        columns: Sequence[str],
        *,
        where: str | None = None,
        after_id: str = "0",
        on_lack: Callable[[str], None] = lambda _: None,
    ) -> Iterator[list[Record]]:
        """Every row that meets ``where``, by ascending id, a page at a time.

        Immune to what people do meanwhile: a page begins after the last id of the page before, so
        nothing shifts. No end at 10,000 rows, since there is no offset. Raises ServerError for a page that
        does not lead on: without ids, or not beyond the page before. ``on_lack`` is told of rows that do
        not come as records, or not at all.
        """
        last = after_id
        while True:
            page = self.query(by_id_query(module, columns, where=where, after_id=last), module=module)
            records = whole_records(page.records)
            counted = whole_number(page.info.get("count")) or 0
            if (lacking := max(counted, len(page.records)) - len(records)) > 0 and counted <= COQL_MAX_ROWS:
                on_lack(f"{lacking} of {counted or len(page.records)} rows did not come as records.")
            if not page.records:
                return
            before, last = last, records[-1]["id"] if records else ""
            if not last.isdecimal() or int(last) <= int(before):
                raise ServerError(
                    f"{module}: COQL's rows after id {before} end with {last!r}.", module=module
                )
            yield records
            if len(page.records) < COQL_MAX_ROWS and not page.more_records:
                return


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
