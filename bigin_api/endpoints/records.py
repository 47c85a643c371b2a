"""Records: a page of a list, by ids, count, deleted; insert, update, upsert, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, WriteResult, verdicts
from bigin_api.errors import InvalidRequest, ServerError
from bigin_api.http.calls import Call, given, listed, path_of
from bigin_api.json_values import mapping, whole_number
from bigin_api.limits import CREDITS_PER_CALL, CREDITS_PER_VIEW_PAGE, RECORDS_PER_PAGE, write_credits
from bigin_api.moments import offset_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bigin_api.http.calls import Sender

Record = dict[str, Any]

MOST_COUNTED = 10**9  # records of a module: what is more is no count


class Records:
    """The records of any module. Source: get-, insert-, update-, upsert-, delete-records (Bigin v2)."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def page(
        self,
        module: str,
        fields: Sequence[str],
        *,
        page: int | None = None,
        page_token: str | None = None,
        per_page: int = RECORDS_PER_PAGE,
        sort_by: str | None = None,
        sort_order: str | None = None,
        modified_since: datetime | None = None,
        cvid: str | None = None,
        ids: Sequence[str] | None = None,
        approved: str | None = None,
    ) -> Page:
        """One page of at most 200 records and 50 fields. Costs 1 credit, 3 with ``cvid``.

        ``page`` reaches the first 2,000 records; ``page_token`` goes on, with all else unchanged.
        ``approved`` is true (Bigin's default), false or both: records under approval show only if asked for.
        ``modified_since`` is sent as If-Modified-Since: a wish that a server may ignore.
        Raises PageTokenRefused, PaginationLimit, PermissionDenied, ModuleUnavailable.
        """
        params = given(
            fields=listed(fields),
            per_page=per_page,
            page=page,
            page_token=page_token,
            sort_by=sort_by,
            sort_order=sort_order,
            cvid=cvid,
            ids=listed(ids) if ids else None,
            approved=approved,
        )
        call = Call(
            "GET",
            path_of(module),
            params,
            headers=_since(modified_since),
            endpoint="list",
            module=module,
            credits=CREDITS_PER_VIEW_PAGE if cvid else CREDITS_PER_CALL,
        )
        return Page.of_records(self._sender.send(call), module)

    def by_ids(
        self,
        module: str,
        ids: Sequence[str],
        fields: Sequence[str],
        *,
        approved: str | None = None,
        on_lack: Callable[[str], None] = lambda _: None,
    ) -> list[Record]:
        """Those of at most 100 records that exist, in any order. Costs 1 credit.

        Bigin documents no limit of ``ids``: where it takes fewer, they are asked for by halves. Where fewer
        records come than Bigin counts in the answer, the others are asked for once more, alone; ``on_lack``
        is told of what does not come then.
        """
        if not ids:
            return []
        try:
            page = self.page(module, fields, ids=ids, approved=approved)
        except InvalidRequest as refused:
            if refused.code != "LIMIT_EXCEEDED" or len(ids) == 1:
                raise
            half = len(ids) // 2
            halves = (ids[:half], ids[half:])
            return [
                row
                for some in halves
                for row in self.by_ids(module, some, fields, approved=approved, on_lack=on_lack)
            ]
        found = {each["id"] for each in page.records}
        missing = [each for each in ids if each not in found]
        counted = whole_number(page.info.get("count"))
        if not missing or not (page.left_out or (counted and counted > len(found))):
            return page.records
        if len(ids) == 1:
            on_lack(f"record {ids[0]} is there, and does not come.")
            return []
        return page.records + [
            row
            for each in missing
            for row in self.by_ids(module, [each], fields, approved=approved, on_lack=on_lack)
        ]

    def get(self, module: str, record_id: str, fields: Sequence[str] | None = None) -> Record | None:
        """One record with its subforms and multi-select lookups, None if there is none. Costs 1 credit."""
        params = given(fields=listed(fields) if fields else None)
        call = Call("GET", path_of(module, record_id), params, endpoint="record", module=module)
        rows = self._sender.send(call).rows()
        record = next((each for each in rows if isinstance(each, dict)), None)
        if rows and record is None:
            raise ServerError(f"{module}: what came for record {record_id} is none.", module=module)
        return record

    def count(self, module: str, *, criteria: str | None = None) -> int:
        """Number of records in a module. Costs 1 credit.

        Lags the data by 1 to 10 minutes: good for planning, not for proof. Source: module-records-count.
        """
        path, params = path_of(module, "actions", "count"), given(criteria=criteria)
        reply = self._sender.send(Call("GET", path, params, endpoint="count", module=module))
        if reply.body is None:
            return 0
        said = mapping(reply.body).get("count")
        counted = whole_number(said)
        if counted is None or counted > MOST_COUNTED:
            raise ServerError(f"{module}: the count is no number ({said!r:.50}).", module=module)
        return counted

    def deleted(
        self,
        module: str,
        *,
        page: int = 1,
        per_page: int = RECORDS_PER_PAGE,
        modified_since: datetime | None = None,
    ) -> Page:
        """A page of what was deleted: id, display_name, type, deleted_time, deleted_by. Costs 1 credit.

        Kept 60 days in the recycle bin, 120 days if deleted for good. Source: get-deleted-records.
        """
        path, params = path_of(module, "deleted"), given(type="all", page=page, per_page=per_page)
        header = _since(modified_since)
        call = Call("GET", path, params, headers=header, endpoint="deleted", module=module)
        return Page.of_records(self._sender.send(call), module)

    def insert(
        self, module: str, records: Sequence[Record], *, trigger: Sequence[str] | None = ()
    ) -> list[WriteResult]:
        """Create at most 100 records; 1 credit per 10. Never repeated blindly: there is no idempotency key.

        ``trigger``: () fires no automation, None all of it.
        """
        call = Call("POST", path_of(module), endpoint="insert", repeatable=False)
        return self._write(call, module, records, trigger=trigger)

    def update(
        self,
        module: str,
        records: Sequence[Record],
        *,
        trigger: Sequence[str] | None = (),
        repeatable: bool = True,
    ) -> list[WriteResult]:
        """Change at most 100 records, each with its ``id``; 1 credit per 10.

        ``repeatable=False`` for records with rows of a subform that have no id, which append.
        """
        call = Call("PUT", path_of(module), endpoint="update", repeatable=repeatable)
        return self._write(call, module, records, trigger=trigger)

    def upsert(
        self,
        module: str,
        records: Sequence[Record],
        *,
        duplicate_check_fields: Sequence[str] | None = None,
        trigger: Sequence[str] | None = (),
        repeatable: bool = True,
    ) -> list[WriteResult]:
        """Create or change at most 100 records; 1 credit per 10.

        ``duplicate_check_fields`` is an order, not a restriction: see ``WriteResult.duplicate_field``.
        ``repeatable=False`` for records whose key may not match, or with subform rows, which append.
        """
        more = {"duplicate_check_fields": list(duplicate_check_fields)} if duplicate_check_fields else {}
        call = Call("POST", path_of(module, "upsert"), json=more, endpoint="upsert", repeatable=repeatable)
        return self._write(call, module, records, trigger=trigger)

    def delete(self, module: str, ids: Sequence[str], *, fire_workflows: bool = False) -> list[WriteResult]:
        """Delete at most 100 records by id. Costs 1 credit. A repeated delete is an error that means done."""
        params = {"ids": listed(ids), "wf_trigger": "true" if fire_workflows else "false"}
        call = Call(
            "DELETE",
            path_of(module),
            params,
            endpoint="delete",
            module=module,
            records=len(ids),
            answers_records=True,
        )
        return verdicts(self._sender.send(call), call)

    def _write(
        self, call: Call, module: str, records: Sequence[Record], *, trigger: Sequence[str] | None
    ) -> list[WriteResult]:
        """Send records in a call that has all but them."""
        body = {"data": list(records), **mapping(call.json)}
        if trigger is not None:
            body["trigger"] = list(trigger)
        call = replace(
            call,
            json=body,
            module=module,
            credits=write_credits(len(records)),
            records=len(records),
            answers_records=True,
        )
        return verdicts(self._sender.send(call), call)


def _since(moment: datetime | None) -> dict[str, str]:
    if moment is None:
        return {}
    return {"If-Modified-Since": offset_text(moment)}
