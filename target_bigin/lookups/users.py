"""The users of the organisation, asked for once: by id, by e-mail, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from target_bigin.lookups.by_value import Ids, fold

if TYPE_CHECKING:
    from bigin_api import Client, Labelled
    from target_bigin.concurrency.tasks import Flights


class Users:
    """Who may own a record. Costs 1 credit per 200 users, once a run. Main thread alone.

    Only active users count: Bigin gives nothing to one who left.
    """

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self._by_text: dict[str, Ids] | None = None
        self._asking: list[tuple[str, Callable[[Ids], None]]] = []

    def known(self, text: str) -> Ids | None:
        """The ids of those whom an id, an e-mail or a full name means. None: ask."""
        return None if self._by_text is None else self._by_text.get(fold(text), ())

    def ask(self, text: str, told: Callable[[Ids], None], *, client: Client | Labelled) -> None:
        """``told(ids)`` follows on the main thread, at once if the users are known."""
        ids = self.known(text)
        if ids is not None:
            told(ids)
            return
        self._asking.append((text, told))
        if len(self._asking) == 1:
            self._flights.start(lambda: list(client.organization.users()), self._loaded)

    def _loaded(self, future: Future[list[dict[str, Any]]]) -> None:
        self._by_text = by_text(future.result())
        asking, self._asking = self._asking, []
        for text, told in asking:
            told(self._by_text.get(fold(text), ()))


def by_text(users: Iterable[Mapping[str, Any]]) -> dict[str, Ids]:
    """Ids of active users by what a person knows of them, as Bigin compares texts.

    >>> by_text([{"id": "7", "email": "Ann@x.org", "full_name": "Ann Ek", "status": "active"}])
    {'7': ('7',), 'ann@x.org': ('7',), 'ann ek': ('7',)}
    """
    found: dict[str, Ids] = {}
    for user in users:
        if user.get("status", "active") != "active":
            continue
        record_id = str(user["id"])
        texts = (record_id, user.get("email"), user.get("full_name"))
        for text in dict.fromkeys(fold(each) for each in texts if each):
            found[text] = (*found.get(text, ()), record_id)
    return found
