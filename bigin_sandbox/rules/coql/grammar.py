"""What a COQL text says: tokens, then a tree. Nothing here knows a module or a field.

Source: construct-coql-query (Bigin v2), get-records-through-coql (Zoho CRM), FACTS §4.

The grammar, keywords in any case::

    query     = "select" column {"," column} "from" name "where" pair
                ["order by" column ["asc" | "desc"] {"," …}] ["limit" n] ["offset" n]
    pair      = operand [("and" | "or") operand]         three in a row must be bracketed in pairs
    operand   = "(" pair ")" | column operator value
    value     = number | 'text' | "text"                 a quote inside is doubled, ''
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DEFAULT_LIMIT = 200  # construct-coql-query

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<name>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<sign><=|>=|!=|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
_MOST_BRACKETS = 100  # deeper than any 25 conditions need; Bigin calls such a query too complex
_KEYWORDS = frozenset(
    {"select", "from", "where", "order", "by", "asc", "desc", "limit", "offset"}
    | {"and", "or", "not", "in", "like", "between", "is", "null"}
)


@dataclass(frozen=True)
class Token:
    """One word, value or sign, and where it stands."""

    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Value:
    """A literal: its text without quotes, and whether it was quoted."""

    text: str
    quoted: bool


@dataclass(frozen=True)
class Condition:
    """`column operator values`; `is null` and `is not null` have no values."""

    column: str
    operator: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two sides joined by `and` or `or`."""

    joiner: str
    left: Condition | Pair
    right: Condition | Pair


@dataclass(frozen=True)
class Query:
    """A whole select."""

    columns: tuple[str, ...]
    module: str
    where: Condition | Pair
    order_by: tuple[tuple[str, bool], ...] = field(default=())
    limit: int = DEFAULT_LIMIT
    offset: int = 0


class CoqlSyntaxError(Exception):
    """The text is no COQL; `details` says where, as Bigin's SYNTAX_ERROR does."""

    def __init__(self, message: str, details: dict[str, object]) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


def parse_coql(text: str) -> Query:
    """The tree of a query.

    Raises CoqlSyntaxError with `{"line", "column", "near"}` (both from 1) at the first word that
    does not fit, or with `{"clause"}` where a whole clause is missing.

    >>> parse_coql("select Last_Name from Contacts where id is not null limit 5")
    Query(columns=('Last_Name',), module='Contacts',
          where=Condition(column='id', operator='is not null', values=()), order_by=(), limit=5, offset=0)
    """
    return _Parser(text).query()


def _tokenize(text: str) -> list[Token]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position, _word_at(text, position))
        kind = str(match.lastgroup)
        if kind == "name" and match.group().lower() in _KEYWORDS:
            kind = "keyword"
        if kind != "blank":
            tokens.append(Token(kind, match.group(), position))
        position = match.end()
    return tokens


def _word_at(text: str, position: int) -> str:
    return re.match(r"\S*", text[position:]).group()  # type: ignore[union-attr]  # \S* always matches


def _unexpected(text: str, position: int, near: str) -> CoqlSyntaxError:
    before = text[:position]
    line = before.count("\n") + 1
    column = position - (before.rfind("\n") + 1) + 1
    return CoqlSyntaxError("invalid query formed", {"line": line, "column": column, "near": near})


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokenize(text)
        self._next = 0
        self._depth = 0

    def query(self) -> Query:
        if not self._takes("select"):
            raise self._refuse()
        columns = self._list_of_columns()
        self._clause("from")
        module = self._name()
        self._clause("where")
        where = self._pair()
        order_by = self._order_by()
        limit = self._count() if self._takes("limit") else DEFAULT_LIMIT
        offset = self._count() if self._takes("offset") else 0
        if self._peek() is not None:
            raise self._refuse()
        return Query(columns, module, where, order_by, limit, offset)

    def _clause(self, keyword: str) -> None:
        """A clause that must come; where the text ends or another clause begins, it is missing."""
        if self._takes(keyword):
            return
        token = self._peek()
        if token is None or (token.kind == "keyword" and token.text.lower() in {"where", "order", "limit"}):
            raise CoqlSyntaxError("missing clause", {"clause": keyword})
        raise self._refuse()

    def _list_of_columns(self) -> tuple[str, ...]:
        columns = [self._name()]
        while self._takes(","):
            columns.append(self._name())
        return tuple(columns)

    def _order_by(self) -> tuple[tuple[str, bool], ...]:
        if not self._takes("order"):
            return ()
        self._expect("by")
        order = [self._ordered_column()]
        while self._takes(","):
            order.append(self._ordered_column())
        return tuple(order)

    def _ordered_column(self) -> tuple[str, bool]:
        column = self._name()
        if self._takes("desc"):
            return column, True
        self._takes("asc")
        return column, False

    def _pair(self) -> Condition | Pair:
        left = self._operand()
        for joiner in ("and", "or"):
            if self._takes(joiner):
                return Pair(joiner, left, self._operand())
        return left

    def _operand(self) -> Condition | Pair:
        if not self._takes("("):
            return self._condition()
        self._depth += 1
        if self._depth > _MOST_BRACKETS:
            raise self._refuse()
        inner = self._pair()
        self._expect(")")
        self._depth -= 1
        return inner

    def _condition(self) -> Condition:
        column = self._name()
        for sign in ("=", "!=", "<=", ">=", "<", ">"):
            if self._takes(sign):
                return Condition(column, sign, (self._value(),))
        if self._takes("is"):
            operator = "is not null" if self._takes("not") else "is null"
            self._expect("null")
            return Condition(column, operator)
        prefix = "not " if self._takes("not") else ""
        return self._worded_condition(column, prefix)

    def _worded_condition(self, column: str, prefix: str) -> Condition:
        if self._takes("like"):
            return Condition(column, prefix + "like", (self._value(),))
        if self._takes("between"):
            lower = self._value()
            self._expect("and")
            return Condition(column, prefix + "between", (lower, self._value()))
        self._expect("in")
        self._expect("(")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._expect(")")
        return Condition(column, prefix + "in", tuple(values))

    def _name(self) -> str:
        token = self._peek()
        if token is None or token.kind not in {"name", "text"}:
            raise self._refuse()
        self._next += 1
        # A column that is a reserved word may be quoted.
        return _unquote(token.text) if token.kind == "text" else token.text

    def _value(self) -> Value:
        token = self._peek()
        if token is None or token.kind not in {"number", "text"}:
            raise self._refuse()
        self._next += 1
        quoted = token.kind == "text"
        return Value(_unquote(token.text) if quoted else token.text, quoted=quoted)

    def _count(self) -> int:
        token = self._peek()
        if token is None or not token.text.isdigit():
            raise self._refuse()
        self._next += 1
        return int(token.text)

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _takes(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind not in {"keyword", "sign"} or token.text.lower() != word:
            return False
        self._next += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self._refuse()

    def _refuse(self) -> CoqlSyntaxError:
        token = self._peek()
        if token is None:
            return _unexpected(self._text, len(self._text), "")
        return _unexpected(self._text, token.start, token.text)


def _unquote(text: str) -> str:
    """A quote inside is doubled, and a backslash is a character like any other. Source: FACTS 7.22."""
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)
