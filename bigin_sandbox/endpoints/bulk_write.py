"""Bulk Write: a job is made from an uploaded file (500 credits), asked about, and its result fetched.

A finished job tells counts; only its result file tells what became of each row. Source: FACTS 2 and 5,
write.md 10.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bigin_sandbox.http.answers import Answer, Refusal, file_answer, json_answer, scope_mismatch
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import grants
from bigin_sandbox.rules.bulk_jobs import call_back
from bigin_sandbox.rules.bulk_read.query import check_callback, read_body
from bigin_sandbox.rules.bulk_write.job import WriteJob
from bigin_sandbox.rules.bulk_write.mapping import check_write_query
from bigin_sandbox.rules.bulk_write.upload import UploadRefused, member_of

if TYPE_CHECKING:
    import asyncio

    from bigin_sandbox.http.calls import Context

CREDITS = 500
FORBIDDEN = {"info": "Forbidden", "x-info": "Link not valid", "http_status": "403"}
MODULE_SCOPES = {"insert": "CREATE", "update": "WRITE", "upsert": "CREATE"}
REFUSED_FILES = {
    "INVALID_FILE_FORMAT": "invalid file format. only zip format is supported",
    "FILE_NOT_SUPPORTED": "File not supported for bulk write",
    "FILE_TOO_LARGE": "File size too large to process",
}


class WriteJobs:
    """The jobs of one organisation."""

    def __init__(self, _context: Context) -> None:
        self.by_id: dict[str, WriteJob] = {}
        self.tellers: list[asyncio.Task[None]] = []  # a task that nobody keeps may be forgotten


def create_write_job(call: ApiCall) -> Answer:
    """Make a job; it begins by itself."""
    body = read_body(call)
    query = check_write_query(body, call)
    callback = check_callback(body)
    operation = MODULE_SCOPES[query.operation]
    if call.token and not grants(call.token.scopes, f"ZohoBigin.modules.{query.module}.{operation}"):
        raise scope_mismatch()
    job = WriteJob(call, query, body, _file(call, query.file_id))
    jobs = call.context.part(WriteJobs)
    jobs.by_id[job.id] = job
    if callback is not None:
        status = partial(job.status, call.zone, _download_url(call, job.id))
        jobs.tellers.append(call_back(call.context, callback, job.is_over, status))
    made = {"status": "success", "code": "SUCCESS", "message": "success"}
    return json_answer({**made, "details": {"id": job.id, "created_by": job.user}}, 201)


def get_write_job(call: ApiCall) -> Answer:
    """How far a job is, flat."""
    job = call.context.part(WriteJobs).by_id.get(call.path_params["job"])
    if job is None:
        raise Refusal(404, "RESOURCE_NOT_FOUND", "The requested resource doesn't exist.")
    return json_answer(job.status(call.zone, _download_url(call, job.id)))


def download_result(call: ApiCall) -> Answer:
    """The zip of a completed job; in an envelope of its own, if there is none."""
    job = call.context.part(WriteJobs).by_id.get(call.path_params["job"])
    content = job.result() if job else None
    if content is None:
        return json_answer(FORBIDDEN, 403)
    return file_answer(content, f"{call.path_params['job']}.zip")


def _file(call: ApiCall, file_id: str) -> bytes:
    """The uploaded zip, which must hold one CSV; what is in that is the job's business."""
    kept = call.store.get_file(file_id)
    if kept is None:
        raise Refusal(400, "INVALID_FILE_ID", "improper file id")
    try:
        member_of(kept[1])
    except UploadRefused as refused:
        raise Refusal(400, refused.code, REFUSED_FILES[refused.code]) from None
    return kept[1]


def _download_url(call: ApiCall, job_id: str) -> str:
    """Relative, as in the samples: it is to be resolved against the API's domain."""
    return f"/v2/bigin/org{call.store.org()['zgid']}/bulk-write/{job_id}/{job_id}.zip"


_BASE = "/bigin/bulk/v2"
_SCOPES = ("ZohoBigin.bulk.CREATE",)  # READ is not among the scopes of the status: write.md 10.3
ROUTES = [
    Route("POST", "/write", create_write_job, scopes=_SCOPES, credits=CREDITS, base=_BASE),
    Route("GET", "/write/{job}", get_write_job, scopes=_SCOPES, base=_BASE),
    Route("GET", "/{org}/bulk-write/{job}/{file}", download_result, scopes=_SCOPES, base="/v2/bigin"),
]
