"""Bulk Read: a job is made (50 credits), asked about, and its file fetched (1 credit each).

A page has 200,000 records; a further page is a further job. Results are kept for a day, and fetched at
most 10 times a minute. Source: FACTS 2 and 4, read.md 8.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import in_zone, to_text
from bigin_sandbox.http.answers import (
    Answer,
    Refusal,
    disk_file_answer,
    error_body,
    json_answer,
    too_many_requests,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.bulk_jobs import ADDED, DONE, BulkBehaviour, Progress, call_back
from bigin_sandbox.rules.bulk_read.file import Order, ResultFile
from bigin_sandbox.rules.bulk_read.query import (
    PER_PAGE,
    BulkQuery,
    check_bulk_query,
    read_body,
    require_job_scope,
)
from bigin_sandbox.rules.reading.record_sql import RecordQueries

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context

CREDITS = 50
DAY = 24 * 60 * 60
DOWNLOADS_A_MINUTE = 10


class ReadJobs:
    """The jobs of one organisation and the folder of their files."""

    def __init__(self, _context: Context) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bigin-sandbox-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.workshop = ThreadPoolExecutor(max_workers=1)  # seen live: jobs run one after another
        self.by_id: dict[str, ReadJob] = {}
        self._downloads: deque[float] = deque()

    def allow_download(self, now: float) -> bool:
        """One more download, unless the minute that the first began has had its ten."""
        if self._downloads and now - self._downloads[0] >= 60:
            self._downloads.clear()
        self._downloads.append(now)
        return len(self._downloads) <= DOWNLOADS_A_MINUTE


class ReadJob:
    """One job, from being made to being forgotten."""

    def __init__(self, call: ApiCall, query: BulkQuery) -> None:
        context = call.context
        self.id = context.store.new_id()
        self.query = query
        self._made = to_text(context.clock.now())
        self._user = {"id": call.user_id, "name": call.user["full_name"]}
        self._outcome = context.part(BulkBehaviour).outcome("read")
        self._progress = Progress(context, self._outcome)
        self._per_page = PER_PAGE[query.file_type]
        self.file = ResultFile(self._order(call), context.store, context.part(ReadJobs).workshop)
        if query.callback is not None and self._outcome != "stuck":
            body = partial(self.told, call.zone)
            self._teller = call_back(context, query.callback, self.is_over, body)

    def _order(self, call: ApiCall) -> Order:
        query = self.query
        statement = call.context.part(RecordQueries).statement(
            query.module,
            query.criteria,
            columns=query.columns,
            limit=self._per_page + 1,
            offset=(query.page - 1) * self._per_page,
        )
        folder = call.context.part(ReadJobs).folder
        return Order(self.id, folder, query, statement, self._per_page, call.zone, self._outcome)

    @property
    def state(self) -> str:
        """ADDED, IN PROGRESS, COMPLETED or FAILURE."""
        stage = self._progress.stage(work_done=self.file.is_ready())
        if stage == DONE:
            return "FAILURE" if self._outcome == "FAILURE" else "COMPLETED"
        return "ADDED" if stage == ADDED else "IN PROGRESS"

    def is_over(self) -> bool:
        """Whether it has ended, well or badly."""
        return self._progress.stage(work_done=self.file.is_ready()) == DONE

    def has_result(self) -> bool:
        """Whether its file can be fetched: it is complete, and not older than a day."""
        if self.state != "COMPLETED":
            return False
        if self._progress.age() >= DAY:
            self.file.remove()
            return False
        return True

    def made(self, zone: str) -> dict[str, Any]:
        """The keys that every answer about the job has."""
        created_time = in_zone(self._made, zone)
        return {"id": self.id, "operation": "read", "created_by": self._user, "created_time": created_time}

    def told(self, zone: str) -> dict[str, Any]:
        """The body of a status answer, and of the callback."""
        return {"data": [self._status(zone)]}

    def _status(self, zone: str) -> dict[str, Any]:
        state = self.state
        shown = {
            **self.made(zone),
            "state": state,
            "query": self.query.told,
            "file_type": self.query.file_type,
        }
        if state == "COMPLETED":
            shown["result"] = self._result()
        if state == "FAILURE":
            error = error_body("INTERNAL_SERVER_ERROR", "Internal server error occurred.")
            shown["result"] = {"error_message": error}
        return shown

    def _result(self) -> dict[str, Any]:
        return {
            "page": self.query.page,
            "per_page": self._per_page,
            "count": self.file.count,
            "download_url": f"/bigin/bulk/v2/read/{self.id}/result",
            "more_records": self.file.more_records,
        }


def create_read_job(call: ApiCall) -> Answer:
    """Make a job; its records are those of this moment."""
    query = check_bulk_query(read_body(call), call)
    job = ReadJob(call, query)
    call.context.part(ReadJobs).by_id[job.id] = job
    entry = {
        "status": "success",
        "code": "ADDED_SUCCESSFULLY",
        "message": "Added successfully.",
        "details": {**job.made(call.zone), "state": "ADDED"},
    }
    return json_answer({"data": [entry], "info": {}}, 201)


def get_read_job(call: ApiCall) -> Answer:
    """How far a job is."""
    return json_answer(_job(call).told(call.zone))


def download_result(call: ApiCall) -> Answer:
    """The zip of a completed job."""
    job = _job(call)
    if not job.has_result():
        raise _not_found(f"{job.id}/result")
    if not call.context.part(ReadJobs).allow_download(call.context.clock.timestamp()):
        raise too_many_requests()
    return disk_file_answer(job.file.path, f"{job.id}.zip")


def _job(call: ApiCall) -> ReadJob:
    job = call.context.part(ReadJobs).by_id.get(call.path_params["job"])
    if job is None:
        raise _not_found(call.path_params["job"])
    require_job_scope(call, job.query.module)
    return job


def _not_found(resource: str) -> Refusal:
    return Refusal(404, "RESOURCE_NOT_FOUND", "The requested resource doesn't exist.", {"resource": resource})


_BASE = "/bigin/bulk/v2"
_SCOPES = ("ZohoBigin.bulk.READ",)
ROUTES = [
    Route("POST", "/read", create_read_job, scopes=_SCOPES, credits=CREDITS, base=_BASE),
    Route("GET", "/read/{job}", get_read_job, scopes=_SCOPES, base=_BASE),
    Route("GET", "/read/{job}/result", download_result, scopes=_SCOPES, base=_BASE),
]
