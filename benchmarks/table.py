"""One table for everything that is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measured figure beside the bar that it is held to."""

    what: str
    value: float
    bar: float
    unit: str
    least: bool = False  # the bar is a floor, not a ceiling
    seen: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure meets its bar."""
        return self.value >= self.bar if self.least else self.value <= self.bar

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        verdict = "ok" if self.holds else "MISSED"
        figure = f"{self.value:>9.2f} {self.unit:<3} {sign} {self.bar:<6g}"
        return f"{self.what:<68} {figure} {verdict:<7} {self.seen}"
