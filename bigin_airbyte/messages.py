"""Airbyte's messages as plain objects, and of which kind an error is. Pure.

Source: airbyte_protocol.yaml, version 0 of the protocol.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Literal

from bigin_api.errors import (
    AuthError,
    BiginError,
    BulkJobUnfinished,
    CreditBudgetReached,
    Refused,
    SettingsError,
    TransientError,
)

Message = dict[str, Any]
Status = Literal["STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"]

_MENDED_BY_A_PERSON = (SettingsError, AuthError, Refused)
_MENDED_BY_TIME = (TransientError, CreditBudgetReached, BulkJobUnfinished)
_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


def now() -> int:
    """This moment in milliseconds, as Airbyte counts."""
    return int(time.time() * 1000)


def failure_type(error: BiginError) -> str:
    """Who can mend it: a person, time, or we.

    >>> failure_type(AuthError("refused")), failure_type(BiginError("a fault"))
    ('config_error', 'system_error')
    """
    if isinstance(error, _MENDED_BY_A_PERSON):
        return "config_error"
    return "transient_error" if isinstance(error, _MENDED_BY_TIME) else "system_error"


def error_trace(error: BiginError, *, stream: str | None = None) -> Message:
    """What went wrong, for a person, with the stream that it ended."""
    told: Message = {"message": error.message, "failure_type": failure_type(error)}
    if error.code or error.status:
        told["internal_message"] = f"{type(error).__name__} {error.code or ''} {error.status or ''}".strip()
    if stream is not None:
        told["stream_descriptor"] = {"name": stream}
    return _trace("ERROR", error=told)


def stream_status(stream: str, status: Status) -> Message:
    """How far a stream is."""
    return _trace("STREAM_STATUS", stream_status={"stream_descriptor": {"name": stream}, "status": status})


def _trace(kind: str, **content: Message) -> Message:
    return {"type": "TRACE", "trace": {"type": kind, "emitted_at": float(now()), **content}}


def stream_state(stream: str, part: Message, *, records: int) -> Message:
    """A stream's part of the state; ``records`` have been told since the one before."""
    told = {"stream_descriptor": {"name": stream}, "stream_state": part}
    return {
        "type": "STATE",
        "state": {"type": "STREAM", "stream": told, "sourceStats": {"recordCount": float(records)}},
    }


def connection_status(problem: str | None) -> Message:
    """What ``check`` found: None if all is well."""
    status: Message = {"status": "SUCCEEDED"} if problem is None else {"status": "FAILED", "message": problem}
    return {"type": "CONNECTION_STATUS", "connectionStatus": status}


def log(record: logging.LogRecord) -> Message:
    """A line of the log."""
    told: Message = {
        "level": _LEVELS.get(record.levelname, record.levelname),
        "message": record.getMessage(),
    }
    if record.exc_info:
        told["stack_trace"] = logging.Formatter().formatException(record.exc_info)
    return {"type": "LOG", "log": told}
