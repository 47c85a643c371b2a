"""Related lists of one record: reading them, linking and unlinking.

Source: get-related-records and its siblings (Bigin v2); Emails as the sister API has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, WriteResult, verdicts
from bigin_api.http.calls import Call, listed, path_of
from bigin_api.limits import RECORDS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api.http.calls import Sender

Record = dict[str, Any]


class Related:
    """Related lists cost 1 credit a parent and page."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def page(
        self,
        module: str,
        parent_id: str,
        related_list: str,
        fields: Sequence[str],
        *,
        page: int | None = None,
        page_token: str | None = None,
        per_page: int = RECORDS_PER_PAGE,
    ) -> Page:
        """One page of a related list.

        Raises InvalidRequest with ``resource_path_index`` 2 for a relation that is wrong or hidden.
        """
        params = {"fields": listed(fields), "per_page": str(per_page)}
        if page is not None:
            params["page"] = str(page)
        if page_token is not None:
            params["page_token"] = page_token
        call = Call(
            "GET", path_of(module, parent_id, related_list), params, endpoint="related", module=module
        )
        return Page.from_reply(self._sender.send(call))

    def emails(
        self, module: str, parent_id: str, *, index: str | None = None
    ) -> tuple[list[Record], str | None]:
        """Ten emails of a record, and the ``index`` of the next ten, None after the last."""
        params = {"index": index} if index else {}
        reply = self._sender.send(
            Call("GET", path_of(module, parent_id, "Emails"), params, endpoint="related", module=module)
        )
        following = reply.info.get("next_index")
        more = reply.info.get("more_records") is True and following
        return reply.rows("Emails"), str(following) if more else None

    def link(self, module: str, parent_id: str, related_list: str, related_id: str) -> WriteResult:
        """Link two records. May be repeated: a second time it says "relation updated"."""
        call = Call(
            "PUT",
            path_of(module, parent_id, related_list, related_id),
            json={"data": [{}]},
            endpoint="related",
            module=module,
            records=1,
            answers_records=True,
        )
        return verdicts(self._sender.send(call), call)[0]
