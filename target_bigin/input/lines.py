"""What one line of the input says. A value in it that nobody can read costs its record, not the run."""

from __future__ import annotations

import logging
import re
from decimal import InvalidOperation
from typing import Any

import msgspec
from singer_sdk.contrib.msgspec import decoder
from singer_sdk.singerlib.exceptions import InvalidInputLine

from bigin_api.json_values import mended, read_json
from target_bigin.records.record import Fields, Reject, Spoiled

logger = logging.getLogger("target-bigin")

MOST_DEEP = 100  # levels of objects and lists in one another; what lies deeper nobody reads
SHOWN = 80  # characters of a malformed line that a message shows
BOM = b"\xef\xbb\xbf"
OF_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'  # one token, whatever it holds
_BRACKETS = re.compile(_TEXT + rb"|[][{}]", re.DOTALL)
_TOKENS = re.compile(_TEXT + rb"|[][{},:]", re.DOTALL)
_STEP = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}


def read_message(line: str | bytes, place: str) -> dict[str, Any]:
    """The message in a line. A STATE's value is ``msgspec.Raw``: it goes out as it came, every digit.

    A RECORD with a value that no JSON holds, or that lies too deep, has a ``Spoiled`` record; elsewhere
    such a value is null and told, by ``place``. Raises InvalidInputLine, naming the place.
    """
    body = _bytes_of(line)
    message = _plain(body)
    if message is None:
        message, lost = _mended(body, place, level=3)
        if isinstance(message, dict) and message.get("type") == "SCHEMA":
            message, lost = _mended(body, place, level=4)  # a property of it alone
        record = message.get("record") if isinstance(message, dict) else None
        lost_in_record = [each for each in lost if each.startswith("record")]
        if isinstance(record, dict) and lost_in_record:
            message["record"] = _spoiled(record, lost_in_record)
        elif lost and isinstance(message, dict) and message.get("type") not in ("RECORD", "STATE"):
            logger.warning("%s: no JSON holds what came for %s; it is null.", place, ", ".join(lost))
    if not isinstance(message, dict):
        raise InvalidInputLine(f"Not a Singer message, {place}: {_shown(body)}")
    if message.get("type") == "STATE" and "value" in message:
        message["value"] = _state_of(body)
    return message


def read_record(line: bytes, place: str) -> Any:
    """A record that is a line of its own, in a file. Raises InvalidInputLine for what is no JSON."""
    record = _plain(line)
    if record is None:
        record, lost = _mended(line, place, level=2)
        if isinstance(record, dict) and lost:
            return _spoiled(record, lost)
    return record


def without_nan(record: Fields) -> Fields:
    """The record, ``Spoiled`` if some number in it is none."""
    lost: list[str] = []
    found: Fields = mended(record, tell=lost.append)
    return _spoiled(found, lost) if lost else record


def _plain(body: bytes) -> Any:
    """What nearly every line says; None where it cannot be read as it stands."""
    if body.count(b"{") + body.count(b"[") > MOST_DEEP and _deep(body, level=1):
        return None
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, InvalidOperation, UnicodeError, RecursionError):
        return None


def _mended(body: bytes, place: str, *, level: int) -> tuple[Any, list[str]]:
    """The line with null for each value at that level that cannot be read, and the places of these."""
    lost: list[str] = []
    text = body.removeprefix(BOM)
    for begins, ends in reversed(_deep(text, level=level)):
        text = text[:begins] + b"NaN" + text[ends:]
    found = read_json(text, tell=lost.append)
    if found is None and text.strip() != b"null":
        hint = " It is UTF-16, as PowerShell's > writes it: UTF-8 is due." if body[:2] in OF_UTF_16 else ""
        raise InvalidInputLine(f"Not JSON, {place}: {_shown(body)}.{hint}")
    return found, lost


def _spoiled(record: Fields, lost: list[str]) -> Spoiled:
    fields = list(dict.fromkeys(each.rpartition(": ")[2] for each in lost))
    why = "no JSON holds what came (NaN, half a character), or it lies too deep"
    return Spoiled(record, Reject("invalid", "UNREADABLE_VALUE", f"{', '.join(fields)}: {why}.", fields[0]))


def _deep(body: bytes, *, level: int) -> list[tuple[int, int]]:
    """Where the objects and lists at that level begin and end in which something lies too deep."""
    spans: list[tuple[int, int]] = []
    depth = begins = deepest = 0
    for found in _BRACKETS.finditer(body):
        step = _STEP.get(found[0], 0)
        if depth == level - 1:
            begins, deepest = found.start(), depth
        depth += step
        deepest = max(deepest, depth)
        if depth == level - 1 and deepest > MOST_DEEP:
            spans.append((begins, found.end()))
    return spans


def _state_of(body: bytes) -> msgspec.Raw:
    """The value of a STATE message as it stands in the line."""
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])["value"].copy()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    depth = begins = 0
    name = last = value = b""
    for found in _TOKENS.finditer(body):
        token = found[0]
        depth += _STEP.get(token, 0)
        if depth == 1 and token == b":":
            name, begins = last, found.end()
        elif (depth == 1 and token == b",") or depth == 0:
            value = body[begins : found.start()].strip() if name == b'"value"' else value
        last = token
    if not value:
        raise InvalidInputLine(f"A STATE message without a value that could go on: {_shown(body)}")
    return msgspec.Raw(value)


def _bytes_of(line: str | bytes) -> bytes:
    return line if isinstance(line, bytes) else line.encode(errors="surrogatepass")


def _shown(body: bytes) -> str:
    return repr(body.decode(errors="replace")[:SHOWN])
