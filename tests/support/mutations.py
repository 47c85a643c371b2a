"""One place of one answer, or of the input, that is not what it should be: picked by chance, told by name.

mutation = Mutation(random.Random(seed), at=5)
other.changing(".*", mutation)            changes the answer to the n-th call of a run
mutation.what                             "POST /Contacts/upsert: data.3.details.id is null"
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from support.rewriting import BASE, Asked, Rewritten

JSON = {"Content-Type": "application/json;charset=UTF-8"}
HTML = b"<html><h1>Oops</h1></html>"
VALUES: list[Any] = [
    None,
    "",
    "x",
    0,
    -1,
    7,
    1.5,
    True,
    [],
    {},
    [None],
    [[]],
    {"a": None},
    "2026-13-45",
    "\ud800",
]
WHOLE: list[tuple[int, bytes]] = [
    (200, b""),
    (200, b"null"),
    (200, b"[]"),
    (200, b"{}"),
    (200, b'"x"'),
    (200, HTML),
    (200, b'{"data": [null]}'),
    (200, b'{"data": {}}'),
    (200, b'{"status": "error", "code": "ODD", "message": "odd", "details": {}}'),
    (201, b"{}"),
    (202, b'{"data": []}'),
    (204, b""),
    (207, b'{"data": [{"status": "error"}]}'),
    (304, b""),
    (302, b""),
    (400, b"{}"),
    (400, HTML),
    (400, b'{"code": "ODD", "status": "error"}'),
    (400, b'{"data": [{"code": "INVALID_DATA", "status": "error", "details": {}, "message": "no"}]}'),
    (403, HTML),
    (404, b""),
    (413, HTML),
    (500, b'{"code": "INTERNAL_ERROR", "status": "error", "message": "no", "details": {}}'),
    (500, HTML),
    (502, HTML),
    (503, b""),
    (0, b""),
]
OF_A_ROW: list[Any] = [
    None,
    {},
    [],
    {"status": "error"},
    {"status": "error", "code": "ODD", "message": None, "details": None},
    {"status": "success", "code": "SUCCESS"},
    {"status": "success", "code": "SUCCESS", "details": {"id": 6100000000000999999}},
    {"status": "success", "code": "SUCCESS", "details": {"id": "6100000000000999999"}},
    {"status": "odd", "code": 7, "details": []},
]


class Mutation:
    """Changes the answer to the ``at``-th call of the API; the sandbox has carried it out."""

    def __init__(self, chance: random.Random, *, at: int) -> None:
        self._chance = chance
        self._left = at
        self._times = 1
        self.what = "nothing"

    def __call__(self, asked: Asked, answer: Rewritten) -> None:
        if asked.target.startswith("/oauth") or not self._times:
            return
        if self._left:
            self._left -= 1
            return
        self._times -= 1
        how = self._chance.choice(
            [self._value, self._value, self._value, self._rows, self._rows, self._whole]
        )
        self.what = f"{asked.method} {asked.path.removeprefix(BASE)}: {how(answer)}"

    def _whole(self, answer: Rewritten) -> str:
        how = self._chance.randrange(4)
        if how == 0:
            answer.body = answer.body[: len(answer.body) // 2]
            return "cut off"
        if how == 1:
            answer.headers = {**answer.headers, "Content-Type": "text/html"}
            return "called HTML"
        answer.status, answer.body = self._chance.choice(WHOLE)
        return f"{answer.status} {answer.body[:40]!r}"

    def _rows(self, answer: Rewritten) -> str:
        content = _content(answer)
        lists = [name for name, each in content.items() if isinstance(each, list) and each]
        if not lists:
            return self._whole(answer)
        name = self._chance.choice(lists)
        rows = content[name]
        place = self._chance.randrange(len(rows))
        how = self._chance.randrange(6)
        if how == 0:
            rows.pop(place)
            what = f"{name}.{place} is left out"
        elif how == 1:
            rows.append(rows[place])
            what = f"{name}.{place} comes twice"
        elif how == 2:
            rows.reverse()
            what = f"{name} is reversed"
        elif how == 3:
            rows.clear()
            what = f"{name} is empty"
        else:
            rows[place] = self._chance.choice(OF_A_ROW)
            what = f"{name}.{place} is {rows[place]!r}"
        _put(answer, content)
        return what

    def _value(self, answer: Rewritten) -> str:
        content = _content(answer)
        places = list(_places(content))
        if not places:
            return self._whole(answer)
        name, inside, key = self._chance.choice(places)
        if self._chance.random() < 0.3:
            del inside[key]
            what = f"{name} is left out"
        else:
            inside[key] = self._chance.choice(VALUES)
            what = f"{name} is {inside[key]!r}"
        _put(answer, content)
        return what


def _content(answer: Rewritten) -> dict[str, Any]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _put(answer: Rewritten, content: Any) -> None:
    answer.body = json.dumps(content).encode()


def _places(value: Any, name: str = "") -> Any:
    """Every place of a document: its name, what it is in, and its key there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in list(inside):
        path = f"{name}.{key}" if name else str(key)
        yield path, value, key
        yield from _places(each, path)


Line = str
Spoil = Callable[[random.Random, list[Line]], tuple[list[Line], str]]


def spoiled_input(chance: random.Random, lines: list[Line]) -> tuple[list[Line], str]:
    """Lines of a tap, one of which is not what it should be; what was done to it."""
    place = chance.randrange(len(lines))
    message = json.loads(lines[place])
    name, spoiled = chance.choice(list(_spoiled(chance, message)))
    return [*lines[:place], *spoiled, *lines[place + 1 :]], f"line {place} ({message['type']}): {name}"


def _spoiled(chance: random.Random, message: dict[str, Any]) -> Any:
    line = json.dumps(message)
    yield "left out", []
    yield "twice", [line, line]
    yield "cut off", [line[: len(line) // 2]]
    yield "before a blank line", [line, "", "   "]
    yield "with a CR", [line + "\r"]
    yield "with a BOM", ["\ufeff" + line]
    yield "no JSON", ["nonsense"]
    yield "a list", ["[]"]
    yield "null", ["null"]
    places = list(_places(message))
    for _ in range(12):
        path, inside, key = chance.choice(places)
        before = inside[key]
        inside[key] = chance.choice(
            [*VALUES, float("inf"), float("nan"), 10**400, json.loads("[" * 90 + "]" * 90)]
        )
        yield f"{path} is {repr(inside[key])[:40]}", [json.dumps(message)]
        inside[key] = before
    name = chance.choice(["RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH", "ODD"])
    yield f"called {name}", [json.dumps({**message, "type": name})]
    deep = "[" * 500 + "]" * 500
    yield "500 deep", [line[:-1] + f', "more": {deep}}}']
    yield "1e400", [line[:-1] + ', "more": 1e400}']
    yield (
        "before a BATCH of nothing",
        [
            line,
            json.dumps(
                {
                    "type": "BATCH",
                    "stream": "Contacts",
                    "encoding": {"format": "jsonl", "compression": "none"},
                    "manifest": ["file:///nowhere.jsonl"],
                }
            ),
        ],
    )
