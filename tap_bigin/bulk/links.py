"""What the bare ids in a Bulk Read job's CSV stand for: users by /users, Team Pipelines by the layouts.

An id that neither names (a user who is gone) is learnt from one record that has it, read by the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigin_api.errors import Refused, TransientError
from bigin_api.json_values import id_text
from tap_bigin.bulk.rows import Links
from tap_bigin.lists.pages import in_hundreds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bigin_api import Labelled
    from tap_bigin.bulk.rows import Link, Record
    from tap_bigin.planning import JobColumns, Kind


class BulkLinks:
    """The links of one module's rows. Asks for what its columns need, 1 credit for 200 users."""

    def __init__(self, client: Labelled, module: str, columns: JobColumns) -> None:
        self._client = client
        self._module = module
        told = self._users() if columns.has("user", "owner") else []
        users = {user_id: each for each in told if (user_id := id_text(each.get("id"))) is not None}
        named: list[Link] = [{"name": each.get("full_name"), "id": key} for key, each in users.items()]
        owners: list[Link] = [{**link, "email": users[link["id"]].get("email")} for link in named]
        layouts = self._layouts() if columns.has("layout") else []
        known: dict[Kind, list[Link]] = {"user": named, "owner": owners, "layout": layouts}
        self.by_kind: Mapping[Kind, Links] = {
            kind: Links({link["id"]: link for link in links}) for kind, links in known.items()
        }
        self._links_of = {
            each.name: self.by_kind[each.kind] for each in columns.columns if each.kind in self.by_kind
        }

    def name_all(self, records: Sequence[Record]) -> None:
        """Name what these records brought up, 1 credit for up to 100 ids; nothing where all have names."""
        if not any(links.unnamed for links in self.by_kind.values()):
            return
        witnesses: dict[tuple[str, str], str] = {}
        for record in records:
            for field, links in self._links_of.items():
                link = record[field]
                if link and link["id"] in links.unnamed:
                    witnesses.setdefault((field, link["id"]), record["id"])
        self._ask(sorted(set(witnesses.values())))
        for links in self.by_kind.values():
            links.unnamed.clear()  # a record that is gone cannot be asked: its link stays without a name

    def _ask(self, record_ids: Sequence[str]) -> None:
        fields = list(self._links_of)
        for some in in_hundreds(record_ids):
            for record in self._client.records.by_ids(self._module, some, fields):
                for field, links in self._links_of.items():
                    if record.get(field):
                        links.name(record[field])

    def _users(self) -> list[dict[str, Any]]:
        try:
            return list(self._client.organization.users())
        except (Refused, TransientError):
            return []  # the token may not list users, or cannot now: each is learnt from a record

    def _layouts(self) -> list[Link]:
        try:
            layouts = self._client.metadata.layouts(self._module)
        except (Refused, TransientError):
            return []
        return [{"name": each.name, "id": each.id} for each in layouts]
