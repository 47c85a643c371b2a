"""`GET /{module}/actions/count`: it lags. Source: FACTS 4, read.md 6.4."""

from __future__ import annotations

from datetime import timedelta

from bigin_sandbox.http.answers import Answer, ambiguity, json_answer
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.reading.conditions import Criteria, Group
from bigin_sandbox.rules.reading.listing import view_of
from bigin_sandbox.rules.reading.record_sql import RecordQueries
from bigin_sandbox.rules.search import search


def count_records(call: ApiCall) -> Answer:
    """How many records there were a while ago: the count lags by minutes, as does the search's index."""
    module = require_module(call)["api_name"]
    ways = [way for way in ("cvid", *search.WAYS) if call.params.get(way)]
    if len(ways) > 1:
        raise ambiguity(*ways)
    then = call.context.clock.now() - timedelta(seconds=call.context.settings.count_lag_seconds)
    if not ways:
        return json_answer({"count": call.store.count_as_of(module, then)})
    criteria: Criteria | None
    if ways == ["cvid"]:
        criteria = view_of(call, module)
    else:
        criteria = search.wanted(call.params, call.store, module, call.user)
    known: Criteria = search.indexed_before(module, then)
    wanted = Group("and", (known, criteria)) if criteria else known
    queries = call.context.part(RecordQueries)
    return json_answer({"count": queries.count(module, wanted)})


ROUTES = [
    Route("GET", "/{module}/actions/count", count_records, scopes=("ZohoBigin.modules.{module}.READ",)),
]
