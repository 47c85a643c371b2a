"""The header If-Modified-Since. Source: FACTS 4.

Nobody has documented whether its own second counts: `ims` says `exclusive`, `inclusive` or `ignored`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bigin_sandbox.clock import parse_instant
from bigin_sandbox.http.answers import Answer, invalid_data, no_content, not_modified

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall

HEADER = "if-modified-since"


def first_second(call: ApiCall) -> datetime | None:
    """The earliest second that still counts; None without the header, or where it is ignored."""
    text = call.headers.get(HEADER)
    reading = call.context.settings.ims
    if text is None or reading == "ignored":
        return None
    instant = parse_instant(text.strip())
    if instant is None:
        raise invalid_data(param_name="If-Modified-Since", expected_data_type="datetime")
    return instant + timedelta(seconds=1) if reading == "exclusive" else instant


def nothing(since: datetime | None) -> Answer:
    """What an empty list answers: 304 to the header, else 204."""
    return no_content() if since is None else not_modified()
