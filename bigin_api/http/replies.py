"""An answer is a function: what Bigin's bytes mean, without a network."""

from __future__ import annotations

import reprlib
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
from bigin_api.json_values import entries, mapping, read_json, says, text, with_ids_as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_EMPTY = (204, 304)  # no record, nothing modified: both bodies are empty
_YEARS = range(2001, 9000)  # a clock that tells another one is not set
_TOO_LARGE = (413, 414, 431)  # said by what stands before Bigin, often without a word more
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


def read_reply(status: int, body: bytes, header: Mapping[str, str], *, call: Call) -> Reply:
    """What an answer means. No I/O.

    Raises ServerError for a body that is cut off, whatever the status says, and the class of the
    code for a refusal; a refusal in words that are no JSON (a proxy's page) is an InvalidRequest.
    A refusal that judges record by record is a reply, not an error.

    >>> read_reply(204, b"", {}, call=Call("GET", "/Contacts")).rows()
    []
    """
    remaining = credits_remaining(header)
    if status == 304 and "If-Modified-Since" not in call.headers:  # noqa: PLR2004
        raise ServerError(f"{_where(call)}HTTP 304, though no time was asked about.", status=status)
    if status in _EMPTY:
        return Reply(status, None, server_time(header), remaining, header)
    if 300 <= status < 400:  # noqa: PLR2004
        raise ServerError(
            f"{_where(call)}HTTP {status}, a redirect, which Bigin never answers. Is api_url right?",
            status=status,
            module=call.module,
        )
    damaged: list[str] = []
    content = read_json(with_ids_as_text(body), tell=damaged.append)
    if not isinstance(content, Mapping) and status != 429:  # noqa: PLR2004 -- it alone says: nothing was done
        raise _without_json(status, body, header, call)
    if _is_result(status, content, call):
        return Reply(status, content, server_time(header), remaining, header, tuple(damaged))
    refuse(status, content, call=call, remaining=remaining)


def refuse(status: int, content: Any, *, call: Call, remaining: int | None = None) -> NoReturn:
    """Raise the error that an answer's body stands for, in Bigin's own words."""
    refusal = next(_refusals(content), {})
    code = text(refusal.get("code"))
    details = mapping(refusal.get("details"))
    said = " ".join((text(refusal.get("message")) or "").split())[:500]
    error = _class_of(status, code, details)
    seen = " ".join(part for part in (f"HTTP {status}", code, f"({said})" if said else None) if part)
    if details:
        seen += f" {_Short().repr(dict(details))}"
    remedy = _rate_remedy(remaining) if error is RateLimited else REMEDIES.get(error)
    message = f"{_where(call)}{seen}."
    raise error(
        f"{message} {remedy}" if remedy else message,
        code=code,
        details=details if remaining is None else {**details, "credits_remaining": remaining},
        status=status,
        module=call.module,
    )


def server_time(header: Mapping[str, str]) -> datetime | None:
    """Bigin's clock, in UTC: the ``Date`` header."""
    return _moment(header.get("date", ""))


def retry_after(header: Mapping[str, str]) -> float | None:
    """How many seconds the answer asks to wait, None if it does not: a number, or a moment.

    >>> retry_after({"retry-after": "7"}), retry_after({"retry-after": "soon"})
    (7.0, None)
    """
    said = header.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    until, now = _moment(said), server_time(header)
    return max(0.0, (until - now).total_seconds()) if until and now else None


def credits_remaining(header: Mapping[str, str]) -> int | None:
    """What remains of the day's credits; told once half of them are used."""
    try:
        return int(header.get("x-api-credits-remaining", ""))
    except ValueError:
        return None


def is_busy(status: int) -> bool:
    """True for a status that another try may mend, whatever the body says."""
    return status in (408, 429) or status >= 500  # noqa: PLR2004


def _moment(said: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(said)
        # HTTP knows one zone alone; without it, ours would be taken.
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year in _YEARS else None


def _where(call: Call) -> str:
    return f"{call.module}: {call.what}: " if call.module else f"{call.what}: "


class _Short(reprlib.Repr):
    """Details in one line of a message, however many and however deep they are."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxstring = 4, 20, 20, 200


def _without_json(status: int, body: bytes, header: Mapping[str, str], call: Call) -> BiginError:
    """The error of a body that is no JSON object: it is cut off, or not Bigin's but a proxy's."""
    kind = header.get("content-type", "").partition(";")[0].strip()[:50] or "unnamed"
    what = f"{len(body)} bytes of {kind!r} that are not a whole JSON object" if body else "an empty body"
    is_whole = status in _TOO_LARGE or header.get("content-length") == "0"
    cut_off = body.strip()[:1] in (b"", b"{") and not is_whole
    error: type[BiginError] = ServerError
    if status >= 400 and not is_busy(status) and not cut_off:  # noqa: PLR2004
        error = AuthError if status == 401 else InvalidRequest  # noqa: PLR2004
    return error(f"{_where(call)}HTTP {status} with {what}.", status=status, module=call.module)


def _is_result(status: int, content: Mapping[str, Any], call: Call) -> bool:
    """Whether this is what was asked for: records, a success, or a verdict on each record sent."""
    if status < 400:  # noqa: PLR2004 -- no redirect comes here
        return not _is_flat_error(content) and not _is_one_error_for_many(content, call)
    if status == 401 or is_busy(status) or not call.answers_records:  # noqa: PLR2004
        return False
    return _judges_each(entries(content, "data"), call.records)


def _is_flat_error(content: Mapping[str, Any]) -> bool:
    if "ERROR_CODE" in content or "x-info" in content:
        return True  # the envelopes of the content host and of a result's link
    return says(content.get("status"), "error") and "code" in content


def _is_one_error_for_many(content: Mapping[str, Any], call: Call) -> bool:
    return call.records > 1 and [says(each.get("status"), "error") for each in entries(content, "data")] == [
        True
    ]


def _judges_each(verdicts: list[Mapping[str, Any]], sent: int) -> bool:
    """Whether there is a verdict for each record sent; one for many is a whole-call fault."""
    if len(verdicts) < max(1, sent):
        return False
    return len(verdicts) > 1 or not any(map(_faults_whole_call, verdicts))


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
        yield from (entry for entry in entries(content, key) if says(entry.get("status"), "error"))
    if "ERROR_CODE" in content:  # the content host, if headers are missing
        said = " ".join(text(content.get(key)) or "" for key in ("ERROR_MESSAGE", "x-error"))
        yield {"code": content["ERROR_CODE"], "message": said}
    if "x-info" in content:  # the link of a bulk write's result
        yield {"code": (text(content.get("info")) or "").upper(), "message": content["x-info"]}


def _class_of(status: int, code: str | None, details: Mapping[str, Any]) -> type[BiginError]:
    if status == 429:  # noqa: PLR2004
        return RateLimited
    if is_busy(status):
        return ServerError
    if details.get("param_name") == "page_token":
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
