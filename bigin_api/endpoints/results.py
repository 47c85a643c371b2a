"""What comes back: a page of records, and what became of each record of a write."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from bigin_api.errors import PageTokenRefused, ServerError
from bigin_api.json_values import id_text, is_true, mapping, says, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bigin_api.http.calls import Call, Reply, Sender


logger = logging.getLogger(__name__)
SAME_PAGES = 3
TOO_FEW_RESULTS = "TOO_FEW_RESULTS"
"""Our code for a write that was answered in whole, but not for each record."""


def whole_records(rows: Sequence[Any], where: str = "A list") -> list[dict[str, Any]]:
    """The rows that are records, with ids as text; what else comes is told and left out.

    >>> whole_records([{"id": 7}, {"id": "8"}])
    [{'id': '7'}, {'id': '8'}]
    """
    records = []
    for row in rows:
        record_id = id_text(mapping(row).get("id"))
        if record_id is None:
            said = mapping(row).get("code") or type(row).__name__
            logger.warning("%s: a page has a row without id (%.50s): left out.", where, said)
        else:
            row["id"] = record_id
            records.append(row)
    return records


def whole_entries(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows that are objects; what else comes is told and left out."""
    entries = [each for each in rows if isinstance(each, dict)]
    if len(entries) < len(rows):
        logger.warning("A list has %d entries that are no objects: left out.", len(rows) - len(entries))
    return entries


@dataclass(frozen=True)
class Page:
    """One page of a list. ``server_time`` is Bigin's clock when it answered.

    A page without records is the last, whatever it promises: else a list might never end.
    """

    records: list[dict[str, Any]]
    more_records: bool
    next_page_token: str | None
    page_token_expiry: str | None  # ISO 8601, in the offset of the token's user
    server_time: datetime | None
    not_modified: bool  # HTTP 304: If-Modified-Since was obeyed
    info: Mapping[str, Any]
    left_out: int  # rows that were no records

    @classmethod
    def from_reply(cls, reply: Reply, key: str = "data") -> Page:
        """Read the answer to a list."""
        info, rows = reply.info, reply.rows(key)
        return cls(
            records=rows,
            more_records=bool(rows) and is_true(info.get("more_records")),
            next_page_token=text(info.get("next_page_token")),
            page_token_expiry=text(info.get("page_token_expiry")),
            server_time=reply.server_time,
            not_modified=reply.not_modified,
            info=info,
            left_out=0,
        )

    @classmethod
    def of_records(cls, reply: Reply, where: str) -> Page:
        """Read the answer to a list of a module's records: what is none, having no id, is told and left out.

        Each such answer says whether more follow. One that does not is taken to promise more: the page
        after the last is empty.
        """
        page = cls.from_reply(reply)
        records = whole_records(page.records, where)
        more = page.more_records or (bool(page.records) and is_unsaid(page.info.get("more_records")))
        return replace(page, records=records, more_records=more, left_out=len(page.records) - len(records))


def is_unsaid(more_records: Any) -> bool:
    """Whether it is no answer to the question whether more records follow."""
    return not (isinstance(more_records, bool) or says(more_records, "true") or says(more_records, "false"))


class Progress:
    """Sees that a list goes on, whatever the server does with tokens and page numbers."""

    def __init__(self) -> None:
        self._tokens: set[object] = set()
        self._latest: tuple[object, ...] = ()
        self._times = 0

    def see(self, records: Sequence[Any], token: object = None) -> None:
        """A page came, with the token of the next one.

        Raises PageTokenRefused for a token that has led here before, and for the same records again and
        again: twice may be by chance, for people move them.
        """
        ids = tuple(each["id"] if "id" in mapping(each) else str(each) for each in records)
        self._times = self._times + 1 if ids and ids == self._latest else 0
        self._latest = ids
        if self._times >= SAME_PAGES or (token and token in self._tokens):
            raise PageTokenRefused("The list goes round: the same page came again.", code="GOES_ROUND")
        self._tokens.add(token)


def by_number(sender: Sender, call: Call, key: str) -> Iterator[dict[str, Any]]:
    """Every entry of a list that is paged by number alone: users, and the lists of the settings.

    Costs 1 credit a page. Raises ServerError if a page is the one before again: it might never end.
    """
    before: list[Any] | None = None
    for number in count(1):
        asked = call if number == 1 else replace(call, params={**call.params, "page": str(number)})
        page = Page.from_reply(sender.send(asked), key)
        ids = [mapping(each).get("id", each) for each in page.records]
        if ids == before:
            raise ServerError(
                f"{call.what}: page {number} is page {number - 1} once more, and more are promised.",
                module=call.module,
            )
        yield from whole_entries(page.records)
        if not page.more_records:
            return
        before = ids


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
        succeeded = says(entry.get("status"), "success")
        return cls(
            succeeded=succeeded,
            code=text(entry.get("code")) or "",
            message=text(entry.get("message")) or "",
            details=details,
            id=id_text(details.get("id")),
            action=(text(entry.get("action")) or "").lower() or None,
            duplicate_field=text(entry.get("duplicate_field")),
        )

    @property
    def field(self) -> str | None:
        """The api_name of the field that Bigin names as the cause, if it does."""
        name = self.details.get("api_name")
        return name if isinstance(name, str) else None

    def refusal(self, module: str) -> str:
        """The refusal in one line."""
        where = f"{module}: field {self.field!r}" if self.field else module
        return f"{where} refused ({self.code}: {self.message})"


def verdicts(reply: Reply, call: Call) -> list[WriteResult]:
    """One result a record, in the order sent; more of them where a recurring activity was written.

    Raises ServerError if there are fewer: which record they speak of cannot be told.
    """
    entries = [entry for entry in reply.rows() if isinstance(entry, Mapping)]
    if len(entries) < call.records:
        raise ServerError(
            f"{call.module}: {call.what} judged {len(entries)} of {call.records} records.",
            code=TOO_FEW_RESULTS,
            status=reply.status,
            module=call.module,
        )
    return [WriteResult.from_json(entry) for entry in entries]
