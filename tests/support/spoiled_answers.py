"""What a server, a proxy or a line between may make of an answer as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.rewriting import Rewritten

HTML = b"<html><head><title>Sorry</title></head><body>Please come back later.</body></html>"
DEEP = "[" * 500 + "]" * 500


def _as(
    status: int, body: bytes, kind: str = "application/json;charset=UTF-8"
) -> Callable[[Rewritten], None]:
    def change(answer: Rewritten) -> None:
        answer.status, answer.body = status, body
        answer.headers = {**answer.headers, "Content-Type": kind}

    return change


def _error(status: int, code: str, **details: Any) -> Callable[[Rewritten], None]:
    told = {"code": code, "details": details, "message": "spoiled", "status": "error"}
    return _as(status, json.dumps(told).encode())


def _with_type(kind: str | None) -> Callable[[Rewritten], None]:
    def change(answer: Rewritten) -> None:
        answer.headers = {
            name: each for name, each in answer.headers.items() if name.lower() != "content-type"
        }
        if kind is not None:
            answer.headers["Content-Type"] = kind

    return change


def _without_date(answer: Rewritten) -> None:
    answer.headers = {name: each for name, each in answer.headers.items() if name.lower() != "date"}


def _cut(answer: Rewritten) -> None:
    answer.body = answer.body[: len(answer.body) // 2]


def _reset(answer: Rewritten) -> None:
    answer.cut_at = len(answer.body) // 2


def _drip(answer: Rewritten) -> None:
    answer.drips = True


WHOLE: dict[str, Callable[[Rewritten], None]] = {
    **{f"HTML with {status}": _as(status, HTML, "text/html") for status in (200, 401, 403, 404, 413, 502)},
    **{f"nothing with {status}": _as(status, b"") for status in (200, 204, 304, 418, 500)},
    "a redirect": _as(301, b""),
    "a body cut off": _cut,
    "a connection reset in the body": _reset,
    "a body that drips": _drip,
    "a list": _as(200, b"[]"),
    "a list of objects": _as(200, b'[{"id": "1"}]'),
    "null": _as(200, b"null"),
    "a text": _as(200, b'"OK"'),
    "a number": _as(200, b"7"),
    "an empty object": _as(200, b"{}"),
    "nested without end": _as(200, b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "nested 500 deep": _as(200, f'{{"data": {DEEP}, "fields": {DEEP}, "modules": {DEEP}}}'.encode()),
    "an error in a 200": _error(200, "INTERNAL_ERROR"),
    "a refusal in a 200": _error(200, "INVALID_DATA"),
    "an unknown code with 400": _error(400, "NOBODY_KNOWS"),
    "NO_PERMISSION": _error(403, "NO_PERMISSION"),
    "OAUTH_SCOPE_MISMATCH": _error(401, "OAUTH_SCOPE_MISMATCH"),
    "INVALID_TOKEN": _error(401, "INVALID_TOKEN"),
    "LIMIT_EXCEEDED": _error(400, "LIMIT_EXCEEDED", limit=1),
    "INVALID_DATA": _error(400, "INVALID_DATA"),
    "a wrong token of a page": _error(400, "INVALID_DATA", param_name="page_token"),
    "an error with 500": _error(500, "INTERNAL_ERROR"),
    "too many requests": _error(429, "TOO_MANY_REQUESTS"),
    "a code that is a number": _as(
        400, b'{"code": 7, "status": "error", "message": ["no"], "details": "no"}'
    ),
    "a code that is a list": _as(400, b'{"code": [1], "status": {}, "message": null, "details": [[]]}'),
    "no Content-Type": _with_type(None),
    "a wrong Content-Type": _with_type("image/png; charset=klingon"),
    "no Date": _without_date,
    "not UTF-8": _as(200, b'{"data": "\xff\xfe"}'),
}
