"""What may become of the file of a Bulk Read job: a zip with one CSV in it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable


def _file(change: Callable[[str], str | bytes]) -> Callable[[bytes], bytes]:
    """The CSV changed, the zip whole."""

    def changed(body: bytes) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                name = archive.namelist()[0]
                text = archive.read(name).decode()
        except zipfile.BadZipFile:
            return body
        made = change(text)
        return _zip({name: made if isinstance(made, bytes) else made.encode()})

    return changed


def _zip(files: dict[str, bytes]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return into.getvalue()


def _lines(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    return _file(lambda text: "".join(change(text.splitlines(keepends=True))))


def _cell(value: str, *, column: int) -> Callable[[bytes], bytes]:
    """A cell of the second row changed; the sandbox's rows have no line ends within the first cells."""

    def change(text: str) -> str:
        rows = list(csv.reader(io.StringIO(text, newline="")))
        if len(rows) > 2:
            rows[2][min(column, len(rows[2]) - 1)] = value
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator="\r\n").writerows(rows)
        return out.getvalue()

    return _file(change)


FILES: dict[str, Callable[[bytes], bytes]] = {
    "a zip cut off": lambda body: body[: len(body) * 2 // 3],
    "no zip": lambda _: b"PK, but no zip",
    "nothing": lambda _: b"",
    "an empty zip": lambda _: _zip({}),
    "two files": lambda body: _zip({"a.csv": b"Id\r\n1\r\n", "b.csv": b"Id\r\n1\r\n"}),
    "an empty CSV": _file(lambda _: ""),
    "a BOM": _file(lambda text: "\ufeff" + text),
    "no header": _lines(lambda lines: lines[1:]),
    "another header": _lines(lambda lines: ["A,B,C\r\n", *lines[1:]]),
    "a header in capitals": _lines(lambda lines: [lines[0].upper(), *lines[1:]]),
    "a column more": _lines(lambda lines: [each.rstrip("\r\n") + ",x\r\n" for each in lines]),
    "a column less": _lines(
        lambda lines: [each.rstrip("\r\n").rpartition(",")[0] + "\r\n" for each in lines]
    ),
    "a NUL": _cell("a\0b", column=4),
    "no Unicode": _file(lambda text: text.encode().replace(b"a", b"\xff", 1)),
    "half a row": _file(lambda text: text[: len(text) - 40]),
    "an open quote": _file(lambda text: text + '"'),
    "a row twice": _lines(lambda lines: [*lines, lines[-1]]),
    "a row without id": _cell("", column=0),
    "a row whose id is a word": _cell("spoiled", column=0),
    "a row whose id has blanks": _cell(" 12 ", column=0),
    "cells of one letter": _cell("x" * 10, column=5),
    **{f"a spoiled cell {column}": _cell("spoiled", column=column) for column in range(1, 16)},
    "rows missing": _lines(lambda lines: lines[:3]),
    "the header alone": _lines(lambda lines: lines[:1]),
}
