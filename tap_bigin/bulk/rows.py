"""A row of a Bulk Read job's CSV becomes exactly the record that the list would give. Pure.

Whole columns are converted at once: a converter is chosen once per file from the header, and a page of
rows costs a few list comprehensions, not a decision per value.
"""

from __future__ import annotations

from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from bigin_api.errors import BiginError
from bigin_api.limits import MAX_IDS_PER_CALL
from tap_bigin.values.data_types import READERS, SEPARATOR_OF_CHOICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tap_bigin.planning import Column, Kind

    Texts = Sequence[Sequence[str]]  # a page of the file, column by column

Record = dict[str, Any]
Link = dict[str, Any]


class UnreadableFile(BiginError):  # noqa: N818 -- reads as what happened
    """A job's CSV is not what was asked for: a column is missing, or has no value of its type."""


class Links(dict[str, Link]):
    """What bare ids stand for. An id that nobody has named yet gets a link that is completed later.

    >>> links = Links({"7": {"name": "Ann Ek", "id": "7"}})
    >>> links["7"], links["8"], links.unnamed
    ({'name': 'Ann Ek', 'id': '7'}, {'name': None, 'id': '8'}, {'8'})
    """

    def __init__(self, known: Mapping[str, Link] | None = None) -> None:
        super().__init__(known or {})
        self.unnamed: set[str] = set()

    def __missing__(self, link_id: str) -> Link:
        self.unnamed.add(link_id)
        link: Link = {"name": None, "id": link_id}
        self[link_id] = link
        return link

    def name(self, link: Link) -> None:
        """Complete a link that records may hold already."""
        self[str(link["id"])].update(link)


class CsvRows:
    """Converts the rows of one file, a page of them at a time.

    >>> from tap_bigin.planning import Column
    >>> rows = CsvRows(["Id", "Seats"], [Column("Seats", "integer")], links={})
    >>> rows.records([["7", "3"], ["8", ""]])
    [{'id': '7', 'Seats': 3}, {'id': '8', 'Seats': None}]
    """

    def __init__(
        self,
        header: Sequence[str],
        columns: Iterable[Column],
        *,
        links: Mapping[Kind, Mapping[str, Link]],
    ) -> None:
        """``links`` has what ids stand for, by kind. Raises UnreadableFile if a column is missing."""
        self.unclear: set[str] = set()  # ids of rows with a cell that only the list can tell
        self._header = list(header)
        self.id_place = self._place("id")
        self._names = ["id"]
        self._values: list[Callable[[Texts], Iterable[Any]]] = [itemgetter(self.id_place)]
        for column in columns:
            self._names.append(column.name)
            self._values.append(self._reader(column, links))

    def records(self, rows: Sequence[Sequence[str]]) -> list[Record]:
        """The records of some rows, each as wide as the header, in their order. Raises UnreadableFile."""
        if not rows:
            return []
        names, texts = self._names, list(zip(*rows))  # noqa: B905 -- read_rows sees to it
        columns = zip(*[self._cells(values, texts) for values in self._values])  # noqa: B905 -- of one table
        return [dict(zip(names, each)) for each in columns]  # noqa: B905 -- equally long, and hot

    def _cells(self, values: Callable[[Texts], Iterable[Any]], texts: Texts) -> Iterable[Any]:
        """The values of a column. A row with a cell that is none, such as ``#ERROR``, the list has to tell.

        Raises UnreadableFile where a long page has no other cells.
        """
        with suppress(ValueError, KeyError):
            return values(texts)
        rows = zip(*texts)  # noqa: B905 -- columns of one table
        cells = [self._cell(values, row) for row in rows]
        wrong = {text[self.id_place] for text, read in zip(zip(*texts), cells) if not read}  # noqa: B905
        if len(wrong) == len(cells) > MAX_IDS_PER_CALL:
            raise UnreadableFile("No cell of a column is what it should be.")
        self.unclear |= wrong
        return [next(iter(read), None) for read in cells]

    @staticmethod
    def _cell(values: Callable[[Texts], Iterable[Any]], row: Sequence[str]) -> Sequence[Any]:
        """The one value, none where the text is no value of the column."""
        try:
            return list(values([(text,) for text in row]))
        except (ValueError, KeyError):
            return ()

    def _place(self, name: str) -> int:
        """The column of that name; the record's id has been seen as ``Id`` and as ``id``."""
        if name in self._header:
            return self._header.index(name)
        folded = [each.casefold() for each in self._header]
        if folded.count(name.casefold()) != 1:
            raise UnreadableFile(f"The file has no column {name!r}.")
        return folded.index(name.casefold())

    def _reader(
        self, column: Column, links: Mapping[Kind, Mapping[str, Link]]
    ) -> Callable[[Texts], Iterable[Any]]:
        if column.kind == "untagged":
            return lambda texts: [[] for _ in texts[self.id_place]]
        place = self._place(column.name)
        if column.name_column:
            return _named_links(place, self._place(column.name_column))
        if column.kind in links:
            return _found_in(place, links[column.kind])
        if column.kind == "choices":
            return lambda texts: self._chosen(texts, place, column.choices)
        convert = READERS[column.kind]
        return lambda texts: convert(texts[place])

    def _chosen(self, texts: Texts, place: int, choices: frozenset[str]) -> list[list[str] | None]:
        """The choices of each cell. One that is not known may have the separator in it, and be two here."""
        cells: list[list[str] | None] = []
        for record_id, text in zip(texts[self.id_place], texts[place]):  # noqa: B905 -- columns of one table
            parts = text.split(SEPARATOR_OF_CHOICES) if text else None
            if parts and not choices.issuperset(parts):
                self.unclear.add(record_id)
            cells.append(parts)
        return cells


def _found_in(place: int, known: Mapping[str, Any]) -> Callable[[Texts], Iterable[Any]]:
    """Each text's entry in a table that makes the missing ones itself; nothing for an empty text."""
    return lambda texts: [known[text] if text else None for text in texts[place]]


def _named_links(place: int, name_place: int) -> Callable[[Texts], Iterable[Any]]:
    return lambda texts: [
        {"name": name or None, "id": link_id} if link_id else None
        for link_id, name in zip(texts[place], texts[name_place])  # noqa: B905 -- columns of one table
    ]
