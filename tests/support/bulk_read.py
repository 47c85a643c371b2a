"""Bulk Read jobs that are done as soon as they are made, and whose files are as a test wants them.

jobs = ReadJobs(other, sandbox)
jobs.rows_per_file = 30                       instead of 200,000: page 2 begins with the 31st row there is then
jobs.arrange = lambda header, rows: …         another order, or rows left out (which the job does not count)
jobs.made = Made(…)                           a file of the test's own instead of the sandbox's
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from support.read_jobs import BULK, content_of, create, download, finished
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox

ROWS_PER_FILE = 200_000

Rows = list[list[str]]


@dataclass
class Made:
    """What a job has in its file, and what it says of it."""

    header: Sequence[str]
    rows: Rows
    more_records: bool = False
    told: int | None = None  # how many rows; None: as many as there are

    def zipped(self) -> bytes:
        """The file, in its zip."""
        text = io.StringIO()
        csv.writer(text).writerows([self.header, *self.rows])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("rows.csv", text.getvalue())
        return packed.getvalue()


class ReadJobs:
    """Stands before the jobs of a sandbox, which make the files."""

    def __init__(self, other: OtherBigin, sandbox: Sandbox) -> None:
        self.rows_per_file = ROWS_PER_FILE
        self.arrange: Callable[[list[str], Rows], Rows] = lambda _, rows: rows
        self.made: Made | None = None
        self._sandbox = sandbox
        self._files: dict[str, Made] = {}
        sandbox.bulk(seconds_per_state=0)
        other.answering(f"{BULK}/read", self._create)
        other.answering(rf"{BULK}/read/\d+", self._status)
        other.answering(rf"{BULK}/read/\d+/result", self._result)

    def _create(self, asked: Asked) -> Rewritten:
        content = json.loads(asked.body)
        page, content["query"]["page"] = content["query"]["page"], 1
        answer = create(self._sandbox, **content)
        entry = answer.json()["data"][0]
        job_id = entry["details"]["id"]
        self._files[job_id] = self.made or self._page(page, *self._read(job_id))
        entry["details"] |= self._done(job_id)
        return Rewritten.of({"data": [entry]}, answer.status_code)

    def _page(self, page: int, header: list[str], rows: Rows) -> Made:
        rows = self.arrange(header, rows)
        end = page * self.rows_per_file
        return Made(header, rows[end - self.rows_per_file : end], more_records=len(rows) > end)

    def _read(self, job_id: str) -> tuple[list[str], Rows]:
        finished(self._sandbox, job_id)
        _, text = content_of(download(self._sandbox, job_id))
        header, *rows = csv.reader(io.StringIO(text))
        return header, rows

    def _done(self, job_id: str) -> dict[str, Any]:
        file = self._files[job_id]
        result = {
            "count": len(file.rows) if file.told is None else file.told,
            "more_records": file.more_records,
            "per_page": self.rows_per_file,
        }
        return {"id": job_id, "state": "COMPLETED", "result": result}

    def _status(self, asked: Asked) -> Rewritten:
        return Rewritten.of({"data": [self._done(asked.path.split("/")[-1])]})

    def _result(self, asked: Asked) -> Rewritten:
        found = re.search(r"/(\d+)/result", asked.path)
        assert found
        return Rewritten(200, self._files[found[1]].zipped(), {"Content-Type": "application/zip"})
