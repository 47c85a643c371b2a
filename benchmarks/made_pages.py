"""A server whose answers are made beforehand, so that its own speed does not count.

It knows one module, Contacts, of 30 fields, and answers lists, Bulk Read jobs and upserts with bytes
that lie ready. It checks nothing: whether a client behaves is the sandbox's business.
"""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import sys
import zipfile
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

PER_PAGE = 200
ZONE = timezone(timedelta(hours=2))
BEGUN = datetime(2026, 1, 5, 8, 0, 0, tzinfo=ZONE)
OWNER = {"name": "Ann Ek", "id": "6100000000000225013", "email": "ann@example.org"}
TEXTS = (
    "First_Name",
    "Last_Name",
    "Title",
    "Mailing_Street",
    "Mailing_City",
    "Mailing_State",
    "Mailing_Country",
)
MORE_TEXTS = ("Mailing_Zip", "Department", "Region", "Source", "Segment", "Campaign", "Note_Line", "Nickname")
NUMBERS = ("Score", "Visits", "Orders")
AMOUNTS = ("Revenue", "Discount")
SWITCHES = ("Email_Opt_Out", "Is_Customer")
USERS = ("Owner", "Created_By", "Modified_By")
MOMENTS = ("Created_Time", "Modified_Time", "Last_Activity_Time")
NAMES = ("Email", "Phone", *TEXTS, *MORE_TEXTS, *NUMBERS, *AMOUNTS, *SWITCHES, *USERS, *MOMENTS)
DATA_TYPES = (
    {"Email": "email", "Phone": "phone"}
    | dict.fromkeys(TEXTS + MORE_TEXTS, "text")
    | dict.fromkeys(NUMBERS, "integer")
    | dict.fromkeys(AMOUNTS, "double")
    | dict.fromkeys(SWITCHES, "boolean")
    | dict.fromkeys(USERS, "ownerlookup")
    | dict.fromkeys(MOMENTS, "datetime")
)
JSON_TYPES = {"integer": "integer", "double": "double", "boolean": "boolean", "ownerlookup": "jsonobject"}


def record(number: int) -> dict[str, Any]:
    """The record of a number, as a list answers it: 30 fields beside the id."""
    at = (BEGUN + timedelta(seconds=number)).isoformat()
    return (
        {
            "id": str(6100000000001000000 + number),
            "Email": f"person{number}@example.org",
            "Phone": "+46 70 1234567",
        }
        | {name: f"{name} of number {number}" for name in TEXTS + MORE_TEXTS}
        | dict.fromkeys(NUMBERS, number % 1000)
        | dict.fromkeys(AMOUNTS, number / 8)
        | dict.fromkeys(SWITCHES, number % 2 == 0)
        | dict.fromkeys(USERS, OWNER)
        | {"Created_Time": BEGUN.isoformat(), "Modified_Time": at, "Last_Activity_Time": at}
    )


def fields() -> list[dict[str, Any]]:
    """The module's metadata, in the shape of /settings/fields."""
    return [
        {
            "id": str(6100000000000000500 + position),
            "api_name": name,
            "field_label": name.replace("_", " "),
            "data_type": data_type,
            "json_type": JSON_TYPES.get(data_type, "string"),
            "length": 250,
            "system_mandatory": name == "Last_Name",
            "field_read_only": name in ("Owner", "Last_Activity_Time"),
            "read_only": False,
            "custom_field": False,
            "unique": {"casesensitive": "0"} if name == "Email" else {},
            "view_type": dict.fromkeys(("view", "edit", "create"), name not in USERS[1:] + MOMENTS),
            "profiles": [],
        }
        for position, (name, data_type) in enumerate(DATA_TYPES.items())
    ]


class Answers:
    """Every answer as bytes, made before anyone asks."""

    def __init__(self, records: int) -> None:
        self.records = records
        self.pages = [self._page(start) for start in range(0, records, PER_PAGE)]
        self.zip = self._zip() if records else b""
        self.upserts: dict[int, bytes] = {}
        self.fixed = {
            "/bigin/v2/settings/modules": _json({"modules": [MODULE]}),
            "/bigin/v2/settings/fields": _json({"fields": fields()}),
            "/bigin/v2/users": _json(
                {"users": [{**OWNER, "full_name": OWNER["name"]}], "info": {"more_records": False}}
            ),
            "/bigin/v2/Contacts/actions/count": _json({"count": records}),
        }

    def of(self, method: str, target: str, body: bytes) -> bytes:
        """The answer to a request."""
        url = urlsplit(target)
        if url.path in self.fixed:
            return self.fixed[url.path]
        if url.path == "/bigin/v2/Contacts" and method == "GET":
            return self._list(parse_qs(url.query))
        if url.path == "/bigin/v2/Contacts/upsert":
            return self._upsert(len(json.loads(body)["data"]))
        if url.path.startswith("/bigin/bulk/v2/read"):
            return self._bulk(method, url.path)
        return NOTHING

    def _list(self, query: dict[str, list[str]]) -> bytes:
        if "ids" in query:
            return NOTHING
        token = query.get("page_token")
        number = int(token[0][:16], 16) if token else int(query.get("page", ["1"])[0]) - 1
        return self.pages[number] if number < len(self.pages) else NOTHING

    def _page(self, start: int) -> bytes:
        stop = min(start + PER_PAGE, self.records)
        number = start // PER_PAGE
        more = stop < self.records
        return _json(
            {
                "data": [record(each) for each in range(start, stop)],
                "info": {
                    "per_page": PER_PAGE,
                    "count": stop - start,
                    "page": number + 1,
                    "sort_by": "id",
                    "sort_order": "asc",
                    "more_records": more,
                    "next_page_token": f"{number + 1:016x}" + "0" * 240 if more else None,
                    "previous_page_token": None,
                    "page_token_expiry": None,
                },
            }
        )

    def _upsert(self, records: int) -> bytes:
        if records not in self.upserts:
            entry = {
                "code": "SUCCESS",
                "duplicate_field": "Email",
                "action": "update",
                "details": {
                    "Modified_Time": BEGUN.isoformat(),
                    "Modified_By": OWNER,
                    "Created_Time": BEGUN.isoformat(),
                    "id": "6100000000001000001",
                    "Created_By": OWNER,
                },
                "message": "record updated",
                "status": "success",
            }
            self.upserts[records] = _json({"data": [entry] * records})
        return self.upserts[records]

    def _bulk(self, method: str, path: str) -> bytes:
        details = {"id": "6100000000000611001", "operation": "read", "created_time": BEGUN.isoformat()}
        if method == "POST":
            body = {
                "status": "success",
                "code": "ADDED_SUCCESSFULLY",
                "message": "",
                "details": {**details, "state": "ADDED"},
            }
            return _json({"data": [body], "info": {}}, "201 Created")
        if path.endswith("/result"):
            return _answer(self.zip, "application/x-download")
        result = {
            "page": 1,
            "per_page": 200000,
            "count": self.records,
            "download_url": "/bigin/bulk/v2/read/6100000000000611001/result",
            "more_records": False,
        }
        return _json({"data": [{**details, "state": "COMPLETED", "result": result}]})

    def _zip(self) -> bytes:
        lines = [",".join(("Id", *NAMES))]
        lines += (
            ",".join(_cell(value) for value in record(number).values()) for number in range(self.records)
        )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("6100000000000611001.csv", "\n".join(lines) + "\n")
        return packed.getvalue()


MODULE = {
    "id": "6100000000000002179",
    "api_name": "Contacts",
    "module_name": "Contacts",
    "singular_label": "Contact",
    "plural_label": "Contacts",
    "generated_type": "default",
} | dict.fromkeys(("api_supported", "viewable", "creatable", "editable", "deletable", "visible"), True)


def token_answer(api_url: str) -> bytes:
    """The accounts server's answer."""
    return _json(
        {"access_token": "1000.made", "api_domain": api_url, "token_type": "Bearer", "expires_in": 3600}
    )


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["id"])
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _answer(body: bytes, media_type: str = "application/json;charset=UTF-8", status: str = "200 OK") -> bytes:
    date = datetime.now(timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ndate: {date}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _json(content: Any, status: str = "200 OK") -> bytes:
    return _answer(json.dumps(content).encode(), status=status)


NOTHING = b"HTTP/1.1 204 No Content\r\ncontent-type: application/json;charset=UTF-8\r\n\r\n"


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with kept connections and Content-Length, and nothing else of it."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._waiting = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, rest = self._waiting.split(b"\r\n\r\n", 1)
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), 0
            )
            if len(rest) < length:
                return
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._waiting = rest[length:]
            self._transport.write(self._answers.of(method, target, rest[:length]))


def _serve(records: int, port: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(answers), "127.0.0.1", 0)
        number = server.sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{number}"
        answers.fixed["/oauth/v2/token"] = token_answer(address)
        port.send(number)
        await server.serve_forever()

    answers = Answers(records)
    asyncio.run(forever())


@contextmanager
def serving(records: int) -> Iterator[str]:
    """The server in a process of its own; gives its address."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(records, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(120):
            sys.exit("The server of made pages did not start.")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
