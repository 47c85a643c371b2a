"""The stream of deleted records: what went into the recycle bin, out of it for good, or back.

State has what ``deletions`` remembers of each module's list:

    {"replication_key": "deleted_time", "replication_key_value": "…Z", "modules": {"Contacts": {…}}}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bigin_api.errors import Refused
from bigin_api.limits import DELETED_MODULES
from tap_bigin.bookmarks import to_utc_text
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.lists.deletions import DELETED_TIME, Mark, restored
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.data_types import DATETIME, LINK, STRING, JsonSchema, nullable
from tap_bigin.values.schema import RecordSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_bigin.lists.deletions import News
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import Record, State


RESTORED = "restored"


@dataclass(frozen=True)
class DeletedDefinition(StreamDefinition):
    """The stream of deleted records."""


def define_deleted(*, lookups: Lookups = "object") -> DeletedDefinition:
    """Its definition.

    >>> define_deleted().primary_keys
    ('module', 'id')
    """
    properties: dict[str, JsonSchema] = {
        "module": {"type": "string"},
        "id": {"type": "string"},
        "display_name": STRING,
        "type": nullable(
            "string",
            description="recycle: in the recycle bin; permanent: deleted for good; restored: it is back, "
            "and deleted_time is null.",
        ),
        DELETED_TIME: DATETIME,
        "deleted_by": STRING if lookups == "id" else LINK,
    }
    schema = RecordSchema(properties, {DELETED_TIME: "datetime", "deleted_by": "link"})
    return DeletedDefinition("deleted_records", schema, ("module", "id"), DELETED_TIME)


class DeletedStream(BiginStream[DeletedDefinition]):
    """News of the seven modules whose deletions Bigin lists."""

    is_swept = False  # a journal: what it told stays true

    def read(self, state: State) -> Iterator[Batch]:
        """A batch a module; each module has a mark of its own."""
        convert = self.conversion(filter(self.is_asked_for, self.definition.schema.properties))
        marks: dict[str, State] = dict(state.get("modules") or {}) if self.is_incremental else {}
        clock = self.client.server_time
        for module in self._modules():
            try:
                mark = Mark.from_state(marks.get(module))
                news = self.run.deleted_lists.news(self.client, module, mark)
                records = self._records(module, news)
            except Refused as refused:
                self.report.warn(f"without those of {module}. {refused.message}")
                continue
            convert(records)
            marks = {**marks, module: news.mark.to_state()}
            yield Batch(records, {**state, "modules": marks})
        done = {**state, "modules": marks}
        if clock is not None and self.is_incremental:
            done |= {"replication_key": DELETED_TIME, "replication_key_value": to_utc_text(clock)}
        yield Batch([], done)

    def _modules(self) -> list[str]:
        """Those of the organisation that the token can read, in Bigin's order."""
        readable = [module.api_name for module in self.run.description.modules]
        return [module for module in readable if module in DELETED_MODULES]

    def _records(self, module: str, news: News) -> list[Record]:
        kept = ("id", "display_name", "type", DELETED_TIME, "deleted_by")
        deleted = [{"module": module, **{name: each.get(name) for name in kept}} for each in news.deleted]
        back = restored(self.client, module, news.left)
        return [
            *deleted,
            *({"module": module, **dict.fromkeys(kept), "id": each, "type": RESTORED} for each in back),
        ]
