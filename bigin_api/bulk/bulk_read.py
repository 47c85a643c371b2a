"""Bulk Read: jobs that export up to 200,000 records as a zip with one CSV.

50 credits a job, 1 a question, 1 a download: cheaper than lists from some 10,000 records on. What
changes after a job was made belongs to the next one, and a job has been seen to leave out rows whose
parent lookup was empty: compare ``count`` with the rows and with what the module holds.
Source: bulk-read/create-job, job-details, download-result, limitations (Bigin v2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from bigin_api.bulk.polling import BulkJob, BulkJobs, state_of
from bigin_api.errors import NotFound, ServerError
from bigin_api.http.calls import Call, Reply, path_of
from bigin_api.http.replies import refuse
from bigin_api.json_values import api_name_of, id_text, integer, is_true, mapping, says, text
from bigin_api.limits import BULK_READ_CREDITS
from bigin_api.moments import offset_text

if TYPE_CHECKING:
    from collections.abc import Sequence


Criteria = dict[str, Any]
"""``{api_name, comparator, value}``, or a group of such. At most 25 conditions."""

EMPTY = "${EMPTY}"
"""The value that stands for no value."""


@dataclass(frozen=True)
class BulkReadJob(BulkJob):
    """A job as Bigin describes it. Its file can be downloaded for one day once it is done."""

    count: int | None = None  # rows in the file: the check of what was read
    page: int = 1
    more_records: bool = False  # more rows than a job may hold: another job with the next page
    download_url: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], *, module: str = "") -> BulkReadJob:
        """Read the details of a job: of its creation or of its status."""
        result = mapping(raw.get("result"))
        query = mapping(raw.get("query"))
        fault = mapping(result.get("error_message"))
        return cls(
            id=id_text(raw.get("id")) or "",
            state=state_of(raw.get("state")),
            module=api_name_of(query.get("module")) or module,
            error=text(fault.get("code")) or text(fault.get("message")),
            count=integer(result.get("count")),
            page=integer(result.get("page")) or integer(query.get("page")) or 1,
            more_records=is_true(result.get("more_records")),
            download_url=text(result.get("download_url")),
            query=query,
        )


class BulkRead(BulkJobs[BulkReadJob]):
    """Bulk Read jobs. Needs ZohoBigin.bulk.READ and the module's own scope."""

    kind = "bulk read"

    def create(
        self,
        module: str,
        fields: Sequence[str] | None,
        *,
        criteria: Criteria | None = None,
        page: int = 1,
    ) -> BulkReadJob:
        """Begin a job. Costs 50 credits, and is never repeated blindly: each repetition costs as much.

        ``fields`` None means all of them. ``page`` n holds the records from 200,000 times n-1 on. Raises
        ModuleUnavailable for a module that bulk refuses, InvalidRequest for fields or criteria that it
        does not take.
        """
        query: dict[str, Any] = {"module": module, "page": page}
        if fields:
            query["fields"] = list(fields)
        if criteria:
            query["criteria"] = criteria
        call = Call(
            "POST",
            "/read",
            json={"query": query, "file_type": "csv"},
            api="bulk",
            endpoint="bulk_read",
            module=module,
            credits=BULK_READ_CREDITS,
            repeatable=False,
        )
        reply = self._sender.send(call)
        entry = _first(reply, call)
        if says(entry.get("status"), "error"):
            refuse(reply.status, entry, call=call)
        job = BulkReadJob.from_json({"query": query, **mapping(entry.get("details"))}, module=module)
        if not job.id:
            raise ServerError(f"{call.what}: a job was made, and its id is not told.", module=module)
        return job

    def status(self, job_id: str) -> BulkReadJob:
        """How far a job is. Costs 1 credit. Raises NotFound for a job that Bigin has forgotten."""
        call = Call("GET", path_of("read", job_id), api="bulk", endpoint="bulk_read_status")
        return BulkReadJob.from_json(_first(self._sender.send(call), call))

    def download(self, job: BulkReadJob | str, into: BinaryIO) -> None:
        """Write a job's zip into a file; ``csv_archive.read_rows`` reads it. Costs 1 credit.

        At most 10 downloads a minute, which the client keeps to. A job with ``count`` 0 needs none:
        its file may be refused. Raises NotFound for a result that is gone.
        """
        job_id = job if isinstance(job, str) else job.id
        module = None if isinstance(job, str) else job.module or None
        self._sender.download(
            Call(
                "GET",
                path_of("read", job_id, "result"),
                api="bulk",
                endpoint="bulk_read_result",
                module=module,
            ),
            into,
        )


def condition(api_name: str, comparator: str, value: Any) -> Criteria:
    """One condition, in the older flat form that Bigin v2 takes.

    ``comparator`` is Bigin's: equal, not_equal, in, not_in, less_than, less_equal, greater_than,
    greater_equal, between, not_between, contains, not_contains, starts_with, ends_with.

    >>> from bigin_api.moments import parse_moment
    >>> condition("Modified_Time", "greater_equal", parse_moment("2026-05-14T09:00:00Z"))
    {'api_name': 'Modified_Time', 'comparator': 'greater_equal', 'value': '2026-05-14T09:00:00+00:00'}
    """
    return {"api_name": api_name, "comparator": comparator, "value": _value(value)}


def greater_equal(api_name: str, value: Any) -> Criteria:
    """The field is not less than the value: what has changed since."""
    return condition(api_name, "greater_equal", value)


def is_empty(api_name: str) -> Criteria:
    """The field has no value."""
    return condition(api_name, "equal", EMPTY)


def all_of(*criteria: Criteria) -> Criteria:
    """All of them hold; one alone needs no group."""
    if len(criteria) == 1:
        return criteria[0]
    return {"group": list(criteria), "group_operator": "and"}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return offset_text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(each) for each in value]
    return value


def _first(reply: Reply, call: Call) -> Mapping[str, Any]:
    if reply.body is None:
        raise NotFound(f"{call.what}: HTTP {reply.status}, Bigin knows no such job.", status=reply.status)
    entry = next(iter(reply.rows()), None)
    if not isinstance(entry, Mapping):
        raise ServerError(f"{call.what}: HTTP {reply.status} without a job.", status=reply.status)
    return entry
