"""Whether a record says that it was deleted in its source. No I/O."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bigin_api import Client
from bigin_api.moments import offset_text
from target_bigin.records.record import Fields, Reject
from target_bigin.values.errors import show
from target_bigin.values.moments import to_datetime

DELETED_AT = "_sdc_deleted_at"
EARLIEST = "2000-01-01T00:00:00+00:00"
CLOCKS_DIFFER_BY = timedelta(days=2)  # a source's, Bigin's and ours, with time zones that are not told


def is_deletion(raw: Fields, client: Client) -> bool:
    """Whether the moment of a deletion is told. Raises Reject for a value that is neither empty nor one.

    What lies long before Bigin, or ahead of both our clock and Bigin's, stands for "never" in many a source
    (0001-01-01, 1970-01-01, 9999-12-31): no deletion is read from it.
    """
    told = raw.get(DELETED_AT)
    if not told or (isinstance(told, str) and told.isspace()):
        return False
    try:
        moment = str(to_datetime(told))
    except Reject as bad:
        raise _unclear(bad.message) from None
    ours = datetime.now(timezone.utc)
    latest = max(ours, client.server_time or ours) + CLOCKS_DIFFER_BY
    if not EARLIEST <= moment <= offset_text(latest):
        raise _unclear(f"nothing was deleted at {show(told)}.")
    return True


def _unclear(why: str) -> Reject:
    return Reject("invalid", "INVALID_VALUE", f"whether it is deleted cannot be told: {why}", DELETED_AT)
