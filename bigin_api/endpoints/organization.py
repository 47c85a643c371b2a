"""The organisation itself and its users. Source: get-org-data, get-users (Bigin v2)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from bigin_api.endpoints.results import Page, by_number
from bigin_api.errors import ServerError
from bigin_api.http.calls import Call
from bigin_api.json_values import mapping, text
from bigin_api.limits import RECORDS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bigin_api.http.calls import Sender


class Organization:
    """Who this is. Each call costs 1 credit."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._zgid: str | None = None

    def get(self) -> dict[str, Any]:
        """The organisation: company_name, zgid, time_zone, license_details and more."""
        rows = self._sender.send(Call("GET", "/org", endpoint="settings")).rows("org")
        return dict(mapping(rows[0])) if rows else {}

    def zgid(self) -> str:
        """The organisation's number, which uploads must name. Asked for once."""
        with self._lock:
            if self._zgid is None:
                found = text(self.get().get("zgid")) or ""
                if not (found.isascii() and found.isalnum()):  # it travels in a header
                    raise ServerError("GET /org: the organisation has no zgid.")
                self._zgid = found
            return self._zgid

    def users_page(self, *, kind: str = "AllUsers") -> Page:
        """The first 200 users. Raises ScopeMissing without ZohoBigin.users.READ."""
        return Page.from_reply(self._sender.send(_users(kind)), "users")

    def users(self) -> Iterator[dict[str, Any]]:
        """Every user, page by page."""
        return by_number(self._sender, _users("AllUsers"), "users")


def _users(kind: str) -> Call:
    params = {"type": kind, "page": "1", "per_page": str(RECORDS_PER_PAGE)}
    return Call("GET", "/users", params, endpoint="settings")
