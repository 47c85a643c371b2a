"""Which records of a stream wait for a bulk job, and by which field a job would find them.

Inserts never do: what became of 25,000 of them after a lost answer could not be found out. Nor does
anything where automation was asked for, for no job can be told to fire it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bigin_api.limits import BULK_WRITE_MODULES
from target_bigin.bulk.sheet import Column, columns_of, why_not
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import KeyPlan

logger = logging.getLogger("target-bigin")


@dataclass
class BulkPlan:
    """How the records of one stream go by jobs."""

    context: StreamContext
    key: KeyPlan
    columns: dict[str, Column] = field(default_factory=dict)
    is_open: bool = True  # False: all records go by calls, from the start or since jobs were refused
    finishing: bool = False  # no further record will come

    @classmethod
    def of(cls, context: StreamContext, key: KeyPlan) -> BulkPlan:
        """As the settings and the module have it."""
        name = context.module.api_name
        settings = context.run.settings
        reason = None
        if name not in BULK_WRITE_MODULES:
            reason = f"Bulk Write does not take {name}"
        elif settings.trigger:
            reason = "trigger asks for automation, which a bulk job cannot be told to fire"
        elif context.settings.operation not in ("upsert", "update"):
            reason = f"{context.settings.operation} has no fate that could be found out"
        by_calls = context.settings.write_method == "records"
        if reason and not by_calls:
            logger.info("%s: goes by calls, %s.", context.stream, reason)
        return cls(context, key, columns_of(context.fields), is_open=not (reason or by_calls))

    def key_of(self, record: Record) -> str | None:
        """The field by which a job would find this record, None if it cannot."""
        if record.operation == "update":
            return "id" if record.id else None
        if record.operation != "upsert" or self.key.way != "check" or len(self.key.fields) != 1:
            return None
        name = self.key.fields[0]
        return name if record.body.get(name) is not None else None

    def text_of(self, record: Record) -> str:
        """The form of the record's key, by which its row in a result is known."""
        name = str(self.key_of(record))
        return self.columns[name].alike(record.id if name == "id" else record.body[name])

    def choose(self, record: Record) -> None:
        """Mark a record that can go by a job."""
        record.by_bulk = self.is_open and not record.alone and record.attempts == 0 and self._fits(record)

    def _fits(self, record: Record) -> bool:
        if self.key_of(record) is None:
            return False
        field_ = why_not(record.body, self.columns)
        if field_ is not None:
            self.context.account.notes[f"by calls, for a bulk file cannot hold {field_}"] += 1
        return field_ is None
