"""The cheapest way to read a stream: list pages, or Bulk Read jobs where they cost fewer credits. Pure.

A page of 200 records costs 1 credit for every 50 fields; a job costs 50 for up to 200,000 records, so
it pays from some 10,000 records on. What a job cannot give is read by ids, 100 records a credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from bigin_api.limits import (
    BULK_READ_CREDITS,
    COQL_MAX_CRITERIA,
    COQL_MAX_ROWS,
    MAX_FIELDS_PER_CALL,
    MAX_IDS_PER_CALL,
    MAX_RECORDS_BY_TOKEN,
    RECORDS_PER_BULK_READ,
    RECORDS_PER_PAGE,
)

Method = Literal["list", "bulk"]
Wish = Literal["auto", "list", "bulk"]

BORDERS_PER_PROOF = (
    COQL_MAX_CRITERIA - 1
)  # of a COQL query one criterion is needed to page through the answer
CALLS_PER_JOB = 4  # asking a few times whether it is done, downloading it


Kind = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "truth",  # a boolean that may be unknown: a formula's
    "choices",
    "datetime",
    "id",  # of a lookup, flat
    "link",  # of a lookup, with the name from a joined column
    "layout",
    "user",
    "owner",  # a user with an e-mail address
    "untagged",  # no column at all: the module has no tags, so each record's are []
]


@dataclass(frozen=True)
class Column:
    """A field in the CSV, how its text is read, and the joined column that names what it links to."""

    name: str
    kind: Kind
    name_column: str | None = None
    choices: frozenset[str] = frozenset()  # of a pick list of which several may be chosen


@dataclass(frozen=True)
class JobColumns:
    """A stream's fields, split by where they come from."""

    columns: tuple[Column, ...] = ()
    left_to_list: tuple[str, ...] = ()

    @property
    def field_count(self) -> int:
        """How many fields the stream asks for."""
        return len(self.columns) + len(self.left_to_list)

    @property
    def asked_for(self) -> list[str]:
        """The ``fields`` of the job."""
        own = [each.name for each in self.columns if each.kind != "untagged"]
        return own + [each.name_column for each in self.columns if each.name_column]

    @property
    def lookups(self) -> list[str]:
        """The lookups in the job: rows where one is empty have been seen left out."""
        return [each.name for each in self.columns if each.kind in ("link", "id")]

    def has(self, *kinds: Kind) -> bool:
        """Whether a column of one of these kinds is among them."""
        return any(each.kind in kinds for each in self.columns)


@dataclass(frozen=True)
class Plan:
    """How a stream is read, what it costs and why."""

    method: Method
    credits: int
    why: str


def plan_extraction(columns: JobColumns, *, records: int, fields: int, wish: Wish = "auto") -> Plan:
    """The cheapest plan for a module that jobs can read. ``fields`` counts the selected ones.

    >>> columns = JobColumns((Column("Email", "text"),))
    >>> plan_extraction(columns, records=9_000, fields=30)
    Plan(method='list', credits=47, why='9,000 records cost 47 credits by list, 54 by Bulk Read')
    >>> plan_extraction(columns, records=60_000, fields=30).method
    'bulk'
    >>> columns = JobColumns((Column("Email", "text"),), left_to_list=("Tag",))
    >>> plan_extraction(columns, records=60_000, fields=30).why
    '60,000 records cost 313 credits by list, 654 by Bulk Read (of which 600 for Tag: only the list gives it)'
    """
    by_list = list_credits(records, fields)
    by_job = bulk_credits(columns, records)
    why = f"{records:,} records cost {by_list:,} credits by list, {by_job:,} by Bulk Read"
    if columns.left_to_list:
        extra = _completion_credits(columns, records)
        gives = "gives it" if len(columns.left_to_list) == 1 else "gives them"
        names = ", ".join(columns.left_to_list)
        why += f" (of which {extra:,} for {names}: only the list {gives})"
    if wish == "bulk" or (wish == "auto" and by_job < by_list):
        return Plan("bulk", by_job, why)
    return Plan("list", by_list, why)


def may_pay(columns: JobColumns, *, fields: int) -> bool:
    """Whether a job is cheaper for any size that list pages reach: if not, the size need not be asked for.

    >>> columns = JobColumns((Column("Email", "text"),), left_to_list=("Tag",))
    >>> may_pay(columns, fields=30)
    False
    >>> may_pay(columns, fields=120)
    True
    """
    pages_by_id = RECORDS_PER_PAGE // MAX_IDS_PER_CALL
    return bool(columns.columns) and _completion_chunks(columns) * pages_by_id < field_chunks(fields)


def list_credits(records: int, fields: int) -> int:
    """Price of reading records by list pages, their proof of completeness included.

    Beyond 100,000 the chain of page tokens ends; the rest is read by ids found by COQL.

    >>> list_credits(200, 30), list_credits(60_000, 30), list_credits(60_000, 60)
    (1, 313, 613)
    >>> list_credits(25 * 200, 30), list_credits(26 * 200, 30)
    (26, 28)
    >>> list_credits(200_000, 30)
    2021
    """
    chunks = field_chunks(fields)
    chained = min(records, MAX_RECORDS_BY_TOKEN)
    pages = max(1, ceil(chained / RECORDS_PER_PAGE))
    proofs = ceil((pages - 1) / BORDERS_PER_PROOF)
    beyond = records - chained
    return pages * chunks + proofs + key_credits(beyond, fields)


def bulk_credits(columns: JobColumns, records: int) -> int:
    """Price of reading records by jobs, with what completes them.

    >>> columns = JobColumns((Column("Email", "text"),))
    >>> [bulk_credits(columns, records) for records in (200_000, 200_100, 400_000)]
    [54, 56, 108]
    """
    fields = columns.field_count
    jobs, rest = jobs_and_rest(records, fields)
    names = columns.has("user", "owner") + columns.has("layout")  # a call each, to /users or the layouts
    probes = len(columns.lookups)
    return (
        jobs * (BULK_READ_CREDITS + CALLS_PER_JOB)
        + key_credits(rest, fields)
        + names
        + probes
        + _completion_credits(columns, records)
    )


def jobs_and_rest(records: int, fields: int) -> tuple[int, int]:
    """How many jobs to make, and how many records to read by key after them.

    A job costs the same for few records: what little is beyond the last full one costs less by key.

    >>> [jobs_and_rest(records, fields=30) for records in (150, 200_000, 200_048, 203_600, 210_000)]
    [(1, 0), (1, 0), (1, 48), (2, 0), (2, 0)]
    """
    full, rest = divmod(records, RECORDS_PER_BULK_READ)
    if full and key_credits(rest, fields) < BULK_READ_CREDITS + CALLS_PER_JOB:
        return full, rest
    return max(1, full + bool(rest)), 0


def key_credits(records: int, fields: int) -> int:
    """Price of reading records by their ids, found by COQL.

    >>> key_credits(0, 30), key_credits(200, 30), key_credits(200, 60)
    (0, 3, 5)
    """
    return ceil(records / COQL_MAX_ROWS) + ceil(records / MAX_IDS_PER_CALL) * field_chunks(fields)


def field_chunks(fields: int) -> int:
    """Calls a page for so many fields; beyond the first 50 each chunk repeats Modified_Time.

    >>> field_chunks(1), field_chunks(50), field_chunks(51), field_chunks(100)
    (1, 1, 2, 3)
    """
    return max(1, ceil((fields - 1) / (MAX_FIELDS_PER_CALL - 1)))


def _completion_chunks(columns: JobColumns) -> int:
    """Calls for 100 records to read the fields that only the list gives; Modified_Time comes along."""
    left = len(columns.left_to_list)
    return field_chunks(left + 1) if left else 0


def _completion_credits(columns: JobColumns, records: int) -> int:
    return ceil(records / MAX_IDS_PER_CALL) * _completion_chunks(columns)
