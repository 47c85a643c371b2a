"""Records that readers do not see, or see as they were.

    late      a change is stamped now and visible some seconds later: until then the record is as it was
    approval  a record under approval: no list shows it unless asked to, and it comes with its old
              Modified_Time once it is approved (FACTS 7.24)

Writers see everything: the table `records` is the truth. Readers select from what `source` names.
"""

from __future__ import annotations

from bigin_sandbox.storage.database import to_row_id
from bigin_sandbox.storage.metadata import Metadata

EVERYTHING_TRUE = "records"
# What a list's `approved` asks for -> the view that shows it.
VIEWS = {"true": "seen_records", "both": "seen_or_unapproved_records", "false": "unapproved_records"}


class Veils(Metadata):
    """Which records are veiled, and where a reader selects from."""

    visibility_delay = 0.0  # seconds from a change's stamp until readers see it

    def lift_veils(self) -> None:
        """Show the changes whose time has come."""
        now = self.clock.timestamp()
        self._db.execute("delete from veils where kind = 'late' and until <= ?", (now,))

    def source(self, approved: str = "true") -> str:
        """What a reader selects from: plain records where nothing is veiled, which is faster."""
        veiled = self._db.execute("select exists (select 1 from veils)").fetchone()[0]
        return VIEWS[approved] if veiled or approved == "false" else EVERYTHING_TRUE

    def submit(self, module: str, record_id: str) -> None:
        """Put a record under approval."""
        values = (to_row_id(record_id), module)
        self._db.execute("insert or ignore into veils (id, kind, module) values (?, 'approval', ?)", values)

    def approve(self, record_id: str) -> bool:
        """Take a record out of approval; False if it was not under it."""
        sql = "delete from veils where kind = 'approval' and id = ?"
        return self._db.execute(sql, (to_row_id(record_id),)).rowcount > 0

    def is_under_approval(self, record_id: str) -> bool:
        """Whether somebody has still to approve a record."""
        sql = "select exists (select 1 from veils where kind = 'approval' and id = ?)"
        return bool(self._db.execute(sql, (to_row_id(record_id),)).fetchone()[0])

    def _veil_change(self, record_id: str) -> None:
        """Before a change: readers go on seeing the record as it is, or not at all if it is not there.

        A record that is veiled already stays so no longer than before, however often it changes.
        """
        if self.visibility_delay <= 0:
            return
        row_id, until = to_row_id(record_id), self.clock.timestamp() + self.visibility_delay
        was = "select id, 'late', ?, module, created, modified, name, body from records where id = ?"
        if not self._db.execute(f"insert or ignore into veils {was}", (until, row_id)).rowcount:
            values = (row_id, until)
            self._db.execute("insert or ignore into veils (id, kind, until) values (?, 'late', ?)", values)

    def _unveil(self, record_id: str) -> None:
        self._db.execute("delete from veils where id = ?", (to_row_id(record_id),))
