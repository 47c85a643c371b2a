"""One place of one answer is spoiled: what a server, a proxy or a line between may make of an answer.

spoil = Spoil.drawn(chance, kinds)        an endpoint, which of its answers, and what becomes of it
spoil.on(other)                           from now on the proxy answers so
spoil.places                              (record's id, field) of what was spoiled, as far as it was one value
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.rewriting import Asked, OtherBigin, Rewritten
from support.spoiled_answers import DEEP, WHOLE
from support.spoiled_files import FILES

RAW = "\ue000"  # stands in a document for what json.dumps cannot write; replaced by its own bytes

ENDPOINTS = {
    "token": r"/oauth/v2/token",
    "modules": r"/settings/modules",
    "fields": r"/settings/fields",
    "related_lists": r"/settings/related_lists",
    "views": r"/settings/custom_views",
    "layouts": r"/settings/layouts",
    "tags": r"/settings/tags",
    "roles": r"/settings/(?:roles|profiles)",
    "org": r"/org",
    "users": r"/users",
    "deleted": r"/\w+/deleted",
    "count": r"/\w+/actions/count",
    "coql": r"/coql",
    "related": r"/\w+/\d+/\w+",
    "record": r"/\w+/\d+",
    "job": r"/bigin/bulk/v2/read",
    "job status": r"/bigin/bulk/v2/read/\d+",
    "job result": r"/bigin/bulk/v2/read/\d+/result",
    "list": r"/\w+",
}
LEADING = ("data", "modules", "fields", "related_lists", "custom_views", "layouts", "tags", "users", "org")


def endpoint_of(asked: Asked) -> str:
    """Which of the endpoints a call asks, a list by how it asks: first page, number, token, ids or view."""
    kind = next((name for name, path in ENDPOINTS.items() if re.fullmatch(path, asked.path)), "other")
    if kind != "list":
        return kind
    query = asked.query
    for name in ("ids", "cvid", "page_token"):
        if name in query:
            return f"list by {name}"
    return "list by page" if query.get("page", "1") != "1" else "list, first page"


@dataclass
class Spoil:
    """What becomes of answers. ``which``: the number of the endpoint's answer that is spoiled; None: all."""

    endpoint: str
    which: int | None
    how: str
    seed: int
    places: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # the targets of the calls whose answers were spoiled
    _seen: Counter[str] = field(default_factory=Counter)

    @classmethod
    def drawn(cls, chance: random.Random, calls: Counter[str]) -> Spoil:
        """One of those that there are, for an endpoint that is called so often."""
        endpoint = chance.choice(sorted(calls))
        how = chance.choice(_ways(endpoint))
        which = None if chance.random() < 0.25 else chance.randrange(min(calls[endpoint], 12))
        return cls(endpoint, which, how, chance.randrange(1 << 30))

    def __str__(self) -> str:
        which = "every answer" if self.which is None else f"answer {self.which}"
        return f"{self.endpoint}, {which}: {self.how} ({self.seed})"

    def on(self, other: OtherBigin) -> None:
        """Spoil the proxy's answers."""
        other.changing(".*", self._change)

    def _change(self, asked: Asked, answer: Rewritten) -> None:
        if endpoint_of(asked) != self.endpoint:
            return
        number = self._seen[self.endpoint]
        self._seen[self.endpoint] += 1
        if self.which is not None and number != self.which:
            return
        self.asked.append(f"{asked.method} {asked.target} {asked.body[:300]!r}")
        chance = random.Random(f"{self.seed} {number if self.which is None else 0}")
        if self.how in WHOLE:
            WHOLE[self.how](answer)
        elif self.how in FILES:
            answer.body = FILES[self.how](answer.body)
        elif answer.body.startswith(b"{"):
            content = json.loads(answer.body)
            raw: list[bytes] = []
            PARTS[self.how](content, chance, self, raw)
            body = json.dumps(content).encode()
            for each in raw:
                body = body.replace(b'"\\ue000"', each, 1)
            answer.body = body


def _ways(endpoint: str) -> list[str]:
    if endpoint == "job result":
        return [*FILES, *FILES, *WHOLE]
    of_records = endpoint.startswith("list") or endpoint in ("deleted", "coql", "related")
    ways = [*PARTS, *PARTS, *WHOLE]
    return ways if of_records else [each for each in ways if each not in OF_RECORDS]


# Parts of a document

Part = Callable[[Any, random.Random, Spoil, "list[bytes]"], None]

VALUES: dict[str, Any] = {
    "null": None,
    "an empty text": "",
    "a text": "spoiled",
    "a number": 7,
    "a fraction": 1.5,
    "true": True,
    "false": False,
    "an empty list": [],
    "an empty object": {},
    "a list of null": [None],
    "a list of a list": [["x"], {"id": 7}],
    "an object": {"a": 1},
    "a long number": 10**30,
    "a negative number": -1,
}
RAW_VALUES: dict[str, bytes] = {
    "NaN": b"NaN",
    "1e400": b"1e400",
    "an exponent of 22 digits": b"1e-9999999999999999999999",
    "-Infinity": b"-Infinity",
    "half a character": rb'"\ud800"',
    "no UTF-8": b'"\xff"',
    "NUL": rb'"a\u0000b"',
    "500 deep": DEEP.encode(),
    "5,000 digits": b"9" * 5_000,
}
IDS: dict[str, Any] = {
    "a number": int,
    "a fraction": float,
    "empty": lambda _: "",
    "with blanks": lambda value: f" {value} ",
    "a word": lambda _: "spoiled",
    "null": lambda _: None,
    "a list": lambda value: [value],
    "an object": lambda value: {"id": value},
    "true": lambda _: True,
    "with a comma": lambda value: f"{value},1",
    "negative": lambda value: f"-{value}",
}
MOMENTS: dict[str, Any] = {
    "null": None,
    "empty": "",
    "a number": 1_790_000_000_000,
    "a fraction": 1.5,
    "of 1970": "1970-01-01T00:00:00+00:00",
    "of 2999": "2999-12-31T23:59:59+00:00",
    "a word": "yesterday",
    "a list": ["2026-05-14T09:00:00+00:00"],
    "an object": {"value": "2026-05-14T09:00:00+00:00"},
    "true": True,
    "without offset": "2026-05-14T09:00:00",
    "digits": "1790000000",
}


def _rows(content: Any) -> list[Any]:
    found = next((content[name] for name in LEADING if isinstance(content.get(name), list)), [])
    return found or []


def _nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, the outermost first."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(each for key, part in parts for each in _nodes(part, (*path, key)))]


def _picked(content: Any, chance: random.Random) -> tuple[Any, Any, tuple[Any, ...]]:
    """A container and a key in it: mostly something within a row, often near its top."""
    nodes = _nodes(content)
    depth = chance.choice((1, 2, 3, 3, 3, 4, 5, 9))
    there = [each for each in nodes if len(each) == depth] or nodes
    path = chance.choice(there)
    container = content
    for key in path[:-1]:
        container = container[key]
    return container, path[-1], path


def _note(content: Any, path: tuple[Any, ...], spoil: Spoil) -> None:
    """Note whose value it was."""
    if len(path) >= 3 and isinstance(path[1], int):
        row = content.get(path[0])[path[1]]
        spoil.places.append((str(row.get("id")) if isinstance(row, dict) else "", str(path[2])))


def _set(value: Any) -> Part:
    def change(content: Any, chance: random.Random, spoil: Spoil, _: list[bytes]) -> None:
        container, key, path = _picked(content, chance)
        _note(content, path, spoil)
        container[key] = value

    return change


def _set_raw(value: bytes) -> Part:
    def change(content: Any, chance: random.Random, spoil: Spoil, raw: list[bytes]) -> None:
        container, key, path = _picked(content, chance)
        _note(content, path, spoil)
        container[key] = RAW
        raw.append(value)

    return change


def _drop(content: Any, chance: random.Random, spoil: Spoil, _: list[bytes]) -> None:
    container, key, path = _picked(content, chance)
    _note(content, path, spoil)
    del container[key]


def _of_row(change: Callable[[list[Any], int, random.Random, Spoil], None]) -> Part:
    def changed(content: Any, chance: random.Random, spoil: Spoil, _: list[bytes]) -> None:
        rows = _rows(content)
        if rows:
            change(rows, chance.choice((0, len(rows) - 1, chance.randrange(len(rows)))), chance, spoil)

    return changed


def _id(make: Callable[[Any], Any]) -> Part:
    def change(rows: list[Any], place: int, _: random.Random, spoil: Spoil) -> None:
        if isinstance(rows[place], dict) and str(rows[place].get("id", "")).isdecimal():
            spoil.places.append((str(rows[place]["id"]), "id"))
            rows[place]["id"] = make(rows[place]["id"])

    return _of_row(change)


def _moment(value: Any) -> Part:
    def change(rows: list[Any], place: int, _: random.Random, spoil: Spoil) -> None:
        if isinstance(rows[place], dict):
            for name in ("Modified_Time", "deleted_time"):
                if name in rows[place]:
                    spoil.places.append((str(rows[place].get("id")), name))
                    rows[place][name] = value

    return _of_row(change)


def _no_moment(rows: list[Any], place: int, _: random.Random, spoil: Spoil) -> None:
    if isinstance(rows[place], dict):
        for name in ("Modified_Time", "deleted_time"):
            if rows[place].pop(name, None):
                spoil.places.append((str(rows[place].get("id")), name))


def _insert(row: Any) -> Part:
    return _of_row(lambda rows, place, _, __: rows.insert(place, row))


def _replace(row: Any) -> Part:
    def change(rows: list[Any], place: int, _: random.Random, spoil: Spoil) -> None:
        if isinstance(rows[place], dict):
            spoil.places.append((str(rows[place].get("id")), "id"))
        rows[place] = row

    return _of_row(change)


def _info(value: Any, *names: str) -> Part:
    def change(content: Any, chance: random.Random, _: Spoil, __: list[bytes]) -> None:
        if not isinstance(content.get("info"), dict):
            return
        if not names:
            content["info"] = value
        else:
            content["info"][chance.choice(names)] = value

    return change


def _no_info(content: Any, *_: Any) -> None:
    content.pop("info", None)


def _drop_info(content: Any, chance: random.Random, *_: Any) -> None:
    if info := content.get("info"):
        del info[chance.choice(sorted(info))]


def _swap_ids(content: Any, *_: Any) -> None:
    rows = [each for each in _rows(content) if isinstance(each, dict) and "id" in each]
    if len(rows) > 1:
        rows[0]["id"], rows[-1]["id"] = rows[-1]["id"], rows[0]["id"]


def _reverse(content: Any, *_: Any) -> None:
    _rows(content).reverse()


def _other_list(content: Any, chance: random.Random, _: Spoil, __: list[bytes]) -> None:
    for name in LEADING:
        if name in content:
            content[name] = chance.choice([None, {}, "x", 7, {"0": content[name]}, [content[name]]])


ROWS: dict[str, Part] = {
    "a row twice": _of_row(
        lambda rows, place, _, __: rows.insert(place, json.loads(json.dumps(rows[place])))
    ),
    "a null row more": _insert(None),
    "an error row more": _insert({"code": "INTERNAL_ERROR", "status": "error", "message": "no"}),
    "a list for a row": _replace([]),
    "null for a row": _replace(None),
    "a text for a row": _replace("x"),
    "an error for a row": _replace({"code": "INTERNAL_ERROR", "status": "error", "message": "no"}),
    "no row at all": _replace({}),
    "rows in reverse": _reverse,
    **{f"an id that is {name}": _id(make) for name, make in IDS.items()},
}
OF_RECORDS: dict[str, Part] = {
    **{f"a time that is {name}": _moment(value) for name, value in MOMENTS.items()},
    "no time": _of_row(_no_moment),
    "info missing": _no_info,
    "a part of info missing": _drop_info,
    "info that is null": _info(None),
    "info that is a list": _info([]),
    "info that is a text": _info("x"),
    **{
        f"a part of info that is {name}": _info(value, "more_records", "next_page_token", "count", "page")
        for name, value in VALUES.items()
    },
    "no more_records": _info(None, "more_records"),
    "more_records that is 1": _info(1, "more_records"),
    "more_records that is a text": _info("true", "more_records"),
}
PARTS: dict[str, Part] = {
    "a part missing": _drop,
    **{f"a part that is {name}": _set(value) for name, value in VALUES.items()},
    **{f"a part that is {name}": _set_raw(value) for name, value in RAW_VALUES.items()},
    "another thing for the list": _other_list,
    **ROWS,
    **OF_RECORDS,
}
