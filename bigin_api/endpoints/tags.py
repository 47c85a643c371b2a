"""Tags of a module, and on its records. Source: get-tag-list, add-tags, remove-tags (Bigin v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import WriteResult, by_number, verdicts
from bigin_api.http.calls import Call, listed, path_of
from bigin_api.limits import tag_credits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bigin_api.http.calls import Sender


class Tags:
    """Tags. Adding and removing costs 1 credit per 50 records, at most 500 a call."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def of_module(self, module: str) -> list[dict[str, Any]]:
        """The tags that a module knows: id, name, color_code. Costs 1 credit a page."""
        call = Call("GET", "/settings/tags", {"module": module}, endpoint="settings", module=module)
        return list(by_number(self._sender, call, "tags"))

    def add(self, module: str, ids: Sequence[str], names: Sequence[str]) -> list[WriteResult]:
        """Add tags to at most 500 records; unknown names are created. May be repeated."""
        body = {"tags": [{"name": name} for name in names], "ids": list(ids), "over_write": False}
        return self._send(module, "add_tags", ids, {}, body)

    def remove(self, module: str, ids: Sequence[str], names: Sequence[str]) -> list[WriteResult]:
        """Take tags from at most 500 records. By query: the body of the sister API is not v2's."""
        return self._send(module, "remove_tags", ids, {"ids": listed(ids), "tag_names": listed(names)}, None)

    def _send(
        self, module: str, action: str, ids: Sequence[str], params: dict[str, str], body: object
    ) -> list[WriteResult]:
        call = Call(
            "POST",
            path_of(module, "actions", action),
            params,
            json=body,
            endpoint="tags",
            module=module,
            credits=tag_credits(len(ids)),
            records=len(ids),
            answers_records=True,
        )
        return verdicts(self._sender.send(call), call)
