"""What the sandbox answers: envelopes and error bodies exactly as Bigin prints them.

An endpoint returns an `Answer` or raises a `Refusal`; nothing else leaves the house.

    json_answer({"data": [...]})        200 with a body
    no_content()                        204, empty: no such record, nothing in the list
    not_modified()                      304, empty: nothing newer than If-Modified-Since
    file_answer(content, "job.zip")     bytes to download
    disk_file_answer(path, "job.zip")   a file on disk, which may be too large for memory
    raise invalid_data(param_name=…)    400 {"code", "details", "message", "status": "error"}

Source: FACTS 1 (401, 403), 4 (lists), 5 (whole-call faults); read.md 11.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass
class Answer:
    """One HTTP answer, not yet sent: bytes, a file on disk, or nothing."""

    status: int = 200
    content: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None  # sent in pieces, in place of `content`


def json_answer(body: object, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status=status, content=msgspec.json.encode(body))


def no_content() -> Answer:
    """204 with an empty body: there is no such record, or none at all."""
    return Answer(status=204)


def not_modified() -> Answer:
    """304 with an empty body: nothing newer than If-Modified-Since."""
    return Answer(status=304)


def file_answer(content: bytes, filename: str) -> Answer:
    """A download, as Bigin labels it."""
    headers = {"content-disposition": f"attachment; filename={filename}"}
    return Answer(content=content, content_type="application/x-download", headers=headers)


def disk_file_answer(path: Path, filename: str) -> Answer:
    """A download that is read from disk while it is sent."""
    return replace(file_answer(b"", filename), file=path)


def error_body(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """One error, as it stands alone or as an entry of `data`."""
    return {"code": code, "details": details or {}, "message": message, "status": "error"}


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a failure of the sandbox
    """The whole call is refused.

    `wrapped` puts the error as the one element of `data`, as whole-call faults of writes do.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        wrapped: bool = False,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.wrapped = wrapped

    def to_answer(self) -> Answer:
        """The answer that tells the caller."""
        error = error_body(self.code, self.message, self.details)
        return json_answer({"data": [error]} if self.wrapped else error, self.status)


def invalid_request() -> Refusal:
    """Wrong authorization scheme. FACTS 1."""
    message = "unable to process your request. please verify whether you have entered proper method name,"
    return Refusal(400, "INVALID_REQUEST", f"{message} parameter and parameter values.")


def invalid_token() -> Refusal:
    """Expired, revoked or unknown access token. FACTS 1."""
    return Refusal(401, "INVALID_TOKEN", "invalid oauth token")


def authentication_failure() -> Refusal:
    """No usable token at all. read.md 1.5."""
    return Refusal(401, "AUTHENTICATION_FAILURE", "Authentication failed")


def scope_mismatch() -> Refusal:
    """The token lacks a scope. FACTS 1."""
    return Refusal(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def no_permission(*permissions: str) -> Refusal:
    """The user's profile lacks a right, e.g. `Crm_Implied_View_Contacts`. read.md 1.5."""
    details = {"permissions": list(permissions)}
    return Refusal(403, "NO_PERMISSION", "permission denied", details)


def too_many_requests() -> Refusal:
    """Too many calls at once, or no credits left: the two look the same. FACTS 2."""
    message = "You have made too many requests continuously. Please try again after some time."
    return Refusal(429, "TOO_MANY_REQUESTS", message)


def invalid_url() -> Refusal:
    """No such address. FACTS 5."""
    message = "Please check if the URL trying to access is a correct one"
    return Refusal(404, "INVALID_URL_PATTERN", message)


def invalid_method() -> Refusal:
    """An address that exists, with another method. FACTS 5."""
    return Refusal(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def invalid_module(**details: Any) -> Refusal:
    """No such module, or none of the API; `resource_path_index=0` or `param_name="module"`. read.md 3."""
    return Refusal(400, "INVALID_MODULE", "the module name given seems to be invalid", details)


def invalid_data(message: str = "invalid data", **details: Any) -> Refusal:
    """A parameter, id or body that is not what it should be. read.md 5.3."""
    return Refusal(400, "INVALID_DATA", message, details)


def invalid_body() -> Refusal:
    """A body that is not JSON. FACTS 5."""
    return Refusal(400, "INVALID_DATA", "body", {"expected_data_type": "jsonobject"})


def required_param_missing(param_name: str) -> Refusal:
    """A parameter that must be given is not. read.md 5.3."""
    details = {"param_name": param_name}
    return Refusal(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", details)


def ambiguity(*param_names: str) -> Refusal:
    """Parameters that exclude each other. read.md 5.3."""
    details = {"ambiguity_due_to": [{"param_name": name} for name in param_names]}
    message = "Ambiguity while processing the request"
    return Refusal(400, "AMBIGUITY_DURING_PROCESSING", message, details)


def limit_exceeded(message: str, **details: Any) -> Refusal:
    """More than allowed. FACTS 4, 5."""
    return Refusal(400, "LIMIT_EXCEEDED", message, details)


def pattern_not_matched(param_name: str) -> Refusal:
    """A word that is not among those a parameter takes. read.md 11."""
    details = {"param_name": param_name}
    return Refusal(400, "PATTERN_NOT_MATCHED", "Please check whether the input values are correct", details)
