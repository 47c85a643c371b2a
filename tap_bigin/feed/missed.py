"""What a sweep brings that no notification told of: the measure of what the feed alone would lose."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_REMEMBERED = 10_000  # beyond, the sweep brought a heap that nobody expects to have been told of


class Missed:
    """Which records the sweeps of a run brought. Safe for threads: each step is one of a dict."""

    def __init__(self) -> None:
        self._swept: dict[tuple[str, str], str] = {}
        self._has_more = False

    def note(self, stream: str, records: Iterable[tuple[str, str]]) -> None:
        """Records, as module and id, that a sweep of a stream brought."""
        for each in records:
            if len(self._swept) >= MOST_REMEMBERED:
                self._has_more = True
                return
            self._swept.setdefault(each, stream)

    def line(self, told: set[tuple[str, str]]) -> str:
        """What of it was not told, in one line.

        >>> missed = Missed()
        >>> missed.note("Tasks", [("Tasks", "7"), ("Tasks", "8")])
        >>> missed.line({("Tasks", "7")})
        'the sweep found 1 record of which it had not been told: Tasks 1.'
        >>> missed.note("Tasks", (("Tasks", str(number)) for number in range(10_001)))
        >>> missed.line(set())
        'the sweep found more than 10,000 records of which it had not been told: Tasks 10,000.'
        """
        counts = Counter(stream for each, stream in self._swept.items() if each not in told)
        total = counts.total()
        if not total:
            return "the sweep found nothing of which it had not been told."
        more = "more than " if self._has_more else ""
        streams = ", ".join(f"{stream} {count:,}" for stream, count in sorted(counts.items()))
        return (
            f"the sweep found {more}{total:,} record{'' if total == 1 else 's'} of which it had not been "
            f"told: {streams}."
        )
