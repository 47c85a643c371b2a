"""A page of records: which ones the parameters ask for, and the answer that shows them.

Used by the list of a module and by related lists. Source: FACTS 4, read.md 5 and 6.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.http.answers import (
    Answer,
    invalid_data,
    json_answer,
    limit_exceeded,
    pattern_not_matched,
)
from bigin_sandbox.render import renderer_for
from bigin_sandbox.rules.reading import modified_since
from bigin_sandbox.rules.reading.columns import find_column
from bigin_sandbox.rules.reading.conditions import Comparison, Criteria, Group
from bigin_sandbox.rules.reading.paging import Page, after_of, page_info, read_sorting
from bigin_sandbox.rules.reading.record_sql import RecordQueries
from bigin_sandbox.rules.reading.views import view_criteria
from bigin_sandbox.storage.veils import VIEWS

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall
    from bigin_sandbox.storage.selection import Selection
    from bigin_sandbox.storage.store import Record

MOST_IDS = 100  # FACTS 4 [A]


def list_answer(
    call: ApiCall,
    module: str,
    records: list[Record],
    *,
    fields: list[str],
    page: Page,
    selection: Selection,
    with_sorting: bool,
) -> Answer:
    """The answer to a list, from its records and one more if there is one."""
    if not records:
        return modified_since.nothing(selection.modified_from)
    shown, more = records[: page.per_page], len(records) > page.per_page
    last = selection.key_of(shown[-1])
    info = page_info(call, page, count=len(shown), more_records=more, last=last)
    if with_sorting:
        info["sort_by"] = selection.sort_by
        info["sort_order"] = "desc" if selection.descending else "asc"
    return json_answer({"data": renderer_for(call).many(module, shown, fields), "info": info})


def selected(call: ApiCall, module: str) -> Selection:
    """Which records the parameters and If-Modified-Since ask for."""
    selection = replace(read_sorting(call), modified_from=modified_since.first_second(call))
    if "ids" in call.params:
        selection = replace(selection, ids=_ids(call))
    if "pipeline_id" in call.params and module == "Pipelines":
        pipeline_id = call.params["pipeline_id"]
        if all(layout["id"] != pipeline_id for layout in call.store.layouts("Pipelines")):
            raise invalid_data("the id given seems to be invalid", param_name="pipeline_id")
        selection = replace(selection, holding=("Pipeline", pipeline_id))
    return selection


def _ids(call: ApiCall) -> tuple[str, ...]:
    ids = tuple(record_id.strip() for record_id in call.params["ids"].split(","))
    if len(ids) > MOST_IDS:
        raise limit_exceeded("more ids than allowed", param_name="ids", limit=MOST_IDS)
    if not all(record_id.isdecimal() for record_id in ids):
        raise invalid_data("the id given seems to be invalid", param_name="ids")
    return ids


def fetch(call: ApiCall, module: str, selection: Selection, page: Page) -> list[Record]:
    """The page's records and one more, if there is one."""
    if "cvid" in call.params:
        return _fetch_view(call, module, selection, page)
    after, source = after_of(call, page), call.store.source(approved_of(call))
    offset = page.begins.offset if after is None else 0
    selection = replace(selection, after=after)
    return call.store.page(module, selection, limit=page.per_page + 1, offset=offset, source=source)


def approved_of(call: ApiCall) -> str:
    """Which records a list shows: `true` (those approved, unless asked otherwise), `false` or `both`."""
    approved = call.params.get("approved", "true").lower()
    if approved not in VIEWS:
        raise pattern_not_matched("approved")
    return approved


def _fetch_view(call: ApiCall, module: str, selection: Selection, page: Page) -> list[Record]:
    criteria = view_of(call, module)
    by_id = find_column(call.store, module, "id", call.user)
    conditions: list[Criteria] = [criteria] if criteria else []
    if selection.modified_from:
        modified = find_column(call.store, module, "Modified_Time", call.user)
        conditions.append(Comparison(modified, ">=", (to_text(selection.modified_from),)))
    if selection.ids:
        conditions.append(Comparison(by_id, "in", tuple(int(record_id) for record_id in selection.ids)))
    after = after_of(call, page)
    if after:
        conditions.append(Comparison(by_id, "<" if selection.descending else ">", (after[1],)))
    queries = call.context.part(RecordQueries)
    statement = queries.statement(
        module,
        Group("and", tuple(conditions)) if conditions else None,
        order=[(by_id, selection.descending)],
        limit=page.per_page + 1,
        offset=0 if after else page.begins.offset,
        approved=approved_of(call),
    )
    return [row.record for row in queries.rows(statement)]


def view_of(call: ApiCall, module: str) -> Criteria | None:
    """The conditions of the asked-for custom view; None for one that holds everything."""
    for view in call.store.custom_views(module):
        if view["id"] == call.params["cvid"]:
            criteria: dict[str, Any] | None = view["criteria"]
            return view_criteria(call.store, module, criteria, call.user) if criteria else None
    raise invalid_data("the custom view id given seems to be invalid", param_name="cvid")
