"""The parts of the page: pictures and tables from entries, runs and rejects. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from bigin_api.moments import parse_moment
from bigin_api.run_files.log_sums import Sum, by_hour
from bigin_cli.report.pictures import MOST_LABELS, Chart, Point, bar_chart
from target_bigin.records.advice import advice

if TYPE_CHECKING:
    from bigin_api.run_files.api_log import Entry
    from bigin_api.run_files.run_report import RunReport
    from target_bigin.files.reject_lines import RejectLine

RUNS_IN_TREND = 30
HOUR_STEPS = (1, 2, 3, 4, 6, 12)  # between two labels
MOST_HOURS = 72  # beyond, the picture is by day


@dataclass(frozen=True)
class Failure:
    """Calls that failed in the same way."""

    endpoint: str
    status: str
    code: str
    count: int
    last: str


@dataclass(frozen=True)
class RejectGroup:
    """Records refused for one reason."""

    stream: str
    kind: str
    code: str
    field: str
    count: int
    example: str
    do: str


def credits_by_time(entries: Sequence[Entry]) -> Chart | None:
    """Credits an hour, hours without a call included; a day where the log is long."""
    if not entries:
        return None
    sums = {parse_moment(each.name): each for each in by_hour(entries)}
    first, last = min(sums), max(sums)
    hours = int((last - first) / timedelta(hours=1)) + 1
    if hours > MOST_HOURS:
        return _credits_by_day(sums, first, last)
    step = next(each for each in HOUR_STEPS if hours <= each * MOST_LABELS)
    points: list[Point] = []
    for number in range(hours):
        hour = first + timedelta(hours=number)
        found = sums.get(hour) or Sum("")
        label = ""
        if hour.hour % step == 0:
            is_first = not any(point.label for point in points)
            label = f"{hour:%d %b %H:00}" if is_first or hour.hour == 0 else f"{hour:%H:00}"
        counts = f"{found.credits:,} credits, {found.calls:,} calls, {found.failed:,} failed"
        points.append(Point(label, found.credits, f"{hour:%d %b %H:00} UTC: {counts}"))
    return bar_chart("Credits by hour (UTC)", points, unit="credits")


def _credits_by_day(sums: dict[datetime, Sum], first: datetime, last: datetime) -> Chart:
    days: Counter[date] = Counter()
    for hour, found in sums.items():
        days[hour.date()] += found.credits
    count = (last.date() - first.date()).days + 1
    every = [first.date() + timedelta(days=number) for number in range(count)]
    points = [Point(day.strftime("%d %b"), days[day]) for day in every]
    return bar_chart("Credits by day (UTC)", points, unit="credits")


def trends(runs: Sequence[RunReport]) -> list[Chart]:
    """Records and credits of the last runs of each program, from two runs on."""
    charts = []
    for program in dict.fromkeys(run.program for run in runs):
        own = [run for run in runs if run.program == program][-RUNS_IN_TREND:]
        if len(own) < 2:  # noqa: PLR2004 -- one bar is no trend
            continue
        for what in ("records", "credits"):
            points = [_run_point(run, what) for run in own]
            charts.append(bar_chart(f"{program}: {what} of the last {len(own)} runs", points, unit=what))
    return charts


def _run_point(run: RunReport, what: str) -> Point:
    value = getattr(run, what)
    began = moment_text(run.began)
    tip = f"{began}: {value:,} {what}, {run.seconds:,.0f} s, {run.outcome}"
    return Point(began[5:16], value, tip, is_marked=run.outcome == "failed")


def failures(entries: Iterable[Entry]) -> list[Failure]:
    """Failed calls, grouped by what failed and how, the most frequent first."""
    counts: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        if entry.failed:
            key = (entry.endpoint, str(entry.status or "none"), entry.code or "")
            counts[key] += 1
            last[key] = max(last.get(key, ""), entry.time)
    return [Failure(*key, count, last[key]) for key, count in counts.most_common()]


def reject_groups(lines: Iterable[RejectLine]) -> list[RejectGroup]:
    """A reject log's lines by stream and reason, the most frequent first."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    examples: dict[tuple[str, str, str, str], str] = {}
    for line in lines:
        key = (line.stream, line.kind, line.code, line.field or "")
        counts[key] += 1
        examples.setdefault(key, line.message)
    return [
        RejectGroup(*key, count, examples[key], advice(key[2], key[1])) for key, count in counts.most_common()
    ]


def run_reject_groups(runs: Iterable[RunReport]) -> list[RejectGroup]:
    """The same from the last runs' reports, where there is no reject log."""
    found = [
        RejectGroup(
            stream=stream.stream,
            kind=each.kind,
            code=each.code,
            field=each.field or "",
            count=each.count,
            example=each.example,
            do=advice(each.code, each.kind),
        )
        for run in runs
        for stream in run.streams
        for each in stream.rejects
    ]
    return sorted(found, key=lambda group: -group.count)


def moment_text(text: str) -> str:
    """A moment without what a reader does not need.

    >>> moment_text("2026-05-14T09:53:58.120Z")
    '2026-05-14 09:53:58'
    """
    return text[:19].replace("T", " ")
