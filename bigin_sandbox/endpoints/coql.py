"""COQL: `POST /coql`. It sees a record at once, search does not.

Source: FACTS 4, read.md 7, get-records-coql (Bigin v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import in_zone
from bigin_sandbox.http.answers import Answer, Refusal, invalid_data, json_answer, no_content, scope_mismatch
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import grants
from bigin_sandbox.rules.coql.check import Plan, check_query
from bigin_sandbox.rules.coql.grammar import CoqlSyntaxError, Query, parse_coql
from bigin_sandbox.rules.reading.record_sql import RecordQueries, Row

if TYPE_CHECKING:
    from bigin_sandbox.rules.reading.columns import Column


def query_records(call: ApiCall) -> Answer:
    """The records that a select query asks for: `{"data", "info": {"count", "more_records"}}` or 204."""
    query = _parsed(call)
    _require_scope(call, query.module)
    plan = check_query(query, call.store, call.user)
    queries = call.context.part(RecordQueries)
    statement = queries.statement(
        plan.module,
        plan.criteria,
        columns=plan.columns,
        order=plan.order,
        limit=plan.limit + 1,  # one more tells whether there are more
        offset=plan.offset,
        approved="both" if call.context.settings.unapproved_in_coql == "shown" else "true",
    )
    rows = list(queries.rows(statement))
    if not rows[: plan.limit]:
        return no_content()
    data = [_shown(call, plan, row) for row in rows[: plan.limit]]
    return json_answer({"data": data, "info": {"count": len(data), "more_records": len(rows) > plan.limit}})


def _parsed(call: ApiCall) -> Query:
    text = call.json_object().get("select_query")
    if text is None:
        raise Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": "select_query"})
    if not isinstance(text, str):
        raise invalid_data(api_name="select_query", expected_data_type="string")
    try:
        return parse_coql(text)
    except CoqlSyntaxError as error:
        raise Refusal(400, "SYNTAX_ERROR", error.message, error.details) from None


def _require_scope(call: ApiCall, module: str) -> None:
    """`coql.READ` is the route's; the module's own is known only now. read.md 1.6."""
    if call.token and not grants(call.token.scopes, f"ZohoBigin.modules.{module}.READ"):
        raise scope_mismatch()


def _shown(call: ApiCall, plan: Plan, row: Row) -> dict[str, Any]:
    shown = {column.path: _value(call, column, row) for column in plan.columns}
    return {**shown, "id": row.record["id"]}


def _value(call: ApiCall, column: Column, row: Row) -> Any:
    """Lookups come as `{"id"}` alone, joined columns under their dotted name."""
    value = row.value(column, call.store.field(column.module, column.name))
    if value is None:
        return None
    if column.kind == "datetime":
        return in_zone(value, call.zone)
    return {"id": value["id"]} if column.kind == "lookup" else value


ROUTES = [Route("POST", "/coql", query_records, scopes=("ZohoBigin.coql.READ",))]
