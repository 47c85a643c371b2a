"""The users of the organisation, asked for once: by id, by e-mail, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigin_api import Client, Labelled
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.tasks import Tasks
from target_bigin.lookups.by_value import Ids
from target_bigin.values.text import fold

ALL = "all"


class Users:
    """Who may own a record. Costs 1 credit per 200 users, once a run. Main thread alone.

    Only active users count: Bigin gives nothing to one who left.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._by_text: Mapping[str, Ids] | None = None
        self._questions: Batcher[str, Client | Labelled, Mapping[str, Ids]] = Batcher(tasks, _load, size=1)

    def known(self, text: str) -> Ids | None:
        """The ids of those whom an id, an e-mail or a full name means. None: ask."""
        return None if self._by_text is None else self._by_text.get(fold(text), ())

    async def find(self, text: str, *, client: Client | Labelled) -> Ids:
        """The ids; ``client`` asks for the users if nobody has yet."""
        if self._by_text is None:
            self._by_text = await self._questions.ask(ALL, client)
        return self._by_text.get(fold(text), ())


def _load(clients: Mapping[str, Client | Labelled]) -> Mapping[str, Mapping[str, Ids]]:
    """In a thread."""
    return {key: by_text(client.organization.users()) for key, client in clients.items()}


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
