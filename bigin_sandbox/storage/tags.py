"""The tags of a module: found or made by name, counted on records."""

from __future__ import annotations

from collections.abc import Iterable

from bigin_sandbox.clock import to_text
from bigin_sandbox.storage.database import Record
from bigin_sandbox.storage.records_table import RecordsTable


class Tags(RecordsTable):
    """Records, and what they are tagged with."""

    def tag_ids(self, module: str, names: Iterable[str], *, user_id: str) -> list[str]:
        """Ids of the tags of these names (case does not count); unknown ones are created."""
        wanted = list(names)
        tags = {tag["name"].casefold(): tag["id"] for tag in self.tags(module)}
        for name in wanted:
            if name.casefold() not in tags:
                tag = self._new_tag(name, user_id)
                self.put_metadata("tags", [*self.tags(module), tag], owner=module)
                tags[name.casefold()] = tag["id"]
        return [tags[name.casefold()] for name in wanted]

    def count_tagged(self, module: str, tag_id: str) -> int:
        """How many records of a module have a tag."""
        sql = (
            "select count(*) from records r, json_each(r.body, '$.Tag') t "
            "where r.module = ? and json_extract(t.value, '$.id') = ?"
        )
        return int(self._db.execute(sql, (module, tag_id)).fetchone()[0])

    def _new_tag(self, name: str, user_id: str) -> Record:
        now = to_text(self.clock.now())
        made = {"created_time": now, "modified_time": now}
        by = {"created_by": {"id": user_id}, "modified_by": {"id": user_id}}
        return {"id": self.new_id(), "name": name, "color_code": None, **made, **by}
