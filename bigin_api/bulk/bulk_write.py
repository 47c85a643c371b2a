"""Bulk Write: jobs that write up to 25,000 records from a zip with one CSV.

500 credits a job: cheaper than calls of 100 from 5,000 records on. The traps: ``find_by`` is mandatory
but for inserts (where it skips rows that exist), blank cells erase unless ``ignore_empty``, dates are
American unless the mapping has a ``format``, a job that is COMPLETED may have written nothing, its
result's rows come in any order, and no ``trigger`` holds workflows back.
Source: bulk-write/upload-file, create-job, job-details, download-result, limitations (Bigin v2).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal
from urllib.parse import parse_qsl, urlsplit

from bigin_api.bulk.polling import BulkJob, BulkJobs, state_of
from bigin_api.errors import InvalidRequest, NotFound, ServerError
from bigin_api.http.calls import Call, Reply, path_of
from bigin_api.json_values import api_name_of, entries, integer, mapping, text
from bigin_api.limits import BULK_WRITE_CREDITS, MAX_COLUMNS_PER_BULK_WRITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bigin_api.http.calls import Sender

Operation = Literal["insert", "update", "upsert"]

_NO_FAULT = {"", "SUCCESS", "ADDED", "INPROGRESS", "IN PROGRESS", "COMPLETED", "FAILED", "FAILURE", "SKIPPED"}


@dataclass(frozen=True)
class FieldMapping:
    """A column of the CSV and the field that takes it.

    A lookup needs ``find_by`` (``id``, a unique field or the display field of the module it points to);
    a date needs ``format`` (``yyyy-MM-dd``), for without it it is read as MM/dd/yyyy.
    """

    api_name: str
    index: int | None = None  # of the column, from 0
    find_by: str | None = None
    format: str | None = None
    default_value: Any = None  # for every row, instead of a column

    def to_json(self) -> dict[str, Any]:
        """As Bigin takes it."""
        given = {"index": self.index, "find_by": self.find_by, "format": self.format}
        asked: dict[str, Any] = {"api_name": self.api_name}
        asked.update({key: value for key, value in given.items() if value is not None})
        if self.default_value is not None:
            asked["default_value"] = {"value": self.default_value}
        return asked


@dataclass(frozen=True)
class BulkWriteJob(BulkJob):
    """A job as Bigin describes it. The counts are None until it works on the file."""

    operation: str = ""
    added: int | None = None
    updated: int | None = None
    skipped: int | None = None
    total: int | None = None
    download_url: str | None = None  # of the result; fetch it at once

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], *, module: str = "", operation: str = "") -> BulkWriteJob:
        """Read the details of a job: of its creation or of its status."""
        resource = next(iter(entries(raw, "resource")), {})
        file = mapping(resource.get("file"))
        code = text(resource.get("code")) or ""
        return cls(
            id=str(raw["id"]),
            state=state_of(raw.get("status") or "ADDED"),
            module=api_name_of(resource.get("module")) or module,
            operation=str(raw.get("operation") or operation),
            # `code` repeats a state, or says SUCCESS, where there is no fault
            error=None if code.upper() in _NO_FAULT else code,
            added=integer(file.get("added_count")),
            updated=integer(file.get("updated_count")),
            skipped=integer(file.get("skipped_count")),
            total=integer(file.get("total_count")),
            download_url=text(mapping(raw.get("result")).get("download_url")),
        )


class BulkWrite(BulkJobs[BulkWriteJob]):
    """Bulk Write jobs. Needs ZohoFiles.files.ALL, ZohoBigin.bulk.CREATE and the module's own scope."""

    kind = "bulk write"

    def __init__(
        self, sender: Sender, *, org_id: Callable[[], str], pause: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(sender, pause=pause)
        self._org_id = org_id

    def upload(self, file: BinaryIO, name: str) -> str:
        """The ``file_id`` of a zip that ``csv_archive.CsvArchive`` wrote. Costs 1 credit.

        The first upload also asks for the organisation, for 1 credit more. May be repeated: it makes
        another file. Raises InvalidRequest for a file that is no zip or too large, in Bigin's words.
        """
        call = Call(
            "POST",
            "/upload",
            headers={"feature": "bulk-write", "X-CRM-ORG": self._org_id()},
            upload=(name, file, "application/zip"),
            api="upload",
            endpoint="bulk_write_upload",
        )
        reply = self._sender.send(call)
        return str(_detail(reply, "file_id", call))

    def create(
        self,
        module: str,
        file_id: str,
        mappings: Sequence[FieldMapping],
        *,
        operation: Operation,
        find_by: str | None = None,
        ignore_empty: bool = True,
        records: int = 0,
    ) -> BulkWriteJob:
        """Begin a job. Costs 500 credits, and is never repeated blindly.

        ``find_by`` is a field by which rows are found (``id`` or a unique one): mandatory for update and
        upsert; an insert skips the rows that it finds. ``ignore_empty=False`` lets blank cells erase.
        ``records`` is for the log. Raises ModuleUnavailable, or InvalidRequest for keys or fields that
        it does not take; what the cells hold is judged by the job alone.
        """
        if operation != "insert" and not find_by:
            raise InvalidRequest(f"{module}: a bulk {operation} needs find_by.", module=module)
        if len(mappings) > MAX_COLUMNS_PER_BULK_WRITE:
            raise InvalidRequest(
                f"{module}: {len(mappings)} columns, a bulk write takes {MAX_COLUMNS_PER_BULK_WRITE}.",
                module=module,
            )
        resource: dict[str, Any] = {
            "type": "data",
            "module": module,
            "file_id": file_id,
            "ignore_empty": ignore_empty,  # here by the API's description, on top by its prose
            "field_mappings": [each.to_json() for each in mappings],
        }
        if find_by:
            resource["find_by"] = find_by
        call = Call(
            "POST",
            "/write",
            json={
                "operation": operation,
                "character_encoding": "UTF-8",
                "ignore_empty": ignore_empty,
                "resource": [resource],
            },
            api="bulk",
            endpoint="bulk_write",
            module=module,
            credits=BULK_WRITE_CREDITS,
            records=records,
            repeatable=False,
        )
        job_id = _detail(self._sender.send(call), "id", call)
        return BulkWriteJob.from_json({"id": job_id}, module=module, operation=operation)

    def status(self, job_id: str) -> BulkWriteJob:
        """How far a job is. Costs 1 credit. Raises NotFound for a job that Bigin has forgotten."""
        call = Call("GET", path_of("write", job_id), api="bulk", endpoint="bulk_write_status")
        reply = self._sender.send(call)
        if reply.body is None:
            raise NotFound(f"{call.what}: HTTP {reply.status}, Bigin knows no such job.", status=reply.status)
        return BulkWriteJob.from_json({**mapping(reply.body), "id": job_id})

    def download(self, job: BulkWriteJob, into: BinaryIO) -> None:
        """Write the zip of a job's result into a file, for ``read_results``. Costs 1 credit.

        Its address is the one that Bigin gave, relative or absolute; the token goes to Zoho's hosts and
        to ``api_url`` alone. Raises NotFound for a link that has expired.
        """
        if not job.download_url:
            raise NotFound(f"Bulk write job {job.id} has no result.", module=job.module or None)
        self._sender.download(_result_call(job.download_url, job.module), into)


def _result_call(address: str, module: str) -> Call:
    """The call of an address that Bigin gave; its query may be a signature and stays out of messages."""
    try:
        parts = urlsplit(address)
    except ValueError:  # half an IPv6 address
        raise InvalidRequest(f"{module}: the result's address is none.", module=module or None) from None
    return Call(
        "GET",
        "/" + parts.path.lstrip("/"),
        dict(parse_qsl(parts.query)),
        api="root",
        host=f"{parts.scheme}://{parts.netloc}" if parts.netloc else None,
        endpoint="bulk_write_result",
        module=module or None,
    )


def _detail(reply: Reply, key: str, call: Call) -> Any:
    value = mapping(mapping(reply.body).get("details")).get(key)
    if not value:
        raise ServerError(
            f"{call.what}: HTTP {reply.status} without {key}.", status=reply.status, module=call.module
        )
    return value
