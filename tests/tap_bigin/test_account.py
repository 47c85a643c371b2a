"""The account at the end of a run: what Bigin counts against what left, and what it cost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_tap, select, select_fields

from bigin_api import progress
from tap_bigin.report import MOST_WARNINGS, StreamReport

LINE = re.compile(r"(\w+): ([\d,]+) records(?:, Bigin counts ([\d,]+)(?: \((.*?)\))?)?, (\d+) credits")


def _account(run: TapRun, stream: str) -> tuple[int, int | None, str | None, int]:
    """Records, Bigin's count, why they differ, credits."""
    found = [match for line in run.log if (match := LINE.search(line)) and match[1] == stream]
    assert len(found) == 1
    _, records, counted, reason, spent = found[0].groups()
    number = int(counted.replace(",", "")) if counted else None
    return int(records.replace(",", "")), number, reason, int(spent)


def test_what_bigin_counts_equals_what_left(sandbox: Sandbox) -> None:
    """A person sees in one line a stream that nothing is missing, and that it cost no call more."""
    run = run_tap(sandbox)

    for module in ("Accounts", "Contacts", "Pipelines", "Products", "Tasks"):
        held = sandbox.count(module)
        assert _account(run, module)[:3] == (held, held, None)
    deleted = sandbox.calls("GET /Products/deleted")
    assert _account(run, "Products")[3] == sandbox.calls("GET /Products") + deleted == 2


def test_a_count_that_differs_comes_with_the_reason(sandbox: Sandbox) -> None:
    """It lags by minutes: a difference is no loss, and a person should know why there is one."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    select_fields(catalog, "Contacts", "Last_Name", "Email")  # a job gives them: so it matters how many
    sandbox.settings(most_per_page=10)
    sandbox.fault("GET /Contacts/actions/count", status=200, body={"count": 7}, times=None)

    run = run_tap(sandbox, catalog=catalog)

    records, counted, reason, _ = _account(run, "Contacts")
    assert (records, counted) == (sandbox.count("Contacts"), 7)
    assert reason
    assert "lags" in reason


def test_a_second_run_tells_what_it_moved_and_nothing_of_the_rest(sandbox: Sandbox) -> None:
    """Of an incremental pass there is nothing that the module's count could be held against."""
    first = run_tap(sandbox, modules=["Contacts"])
    sandbox.clock(advance=60)
    sandbox.create("Contacts", Last_Name="Berg")

    second = run_tap(sandbox, modules=["Contacts"], state=first.state)

    assert _account(second, "Contacts")[:3] == (1, None, None)


@pytest.mark.parametrize("jobs_before", [0, 51])
def test_the_total_tells_what_remains_where_bigin_says_so(sandbox: Sandbox, jobs_before: int) -> None:
    """Bigin says what remains once half of the day's 5,000 credits are used; a job costs 50."""
    sandbox.reset(edition="free")
    for _ in range(jobs_before):
        wish = {"query": {"module": {"api_name": "Contacts"}, "fields": ["Last_Name"]}}
        assert sandbox.api("POST", "/read", base="/bigin/bulk/v2", json=wish).status_code == 201
    before = sandbox.usage()["credits"]

    run = run_tap(sandbox)

    total = next(line for line in run.log if "Total: " in line)
    spent = int(re.search(r"([\d,]+) credits in", total)[1].replace(",", ""))  # type: ignore[index]
    assert spent == sandbox.usage()["credits"] - before
    assert bool(re.search(r"Bigin says [\d,]+ remain today", total)) == bool(jobs_before)


def test_what_lasts_is_warned_of_once_and_again_once_it_comes_back(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good run at seven in the morning says nothing, so that a run that says something is read."""
    monkeypatch.setenv("LOGLEVEL", "WARNING")
    chosen = {"modules": ["Contacts", "Payroll", "Subscriptions"]}

    first = run_tap(sandbox, **chosen)
    sandbox.mutate({"op": "edit", "module": "Subscriptions", "id": first.ids("Subscriptions")[0], "data": {}})
    second = run_tap(sandbox, state=first.state, **chosen)
    sandbox.fault("GET /Contacts", status=403, body={"code": "NO_PERMISSION", "status": "error"}, times=None)
    third = run_tap(sandbox, state=second.state, **chosen)
    fourth = run_tap(sandbox, state=third.state, **chosen)
    sandbox.clear_faults()
    sandbox.mutate(
        {"op": "edit", "module": "Contacts", "id": first.ids("Contacts")[0], "data": {"Title": "X"}}
    )
    fifth = run_tap(sandbox, state=fourth.state, **chosen)
    sandbox.fault("GET /Contacts", status=403, body={"code": "NO_PERMISSION", "status": "error"}, times=None)
    sixth = run_tap(sandbox, state=fifth.state, **chosen)

    assert [len(first.said(f"{each}: ")) for each in ("Payroll", "Subscriptions")] == [1, 2]
    assert (second.code, second.log) == (0, [])
    assert len(third.said("Contacts: skipped.")) == len(third.log) == 1
    assert fourth.log == fifth.log == []
    assert len(sixth.said("Contacts: skipped.")) == len(sixth.log) == 1


def test_a_warning_for_each_of_very_many_records_is_told_of_the_first() -> None:
    """A million lines hide what matters, and to look each up among the others takes hours."""
    said: list[str] = []
    report = StreamReport("Contacts", lambda _level, message: said.append(message))

    for number in range(100_000):
        report.warn(f"record {number}: Modified_Time is 'soon', which is no datetime.")

    assert said == [f"Contacts: {each}" for each in report.warnings]
    assert len(said) == MOST_WARNINGS + 1
    assert said[-1] == "Contacts: more warnings than are told one by one."


def test_a_long_run_says_how_far_it_is(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks into the log of a run that lasts sees that it does not stand still."""
    monkeypatch.setattr(progress, "SECONDS_PER_LINE", 0.1)
    sandbox.settings(latency_ms=300)

    run = run_tap(sandbox, modules=["Contacts"])

    assert re.search(r"After \d+ s: .*Contacts \d+.*; \d+ credits\.", run.said("After ")[0])


def test_files_of_records_bring_no_metrics(sandbox: Sandbox, tmp_path: Path) -> None:
    """A METRIC line for each file is for the people of the SDK."""
    batches = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}

    run = run_tap(sandbox, modules=["Contacts"], batch_config=batches)

    assert (run.code, run.said("METRIC")) == (0, [])
