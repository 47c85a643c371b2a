"""`bigin report`: one page without a script that says what happened, what it cost and what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.feed import ToldLog
from support.tap import run_tap
from support.target import command as run_target
from support.target import record, schema

from bigin_api.moments import parse_moment
from bigin_api.run_files.api_log import Entry
from bigin_api.run_files.run_report import RunReport, StreamRun
from bigin_cli.report import command as report
from bigin_cli.report.feed import FeedLag
from bigin_cli.report.page import judge, make_page, render
from bigin_cli.report.pictures import Point, bar_chart
from bigin_cli.report.sections import credits_by_time, failures, trends
from target_bigin.files.reject_lines import RejectLine

BROWSER = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)


class Outline(HTMLParser):
    """The elements of a page, and whether each is closed in its turn."""

    NEVER_CLOSED = frozenset(("meta", "br", "line", "rect"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.NEVER_CLOSED:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.NEVER_CLOSED:
            assert self._open.pop() == tag


@pytest.fixture
def morning(sandbox, tmp_path) -> Path:
    """A folder after a night: two runs of the tap, one with a bad hour, and one of the target with rejects."""
    log = str(tmp_path / "api.jsonl")
    for number in range(2):
        if number:
            sandbox.fault("GET /Contacts", status=503, times=1)
        path = str(tmp_path / "runs" / f"tap{number}.json")
        run_tap(sandbox, modules=["Contacts", "Accounts"], api_log_path=log, run_report_path=path)
    messages = [
        schema("Contacts", "Last_Name", "Email_Opt_Out", key=["Email"]),
        record("Contacts", Email="good@ek.io", Last_Name="Ek"),
        record("Contacts", Email="bad@ek.io", Last_Name="Ek", Email_Opt_Out="<script>alert(1)</script>"),
    ]
    settings = sandbox.settings_for(
        rejects_path=str(tmp_path / "rejects.jsonl"),
        api_log_path=log,
        run_report_path=str(tmp_path / "runs" / "target.json"),
    )
    run_target(settings, tmp_path, messages)
    return tmp_path


def make(run, folder: Path) -> str:
    """The page of a folder."""
    files = [
        "--log",
        folder / "api.jsonl",
        "--runs",
        folder / "runs" / "*.json",
        "--rejects",
        folder / "rejects.jsonl",
    ]
    result = run(report, *files, "-o", folder / "report.html")
    assert result.exit_code == 0, result.output
    assert "target-bigin failed: 1 record was rejected." in result.stdout
    return (folder / "report.html").read_text("utf-8")


def test_a_page_says_what_happened_and_what_to_do(run, morning):
    """Streams, credits, failed calls, rejects with advice, the trend: each in its place."""
    page = make(run, morning)

    names = Outline(page).names
    assert names.count("svg") == 3  # credits by hour, records and credits of the tap's runs
    for words in (
        "tap-bigin: what each stream did",
        "target-bigin: what each stream did",
        "1 inserted",
        "INVALID_VALUE",
        "Mend the value in the source",
        "Credits by hour",
        "Calls that failed",
        "503",
        "The slowest calls",
        "records of the last 2 runs",
    ):
        assert words in page, words


def test_what_a_dry_run_told_is_no_reject(run, morning):
    """It was not to be written: on a morning's page it would be a fault that nobody finds."""
    log = morning / "rejects.jsonl"
    told = {**json.loads(log.read_text()), "code": "TOLD_BY_A_DRY_RUN", "dry_run": True}
    log.write_text(log.read_text() + json.dumps(told) + "\n")

    page = make(run, morning)

    assert "INVALID_VALUE" in page
    assert "TOLD_BY_A_DRY_RUN" not in page


def test_the_page_is_one_file_without_a_script(run, morning):
    """It opens from an e-mail: nothing is fetched, nothing runs, and a record's value is only text."""
    page = make(run, morning)

    outline = Outline(page)
    assert "script" not in outline.names
    assert "link" not in outline.names
    assert outline.addresses == []
    assert "url(" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_no_secret_is_on_the_page(run, morning, sandbox):
    """It is forwarded."""
    page = make(run, morning)

    assert sandbox.client_secret not in page
    assert sandbox.refresh_token not in page


def test_each_source_alone_makes_a_page(run, morning):
    """Whoever keeps no log still learns what each stream did."""
    for option, path in (
        ("--log", "api.jsonl"),
        ("--runs", "runs/tap0.json"),
        ("--rejects", "rejects.jsonl"),
    ):
        result = run(report, option, morning / path, "-o", morning / "one.html")

        assert result.exit_code == 0, result.output
        Outline((morning / "one.html").read_text())


def test_files_that_a_shell_lists_are_all_taken(run, morning):
    """A glob without quotes becomes several arguments."""
    paths = sorted((morning / "runs").glob("*.json"))

    result = run(report, "-o", morning / "one.html", "--runs", *paths)

    assert result.exit_code == 0, result.output
    assert "records of the last 2 runs" in (morning / "one.html").read_text()


def test_a_page_takes_the_place_of_no_pipe_or_device(morning, run):
    """As root it would, and a machine without /dev/null is a broken one."""
    pipe = morning / "pipe"
    os.mkfifo(pipe)

    result = run(report, "--log", os.devnull, "-o", pipe)

    assert result.exit_code == 1
    assert "no file" in result.output
    assert pipe.is_fifo()


def test_a_good_day_leaves_no_reject_log(run, morning):
    """A cron line names it all the same."""
    result = run(
        report,
        "--runs",
        morning / "runs" / "tap1.json",
        "--rejects",
        morning / "none.jsonl",
        "-o",
        morning / "r.html",
    )

    assert result.exit_code == 0
    assert "no record was refused" in result.stderr
    assert "The last run was good." in result.stdout


def test_hours_without_a_call_are_empty_places_in_the_picture():
    """Left out, a night without runs would look like one with them."""
    chart = credits_by_time(
        [
            Entry("2026-05-14T22:10:00Z", "GET", "/org", credits=3),
            Entry("2026-05-15T01:59:59Z", "GET", "/org", credits=1),
        ]
    )

    assert [bar.height > 0 for bar in chart.bars] == [True, False, False, True]
    assert [label.text for label in chart.labels] == ["14 May 22:00", "23:00", "15 May 00:00", "01:00"]


def test_a_long_log_is_shown_by_day():
    """A bar an hour would be a hair."""
    start = parse_moment("2026-05-01T00:00:00Z")
    entries = [
        Entry((start + timedelta(hours=hour)).isoformat(), "GET", "/org", credits=1)
        for hour in range(24 * 10)
    ]

    chart = credits_by_time(entries)

    assert chart.title == "Credits by day (UTC)"
    assert len(chart.bars) == 10


def test_bars_stay_in_their_frame_and_a_little_is_more_than_nothing():
    """One credit beside ten thousand must be seen."""
    chart = bar_chart("x", [Point("a", 10_000), Point("b", 1), Point("c", 0)], unit="credits")

    big, little, none = chart.bars
    assert all(30 <= bar.y <= chart.floor and bar.y + bar.height <= chart.floor + 0.2 for bar in chart.bars)
    assert big.height > 100
    assert little.height > 1
    assert none.height == 0


def test_calls_that_fail_alike_are_one_line():
    """A thousand 429 are one fact."""
    entries = [
        Entry(f"2026-05-14T10:00:0{n}Z", "GET", f"/Contacts/{10**17 + n}", status=429) for n in range(9)
    ]

    [line] = failures(entries)

    assert (line.endpoint, line.count, line.last) == ("GET /Contacts/{id}", 9, "2026-05-14T10:00:08Z")


NOW = datetime(2026, 5, 14, 7, tzinfo=timezone.utc)


def page_of(**what) -> str:
    """The page of what a test made up."""
    nothing = {"entries": [], "runs": [], "rejects": [], "sources": ["api.jsonl"]}
    return " ".join(render(make_page(now=NOW, **(nothing | what))).split())


def test_a_table_that_is_cut_says_what_it_leaves_out():
    """Twelve endpoints of twenty look like all there are: the sum would not be the log's."""
    entries = [
        Entry("2026-05-14T06:00:00Z", "GET", f"/M{n:02}", credits=20 - n, status=500) for n in range(20)
    ]
    rejects = [RejectLine(stream="Contacts", record={}, code=f"C{n}", kind="invalid") for n in range(50)]
    warned = StreamRun(stream="Notes", warnings=[f"warning {n}" for n in range(7)])

    page = page_of(
        entries=entries,
        rejects=rejects,
        runs=[RunReport(program="tap-bigin", streams=[warned])],
        sources=[f"tap-{n}.json" for n in range(30)],
    )

    for words in (
        "And 8 more endpoints, 36 credits in 8 calls",
        "And 8 more ways, 8 attempts",
        "And 10 more reasons, 10 records",
        "and 4 more warnings",
        "and 25 more files",
    ):
        assert words in page, words
    assert "/M11" in page


def test_a_table_that_is_whole_says_nothing_more():
    """A single row too many is shown: its line would take its place."""
    entries = [Entry("2026-05-14T06:00:00Z", "GET", f"/M{n:02}", credits=1) for n in range(13)]

    page = page_of(entries=entries)

    assert "/M12" in page
    assert "more" not in page.partition("<body>")[2]


def test_a_last_run_of_long_ago_is_told_with_the_verdict():
    """A cron that no longer starts leaves a good last run, and the page would stay green for ever."""
    run = RunReport(program="tap-bigin", began="2026-05-12T06:00:00Z")

    assert "The last run was good. It is old: the latest began 49 hours before this page." in page_of(
        runs=[run]
    )
    assert "It is old" not in page_of(
        runs=[run, RunReport(program="tap-bigin", began="2026-05-13T06:30:00Z")]
    )


def test_a_run_that_failed_is_marked_in_the_trend():
    """A short bar could be a quiet day."""
    runs = [
        RunReport(program="tap-bigin", began=f"2026-05-1{n}T07:00:00Z", outcome=how)
        for n, how in enumerate(("good", "failed"))
    ]

    assert [bar.is_marked for bar in trends(runs)[0].bars] == [False, True]
    assert trends(runs[:1]) == []


@pytest.mark.parametrize(
    ("run_report", "rejected", "good", "words"),
    [
        (RunReport(program="tap-bigin"), 0, True, "The last run was good."),
        (
            RunReport(program="tap-bigin", outcome="failed", error="refused."),
            0,
            False,
            "tap-bigin failed: refused.",
        ),
        (
            RunReport(program="tap-bigin", outcome="stopped", error="the budget"),
            0,
            True,
            "tap-bigin stopped: the budget.",
        ),
        (RunReport(program="target-bigin"), 3, False, "3 records were refused."),
        (RunReport(program="target-bigin"), 1, False, "1 record was refused."),
        (
            RunReport(
                program="tap-bigin", outcome="failed", streams=[StreamRun(stream="Notes", failure="x")]
            ),
            0,
            False,
            "tap-bigin failed: Notes could not be read.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(run_report, rejected, good, words):
    """It is all that many will read."""
    assert judge([run_report], rejected) == (good, words)


def test_calls_that_failed_without_a_run_that_says_what_came_of_them_are_not_well():
    """A log alone cannot tell whether the next try was good: green would be a guess."""
    assert judge([], 0, failed_calls=2) == (
        False,
        "2 calls failed, and no report of a run says what came of them.",
    )
    assert judge([RunReport(program="tap-bigin")], 0, failed_calls=2) == (True, "The last run was good.")


def test_a_receiver_that_is_silent_is_not_well():
    """Its heartbeat stands below the fold; the verdict was green."""
    silent, alive = (
        FeedLag(head=3, heartbeat="2026-05-14T06:00:00Z", seconds=seconds, waiting=0, silences=[])
        for seconds in (3600.0, 20.0)
    )

    assert judge([], 0, feed=silent) == (False, "the feed's receiver has been silent for 60 minutes.")
    assert judge([], 0, feed=alive)[0]


@pytest.mark.skipif(BROWSER is None, reason="Chromium (apt install chromium) is not installed")
def test_a_browser_shows_and_prints_it(run, morning, tmp_path):
    """What a parser takes may still be no page."""
    make(run, morning)
    page = f"file://{morning / 'report.html'}"
    options = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]

    shown = subprocess.run(
        [*options, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True
    )
    subprocess.run(
        [*options, f"--print-to-pdf={tmp_path / 'p.pdf'}", page], capture_output=True, timeout=120, check=True
    )

    assert shown.stdout.count("<rect") == (morning / "report.html").read_text().count("<rect")
    assert (tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((morning / "runs" / "target.json").read_text())["outcome"] == "failed"


def test_the_feed_shows_how_far_the_tap_is_behind(run, tmp_path):
    """A receiver that is silent since the evening looks like a quiet night."""
    told = ToldLog(f"sqlite:///{tmp_path / 'feed.sqlite'}")
    told.tell("Contacts", "1", "2")
    told.silence("the machine slept")
    began = (datetime.now(timezone.utc) - timedelta(minutes=5)).isoformat()
    old_run = tmp_path / "tap.json"
    old_run.write_text(json.dumps({"program": "tap-bigin", "began": began}))
    page = tmp_path / "report.html"

    made = run(report, "--runs", old_run, "--feed-log", told.url, "-o", page)
    refused = run(report, "--feed-log", "sqlite:////nowhere/u:secret@x.sqlite", "-o", page)

    assert made.exit_code == 0, made.output
    text = " ".join(page.read_text().split())
    assert "Its log is at 3; 3 entries came since the tap's last run began" in text
    assert "the machine slept" in text
    Outline(page.read_text())
    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1
