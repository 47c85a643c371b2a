"""Which records of a stream may go by a bulk job, and by which field a job would find them.

Inserts never do: what became of 25,000 of them after a lost answer could not be found out. Nor does
anything where automation was asked for, for no job can be told to fire it.
"""

from __future__ import annotations

import logging

from bigin_api.limits import BULK_WRITE_MODULES
from target_bigin.records.record import Record
from target_bigin.schema.context import StreamContext
from target_bigin.schema.keys import KeyPlan

logger = logging.getLogger("target-bigin")


def may_go_by_jobs(context: StreamContext) -> bool:
    """Whether a stream's records may go by jobs. If they were asked for and may not, it is logged why."""
    if context.settings.write_method == "records":
        return False
    name = context.module.api_name
    reason = None
    if name not in BULK_WRITE_MODULES:
        reason = f"Bulk Write does not take {name}"
    elif context.run.settings.trigger:
        reason = "trigger asks for automation, which a bulk job cannot be told to fire"
    elif context.settings.operation not in ("upsert", "update"):
        reason = f"{context.settings.operation} has no fate that could be found out"
    if reason:
        logger.info("%s: goes by calls, %s.", context.stream, reason)
    return not reason


def found_by(record: Record, key: KeyPlan) -> str | None:
    """The field by which a job would find a record, None if it cannot."""
    if record.operation == "update":
        return "id" if record.id else None
    if record.operation != "upsert" or key.way != "check" or len(key.fields) != 1:
        return None
    name = key.fields[0]
    return name if record.body.get(name) is not None else None
