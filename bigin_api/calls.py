"""A call is a value, an answer is a function: what is asked of Bigin and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NoReturn, Protocol

import msgspec

from bigin_api.errors import (
    CODE_TO_ERROR,
    REMEDIES,
    BiginError,
    InvalidRequest,
    PageTokenRefused,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from bigin_api.limits import CREDITS_PER_CALL

if TYPE_CHECKING:
    from collections.abc import Iterator

Api = Literal["rest", "bulk", "upload", "root"]
"""``rest`` is /bigin/v2, ``bulk`` /bigin/bulk/v2, ``upload`` the content host's /bigin/v2.

``root`` has no base: for addresses that Bigin itself gives, such as that of a bulk write's result.
"""


@dataclass(frozen=True)
class Call:
    """One request to Bigin, described and not yet sent.

    ``path`` begins after the API's base (``/Contacts/upsert``). ``endpoint`` is the name under
    which the meter and the reports count it; ``label`` the stream on whose behalf it is made.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: tuple[str, BinaryIO, str] | None = None  # file name, content, media type
    api: Api = "rest"
    host: str | None = None  # https://… where Bigin's answer named another one: Zoho's alone are called
    endpoint: str = "other"
    module: str | None = None
    label: str = ""
    credits: int = CREDITS_PER_CALL  # charged for each attempt, also for a failed one
    records: int = 0  # how many records it carries
    repeatable: bool = True  # False for an insert: find out its fate first
    answers_records: bool = False  # a 4xx may hold one verdict a record

    @property
    def what(self) -> str:
        """Method and path, for messages: never parameters, which may hold values of records."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """What Bigin answered. ``body`` is None for 204 and 304, whose bodies are empty."""

    status: int
    body: Any = None
    server_time: datetime | None = None  # the `Date` header: the only clock to trust
    credits_remaining: int | None = None  # shown once half of the day's credits are used
    header: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def not_modified(self) -> bool:
        """Nothing newer than If-Modified-Since."""
        return self.status == 304  # noqa: PLR2004

    def rows(self, key: str = "data") -> list[dict[str, Any]]:
        """The records in the envelope, [] where there is no body."""
        return list((self.body or {}).get(key) or [])

    @property
    def info(self) -> Mapping[str, Any]:
        """The page's own description, {} where there is none."""
        return (self.body or {}).get("info") or {}


class Sender(Protocol):
    """What carries a call to Bigin: the client, or a test's stand-in."""

    def send(self, call: Call) -> Reply:
        """The answer to a call. Raises BiginError."""

    def download(self, call: Call, into: BinaryIO) -> Reply:
        """Write the answer's body into a file as it comes; the reply has no body."""


def read_reply(
    status: int,
    body: bytes,
    header: Mapping[str, str] | None = None,
    *,
    call: Call | None = None,
) -> Reply:
    """What an answer means. No I/O.

    Raises ServerError for a body that is cut off, whatever the status says, and the class of the
    code for a refusal. A refusal that judges record by record is a reply, not an error.

    >>> read_reply(204, b"").body is None
    True
    """
    header = header or {}
    server_time, remaining = _server_time(header), _credits_remaining(header)
    if status in (204, 304):
        return Reply(status, None, server_time, remaining, header)
    content = _decode(status, body, call)
    reply = Reply(status, content, server_time, remaining, header)
    if 200 <= status < 300 and not _is_flat_error(content):  # noqa: PLR2004
        return reply
    if call is not None and call.answers_records and _judges_records(content, call.records):
        return reply
    refuse(status, content, call=call, remaining=remaining)


def refusals(content: Any) -> Iterator[Mapping[str, Any]]:
    """Each ``{code, details, message, status: error}`` of an answer, flat or in an envelope."""
    if not isinstance(content, Mapping):
        return
    if "code" in content:
        yield content
    for key in ("data", "watch", "tags"):
        for entry in content.get(key) or ():
            if isinstance(entry, Mapping) and entry.get("status") == "error":
                yield entry


def _decode(status: int, body: bytes, call: Call | None) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        where = f"{call.what}: " if call else ""
        what = "an empty body" if not body else f"{len(body)} bytes that are not whole JSON"
        raise ServerError(
            f"{where}HTTP {status} with {what}.", status=status, module=call.module if call else None
        ) from exc


def _is_flat_error(content: Any) -> bool:
    return isinstance(content, Mapping) and content.get("status") == "error" and "code" in content


def _judges_records(content: Any, sent: int) -> bool:
    """Whether `data` has a verdict for each record sent; one entry for many is a whole-call fault."""
    entries = content.get("data") if isinstance(content, Mapping) else None
    if not isinstance(entries, list) or not entries or len(entries) < sent:
        return False
    return not (len(entries) == 1 and _faults_whole_call(entries[0]))


def _faults_whole_call(entry: Mapping[str, Any]) -> bool:
    code = entry.get("code")
    if code == "LIMIT_EXCEEDED":
        return (entry.get("details") or {}).get("api_name") == "data"
    # A server error may name one record of one: it is the record's, and its fate is unknown.
    return code in {
        "INVALID_MODULE",
        "INVALID_TOKEN",
        "AUTHENTICATION_FAILURE",
        "OAUTH_SCOPE_MISMATCH",
        "INVALID_REQUEST_METHOD",
        "INVALID_REQUEST",
        "INVALID_URL_PATTERN",
        "TOO_MANY_REQUESTS",
    }


def refuse(status: int, content: Any, *, call: Call | None = None, remaining: int | None = None) -> NoReturn:
    """Raise the error that an answer's body stands for, in Bigin's own words."""
    refusal = next(refusals(content), None) or {}
    code = str(refusal.get("code") or "") or None
    details = refusal.get("details") if isinstance(refusal.get("details"), Mapping) else {}
    said = str(refusal.get("message") or "").strip()
    error = _class_of(status, code, details or {})
    where = ": ".join(part for part in (call.module if call else None, call.what if call else None) if part)
    seen = " ".join(part for part in (f"HTTP {status}", code, f"({said})" if said else None) if part)
    if details:
        seen += f" {dict(details)}"
    message = f"{where}: {seen}." if where else f"{seen}."
    remedy = REMEDIES.get(error)
    if error is RateLimited:
        remedy = _rate_remedy(remaining)
    raise error(
        f"{message} {remedy}" if remedy else message,
        code=code,
        details=details if remaining is None else {**(details or {}), "credits_remaining": remaining},
        status=status,
        module=call.module if call else None,
    )


def _class_of(status: int, code: str | None, details: Mapping[str, Any]) -> type[BiginError]:
    if status == 429:  # noqa: PLR2004
        return RateLimited
    if status >= 500 or 300 <= status < 400:  # noqa: PLR2004
        return ServerError
    if code == "INVALID_DATA" and details.get("param_name") == "page_token":
        return PageTokenRefused
    if code is not None and code in CODE_TO_ERROR:
        return CODE_TO_ERROR[code]
    return PermissionDenied if status == 403 else InvalidRequest  # noqa: PLR2004


def _rate_remedy(remaining: int | None) -> str:
    if remaining is not None and remaining <= 0:
        return "The day's credits are used up; they come back over a rolling 24 hours."
    if remaining is not None:
        return f"{remaining} credits remain, so it is too many calls at once: lower max_concurrent_requests."
    return "Too many calls at once, or the day's credits are used up: Bigin does not say which."


def _server_time(header: Mapping[str, str]) -> datetime | None:
    text = header.get("date")
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(timezone.utc)
    except (TypeError, ValueError):
        return None


def _credits_remaining(header: Mapping[str, str]) -> int | None:
    text = header.get("x-api-credits-remaining", "")
    return int(text) if text.lstrip("-").isdigit() else None
