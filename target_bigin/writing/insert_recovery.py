"""What became of an insert whose answer was lost: Bigin is asked before anything is sent again.

There is no idempotency key. Records with a value in a unique field are looked for by it; the others
are compared with what was created in the module since the call, by this token's user. COQL sees a new
record at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bigin_api import Labelled
from bigin_api.endpoints.coql import moment
from bigin_api.errors import InvalidRequest, PermissionDenied, QueryRefused
from bigin_api.json_values import entries, mapping, text
from bigin_api.limits import COQL_MAX_COLUMNS
from bigin_api.models import Field
from bigin_api.moments import parse_moment
from target_bigin.records.record import Fields, Record
from target_bigin.schema.keys import CHECK_FIELDS, unique_fields
from target_bigin.values.sameness import Alike, compared_as

MARGIN = timedelta(seconds=2)  # Bigin's times are whole seconds, and the clock we know is a little old
PAUSE = 1.0  # seconds between two looks

_TEXT = ("text", "email", "phone", "website", "picklist")
_NUMBERS = ("integer", "double", "currency", "percent")
_COMPARED = frozenset((*_TEXT, *_NUMBERS, "bigint", "boolean", "date", "datetime", "lookup"))
"""What COQL gives back as it was sent. ``Owner`` is left out: an assignment rule may change it."""
LISTED_MODULES = frozenset(("Notes",))
"""COQL knows no notes: the list is read, newest first, which gives texts of several lines as well."""


def find_written(
    client: Labelled,
    module: str,
    fields: Mapping[str, Field],
    records: Sequence[Record],
    *,
    since: datetime,
    until: float,
    taken: Collection[str],
    sure_since: datetime | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[dict[int, str], dict[int, str]]:
    """The ids of those lost records that were written after all, by number, and of those that may have been.

    Costs 1 credit per 200 rows. ``since``: Bigin's time before they were sent; ``until``: when nothing is at
    work on them any more (``time.monotonic``); ``taken``: ids known to be other records; ``sure_since``: a
    row from before it may be ours, or one that was there. Looks again and again before it says that one is
    missing: a call whose connection broke may still be at work.
    """
    user = _own_user(client)
    seen = {name: field for name, field in fields.items() if _is_open_to(field, user)}
    columns = compared_fields(records, seen, long_texts=module in LISTED_MODULES)
    unique = unique_fields(module, seen)
    while True:
        is_last_look = time.monotonic() >= until
        rows = _created_since(client, module, columns, since)
        by_id = {str(row["id"]): row for row in rows if _is_by(row, user)}  # a list may show one twice
        free = [row for record_id, row in by_id.items() if record_id not in taken]
        compared = {name: fields[name] for name in columns}
        sure = [row for row in free if not sure_since or not _is_before(row, sure_since)]
        found = match_rows(records, sure, compared, unique=unique)
        if len(found) == len(records):
            return found, {}
        if is_last_look:
            others = [row for row in free if str(row["id"]) not in found.values()]
            missing = [record for record in records if record.number not in found]
            return found, doubtful_rows(missing, others, compared, names=_names(module, compared))
        pause(min(PAUSE, max(0.0, until - time.monotonic())))


def compared_fields(
    records: Iterable[Record], fields: Mapping[str, Field], *, long_texts: bool = False
) -> list[str]:
    """The fields by which rows are compared with what was sent; COQL takes 50 columns, a list 50 fields."""
    compared = _COMPARED | {"textarea"} if long_texts else _COMPARED
    sent = dict.fromkeys(name for record in records for name in record.body)
    comparable = [
        name
        for name in sent
        if name in fields and fields[name].data_type in compared and fields[name].json_type != "jsonarray"
    ]
    comparable.sort(key=lambda name: (not fields[name].is_unique, not fields[name].mandatory))
    return comparable[: COQL_MAX_COLUMNS - 3]


def match_rows(
    records: Iterable[Record],
    rows: Iterable[Fields],
    fields: Mapping[str, Field],
    *,
    unique: Collection[str] = (),
) -> dict[int, str]:
    """Which row is which record, no row twice, the oldest first.

    By its unique fields if it has values in them, for Bigin may store the others in a form of its own;
    else all compared fields are equal.
    """
    free = list(rows)
    exact = {name: compared_as(field, by_case=True) for name, field in fields.items()}
    as_bigin = {name: compared_as(fields[name]) for name in unique if name in fields}
    found = {}
    for record in records:
        telling = {name: alike for name, alike in as_bigin.items() if record.body.get(name) is not None}
        said = telling or {name: alike for name, alike in exact.items() if name in record.body}
        for row in free if said else ():
            if all(_is_same(alike, record.body[name], row.get(name)) for name, alike in said.items()):
                found[record.number] = str(row["id"])
                free.remove(row)
                break
    return found


def doubtful_rows(
    records: Iterable[Record], rows: Sequence[Fields], fields: Mapping[str, Field], *, names: Collection[str]
) -> dict[int, str]:
    """Which row may be which record, after automation changed it. One row may be any of several records.

    They have a name in common, or a value in a unique field, or most of what was sent.
    """
    alike = {name: compared_as(field) for name, field in fields.items()}
    doubtful = {}
    for record in records:
        sent = [name for name in alike if record.body.get(name) is not None]
        for row in rows:
            same = {name for name in sent if _is_same(alike[name], record.body[name], row.get(name))}
            if not same.isdisjoint(names) or 2 * len(same) > len(sent) or not sent:
                doubtful[record.number] = str(row["id"])
                break
    return doubtful


def _names(module: str, fields: Mapping[str, Field]) -> frozenset[str]:
    """The fields that tell a record from others."""
    return frozenset(
        name
        for name, field in fields.items()
        if field.is_unique
        or field.is_display_field
        or (field.data_type == "text" and field.mandatory)
        or name == CHECK_FIELDS.get(module)
    )


def _created_since(client: Labelled, module: str, columns: list[str], since: datetime) -> list[Fields]:
    """Rows of the columns; a column that Bigin will not show is taken out of them."""
    if module in LISTED_MODULES:
        return list(_listed_since(client, module, columns, since))
    where = f"Created_Time >= {moment(since - MARGIN)}"
    try:
        pages = client.coql.pages_by_id(module, ["id", "Created_By", "Created_Time", *columns], where=where)
        return [row for page in pages for row in page]
    except PermissionDenied:  # without the scope for COQL; the list shows the same
        return list(_listed_since(client, module, columns, since))
    except QueryRefused as refused:
        name = refused.details.get("column_name")
        if name not in columns:
            raise
        columns.remove(name)
        return _created_since(client, module, columns, since)


def _listed_since(client: Labelled, module: str, columns: Sequence[str], since: datetime) -> Iterator[Fields]:
    """By the list, newest first; for a record that is made meanwhile another shows twice."""
    number, token = 1, None
    while True:
        page = client.records.page(
            module,
            ["Created_Time", "Created_By", *columns],
            page=None if token else number,
            page_token=token,
            sort_by="Created_Time",
            sort_order="desc",
        )
        for row in page.records:
            if _is_before(row, since - MARGIN):
                return
            yield row
        if not page.more_records:
            return
        number, token = number + 1, page.next_page_token


def _own_user(client: Labelled) -> Fields:
    try:
        users = client.organization.users_page(kind="CurrentUser").records
    except (PermissionDenied, InvalidRequest):
        return {}  # the comparison of the fields has to do
    return dict(mapping(users[0])) if users else {}


def _is_open_to(field: Field, user: Fields) -> bool:
    """Whether the user's profile may write the field; Bigin drops in silence what it may not."""
    profile = user.get("profile")
    if not isinstance(profile, dict):
        return True
    rights = {text(each.get("id")): each.get("permission_type") for each in entries(field.raw, "profiles")}
    return bool(rights.get(text(profile.get("id")), "read_write") == "read_write")


def _is_before(row: Fields, moment_: datetime) -> bool:
    """Whether a row was made before; False where it does not say when."""
    try:
        return parse_moment(text(row.get("Created_Time")) or "") < moment_
    except ValueError:
        return False


def _is_by(row: Fields, user: Fields) -> bool:
    creator = row.get("Created_By")
    if not user or not isinstance(creator, dict):
        return True
    return str(creator.get("id")) == str(user.get("id"))


def _is_same(alike: Alike, sent: Any, stored: Any) -> bool:
    if sent is None or stored is None:
        return sent is None and stored is None
    return alike(sent) == alike(stored)
