"""The body of a Bulk Read job: which records and fields it asks for, and whether it may.

Source: FACTS 4, create-job and limitations (Bigin v2), read.md 8.1, 8.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from bigin_sandbox.http.answers import Refusal, no_permission, scope_mismatch
from bigin_sandbox.rules.access.permissions import field_permission, grants, is_open_to
from bigin_sandbox.rules.bulk_read.criteria import check_criteria, flat, refuse
from bigin_sandbox.rules.reading.columns import MAX_JOINS, Column, UnknownColumn, find_column, joins_of
from bigin_sandbox.rules.reading.conditions import Criteria, Group, comparisons
from bigin_sandbox.rules.reading.views import view_criteria

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall
    from bigin_sandbox.storage.store import Store

MODULES = frozenset({"Contacts", "Accounts", "Pipelines", "Products", "Tasks", "Events", "Calls"})
FILE_TYPES = ("csv", "ics")
PER_PAGE = {"csv": 200_000, "ics": 20_000}
MAX_PAGE = 500
READABLE_KINDS = frozenset(
    {"id", "text", "long text", "number", "date", "datetime", "boolean", "lookup", "multi"}
)


@dataclass(frozen=True)
class BulkQuery:
    """A job that may be made."""

    module: str
    columns: tuple[Column, ...]  # without the id, which every file has
    criteria: Criteria | None
    page: int
    file_type: str
    callback: str | None
    told: dict[str, Any]  # the query as the job's status repeats it


def read_body(call: ApiCall) -> dict[str, Any]:
    """The body of a bulk call, which must say that it is JSON."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise Refusal(415, "MEDIA_TYPE_NOT_SUPPORTED", "media type is not supported")
    if not call.content.strip():
        raise refuse("REQUEST_BODY_IS_EMPTY", "request body is empty")
    try:
        body = msgspec.json.decode(call.content)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise refuse("REQUEST_BODY_NOT_READABLE", "request body is not readable")
    return body


def check_bulk_query(body: dict[str, Any], call: ApiCall) -> BulkQuery:
    """The job that a body asks for. Raises Refusal."""
    query = body.get("query")
    if not isinstance(query, dict):
        raise refuse("REQUEST_BODY_NOT_READABLE", "request body is not readable", resource="query")
    module = _module(query.get("module"), call)
    file_type = _file_type(body, query, module)
    fields = query.get("fields") or []
    columns = _columns(fields, module, call)
    criteria, page = _criteria(query, module, call), _page(query.get("page", 1))
    _check_joins(columns, criteria)
    told = {"module": module, "fields": fields or None, "page": page}
    told |= {"criteria": flat(query.get("criteria")), "cvid": query.get("cvid")}
    told = {key: value for key, value in told.items() if value is not None}
    return BulkQuery(module, columns, criteria, page, file_type, check_callback(body), told)


def check_callback(body: dict[str, Any]) -> str | None:
    """The address to be told at the end, if one is given."""
    callback = body.get("callback")
    if callback is None:
        return None
    url = callback.get("url") if isinstance(callback, dict) else None
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
        raise refuse("INVALID_CALLBACK_URL", "invalid callback url")
    if callback.get("method") != "post":
        methods = {"supported_callback_methods": ["post"]}
        raise refuse("INVALID_CALLBACK_METHOD", "invalid callback method", **methods)
    return url


def require_job_scope(call: ApiCall, module: str) -> None:
    """The module's own scope, beside that for bulk: read.md 1.6."""
    if call.token and not grants(call.token.scopes, f"ZohoBigin.modules.{module}.READ"):
        raise scope_mismatch()


def all_columns(store: Store, module: str, user: dict[str, Any]) -> tuple[Column, ...]:
    """What a job without `fields` gives: every field that fits into a CSV."""
    seen = [field["api_name"] for field in store.fields(module) if field_permission(field, user) != "hidden"]
    columns = (find_column(store, module, name, user) for name in seen)
    return tuple(column for column in columns if column.kind in READABLE_KINDS)


def _module(given: Any, call: ApiCall) -> str:
    api_name = given.get("api_name") if isinstance(given, dict) else given
    module = call.store.module(api_name) if isinstance(api_name, str) else None
    if module is None:
        raise refuse("MODULE_NOT_AVAILABLE", "module not available", module=api_name)
    if api_name not in MODULES:
        raise refuse("MODULE_NOT_SUPPORTED", "module not supported", module=api_name)
    require_job_scope(call, str(api_name))
    if not is_open_to(module, call.user):
        raise no_permission(f"Crm_Implied_View_{api_name}")
    return str(api_name)


def _file_type(body: dict[str, Any], query: dict[str, Any], module: str) -> str:
    file_type = body.get("file_type", query.get("file_type", "csv"))
    if file_type not in FILE_TYPES:
        raise refuse("JOB_NOT_SUPPORTED", "file type not supported", file_type=file_type)
    if file_type == "ics" and module != "Events":
        raise refuse("JOB_NOT_SUPPORTED", "ics is supported for Events only", module=module)
    if file_type == "ics" and query.get("fields"):
        raise refuse("QUERY_NOT_SUPPORTED", "fields are not supported for ics")
    return str(file_type)


def _columns(fields: Any, module: str, call: ApiCall) -> tuple[Column, ...]:
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise refuse("REQUEST_BODY_NOT_READABLE", "request body is not readable", resource="fields")
    if not fields:
        return all_columns(call.store, module, call.user)
    names: Sequence[str] = [name for name in dict.fromkeys(fields) if name.lower() != "id"]
    return tuple(_column(name, module, call) for name in names)


def _column(name: str, module: str, call: ApiCall) -> Column:
    try:
        column = find_column(call.store, module, name, call.user)
    except UnknownColumn:
        raise refuse("FIELD_NOT_AVAILABLE", "field not available", api_name=name, module=module) from None
    if column.kind not in READABLE_KINDS:
        raise refuse("FIELD_NOT_SUPPORTED", "field not supported", api_name=name, module=module)
    return column


def _page(page: Any) -> int:
    if not isinstance(page, int) or isinstance(page, bool) or page < 1:
        raise refuse("PAGE_NOT_SUPPORTED", "page not supported", page=page)
    if page > MAX_PAGE:
        raise refuse("PAGE_RANGE_EXCEEDED", "page range exceeded", max_limit=MAX_PAGE)
    return page


def _criteria(query: dict[str, Any], module: str, call: ApiCall) -> Criteria | None:
    parts: list[Criteria | None] = []
    if query.get("criteria") is not None:
        parts.append(check_criteria(query["criteria"], call.store, module, call.user))
    if query.get("cvid") is not None:
        parts.append(_view(str(query["cvid"]), module, call))
    found = tuple(part for part in parts if part is not None)
    return Group("and", found) if found else None


def _check_joins(columns: Sequence[Column], criteria: Criteria | None) -> None:
    asked = [comparison.column for comparison in comparisons(criteria)] if criteria else []
    if len(joins_of([*columns, *asked])) > MAX_JOINS:
        raise refuse("JOIN_LIMIT_EXCEEDED", "join limit exceeded", limit=MAX_JOINS)


def _view(cvid: str, module: str, call: ApiCall) -> Criteria | None:
    view = next((view for view in call.store.custom_views(module) if view["id"] == cvid), None)
    if view is None:
        raise refuse("CVID_NOT_SUPPORTED", "cvid not supported", cvid=cvid)
    return view_criteria(call.store, module, view["criteria"], call.user) if view["criteria"] else None
