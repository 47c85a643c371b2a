"""Proof that a pass skipped nothing: COQL for what lies between pages, else the list of deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_api import BiginError, Refused
from bigin_api.limits import DELETED_MODULES
from tap_bigin.bookmarks import READ_OVERLAP, from_text
from tap_bigin.lists.gaps import condition

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bigin_api import Labelled
    from tap_bigin.bookmarks import Interval
    from tap_bigin.lists.gaps import Order


class Proof:
    """Finds what a pass of one module did not see. ``refused`` is why COQL cannot tell, if so."""

    def __init__(self, client: Labelled, module: str) -> None:
        self._client = client
        self._module = module
        self.refused: BiginError | None = None

    def missing(self, intervals: Sequence[Interval], order: Order, known: Collection[int]) -> list[str]:
        """Ids in the intervals that are not among the known ones; 1 credit for 200 ids found."""
        if not intervals or self.refused is not None:
            return []
        try:
            return [
                record["id"]
                for records in self._client.coql.pages_by_id(
                    self._module, ["id"], where=condition(intervals, order)
                )
                for record in records
                if int(record["id"]) not in known
            ]
        except Refused as refused:
            self.refused = refused
            return []

    def any_deleted_since(self, moment: datetime) -> bool | None:
        """Whether a record was deleted since then; None if this module's deletions cannot be read."""
        if self._module not in DELETED_MODULES:
            return None
        since = moment - READ_OVERLAP
        number = 1
        try:
            while True:
                page = self._client.records.deleted(self._module, page=number, modified_since=since)
                times = (each.get("deleted_time") for each in page.records)
                if any(not time or from_text(time) >= since for time in times):
                    return True
                if not page.more_records:
                    return False
                number += 1
        except Refused:
            return None
