"""`GET /{module}` and `GET /{module}/{id}`. Source: FACTS 4, read.md 5."""

from __future__ import annotations

from bigin_sandbox.http.answers import (
    Answer,
    ambiguity,
    invalid_data,
    json_answer,
    no_content,
    no_permission,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import renderer_for
from bigin_sandbox.rules.access.credits import is_viewed_or_sorted, price_of_list
from bigin_sandbox.rules.access.permissions import is_administrator, require_module
from bigin_sandbox.rules.reading.listing import fetch, list_answer, selected
from bigin_sandbox.rules.reading.paging import read_page
from bigin_sandbox.rules.reading.read_fields import read_fields, required_fields


def list_records(call: ApiCall) -> Answer:
    """A page of a module's records: 204 if there is none, 304 if none was modified since."""
    module = require_module(call)["api_name"]
    if module == "Notes" and not is_administrator(call.user):
        raise no_permission("Crm_Implied_View_Notes")
    fields = required_fields(call)
    if "cvid" in call.params and "sort_by" in call.params:
        raise ambiguity("cvid", "sort_by")
    page = read_page(call)
    selection = selected(call, module)
    records = fetch(call, module, selection, page)
    return list_answer(
        call, module, records, fields=fields, page=page, selection=selection, with_sorting=True
    )


def get_record(call: ApiCall) -> Answer:
    """One record, with its subforms and multi-select lookups; 204 for an id that is not there."""
    module = require_module(call)["api_name"]
    record_id = call.path_params["id"]
    if not record_id.isdecimal():
        raise invalid_data("the id given seems to be invalid", resource_path_index=1)
    record = call.store.seen(module, record_id)
    if record is None:
        return no_content()
    return json_answer({"data": [renderer_for(call).single(module, record, read_fields(call))]})


_READ = ("ZohoBigin.modules.{module}.READ",)

ROUTES = [
    Route(
        "GET",
        "/{module}",
        list_records,
        scopes=_READ,
        credits=price_of_list,
        sub_concurrency=is_viewed_or_sorted,
    ),
    Route("GET", "/{module}/{id}", get_record, scopes=_READ),
]
