"""A Bulk Write job from being made to its end: it works through its rows while other calls are answered.

States: ADDED (nothing is read yet, no counts are told), INPROGRESS, COMPLETED or FAILED. A job that
fails for its file has written nothing; COMPLETED says only that every row was looked at. FACTS 5.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import in_zone, to_text
from bigin_sandbox.http.answers import Refusal
from bigin_sandbox.rules.bulk_jobs import ADDED, DONE, BulkBehaviour, Progress, passes
from bigin_sandbox.rules.bulk_write.mapping import Mapping, WriteQuery, check_covered, header_mappings
from bigin_sandbox.rules.bulk_write.result import result_zip
from bigin_sandbox.rules.bulk_write.rows import UNPROCESSED, RowResult, RowWriter
from bigin_sandbox.rules.bulk_write.upload import Table, UploadRefused, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_sandbox.http.calls import ApiCall

RESULT_LIVES = 24 * 60 * 60  # seconds
ROWS_AT_ONCE = 50
STATES = {ADDED: "ADDED", DONE: "COMPLETED"}
COUNTS = {"added_count": "ADDED", "updated_count": "UPDATED", "skipped_count": "SKIPPED"}


class WriteJob:
    """One job."""

    def __init__(self, call: ApiCall, query: WriteQuery, told: dict[str, Any], content: bytes) -> None:
        context = call.context
        self.id = context.store.new_id()
        self.user = {"id": call.user_id, "name": call.user["full_name"]}
        self._context = context
        self._user = call.user
        self._query = query
        self._told = told
        self._content = content
        self._made = to_text(context.clock.now())
        self._outcome = context.part(BulkBehaviour).outcome("write")
        self._progress = Progress(context, self._outcome)
        self._failed: str | None = None  # the code of what was wrong with the file
        self._table = Table("", [], [])
        self._mappings: Sequence[Mapping] = ()
        self._results: list[RowResult] = []
        self._work = asyncio.get_running_loop().create_task(self._run())

    @property
    def stage(self) -> int:
        """ADDED, IN_PROGRESS or DONE. An error in the work comes out here."""
        if self._work.done():
            self._work.result()
        return self._progress.stage(work_done=self._work.done())

    def is_over(self) -> bool:
        """Whether it has ended, well or badly."""
        return self.stage == DONE

    def result(self) -> bytes | None:
        """The result file, as long as it is kept."""
        if not self.is_over() or self._failed or self._outcome == "expired_result":
            return None
        if self._progress.age() >= RESULT_LIVES:
            return None
        name = f"{self._query.module}-{self._table.name}"
        return result_zip(name, self._table, self._mappings, self._results, shuffle=int(self.id))

    def status(self, zone: str, download_url: str) -> dict[str, Any]:
        """The body of a status answer, flat, and of the callback."""
        stage = self.stage
        failed = stage == DONE and self._failed
        state = "FAILED" if failed else STATES.get(stage, "INPROGRESS")
        resource = {
            "status": state,
            "type": "data",
            "code": self._failed if failed else "SUCCESS" if stage == DONE else state,
            **self._told_resource(),
            "file": {"status": state, **(self._counts() if stage == DONE else {})},
        }
        shown = {
            "status": state,
            "character_encoding": self._query.encoding,
            "resource": [resource],
            "id": self.id,
            **({"callback": self._told["callback"]} if self._told.get("callback") else {}),
            "operation": self._query.operation,
            "created_by": self.user,
            "created_time": in_zone(self._made, zone),
        }
        return {**shown, "result": {"download_url": download_url}} if stage == DONE and not failed else shown

    def _told_resource(self) -> dict[str, Any]:
        module = self._context.store.module(self._query.module) or {}
        keys = ("format", "find_by", "default_value")
        mappings = [
            {
                "api_name": entry["api_name"],
                "index": entry.get("index"),
                **{key: entry.get(key) for key in keys},
            }
            for entry in self._told["resource"][0].get("field_mappings") or []
        ]
        return {
            "module": {"api_name": self._query.module, "id": module.get("id")},
            "find_by": self._query.find_by,
            "ignore_empty": self._query.ignore_empty,
            "field_mappings": mappings,
        }

    def _counts(self) -> dict[str, Any]:
        became = Counter(result.status for result in self._results)
        counts = {name: became[status] for name, status in COUNTS.items()}
        return {"name": self._table.name, **counts, "total_count": len(self._table.rows)}

    async def _run(self) -> None:
        if not await passes(lambda: self._progress.stage(work_done=False) != ADDED, self._context):
            return
        if self._outcome == "FAILED":
            self._failed = "INTERNAL_SERVER_ERROR"
            return
        try:
            self._table = read_table(self._content, self._query.encoding)
            self._mappings = self._checked_mappings()
        except UploadRefused as refused:
            self._failed = refused.code
            return
        await self._write_rows()

    def _checked_mappings(self) -> Sequence[Mapping]:
        header, store, query = self._table.header, self._context.store, self._query
        mappings = query.mappings
        if mappings is None:
            try:
                mappings = header_mappings(header, store, query.module)
                check_covered(mappings, query.find_by, query.operation, store, query.module)
            except Refusal as refusal:
                raise UploadRefused(refusal.code) from None
        if any(mapping.index is not None and mapping.index >= len(header) for mapping in mappings):
            raise UploadRefused("COLUMN_INDEX_NOT_FOUND")
        return mappings

    async def _write_rows(self) -> None:
        writer = RowWriter(self._context, self._user, self._query, self._table, self._mappings)
        rows = self._table.rows
        wanted = len(rows) // 2 if self._outcome == "partial" else len(rows)
        for place, row in enumerate(rows[:wanted]):
            if place % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
                if not self._context.part(BulkBehaviour).is_current():
                    return
            with self._context.store.caused_by("bulk"):
                self._results.append(writer.write(row))
        self._results += [RowResult(UNPROCESSED) for _ in rows[wanted:]]
