"""What comes back: a page of records, and what became of each record of a write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bigin_api.errors import RecordError, ServerError
from bigin_api.json_values import mapping

if TYPE_CHECKING:
    from datetime import datetime

    from bigin_api.http.calls import Call, Reply


@dataclass(frozen=True)
class Page:
    """One page of a list. ``server_time`` is Bigin's clock when it answered.

    A page without records is the last, whatever it promises: else a list might never end.
    """

    records: list[dict[str, Any]]
    more_records: bool = False
    next_page_token: str | None = None
    page_token_expiry: str | None = None  # ISO 8601, in the offset of the token's user
    server_time: datetime | None = None
    not_modified: bool = False  # HTTP 304: If-Modified-Since was obeyed
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_reply(cls, reply: Reply, key: str = "data") -> Page:
        """Read the answer to a list."""
        info, records = reply.info, reply.rows(key)
        return cls(
            records=records,
            more_records=bool(records) and info.get("more_records") in (True, "true"),
            next_page_token=info.get("next_page_token") or None,
            page_token_expiry=info.get("page_token_expiry") or None,
            server_time=reply.server_time,
            not_modified=reply.not_modified,
            info=info,
        )


@dataclass(frozen=True)
class WriteResult:
    """What became of one record of a write. Decided by ``status`` alone: an error may carry an id."""

    succeeded: bool
    code: str = "SUCCESS"
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    action: str | None = None  # of an upsert: insert or update
    duplicate_field: str | None = None  # of an upsert: the field that matched

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> WriteResult:
        """Read one entry of a write's ``data``."""
        details = mapping(entry.get("details"))
        succeeded = entry.get("status") == "success"
        return cls(
            succeeded=succeeded,
            code=str(entry.get("code") or ""),
            message=str(entry.get("message") or ""),
            details=details,
            id=str(details["id"]) if details.get("id") else None,
            action=entry.get("action"),
            duplicate_field=entry.get("duplicate_field"),
        )

    def error(self, module: str) -> RecordError:
        """The refusal as an exception, in one line."""
        name = self.details.get("api_name")
        where = f"{module}: field {name!r}" if name else module
        return RecordError(
            f"{where} refused ({self.code}: {self.message})",
            code=self.code,
            details=self.details,
            module=module,
        )


def verdicts(reply: Reply, call: Call) -> list[WriteResult]:
    """One result a record, in the order sent; more of them where a recurring activity was written.

    Raises ServerError if there are fewer: which record they speak of cannot be told.
    """
    entries = [entry for entry in reply.rows() if isinstance(entry, Mapping)]
    if len(entries) < call.records:
        raise ServerError(
            f"{call.module}: {call.what} judged {len(entries)} of {call.records} records.",
            status=reply.status,
            module=call.module,
        )
    return [WriteResult.from_json(entry) for entry in entries]
