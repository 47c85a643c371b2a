"""The parts of a COQL query that a person wrote, so that it can be read page by page. Pure.

Not a parser: it finds the clauses, outside quotes and brackets, and leaves what is in them to Bigin.
Source: construct-coql-query (Bigin v2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOKEN = re.compile(
    r"""\s+ | '(?:[^']|'')*' | "(?:[^"]|"")*" | (?:[^\W\d]|\$)[\w$.]* | [\w.]+ | .""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"""(?:[^\W\d]|\$)[\w$.]* | '[^'"]+' | "[^'"]+" """, re.VERBOSE)  # quoted: a reserved word
EVERY_RECORD = "id is not null"  # the platform refuses a query without a where clause


class QueryError(Exception):
    """A query cannot be read; the message says where."""


def error_at(text: str, at: int, message: str) -> QueryError:
    r"""An error with its place, line and column from 1.

    >>> str(error_at("select id\nfrom\n", 10, "a column is missing"))
    'line 2, column 1: a column is missing'
    """
    before = text[:at]
    line, column = before.count("\n") + 1, at - before.rfind("\n")
    return QueryError(f"line {line}, column {column}: {message}")


@dataclass(frozen=True)
class Name:
    """A column or module as written, and where."""

    text: str
    at: int

    @property
    def bare(self) -> str:
        """Without the quotes that a reserved word is put in.

        >>> Name('"Order"', 0).bare
        'Order'
        """
        return self.text.strip("'\"")


@dataclass(frozen=True)
class Select:
    """A query, clause by clause."""

    text: str
    columns: tuple[Name, ...]
    module: Name
    where: str | None = None
    order_by: str | None = None
    limit: int | None = None
    offset: int | None = None

    @property
    def is_bounded(self) -> bool:
        """It says itself in which order or how many: it is then read as it stands."""
        return self.order_by is not None or self.limit is not None or self.offset is not None

    @property
    def condition(self) -> str:
        """Its where clause as one operand of another."""
        return f"({self.where})" if self.where else EVERY_RECORD

    def page(self, *, limit: int, offset: int) -> str:
        """The query as it stands, another page of it."""
        columns = ", ".join(each.text for each in self.columns)
        order = f" order by {self.order_by}" if self.order_by else ""
        where = self.where or EVERY_RECORD
        asked = f"select {columns} from {self.module.text} where {where}"  # noqa: S608 -- COQL
        return f"{asked}{order} limit {limit} offset {offset}"

    def error(self, message: str, *, at: int) -> QueryError:
        """An error at a place of the query."""
        return error_at(self.text, at, message)

    @property
    def complete(self) -> str:
        """The query as it was written, so that Bigin's line and column are the writer's own."""
        if self.where:
            return self.text
        end = self.module.at + len(self.module.text)
        return f"{self.text[:end]} where {EVERY_RECORD}{self.text[end:]}"


def read_select(text: str) -> Select:
    """The clauses of a query. Raises QueryError.

    >>> select = read_select("SELECT id, Account_Name.Phone from Contacts where Title = 'from A, B' limit 5")
    >>> [each.text for each in select.columns], select.module.text, select.where, select.limit
    (['id', 'Account_Name.Phone'], 'Contacts', "Title = 'from A, B'", 5)
    """
    return _Reader(text).select()


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int

    def is_word(self, word: str) -> bool:
        return self.text.casefold() == word


class _Reader:
    """Walks over the tokens outside brackets; what is inside brackets is one token."""

    def __init__(self, text: str) -> None:
        self._text = text.rstrip().rstrip(";")
        self._tokens = _outermost(self._text)
        self._next = 0

    def select(self) -> Select:
        self._expect("select")
        columns = self._names_until("from")
        self._expect("from")
        module = self._name("a module", quoted=False)
        where = self._clause("where")
        order_by = self._clause("order", "by")
        limit = self._number_after("limit")
        offset = self._number_after("offset")
        if self._peek() is not None:
            raise self._unexpected("the query's end")
        return Select(self._text, columns, module, where, order_by, limit, offset)

    def _names_until(self, word: str) -> tuple[Name, ...]:
        names = [self._name("a column")]
        while (token := self._peek()) is not None and not token.is_word(word):
            if token.text != ",":
                raise self._unexpected("a comma or from")
            self._next += 1
            names.append(self._name("a column"))
        return tuple(names)

    def _name(self, what: str, *, quoted: bool = True) -> Name:
        token = self._peek()
        is_name = token is not None and _NAME.fullmatch(token.text) and not token.is_word("from")
        if token is None or not is_name or (not quoted and token.text.startswith(("'", '"'))):
            raise self._unexpected(what)
        self._next += 1
        return Name(token.text, token.start)

    def _clause(self, *opening: str) -> str | None:
        if not self._stands(opening):
            return None
        self._next += len(opening)
        first = self._next
        while self._peek() is not None and not self._begins_clause():
            self._next += 1
        if self._next == first:
            raise self._unexpected(f"something after {' '.join(opening)}")
        return self._text[self._tokens[first].start : self._tokens[self._next - 1].end]

    def _number_after(self, word: str) -> int | None:
        if not self._stands((word,)):
            return None
        self._next += 1
        token = self._peek()
        if token is None or not token.text.isdigit():
            raise self._unexpected("a whole number")
        self._next += 1
        return int(token.text)

    def _begins_clause(self) -> bool:
        """Whether a clause begins here; a column may be called Limit, but no number follows it."""
        following = self._tokens[self._next + 1 : self._next + 2]
        counted = any(token.text.isdigit() for token in following)
        return self._stands(("order", "by")) or (
            counted and (self._stands(("limit",)) or self._stands(("offset",)))
        )

    def _stands(self, words: Sequence[str]) -> bool:
        found = self._tokens[self._next : self._next + len(words)]
        return len(found) == len(words) and all(map(_Token.is_word, found, words))

    def _expect(self, word: str) -> None:
        token = self._peek()
        if token is None or not token.is_word(word):
            raise self._unexpected(word)
        self._next += 1

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _unexpected(self, expected: str) -> QueryError:
        token = self._peek()
        near = f"not {token.text[:30]!r}" if token else "but the query ends"
        at = token.start if token else len(self._text)
        return error_at(self._text, at, f"{expected} is expected here, {near}")


def _outermost(text: str) -> list[_Token]:
    """The tokens, each bracket with what is in it as one. Raises QueryError for brackets that do not pair."""
    tokens: list[_Token] = []
    opened: list[int] = []
    for found in _TOKEN.finditer(text):
        word = found.group()
        if word in ("'", '"'):
            raise error_at(text, found.start(), "a quote is opened and never closed")
        if word == "(":
            opened.append(found.start())
        elif word == ")":
            if not opened:
                raise error_at(text, found.start(), "a bracket is closed that was never opened")
            start = opened.pop()
            if not opened:
                tokens.append(_Token(text[start : found.end()], start, found.end()))
        elif not opened and not word.isspace():
            tokens.append(_Token(word, found.start(), found.end()))
    if opened:
        raise error_at(text, opened[-1], "a bracket is opened and never closed")
    return tokens
