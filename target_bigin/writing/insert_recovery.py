"""What became of an insert whose answer was lost: Bigin is asked before anything is sent again.

There is no idempotency key. Records with a value in a unique field are looked for by it; the others
are compared with what was created in the module since the call, by this token's user, and is not known to be
another record. COQL sees a new record at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bigin_api import Labelled
from bigin_api.endpoints.coql import moment
from bigin_api.errors import InvalidRequest, PermissionDenied, QueryRefused
from bigin_api.json_values import entries, mapping, text
from bigin_api.limits import COQL_MAX_COLUMNS
from bigin_api.models import Field
from bigin_api.moments import parse_moment
from target_bigin.records.record import Fields, Record
from target_bigin.schema.keys import CHECK_FIELDS, unique_fields
from target_bigin.values.sameness import Alike, compared_as, is_same

MARGIN = timedelta(seconds=2)  # Bigin's times are whole seconds, and the clock we know is a little old

_TEXT = ("text", "email", "phone", "website", "picklist")
_NUMBERS = ("integer", "double", "currency", "percent")
_COMPARED = frozenset((*_TEXT, *_NUMBERS, "bigint", "boolean", "date", "datetime", "lookup"))
"""What COQL gives back as it was sent. ``Owner`` is left out: an assignment rule may change it."""
LISTED_MODULES = frozenset(("Notes",))
"""COQL knows no notes: the list is read, newest first, which gives texts of several lines as well."""


@dataclass
class Lost:
    """Records that were sent at one time, of which nothing is known, and what becomes known of them.

    ``since``: Bigin's time before they were sent; ``until``: when nothing is at work on them any more
    (``time.monotonic``); ``sure_since``: a row from before it may be ours, or one that was there.
    ``found``: ids of those that were written after all, by number; ``doubtful``: of those that may have been.
    ``more``: which were found by a row that says more than what was sent, by a default or as another record;
    ``unsettled``: of which more will be known when the input has ended.
    """

    records: Sequence[Record]
    since: datetime
    until: float
    sure_since: datetime
    is_over: bool = False
    found: dict[int, str] = field(default_factory=dict)
    doubtful: dict[int, str] = field(default_factory=dict)
    more: frozenset[int] = frozenset()
    unsettled: frozenset[int] = frozenset()


class Search:
    """For the lost records of one module: what was created since, and which of it they are.

    All that are lost are looked for together, for what one of them is no other one can be. ``look`` is for
    a thread and costs 1 credit per 200 rows, ``judge`` is for the main thread.
    """

    def __init__(
        self, client: Labelled, module: str, fields: Mapping[str, Field], *, carried: Collection[str] = ()
    ) -> None:
        """``carried``: the fields that records of the stream may have."""
        self._client = client
        self._module = module
        self._fields = fields
        self._carried = carried
        self._user: Fields | None = None
        self._hidden: set[str] = set()  # columns that Bigin will not show
        self._compared: dict[str, Field] = {}  # of the last look

    def look(self, lost: Sequence[Lost]) -> list[Fields]:
        """The rows that this token's user has created since the first of these records was sent."""
        if self._user is None:
            self._user = _own_user(self._client)
        records = [record for each in lost for record in each.records]
        seen = {name: field for name, field in self._fields.items() if _is_open_to(field, self._user)}
        for name in self._hidden:
            seen.pop(name, None)
        columns = compared_fields(
            records,
            seen,
            unique=unique_fields(self._module, seen),
            carried=self._carried,
            long_texts=self._module in LISTED_MODULES,
        )
        shown = list(columns)
        rows = _created_since(self._client, self._module, shown, min(each.since for each in lost))
        self._hidden.update(name for name in columns if name not in shown)
        self._compared = {name: self._fields[name] for name in shown}
        by_id = {str(row["id"]): row for row in rows if _is_by(row, self._user)}  # a list may show one twice
        return list(by_id.values())

    def judge(self, lost: Sequence[Lost], rows: Sequence[Fields], *, now: float) -> None:
        """Note what became of those that are over: all found, or nothing at work on them by ``now``.

        ``rows`` are those of a look that began at ``now`` and that are not known to be other records.
        """
        unique = unique_fields(self._module, self._compared)
        found = match_rows(lost, rows, self._compared, unique=unique)
        taken = frozenset(found.values())
        by_id = {str(row["id"]): row for row in rows}
        free = [row for row in rows if str(row["id"]) not in taken]
        names = _names(self._module, self._compared)
        for each in lost:
            missing = [record for record in each.records if record.number not in found]
            each.is_over = not missing or now >= each.until
            if each.is_over:
                each.found = {
                    record.number: found[record.number] for record in each.records if record.number in found
                }
                each.doubtful = doubtful_rows(missing, free, self._compared, names=names)
                each.more = frozenset(
                    record.number
                    for record in each.records
                    if record.number in found
                    and all(record.body.get(name) is None for name in unique)
                    and self._says_more(by_id[found[record.number]], record)
                )

    def _says_more(self, row: Fields, record: Record) -> bool:
        unsaid = self._compared.keys() - record.body.keys()
        return any(row.get(name) not in (None, False, "") for name in unsaid)


def compared_fields(
    records: Iterable[Record],
    fields: Mapping[str, Field],
    *,
    unique: Collection[str],
    carried: Collection[str],
    long_texts: bool,
) -> list[str]:
    """The fields by which rows are compared with what was sent; COQL takes 50 columns, a list 50 fields.

    The unique ones are among them though nobody sent them: a row with a value there is another record; so
    are those that others of the stream may have sent, as far as there is room.
    """
    compared = _COMPARED | {"textarea"} if long_texts else _COMPARED
    sent = dict.fromkeys((*unique, *(name for record in records for name in record.body), *carried))
    comparable = [
        name
        for name in sent
        if name in fields and fields[name].data_type in compared and fields[name].json_type != "jsonarray"
    ]
    comparable.sort(key=lambda name: (not fields[name].is_unique, not fields[name].mandatory))
    return comparable[: COQL_MAX_COLUMNS - 3]


def match_rows(
    lost: Iterable[Lost],
    rows: Iterable[Fields],
    fields: Mapping[str, Field],
    *,
    unique: Collection[str],
) -> dict[int, str]:
    """Which row is which record, no row twice, the oldest first.

    By its unique fields if it has values in them, for Bigin may store the others in a form of its own;
    else all compared fields are equal, and no unique one has a value that was not sent. The record that
    says most has the first choice: what says less is like the rows of others, too.
    """
    free = list(rows)
    exact = {name: compared_as(field, by_case=True) for name, field in fields.items()}
    as_bigin = {name: compared_as(fields[name]) for name in unique if name in fields}

    def telling(record: Record) -> dict[str, Alike]:
        """What a row must say to be this record."""
        own = {name: alike for name, alike in as_bigin.items() if record.body.get(name) is not None}
        return own or {
            name: alike for name, alike in exact.items() if name in record.body or name in as_bigin
        }

    told = [(telling(record), record, each) for each in lost for record in each.records]
    told.sort(key=lambda one: -len(one[0]))
    found = {}
    for said, record, each in told:
        for row in free if not said.keys().isdisjoint(record.body) else ():
            if _may_be_of(row, each) and all(
                is_same(alike, record.body.get(name), row.get(name)) for name, alike in said.items()
            ):
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
            same = {name for name in sent if is_same(alike[name], record.body[name], row.get(name))}
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


def _may_be_of(row: Fields, lost: Lost) -> bool:
    """Whether a row was made when records of this call may have been, and surely not before."""
    return not _is_before(row, lost.sure_since - MARGIN)


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
