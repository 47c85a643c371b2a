"""An answer is a function: what Bigin's bytes mean, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

from bigin_api.errors import (
    CODE_TO_ERROR,
    REMEDIES,
    AuthError,
    BiginError,
    InvalidRequest,
    PageTokenRefused,
    PermissionDenied,
    RateLimited,
    ServerError,
)
from bigin_api.http.calls import Call, Reply
from bigin_api.json_values import entries, mapping, read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY = (204, 304)  # no record, nothing modified: both bodies are empty
_WHOLE_CALL_CODES = {
    "INVALID_MODULE",
    "INVALID_TOKEN",
    "AUTHENTICATION_FAILURE",
    "OAUTH_SCOPE_MISMATCH",
    "INVALID_REQUEST_METHOD",
    "INVALID_REQUEST",
    "INVALID_URL_PATTERN",
    "TOO_MANY_REQUESTS",
}


def read_reply(
    status: int, body: bytes, header: Mapping[str, str] | None = None, *, call: Call | None = None
) -> Reply:
    """What an answer means. No I/O.

    Raises ServerError for a body that is cut off, whatever the status says, and the class of the
    code for a refusal. A refusal that judges record by record is a reply, not an error.

    >>> read_reply(204, b"").body is None
    True
    """
    header = header or {}
    remaining = credits_remaining(header)
    if status in _EMPTY:
        return Reply(status, None, server_time(header), remaining, header)
    if 300 <= status < 400:  # noqa: PLR2004
        raise ServerError(
            f"{_where(call)}HTTP {status}, a redirect, which Bigin never answers. Is api_url right?",
            status=status,
            module=call.module if call else None,
        )
    damaged: list[str] = []
    content = _decode(status, body, call, damaged)
    if _is_result(status, content, call):
        return Reply(status, content, server_time(header), remaining, header, tuple(damaged))
    refuse(status, content, call=call, remaining=remaining)


def refuse(status: int, content: Any, *, call: Call | None = None, remaining: int | None = None) -> NoReturn:
    """Raise the error that an answer's body stands for, in Bigin's own words."""
    refusal = next(_refusals(content), {})
    code = str(refusal.get("code") or "") or None
    details = mapping(refusal.get("details"))
    said = str(refusal.get("message") or "").strip()
    error = _class_of(status, code, details)
    seen = " ".join(part for part in (f"HTTP {status}", code, f"({said})" if said else None) if part)
    if details:
        seen += f" {dict(details)}"
    remedy = _rate_remedy(remaining) if error is RateLimited else REMEDIES.get(error)
    message = f"{_where(call)}{seen}."
    raise error(
        f"{message} {remedy}" if remedy else message,
        code=code,
        details=details if remaining is None else {**details, "credits_remaining": remaining},
        status=status,
        module=call.module if call else None,
    )


def server_time(header: Mapping[str, str]) -> datetime | None:
    """Bigin's clock, in UTC: the ``Date`` header."""
    try:
        return parsedate_to_datetime(header.get("date") or "").astimezone(timezone.utc)
    except (TypeError, ValueError):
        return None


def credits_remaining(header: Mapping[str, str]) -> int | None:
    """What remains of the day's credits; told once half of them are used."""
    text = header.get("x-api-credits-remaining", "").strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def _where(call: Call | None) -> str:
    if call is None:
        return ""
    return "".join(f"{part}: " for part in (call.module, call.what) if part)


def _decode(status: int, body: bytes, call: Call | None, damaged: list[str]) -> Mapping[str, Any]:
    try:
        content = read_json(body, tell=damaged.append)
    except ValueError:
        content = None
    if isinstance(content, Mapping):
        return content
    if status == 429:  # noqa: PLR2004
        return {}  # the status alone says that nothing was done
    what = "an empty body" if not body else f"{len(body)} bytes that are not a whole JSON object"
    raise ServerError(
        f"{_where(call)}HTTP {status} with {what}.", status=status, module=call.module if call else None
    )


def _is_result(status: int, content: Mapping[str, Any], call: Call | None) -> bool:
    """Whether this is what was asked for: records, a success, or a verdict on each record sent."""
    if 200 <= status < 300:  # noqa: PLR2004
        return not _is_flat_error(content) and not _is_one_error_for_many(content, call)
    if status in (401, 429) or status >= 500 or call is None or not call.answers_records:  # noqa: PLR2004
        return False
    return _judges_each(entries(content, "data"), call.records)


def _is_flat_error(content: Mapping[str, Any]) -> bool:
    if "ERROR_CODE" in content or "x-info" in content:
        return True  # the envelopes of the content host and of a result's link
    return content.get("status") == "error" and "code" in content


def _is_one_error_for_many(content: Mapping[str, Any], call: Call | None) -> bool:
    if call is None or not call.answers_records or call.records < 2:  # noqa: PLR2004
        return False
    found = entries(content, "data")
    return len(found) == 1 and found[0].get("status") == "error"


def _judges_each(verdicts: list[Mapping[str, Any]], sent: int) -> bool:
    """Whether there is a verdict for each record sent; one for many is a whole-call fault."""
    if not verdicts or len(verdicts) < sent:
        return False
    return len(verdicts) > 1 or not _faults_whole_call(verdicts[0])


def _faults_whole_call(entry: Mapping[str, Any]) -> bool:
    code = entry.get("code")
    if code == "LIMIT_EXCEEDED":
        return mapping(entry.get("details")).get("api_name") == "data"
    # A server error may name one record of one: it is the record's, and its fate is unknown.
    return code in _WHOLE_CALL_CODES


def _refusals(content: Any) -> Iterator[Mapping[str, Any]]:
    """Each ``{code, details, message}`` of an answer: flat, in an envelope, or in another's words."""
    content = mapping(content)
    if "code" in content:
        yield content
    for key in ("data", "watch", "tags"):
        yield from (entry for entry in entries(content, key) if entry.get("status") == "error")
    if "ERROR_CODE" in content:  # the content host, if headers are missing
        said = " ".join(str(content.get(key) or "") for key in ("ERROR_MESSAGE", "x-error")).strip()
        yield {"code": content["ERROR_CODE"], "message": said}
    if "x-info" in content:  # the link of a bulk write's result
        yield {"code": str(content.get("info") or "").upper(), "message": content["x-info"]}


def _class_of(status: int, code: str | None, details: Mapping[str, Any]) -> type[BiginError]:
    if status == 429:  # noqa: PLR2004
        return RateLimited
    if status >= 500:  # noqa: PLR2004
        return ServerError
    if code == "INVALID_DATA" and details.get("param_name") == "page_token":
        return PageTokenRefused
    if code is not None and code in CODE_TO_ERROR:
        return CODE_TO_ERROR[code]
    by_status: Mapping[int, type[BiginError]] = {401: AuthError, 403: PermissionDenied}
    return by_status.get(status, InvalidRequest)


def _rate_remedy(remaining: int | None) -> str:
    if remaining is not None and remaining <= 0:
        return "The day's credits are used up; they come back over a rolling 24 hours."
    if remaining is not None:
        return f"{remaining} credits remain, so it is too many calls at once: lower max_concurrent_requests."
    return "Too many calls at once, or the day's credits are used up: Bigin does not say which."
