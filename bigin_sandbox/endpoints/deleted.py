"""`GET /{module}/deleted`: by page number only, entries fade. Source: FACTS 4, read.md 6.3."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.http.answers import Answer, Refusal, invalid_data, json_answer, pattern_not_matched
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import Renderer, renderer_for
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.reading import modified_since
from bigin_sandbox.rules.reading.paging import MOST_PER_PAGE, page_number, positive, simple_info
from bigin_sandbox.storage.store import Deleted

MODULES = frozenset({"Accounts", "Calls", "Contacts", "Events", "Pipelines", "Products", "Tasks"})
SHOWN_FOR = {"recycle": timedelta(days=60), "permanent": timedelta(days=120)}
TYPES = {"all": tuple(SHOWN_FOR), "recycle": ("recycle",), "permanent": ("permanent",)}


def list_deleted(call: ApiCall) -> Answer:
    """Deleted records, newest deletion first; 204 if there is none, 304 if none since the header."""
    module = require_module(call)["api_name"]
    if module not in MODULES:
        raise Refusal(400, "NOT_SUPPORTED", "the module is not supported", {"resource_path_index": 0})
    kinds = TYPES.get(call.params.get("type", "all"))
    if kinds is None:
        raise pattern_not_matched("type")
    page, per_page = page_number(call), positive(call, "per_page", MOST_PER_PAGE)
    if per_page > MOST_PER_PAGE:
        raise invalid_data(param_name="per_page", maximum_length=MOST_PER_PAGE)
    now = call.context.clock.now()
    first = modified_since.first_second(call)
    found = call.store.deleted(
        module,
        since={kind: now - SHOWN_FOR[kind] for kind in kinds},
        after=first - timedelta(seconds=1) if first else None,
        limit=per_page + 1,
        offset=(page - 1) * per_page,
    )
    if not found:
        return modified_since.nothing(first)
    renderer = renderer_for(call)
    data = [_entry(renderer, entry) for entry in found[:per_page]]
    info = simple_info(page, per_page, len(data), more_records=len(found) > per_page)
    return json_answer({"data": data, "info": info})


def _entry(renderer: Renderer, entry: Deleted) -> dict[str, Any]:
    """An entry as printed; of what was emptied out of the bin little is left."""
    in_bin = entry.kind == "recycle"
    return {
        "id": entry.id,
        "display_name": entry.name if in_bin else None,
        "type": entry.kind,
        "deleted_time": renderer.instant(to_text(entry.deleted)),
        "deleted_by": _user(renderer, entry.deleted_by if in_bin else None),
        "created_by": _user(renderer, entry.created_by if in_bin else None),
    }


def _user(renderer: Renderer, user_id: str | None) -> dict[str, Any] | None:
    return renderer.user({"id": user_id}, with_email=False) if user_id else None


ROUTES = [Route("GET", "/{module}/deleted", list_deleted, scopes=("ZohoBigin.modules.{module}.READ",))]
