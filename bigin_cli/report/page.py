"""What stands on the page, from run reports, an API log and a reject log; and the page as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Generic, TypeVar

from bigin_api.moments import parse_moment, utc_text
from bigin_api.run_files.log_sums import Sum, by_endpoint, slowest, total
from bigin_cli.report.pictures import Chart, number_text
from bigin_cli.report.sections import (
    Failure,
    RejectGroup,
    credits_by_time,
    failures,
    moment_text,
    reject_groups,
    run_reject_groups,
    trends,
)

if TYPE_CHECKING:
    from datetime import datetime

    from bigin_api.run_files.api_log import Entry
    from bigin_api.run_files.run_report import RunReport
    from bigin_cli.report.feed import FeedLag
    from target_bigin.files.reject_lines import RejectLine

ROWS = 12
REJECT_ROWS = 40
FILES = 5
OLD = timedelta(hours=25)  # of a last run: most pipelines run once a day

Row = TypeVar("Row")


@dataclass(frozen=True)
class Head(Generic[Row]):
    """The first rows of a table, and those that are not shown: they are counted on the page."""

    rows: Sequence[Row] = ()
    rest: Sequence[Row] = ()

    @classmethod
    def of(cls, rows: Sequence[Row], most: int) -> Head[Row]:
        """Cut after ``most``; a single row more is shown, since to say so takes a row too.

        >>> Head.of("abcd", 2), Head.of("abc", 2)
        (Head(rows='ab', rest='cd'), Head(rows='abc', rest=''))
        """
        place = most if len(rows) > most + 1 else len(rows)
        return cls(rows[:place], rows[place:])


@dataclass
class Page:
    """All that the template shows."""

    title: str
    made: str
    verdict: str
    is_good: bool
    figures: list[tuple[str, str]]
    runs: list[RunReport] = field(default_factory=list)  # the last of each program
    trends: list[Chart] = field(default_factory=list)
    credits_by_time: Chart | None = None
    endpoints: Head[Sum] = field(default_factory=Head)
    slow: list[Entry] = field(default_factory=list)
    failures: Head[Failure] = field(default_factory=Head)
    failed_calls: int = 0
    rejects: Head[RejectGroup] = field(default_factory=Head)
    rejected: int = 0
    feed: FeedLag | None = None
    sources: Head[str] = field(default_factory=Head)


def make_page(
    *,
    entries: Sequence[Entry],
    runs: Sequence[RunReport],
    rejects: Sequence[RejectLine],
    sources: Sequence[str],
    now: datetime,
    feed: FeedLag | None = None,
) -> Page:
    """The page of these files; ``runs`` in any order."""
    in_order = sorted(runs, key=lambda run: run.began)
    last = list({run.program: run for run in in_order}.values())
    groups = reject_groups(rejects) if rejects else run_reject_groups(last)
    rejected = sum(each.count for each in groups)
    calls = total(entries)
    is_good, verdict = judge(last, rejected, calls.failed, feed=feed)
    figures = []
    when = "last run" if len(last) == 1 else "last runs"
    if runs:
        figures += [("runs", number_text(len(runs))), (f"records, {when}", _sum(last, "records"))]
    if entries:
        figures += [
            ("calls in the log", number_text(calls.calls)),
            ("credits in the log", number_text(calls.credits)),
            ("failed calls", number_text(calls.failed)),
        ]
    elif runs:
        figures.append((f"credits, {when}", _sum(last, "credits")))
    if runs or rejects:
        figures.append(("rejects", number_text(rejected)))
    return Page(
        title="Bigin pipeline report",
        made=utc_text(now),
        verdict=verdict + _age(last, now),
        is_good=is_good,
        figures=figures,
        runs=last,
        trends=trends(in_order),
        credits_by_time=credits_by_time(entries),
        endpoints=Head.of(by_endpoint(entries), ROWS),
        slow=slowest(entries, ROWS) if entries else [],
        failures=Head.of(failures(entries), ROWS),
        failed_calls=calls.failed,
        rejects=Head.of(groups, REJECT_ROWS),
        rejected=rejected,
        feed=feed,
        sources=Head.of(sources, FILES),
    )


def render(page: Page) -> str:
    """The page as HTML. Needs jinja2."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 -- of the extra `report`

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = number_text
    environment.filters["with_code"] = _with_code
    environment.filters["moment"] = moment_text
    template = files("bigin_cli.report").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(page=page)


def _with_code(text: str) -> str:
    """What stands between backticks in advice as code."""
    from markupsafe import Markup  # noqa: PLC0415 -- comes with jinja2

    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def judge(
    last: Sequence[RunReport], rejected: int, failed_calls: int = 0, *, feed: FeedLag | None = None
) -> tuple[bool, str]:
    """Whether all is well, and one sentence that says what is not.

    Most calls that fail are tried again, and a run's report says what came of it; without one nothing does.

    >>> judge([], 0)
    (True, 'Nothing went wrong in what these files tell.')
    >>> judge([], 0, failed_calls=3)
    (False, '3 calls failed, and no report of a run says what came of them.')
    """
    wrong = [
        f"{run.program} failed: {run.error or _failed_streams(run)}"
        for run in last
        if run.outcome == "failed"
    ]
    stopped = [f"{run.program} stopped: {run.error}" for run in last if run.outcome == "stopped"]
    if rejected and not any("rejected" in each for each in wrong):
        wrong.append(f"{rejected:,} {'record was' if rejected == 1 else 'records were'} refused")
    if failed_calls and not last:
        wrong.append(f"{failed_calls:,} calls failed, and no report of a run says what came of them")
    if feed is not None and not feed.is_alive:
        wrong.append(f"the feed's receiver has been silent for {feed.seconds / 60:,.0f} minutes")
    told = [each.rstrip(".") for each in (*wrong, *stopped)]
    if told:
        return not wrong, "; ".join(told) + "."
    if not last:
        return True, "Nothing went wrong in what these files tell."
    return True, "The last run was good." if len(last) == 1 else "The last runs were good."


def _age(last: Sequence[RunReport], now: datetime) -> str:
    """How long ago the latest run began, where that is long: it may be good and yet the last there was."""
    began = max((parse_moment(run.began) for run in last if run.began), default=now)
    if now - began < OLD:
        return ""
    return f" It is old: the latest began {(now - began) / timedelta(hours=1):,.0f} hours before this page."


def _failed_streams(run: RunReport) -> str:
    names = [each.stream for each in run.streams if each.failure]
    return f"{', '.join(names)} could not be read" if names else "see its last line"


def _sum(runs: Iterable[RunReport], name: str) -> str:
    return number_text(sum(getattr(run, name) for run in runs))
