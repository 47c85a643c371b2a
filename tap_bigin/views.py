"""Custom views that a person named → stream definitions: the view's records, with the module's fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bigin_api.errors import ModuleUnavailable, PermissionDenied, SettingsError
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.values.schema import record_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bigin_api import Client
    from tap_bigin.report import RunReport
    from tap_bigin.settings import Lookups


@dataclass(frozen=True)
class ViewDefinition(StreamDefinition):
    """The records of one custom view, all of them at each run: what leaves a view says so nowhere."""

    module: str = ""
    cvid: str = ""


def define_views(
    client: Client, views: Sequence[Mapping[str, Any]], *, lookups: Lookups, report: RunReport
) -> Iterator[ViewDefinition]:
    """The stream of each view.

    A view of a module that the token may not read becomes no stream, with a warning. Raises
    SettingsError for a view that the module does not have, naming those it has.
    """
    for given in views:
        name, module, cvid = (str(given[key]) for key in ("name", "module", "cvid"))
        try:
            fields = client.metadata.fields(module)
            known = client.metadata.custom_views(module)
        except (PermissionDenied, ModuleUnavailable) as refused:
            report.stream(name).warn(f"no stream. {refused.message}")
            continue
        if cvid not in {each.id for each in known}:
            offered = ", ".join(f"{each.id} ({each.name})" for each in known) or "none"
            raise SettingsError(f"custom_views: {name}: {module} has no view {cvid}, it has {offered}.")
        yield ViewDefinition(
            name=name, schema=record_schema(module, fields, lookups=lookups), module=module, cvid=cvid
        )
