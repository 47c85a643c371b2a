"""How often an organisation's automation (workflow rules and the like) would have run.

Nothing runs here; the counts let a test prove that `trigger: []` sends no mail. Source: FACTS 5 (trigger).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context


class Automation:
    """Counts, by module, operation and trigger, the records for which automation was asked to run."""

    def __init__(self, _context: Context) -> None:
        self._fired: Counter[tuple[str, str, str]] = Counter()

    def fire(self, module: str, operation: str, triggers: tuple[str, ...]) -> None:
        """Note one record that was written with these triggers on."""
        self._fired.update((module, operation, trigger) for trigger in triggers)

    def to_json(self) -> dict[str, Any]:
        """`{"fired": 3, "by_module": {"Contacts": {"insert": {"workflow": 3}}}}`; `fired` counts records."""
        by_module: dict[str, dict[str, dict[str, int]]] = {}
        for (module, operation, trigger), times in sorted(self._fired.items()):
            by_module.setdefault(module, {}).setdefault(operation, {})[trigger] = times
        operations = (counts for module in by_module.values() for counts in module.values())
        return {"fired": sum(max(counts.values()) for counts in operations), "by_module": by_module}
