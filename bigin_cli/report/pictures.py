"""Bar charts: where each bar, line and word stands. The template draws them as SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH, HEIGHT = 720, 206
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 30, 26  # room for the numbers, and for the words below
MOST_LABELS = 8
GAP = 0.25  # of a bar's place
WIDEST = 42.0
LEAST_HEIGHT = 1.5  # of a bar whose value is not 0: a little must not look like nothing


@dataclass(frozen=True)
class Point:
    """A value, the words below it (may be none) and those of a pointer. ``is_marked``: it went wrong."""

    label: str
    value: float
    tip: str = ""
    is_marked: bool = False


@dataclass(frozen=True)
class Bar:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    tip: str
    is_marked: bool


@dataclass(frozen=True)
class Word:
    """A text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A picture, in pixels from the upper left."""

    title: str
    summary: str  # for those who hear it
    bars: tuple[Bar, ...]
    ticks: tuple[Word, ...]  # each a line across, with its number
    labels: tuple[Word, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    floor: int = HEIGHT - BOTTOM


def bar_chart(title: str, points: Sequence[Point], *, unit: str) -> Chart:
    """A bar for each point, from left to right."""
    most = max((point.value for point in points), default=0)
    top_tick = ticks(most)[-1]
    room = HEIGHT - TOP - BOTTOM
    place = (WIDTH - LEFT - RIGHT) / max(1, len(points))
    width = min(place * (1 - GAP), WIDEST)
    bars, labels = [], []
    labelled = [number for number, point in enumerate(points) if point.label]
    shown = set(labelled[:: ceil(len(labelled) / MOST_LABELS) or 1])
    for number, point in enumerate(points):
        middle = LEFT + place * (number + 0.5)
        height = room * point.value / top_tick
        if point.value:
            height = max(height, LEAST_HEIGHT)
        floor_ = HEIGHT - BOTTOM
        bars.append(
            Bar(
                round(middle - width / 2, 1),
                round(floor_ - height, 1),
                round(width, 1),
                round(height, 1),
                point.tip or f"{point.label}: {number_text(point.value)} {unit}",
                point.is_marked,
            )
        )
        if number in shown:
            labels.append(Word(round(middle, 1), HEIGHT - 8, point.label))
    lines = tuple(
        Word(LEFT - 6, round(HEIGHT - BOTTOM - room * tick / top_tick, 1), number_text(tick))
        for tick in ticks(most)
    )
    total = number_text(sum(point.value for point in points))
    summary = f"{title}: {len(points)} bars, {total} {unit} together, {number_text(most)} at most."
    return Chart(title, summary, tuple(bars), lines, tuple(labels))


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to the value or beyond, three to six of them.

    >>> ticks(0), ticks(7), ticks(312)
    ([0, 1], [0, 2, 4, 6, 8], [0, 100, 200, 300, 400])
    """
    if most <= 0:
        return [0, 1]
    rough = most / 4
    size = 10 ** floor(log10(rough))
    step = next((factor * size for factor in (1, 2, 5) if factor * size >= rough * 0.9), 10 * size)
    step = max(step, 1)  # credits, records and calls are whole
    return [number * step for number in range(ceil(most / step) + 1)]


def number_text(value: float) -> str:
    """A number with its thousands apart, without a fraction that says nothing.

    >>> number_text(12000.0), number_text(0.5)
    ('12,000', '0.5')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
