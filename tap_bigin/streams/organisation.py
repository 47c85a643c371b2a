"""The streams that describe the organisation: users, modules, fields, layouts, views, tags, roles, …."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bigin_api import InvalidRequest, ModuleUnavailable, PermissionDenied
from tap_bigin.organisation import OrganisationDefinition
from tap_bigin.singer.batch import Chunk
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion

if TYPE_CHECKING:
    from tap_bigin.singer.batch import Record, State

Rows = Iterable[Mapping[str, Any]]


class OrganisationStream(BiginStream[OrganisationDefinition]):
    """All of it at each run: a few answers of the metadata."""

    def read(self, state: State) -> Iterator[Chunk]:  # noqa: ARG002 -- all of it at each run
        """The rows of every answer, in one chunk."""
        schema = self.definition.schema
        names = [name for name in schema.properties if self.is_asked_for(name)]
        convert = Conversion(
            {name: schema.properties[name] for name in names}, schema.treatments, warn=self.report.warn
        )
        try:
            rows: list[Record] = [{name: row.get(name) for name in names} for row in SOURCES[self.name](self)]
        except InvalidRequest as refused:
            # Not every organisation describes itself in every way; no record depends on it.
            raise ModuleUnavailable(refused.message) from refused
        convert(rows)
        yield Chunk(rows)

    def of_modules(self, ask: Callable[[str], Iterable[Any]], column: str = "module") -> Rows:
        """The answer for each readable module, side by side, with the module's name in a column."""
        modules = [module.api_name for module in self.tap.description.modules]
        answers = self.calls.map_in_order(lambda module: _asked(ask, module), modules)
        for module, rows in zip(modules, answers, strict=True):
            for row in rows:
                yield {**getattr(row, "raw", row), column: module}


SOURCES: Mapping[str, Callable[[OrganisationStream], Rows]] = {
    "users": lambda stream: stream.client.organization.users(),
    "organization": lambda stream: [stream.client.organization.get()],
    "settings_modules": lambda stream: [module.raw for module in stream.client.metadata.modules()],
    "settings_roles": lambda stream: stream.client.metadata.roles(),
    "settings_profiles": lambda stream: stream.client.metadata.profiles(),
    "settings_fields": lambda stream: stream.of_modules(stream.client.metadata.complete_fields),
    "settings_layouts": lambda stream: stream.of_modules(stream.client.metadata.layouts),
    "settings_custom_views": lambda stream: stream.of_modules(stream.client.metadata.custom_views),
    "settings_tags": lambda stream: stream.of_modules(stream.client.tags.of_module),
    "settings_related_lists": lambda stream: stream.of_modules(
        stream.client.metadata.related_lists, "parent_module"
    ),
}


def _asked(ask: Callable[[str], Iterable[Any]], module: str) -> Iterable[Any]:
    """The answer, nothing where the module has no such thing: not every one has related lists or tags."""
    try:
        return ask(module)
    except (PermissionDenied, ModuleUnavailable, InvalidRequest):
        return ()
