"""Faults that change nothing that anybody could notice, each with the reason: named, and not counted.

The key is what stays when code moves: function, operator, the head of the statement before and after,
as the report of ``make mutants`` prints them.
"""

from __future__ import annotations

from mutants.faults import Key

EQUAL: dict[Key, str] = {
    ("OldVersions.__init__", "number", "self._newest = 0", "self._newest = 1"): (
        "A version is a moment in milliseconds: none is 0."
    ),
}
