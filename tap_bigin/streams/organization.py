"""The streams that describe the organisation itself, and how they are read.

Full tables, one credit an answer; what discovery has asked for is not paid for twice. Team Pipelines,
their sub-pipelines and stages are a row for each stage: a Team Pipeline is a layout of Pipelines, a
sub-pipeline a value of its ``Sub_Pipeline`` field, and only there does each value say which stages it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bigin_api import InvalidRequest, ModuleUnavailable, PermissionDenied
from bigin_api.errors import Refused
from bigin_api.json_values import mapping
from tap_bigin.discovery.organization import PIPELINES, SUB_PIPELINES, OrganizationDefinition
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api import Field, Layout
    from tap_bigin.singer.batch import Record, State

STAGE = "Stage"
CATEGORY_KEYS = ("forecast_type", "deal_category", "forecast_category")


def sub_pipeline_rows(layouts: Sequence[Layout], fields: Sequence[Field]) -> Iterator[Record]:
    """A row for each stage of each sub-pipeline, in the order in which people see them.

    >>> from bigin_api import Layout
    >>> won = {"actual_value": "Closed Won", "display_value": "Won", "id": "9", "forecast_type": "Closed Won"}
    >>> maps = [{"api_name": "Stage", "pick_list_values": [won]}]
    >>> inbound = {"actual_value": "Inbound", "display_value": "Inbound", "maps": maps}
    >>> sections = [{"fields": [{"api_name": "Sub_Pipeline", "pick_list_values": [inbound]}]}]
    >>> rows = sub_pipeline_rows([Layout.from_json({"id": "7", "name": "Sales", "sections": sections})], [])
    >>> [(row["pipeline"], row["sub_pipeline"], row["stage_label"], row["category"]) for row in rows]
    [('Sales', 'Inbound', 'Won', 'Closed Won')]
    """
    described = next((each.pick_list_values for each in fields if each.api_name == STAGE), ())
    categories = {each.actual_value: _category(each.raw) for each in described}
    for layout in layouts:
        for place, sub_pipeline in enumerate(layout.sub_pipelines, start=1):
            for position, stage in enumerate(sub_pipeline.maps.get(STAGE, ()), start=1):
                yield {
                    "pipeline_id": layout.id,
                    "pipeline": layout.display_label or layout.name,
                    "sub_pipeline": sub_pipeline.actual_value,
                    "sub_pipeline_label": sub_pipeline.display_value,
                    "sub_pipeline_position": sub_pipeline.sequence_number or place,
                    "stage": stage.actual_value,
                    "stage_label": stage.display_value,
                    "stage_position": stage.sequence_number or position,
                    "stage_id": stage.id or None,
                    "category": _category(stage.raw) or categories.get(stage.actual_value),
                }


def _category(raw: Mapping[str, Any]) -> str | None:
    """Bigin's own word; the name of a stage is no evidence, people rename them."""
    for key in CATEGORY_KEYS:
        said = raw.get(key)
        name = said.get("name") if isinstance(said, dict) else said
        if isinstance(name, str) and name:
            return name
    return None


UNTOLD = "untold"
"""In the state: modules that Bigin did not tell of in the version that is active."""

MAY_BE_EMPTY = frozenset(
    (
        SUB_PIPELINES.name,
        "settings_layouts",
        "settings_custom_views",
        "settings_tags",
        "settings_related_lists",
    )
)

Rows = Iterable[Mapping[str, Any]]


class OrganizationStream(BiginStream[OrganizationDefinition]):
    """All of it at each run: a few answers of the metadata."""

    @property
    def least_credits(self) -> int:
        """All of it at once: an answer for each module at most, or some pages of users."""
        return len(self.run.description.modules) + super().least_credits

    def read(self, state: State) -> Iterator[Batch]:
        """The rows of each answer as it comes. State knows of which modules Bigin does not tell."""
        names = list(filter(self.is_asked_for, self.definition.schema.properties))
        self._untold: set[str] | None = None
        is_empty = True
        try:
            for rows in SOURCES[self.name](self):
                records = [{name: row.get(name) for name in names} for row in rows if self._is_whole(row)]
                if records:
                    is_empty = False
                    self.convert(records)
                    yield Batch(records)
        except InvalidRequest as refused:
            # Not every organisation describes itself in every way; no record depends on it.
            raise ModuleUnavailable(refused.message) from refused
        if is_empty and self.name not in MAY_BE_EMPTY:
            self.report.lacks("Bigin tells of none, which cannot be.")
        yield Batch([], self._with_untold(state))

    def _with_untold(self, state: State) -> State:
        """The state with the modules that Bigin did not tell of; of a new one rows of before may be there."""
        if self._untold is None:
            return state
        untold = sorted(self._untold)
        new = sorted(self._untold.difference(state.get(UNTOLD, untold)))
        if new:
            self.report.lacks(
                f"without {', '.join(new)}, which Bigin does not tell of now: rows of before stay."
            )
        return {**state, UNTOLD: state[UNTOLD] if new else untold}

    def _is_whole(self, row: Any) -> bool:
        """Whether a row has its keys; what has not is told and left out."""
        is_whole = isinstance(row, Mapping) and all(row.get(key) for key in self.definition.primary_keys)
        if not is_whole:
            self.report.lacks("a row without its key was left out.")
        return is_whole

    def of_modules(self, ask: Callable[[str], Iterable[Any]], column: str = "module") -> Iterator[Rows]:
        """The answer for each readable module, side by side, with the module's name in a column."""
        description = self.run.description
        self._untold = untold = {*description.refusals, *description.failures}
        modules = [module.api_name for module in description.modules]
        answers = self.calls.map_in_order(lambda module: _asked(ask, module, untold), modules)
        for module, rows in zip(modules, answers, strict=True):
            yield [{**mapping(getattr(row, "raw", row)), column: module} for row in rows]


SOURCES: Mapping[str, Callable[[OrganizationStream], Iterable[Rows]]] = {
    "users": lambda stream: [stream.client.organization.users()],
    "organization": lambda stream: [[stream.client.organization.get()]],
    "settings_modules": lambda stream: [[module.raw for module in stream.client.metadata.modules()]],
    "settings_roles": lambda stream: [stream.client.metadata.roles()],
    "settings_profiles": lambda stream: [stream.client.metadata.profiles()],
    "settings_fields": lambda stream: stream.of_modules(stream.client.metadata.complete_fields),
    "settings_layouts": lambda stream: stream.of_modules(stream.client.metadata.layouts),
    "settings_custom_views": lambda stream: stream.of_modules(stream.client.metadata.custom_views),
    "settings_tags": lambda stream: stream.of_modules(stream.client.tags.of_module),
    "settings_related_lists": lambda stream: stream.of_modules(
        stream.client.metadata.related_lists, "parent_module"
    ),
    SUB_PIPELINES.name: lambda stream: [
        sub_pipeline_rows(
            stream.client.metadata.layouts(PIPELINES), stream.client.metadata.complete_fields(PIPELINES)
        )
    ],
}


def _asked(ask: Callable[[str], Iterable[Any]], module: str, untold: set[str]) -> Iterable[Any]:
    """The answer, nothing where the module has no such thing: not every one has related lists or tags."""
    try:
        return list(ask(module))
    except PermissionDenied:
        untold.add(module)
    except Refused:
        pass
    return ()
