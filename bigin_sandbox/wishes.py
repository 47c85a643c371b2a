"""What a control is asked for, read strictly: a slip of the pen is told, and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Store

Kind = TypeVar("Kind")

WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}
WORDS |= {"array": "a list", "object": "an object"}


def read_wish(body: Any, kind: type[Kind], *, what: str) -> Kind:
    """The body of a control as a dataclass or Struct; nothing is an empty one.

    Raises ValueError that says which key is none, or what it takes.

    >>> class Turn(msgspec.Struct):
    ...     advance: float = 0
    >>> read_wish({"advance": "x"}, Turn, what="clock")
    Traceback (most recent call last):
    ValueError: clock: 'advance' takes a number, not a text
    """
    body = {} if body is None else body
    known = [each.name for each in fields(kind)] if is_dataclass(kind) else list(kind.__annotations__)
    require_keys(body, known, what=what)
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{what}: {_plain(str(error))}") from None


def require_keys(body: Any, known: Collection[str], *, what: str) -> None:
    """Raises ValueError if it is no object, or has a key that means nothing."""
    if not isinstance(body, Mapping):
        raise ValueError(  # noqa: TRY004 -- a body is no type of Python's
            f"{what} takes an object with some of {', '.join(known)}, not {body!r}"
        )
    for name in body:
        if name not in known:
            raise ValueError(f"{what} takes no {name!r}, but some of {', '.join(known)}")


def require_list(body: Any, *, what: str) -> list[Any]:
    """Raises ValueError if it is no list of objects."""
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise ValueError(f"{what} takes a list of objects, not {body!r}")
    return body


def require_module(store: Store, name: Any, *, what: str) -> str:
    """Raises ValueError if the organisation has no such module."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"{what}: the name of a module is missing")
    if store.module(name) is None:
        raise ValueError(f"{what}: there is no module {name!r}")
    return name


def _plain(said: str) -> str:
    """What msgspec says of a value, in the words of JSON."""
    problem, _, path = said.partition(" - at ")
    expected, _, got = problem.removeprefix("Expected ").partition(", got ")
    if not got:
        return said
    wanted = " or ".join(WORDS.get(each.strip("` "), each.strip("` ")) for each in expected.split(" | "))
    place = path.strip("`").removeprefix("$").removeprefix(".")
    return f"{place!r} takes {wanted}, not {WORDS.get(got.strip('` '), got.strip('` '))}"
