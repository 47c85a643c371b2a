"""Pages of a list: by number within the first 2,000 records, beyond by token. Source: FACTS 4, read.md 5.

`token_paging` says what nobody has documented. `keyset`: a token means the record after which to go on, so
nobody's edits shift the rest. `offset`: a token means a position, and equal times come in another order at
every request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import in_zone, to_text
from bigin_sandbox.http.answers import Refusal, ambiguity, invalid_data, pattern_not_matched
from bigin_sandbox.storage.selection import SORT_COLUMNS, Selection

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import ApiCall, Context

Item = dict[str, Any]

MOST_PER_PAGE = 200
PAGED_RECORDS = 2_000  # by page number
CHAINED_RECORDS = 100_000  # by page tokens
TOKEN_LIFETIME = timedelta(hours=24)
UNBOUND = frozenset({"page", "page_token"})  # the parameters that may differ along a chain


@dataclass(frozen=True)
class Position:
    """Where a page begins: so many records before it, or (keyset) after this one."""

    offset: int
    after: tuple[int, int] | None = None  # value of the sort column, id


@dataclass(frozen=True)
class Page:
    """What a caller asked for."""

    number: int
    per_page: int
    begins: Position


@dataclass(frozen=True)
class _Token:
    user_id: str
    path: str
    bound: Mapping[str, str]
    begins: Position
    expires: float


class PageTokens:
    """The tokens given out: of which request, for which user, until when."""

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._tokens: dict[str, _Token] = {}
        self.dice = Random(context.settings.seed)

    def give(self, call: ApiCall, begins: Position) -> str:
        """A token that goes on there: 256 hex digits."""
        value = secrets.token_hex(128)
        expires = self._clock.timestamp() + TOKEN_LIFETIME.total_seconds()
        self._tokens[value] = _Token(call.user_id, call.path, _bound(call), begins, expires)
        return value

    def redeem(self, call: ApiCall, value: str) -> Position:
        """Where a token goes on. Raises Refusal for the three ways in which one fails."""
        token = self._tokens.get(value)
        if token is None or token.user_id != call.user_id:
            raise invalid_data("the page token given seems to be invalid", param_name="page_token")
        where = {"param_name": "page_token"}
        if token.path != call.path or token.bound != _bound(call):
            message = "the page token seems to be invalid or input param is added/removed/changed"
            raise Refusal(400, "TOKEN_BOUND_DATA_MISMATCH", message, where)
        if token.expires <= self._clock.timestamp():
            raise Refusal(400, "EXPIRED_VALUE", "the page token is expired", where)
        return token.begins


def read_page(call: ApiCall) -> Page:
    """Which page a caller asks for, by number or by token."""
    per_page = positive(call, "per_page", MOST_PER_PAGE)
    if per_page > MOST_PER_PAGE:
        raise invalid_data(param_name="per_page", maximum_length=MOST_PER_PAGE)
    if "ids" not in call.params:
        per_page = min(per_page, call.context.settings.most_per_page)
    if "page_token" not in call.params:
        number = page_number(call)
        if number * per_page > PAGED_RECORDS:
            message = "more than 2000 records can be fetched by page_token only"
            raise Refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, {"limit": PAGED_RECORDS})
        return Page(number, per_page, Position((number - 1) * per_page))
    if "page" in call.params:
        raise ambiguity("page", "page_token")
    begins = call.context.part(PageTokens).redeem(call, call.params["page_token"])
    if begins.offset + per_page > CHAINED_RECORDS:
        message = "pagination limit exceeded"
        raise Refusal(400, "PAGINATION_LIMIT_EXCEEDED", message, {"limit": CHAINED_RECORDS})
    return Page(begins.offset // per_page + 1, per_page, begins)


def read_sorting(call: ApiCall) -> Selection:
    """How a caller wants a list sorted; newest id first unless asked otherwise."""
    sort_by = call.params.get("sort_by", "id")
    if sort_by not in SORT_COLUMNS:
        raise invalid_data("the sort field given seems to be invalid", param_name="sort_by")
    sort_order = call.params.get("sort_order", "desc").lower()
    if sort_order not in {"asc", "desc"}:
        raise pattern_not_matched("sort_order")
    shuffle = None
    if call.context.settings.token_paging == "offset":
        shuffle = call.context.part(PageTokens).dice.randrange(1, 1_000_000)
    return Selection(sort_by=sort_by, descending=sort_order == "desc", shuffle=shuffle)


def after_of(call: ApiCall, page: Page) -> tuple[int, int] | None:
    """The record after which a page begins, where tokens mean that."""
    return page.begins.after if call.context.settings.token_paging == "keyset" else None


def page_info(
    call: ApiCall, page: Page, *, count: int, more_records: bool, last: tuple[int, int]
) -> dict[str, Any]:
    """The paging half of `info`; `last` is the sort value and id of the page's last record."""
    tokens = call.context.part(PageTokens)
    offset = page.begins.offset
    following = tokens.give(call, Position(offset + count, last)) if more_records else None
    before = tokens.give(call, Position(max(0, offset - page.per_page))) if offset else None
    expiry = call.context.clock.now() + TOKEN_LIFETIME if following or before else None
    return {
        "per_page": page.per_page,
        "next_page_token": following,
        "count": count,
        "page": page.number,
        "previous_page_token": before,
        "page_token_expiry": in_zone(to_text(expiry), call.zone) if expiry else None,
        "more_records": more_records,
    }


def simple_info(page: int, per_page: int, count: int, *, more_records: bool) -> dict[str, Any]:
    """`info` of a list that knows page numbers only."""
    return {"per_page": per_page, "count": count, "page": page, "more_records": more_records}


def settings_page(call: ApiCall, items: list[Item]) -> tuple[list[Item], Item]:
    """A page of what describes the organisation, and its `info` (FACTS 7.25)."""
    page, per_page = page_number(call), positive(call, "per_page", MOST_PER_PAGE)
    if per_page > MOST_PER_PAGE:
        raise invalid_data(param_name="per_page", maximum_length=MOST_PER_PAGE)
    per_page = min(per_page, call.context.settings.most_settings_per_page)
    shown = items[(page - 1) * per_page : page * per_page]
    return shown, simple_info(page, per_page, len(shown), more_records=len(items) > page * per_page)


def page_number(call: ApiCall) -> int:
    """Which page is asked for; `page=0` is the first, as a published connector asks for it: FACTS 7.20."""
    return 1 if call.params.get("page") == "0" else positive(call, "page", 1)


def positive(call: ApiCall, name: str, default: int) -> int:
    """A parameter that is a number from 1 on."""
    text = call.params.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < 1:
        raise invalid_data(param_name=name, expected_data_type="integer")
    return int(text)


def _bound(call: ApiCall) -> dict[str, str]:
    return {name: value for name, value in call.params.items() if name not in UNBOUND}
