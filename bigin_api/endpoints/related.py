"""Related lists of one record: reading them, linking and unlinking.

Source: get-related-records and its siblings (Bigin v2); Emails as the sister API has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, WriteResult, is_unsaid, verdicts, whole_entries
from bigin_api.errors import ServerError
from bigin_api.http.calls import Call, given, listed, path_of
from bigin_api.json_values import is_true, text
from bigin_api.limits import EMAILS_PER_PAGE, RECORDS_PER_PAGE

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
        path = path_of(module, parent_id, related_list)
        params = given(fields=listed(fields), per_page=per_page, page=page, page_token=page_token)
        call = Call("GET", path, params, endpoint="related", module=module)
        return Page.of_records(self._sender.send(call), f"{module} {related_list}")

    def emails(
        self, module: str, parent_id: str, *, index: str | None = None
    ) -> tuple[list[Record], str | None]:
        """Ten emails of a record, and the ``index`` of the next ten, None after the last."""
        path, params = path_of(module, parent_id, "Emails"), given(index=index)
        reply = self._sender.send(Call("GET", path, params, endpoint="related", module=module))
        emails, following = whole_entries(reply.rows("Emails")), text(reply.info.get("next_index"))
        more = reply.info.get("more_records")
        may_go_on = bool(following) or len(emails) >= EMAILS_PER_PAGE  # where it is not told
        if not emails or not (is_true(more) or (is_unsaid(more) and may_go_on)):
            return emails, None
        if following in (None, index):
            raise ServerError(f"{path}: more emails are promised and no way to them is given.", module=module)
        return emails, following

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
