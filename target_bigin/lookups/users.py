"""The users of the organisation: by id, by e-mail, by name. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bigin_api.json_values import id_text, text
from target_bigin.lookups.by_value import Ids
from target_bigin.values.text import fold


def by_text(users: Iterable[Mapping[str, Any]]) -> dict[str, Ids]:
    """Ids of active users by what a person knows of them, as Bigin compares texts.

    >>> by_text([{"id": "7", "email": "Ann@x.org", "full_name": "Ann Ek", "status": "active"}])
    {'7': ('7',), 'ann@x.org': ('7',), 'ann ek': ('7',)}
    >>> by_text([{"id": "8"}, {"id": "9", "status": "inactive"}])
    {'8': ('8',)}
    """
    found: dict[str, Ids] = {}
    for user in users:
        if fold(user.get("status") or "active") != "active":
            continue
        record_id = id_text(user.get("id"))
        if record_id is None:
            continue
        texts = (record_id, text(user.get("email")), text(user.get("full_name")))
        for known_as in dict.fromkeys(fold(each) for each in texts if each):
            found[known_as] = (*found.get(known_as, ()), record_id)
    return found
