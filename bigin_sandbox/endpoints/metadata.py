"""`/settings/…`: modules, fields, layouts, custom views, related lists, tags. Source: FACTS 3, read.md 3."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.http.answers import (
    Answer,
    invalid_data,
    invalid_module,
    json_answer,
    no_content,
    required_param_missing,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import shown_to
from bigin_sandbox.rules.metadata_shapes import told_field, told_layout
from bigin_sandbox.rules.reading.paging import settings_page

SINGLE_VIEW_KEYS = frozenset({"criteria", "fields", "sort_by", "sort_order"})
MOST_TAGS = 200  # of a module


def list_modules(call: ApiCall) -> Answer:
    """Every module, also those that the API does not serve or that the user may not read."""
    return json_answer({"modules": shown_to(call, call.store.modules())})


def get_module(call: ApiCall) -> Answer:
    """One module."""
    module = call.store.module(call.path_params["api_name"])
    if module is None:
        raise invalid_module(resource_path_index=2)
    return json_answer({"modules": [shown_to(call, module)]})


def list_fields(call: ApiCall) -> Answer:
    """The fields of a module; `id` is not among them; 204 for a module that has none."""
    fields = call.store.fields(_module(call))
    return _items(call, "fields", [told_field(field, call.context.settings) for field in fields])


def list_layouts(call: ApiCall) -> Answer:
    """The layouts of a module: of Pipelines the Team Pipelines with sub-pipelines and stages."""
    layouts = call.store.layouts(_module(call))
    return _items(call, "layouts", [told_layout(layout, call.context.settings) for layout in layouts])


def list_related_lists(call: ApiCall) -> Answer:
    """The related lists of a module."""
    return _items(call, "related_lists", call.store.related_lists(_module(call)))


def list_custom_views(call: ApiCall) -> Answer:
    """The custom views of a module, without what only a single one shows."""
    views = call.store.custom_views(_module(call))
    page, info = settings_page(call, views)
    if not page:
        return no_content()
    shown = [{k: v for k, v in view.items() if k not in SINGLE_VIEW_KEYS} for view in page]
    default = next((view["id"] for view in views if view["default"]), None)
    return json_answer({"custom_views": shown_to(call, shown), "info": {**info, "default": default}})


def get_custom_view(call: ApiCall) -> Answer:
    """One custom view with criteria, fields and sorting."""
    for view in call.store.custom_views(_module(call)):
        if view["id"] == call.path_params["id"]:
            return json_answer({"custom_views": [shown_to(call, view)]})
    raise invalid_data("the id given seems to be invalid", resource_path_index=2)


def list_tags(call: ApiCall) -> Answer:
    """The tags of a module; `info` says how many there may be."""
    shown, info = settings_page(call, call.store.tags(_module(call)))
    if not shown:
        return no_content()
    return json_answer({"tags": shown_to(call, shown), "info": {**info, "allowed_count": MOST_TAGS}})


def count_tagged(call: ApiCall) -> Answer:
    """How many records have a tag: a string of digits."""
    module = _module(call)
    tag_id = call.path_params["id"]
    if call.store.tag(module, tag_id) is None:
        raise invalid_data("the id given seems to be invalid", resource_path_index=2)
    return json_answer({"count": str(call.store.count_tagged(module, tag_id))})


def _items(call: ApiCall, key: str, items: list[dict[str, Any]]) -> Answer:
    return json_answer({key: shown_to(call, items)}) if items else no_content()


def _module(call: ApiCall) -> str:
    """The module of the query string."""
    name = call.params.get("module")
    if not name:
        raise required_param_missing("module")
    if call.store.module(name) is None:
        raise invalid_module(param_name="module")
    return name


def _scope(family: str) -> tuple[str, ...]:
    return (f"ZohoBigin.settings.{family}.READ",)


ROUTES = [
    Route("GET", "/settings/modules", list_modules, scopes=_scope("modules")),
    Route("GET", "/settings/modules/{api_name}", get_module, scopes=_scope("modules")),
    Route("GET", "/settings/fields", list_fields, scopes=_scope("fields")),
    Route("GET", "/settings/layouts", list_layouts, scopes=_scope("layouts")),
    Route("GET", "/settings/related_lists", list_related_lists, scopes=_scope("related_lists")),
    Route("GET", "/settings/custom_views", list_custom_views, scopes=_scope("custom_views")),
    Route("GET", "/settings/custom_views/{id}", get_custom_view, scopes=_scope("custom_views")),
    Route("GET", "/settings/tags", list_tags, scopes=_scope("tags")),
    Route("GET", "/settings/tags/{id}/actions/records_count", count_tagged, scopes=_scope("tags")),
]
