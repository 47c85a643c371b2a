"""The users of the organisation: by id, by e-mail, by name. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from target_bigin.lookups.by_value import Ids
from target_bigin.values.text import fold


def by_text(users: Iterable[Mapping[str, Any]]) -> dict[str, Ids]:
    """Ids of active users by what a person knows of them, as Bigin compares texts.

    >>> by_text([{"id": "7", "email": "Ann@x.org", "full_name": "Ann Ek", "status": "active"}])
    {'7': ('7',), 'ann@x.org': ('7',), 'ann ek': ('7',)}
    """
    found: dict[str, Ids] = {}
    for user in users:
        if fold(user.get("status") or "active") != "active":
            continue
        record_id = str(user["id"])
        texts = (record_id, user.get("email"), user.get("full_name"))
        for text in dict.fromkeys(fold(each) for each in texts if each):
            found[text] = (*found.get(text, ()), record_id)
    return found
