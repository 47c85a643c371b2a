"""`GET /{module}/search`: an index that lags, 2,000 records at most, no page tokens.

Source: FACTS 4, read.md 6.1, search-records (Bigin v2).
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from bigin_sandbox.http.answers import Answer, Refusal, invalid_data, json_answer, limit_exceeded, no_content
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import LAYOUT_KEY, renderer_for
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.reading.columns import find_column
from bigin_sandbox.rules.reading.conditions import Group
from bigin_sandbox.rules.reading.paging import page_number, positive
from bigin_sandbox.rules.reading.record_sql import RecordQueries
from bigin_sandbox.rules.search import search

MAX_RECORDS = 2_000
MAX_PER_PAGE = 200
MAX_FIELDS = 50
NOT_SEARCHABLE = frozenset({"Attachments"})


def search_records(call: ApiCall) -> Answer:
    """The records found: as in a list, but with all fields unless `fields` is given."""
    module = require_module(call)["api_name"]
    if module in NOT_SEARCHABLE:
        raise Refusal(400, "NOT_SUPPORTED", "the module is not supported", {"resource_path_index": 0})
    criteria = search.wanted(call.params, call.store, module, call.user)
    page, per_page = _page(call)
    lag = timedelta(seconds=call.context.settings.search_lag_seconds)
    known = search.indexed_before(module, call.context.clock.now() - lag)
    queries = call.context.part(RecordQueries)
    newest_first = [(find_column(call.store, module, "id", call.user), True)]
    statement = queries.statement(
        module,
        Group("and", (known, criteria)),
        order=newest_first,
        limit=per_page + 1,  # one more tells whether there are more
        offset=(page - 1) * per_page,
    )
    found = [row.record for row in queries.rows(statement)]
    if not found:
        return no_content()
    renderer = renderer_for(call)
    data = renderer.many(
        module, islice(found, per_page), _fields(call, [*renderer.all_names(module), LAYOUT_KEY])
    )
    info = {
        "per_page": per_page,
        "count": len(data),
        "sort_by": "id",
        "page": page,
        "sort_order": "desc",
        "more_records": len(found) > per_page,
    }
    return json_answer({"data": data, "info": info})


def _page(call: ApiCall) -> tuple[int, int]:
    page, per_page = page_number(call), positive(call, "per_page", MAX_PER_PAGE)
    if per_page > MAX_PER_PAGE:
        raise invalid_data(param_name="per_page", maximum_length=MAX_PER_PAGE)
    if page * per_page > MAX_RECORDS:
        details = {"limit": MAX_RECORDS}
        raise Refusal(400, "LIMIT_REACHED", "Cannot fetch more than 2000 records", details)
    return page, per_page


def _fields(call: ApiCall, all_names: list[str]) -> list[str]:
    if "fields" not in call.params:
        return all_names
    names = call.params["fields"].split(",")
    if len(names) > MAX_FIELDS:
        raise limit_exceeded("field limit exceeded", param_name="fields", limit=MAX_FIELDS)
    return names


ROUTES = [
    Route(
        "GET",
        "/{module}/search",
        search_records,
        scopes=("ZohoBigin.modules.{module}.READ", "ZohoSearch.securesearch.READ"),
    ),
]
