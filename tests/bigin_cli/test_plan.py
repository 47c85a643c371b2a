"""`bigin plan`: the price that it tells is the price that the run then pays."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.feed import ToldLog
from support.tap import discover, run_tap, select

from bigin_cli.plan import command as plan


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """A tap takes the signals of the process for itself."""
    kept = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)
    logging.captureWarnings(capture=False)


@pytest.fixture
def price(run, sandbox, tmp_path):
    """``price(catalog=…, state=…, **settings)``: the plan of such a run."""

    def make(*, catalog: Any = None, state: Any = None, **settings: Any) -> dict:
        arguments = ["--config", write(tmp_path / "config.json", sandbox.settings_for(**settings))]
        for name, content in (("catalog", catalog), ("state", state)):
            if content is not None:
                arguments += [f"--{name}", write(tmp_path / f"{name}.json", content)]
        result = run(plan, *arguments, "--json")
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    return make


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def cost(sandbox, **settings: Any) -> tuple[int, Any]:
    """What such a run costs by Bigin's own books, and its state."""
    before = sandbox.usage()["credits"]
    run = run_tap(sandbox, **settings)
    assert run.code == 0, run.log
    return sandbox.usage()["credits"] - before, run.state


@pytest.mark.parametrize("size", ["small", "medium"])
def test_a_first_load_and_the_run_after_it_cost_what_was_told(sandbox, price, size):
    """Metadata, deletions and rich texts included."""
    sandbox.reset(size=size)
    first = price()
    spent, state = cost(sandbox)
    following = price(state=state)
    spent_again, _ = cost(sandbox, state=state)

    assert first["credits"] == spent
    assert following["credits"] == spent_again
    assert first["daily"]["credits"] == pytest.approx(spent_again, rel=0.05)


def test_thousands_of_records_are_within_a_few_percent(sandbox, price):
    """How two chains of pages meet is no matter of arithmetic alone."""
    sandbox.reset(size="9000")
    settings = {"modules": ["Contacts", "Accounts", "Pipelines"]}
    told = price(**settings)

    spent, _ = cost(sandbox, **settings)

    assert told["credits"] == pytest.approx(spent, rel=0.05)


def test_a_catalog_narrows_it(sandbox, price):
    """What is not selected is not paid for."""
    catalog = select(discover(sandbox), "Contacts", "deleted_records", "users")

    told = price(catalog=catalog)
    spent, _ = cost(sandbox, catalog=catalog)

    assert told["credits"] == spent
    assert [each["stream"] for each in told["streams"]] == ["Contacts", "deleted_records", "users"]


def test_of_a_list_of_deletions_that_is_under_way_what_is_left_is_priced(sandbox, price):
    """A budget may have ended in it, and the state tells how far it was read."""
    made = {"op": "create", "module": "Products", "count": 900, "data": {"Product_Name": "P{n}"}}
    ids = [each["id"] for each in sandbox.mutate(made)[0]]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids})
    settings = {"modules": ["Products"], "catalog": select(discover(sandbox), "deleted_records")}
    _, state = cost(sandbox, **settings)
    sandbox.clock(advance=25 * 3600)
    sandbox.forget_tokens()
    _, begun = cost(sandbox, state=state, credit_budget=4, **settings)

    told = price(state=begun, **settings)
    whole = price(state=state, **settings)
    spent, _ = cost(sandbox, state=begun, **settings)

    assert told["credits"] == pytest.approx(spent, abs=1)  # a page begins before the last one ended
    assert told["credits"] <= whole["credits"] - 2


def test_a_large_module_is_read_by_jobs_at_their_price(sandbox, price):
    """Where a job is cheaper the plan says so, as the run does."""
    sandbox.reset(size="medium")
    settings = {"modules": ["Contacts"], "extraction_method": "bulk", "deleted_records": "none"}
    told = price(**settings)
    contacts = next(each for each in told["streams"] if each["stream"] == "Contacts")

    assert contacts["method"] == "bulk"
    assert contacts["credits"] >= 50 + contacts["calls"] - 1
    assert told["minutes"] >= 1


def test_planning_writes_nothing_and_keeps_the_budget_out_of_it(sandbox, price, tmp_path):
    """A small budget must not keep its price from being told."""
    told = price(modules=["Contacts"], credit_budget=1, api_log_path=str(tmp_path / "api.jsonl"))

    assert told["credits"] > 1
    assert not (tmp_path / "api.jsonl").exists()


def test_the_next_report_says_how_far_off_the_plan_was(sandbox, price, tmp_path):
    """A price that nobody checks is a guess."""
    path = tmp_path / "run.json"
    settings = {"modules": ["Contacts"], "run_report_path": str(path)}
    told = price(**settings)

    run_tap(sandbox, **settings)
    first = json.loads(path.read_text())
    run_tap(sandbox, **settings)

    assert first["plan"]["credits"] == told["credits"]
    assert first["plan"]["off"] == first["credits"] - told["credits"] == 0
    assert json.loads(path.read_text())["plan"] is None


def test_people_see_it_as_a_table(run, sandbox, tmp_path):
    """The sum last, and what to do where it is too much."""
    config = write(tmp_path / "config.json", sandbox.settings_for(modules=["Contacts"]))

    result = run(plan, "--config", config)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["stream", "records", "method", "calls", "credits"]
    assert "This run: " in result.stdout
    assert "A daily run after it: " in result.stdout


def test_a_module_that_there_is_not_is_told_beside_the_price(price, caplog):
    """The price of what is left looks like a bargain."""
    plan = price(modules=["Contcts", "Accounts"])

    assert {"Accounts", "Contacts"} & {each["stream"] for each in plan["streams"]} == {"Accounts"}
    assert [each.message for each in caplog.records if each.levelno == logging.WARNING] == [
        "Settings: modules: 'Contcts' matches no module, did you mean 'Contacts'?"
    ]


def test_a_run_that_would_read_nothing_is_told(run, sandbox, tmp_path):
    """An empty selection is a mistake more often than a wish."""
    catalog = discover(sandbox, modules=["Contacts"])
    for stream in catalog["streams"]:
        stream["metadata"] = [
            {**entry, "metadata": {**entry["metadata"], "selected": False}} for entry in stream["metadata"]
        ]
    config = write(tmp_path / "config.json", sandbox.settings_for())

    result = run(plan, "--config", config, "--catalog", write(tmp_path / "catalog.json", catalog))

    assert result.exit_code == 1
    assert "Nothing is selected" in result.stderr


def test_a_run_by_the_feed_costs_what_was_told(sandbox, price, tmp_path):
    """Between two sweeps a run reads what the log tells of; at a sweep what it would read without."""
    log = ToldLog(f"sqlite:///{tmp_path / 'feed.sqlite'}")
    settings = {"modules": ["Contacts", "Tasks"], "feed_log": log.url, "changes": True}
    _, state = cost(sandbox, **settings)
    log.tell("Contacts", *(each["id"] for each in sandbox.dump("Contacts")))
    log.log.close()

    told = price(state=state, **settings)
    swept = price(state={"bookmarks": state["bookmarks"]}, **settings)
    paid, _ = cost(sandbox, state=state, **settings)

    assert told["credits"] == paid == 1
    assert {each["method"] for each in told["streams"]} == {"feed"}
    assert swept["credits"] > 5


def test_what_a_run_reads_again_before_its_bookmark_is_planned(sandbox, price):
    """`overlap_seconds` of an hour are an hour's records; two seconds were counted, whatever it was."""
    settings = {"modules": ["Contacts"], "deleted_records": "none", "overlap_seconds": 3_600}
    sandbox.clock(advance=7_200)
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 30, "data": {"Last_Name": "Ek {n}"}})
    sandbox.clock(advance=900)
    state = run_tap(sandbox, **settings).state

    told = price(state=state, **settings)
    run = run_tap(sandbox, state=state, **settings)

    assert told["streams"][0]["records"] == len(run.ids("Contacts")) == 30


@pytest.mark.parametrize("rows", [0, 199, 200, 1_000, 1_001])
def test_a_query_with_a_condition_costs_what_was_told(sandbox, price, rows):
    """COQL counts nothing, so the plan looks for the end of the rows; it took them for one page."""
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 1_001, "data": {"Last_Name": "Ek {n}"}})
    ids = sorted(each["id"] for each in sandbox.dump("Contacts"))
    query = f"select Last_Name from Contacts where id <= {ids[rows - 1] if rows else 1}"
    settings = {
        "modules": ["Tasks"],
        "deleted_records": "none",
        "queries": [{"name": "people", "query": query}],
    }

    told = price(**settings)
    (people,) = [each for each in told["streams"] if each["stream"] == "people"]
    before = sandbox.calls("POST /coql")
    run = run_tap(sandbox, **settings)

    assert (people["records"], len(run.ids("people"))) == (rows, rows)
    assert sandbox.calls("POST /coql") - before == people["calls"] + 1  # the query is tried first
