"""A dry run is the run: the same calls, jobs and credits as the real one in the same state of Bigin."""

from __future__ import annotations

import itertools
import json
import time
from types import SimpleNamespace

import pytest
from support.dry_runs import MADE, PEOPLE, outcome, planned, rich
from support.target import records, schema

from target_bigin import engine
from target_bigin.streams import stream


def test_a_dry_run_knows_what_a_bulk_job_costs(both):
    """Five hundred credits are what a dry run is made for."""
    dry, real, price = both(rich()[:140], write_method="bulk", streams=MADE)

    assert outcome(dry) == outcome(real)
    assert price >= 500
    assert planned(dry) - price == 2 * 2  # of each job one look and the result, which are no writes


def test_a_dry_run_of_deals_prices_their_rows(sandbox, both):
    """Rows are written after their deal, by a call of their own."""
    sandbox.create("Products", Product_Name="Lamp", Unit_Price=10)
    deal = {"Deal_Name": "D", "Sub_Pipeline": "Inbound", "Stage": "Qualification"}
    rows = [
        {**deal, "Deal_Name": f"D {n}", "Associated_Products": [{"Product": "Lamp", "Quantity": 1}]}
        for n in range(3)
    ]
    streams = {
        "Pipelines": {
            "external_key": "Deal_Name",
            "lookups": {"Associated_Products": {"match_on": "Product_Name"}},
        }
    }

    dry, real, price = both(
        [
            schema("Pipelines", *rows[0], key=["Deal_Name"]),
            *records("Pipelines", [*rows, {"Deal_Name": "X"}]),
        ],
        streams=streams,
    )

    assert outcome(dry) == outcome(real)
    assert outcome(real)["Pipelines"][0]["inserted"] == 3
    assert planned(dry) == price


def test_a_dry_run_prices_the_links_that_close_a_circle(both, tmp_path):
    """Each is a call of its own, after its record: one updates another in a circle, and one itself."""
    subscriptions = schema("Subscriptions", "id", "Name", "Successor", key=["id"])
    rows = [
        {"id": f"4876{n:015d}", "Name": f"S {n}", "Successor": {"id": f"4876{other:015d}"}}
        for n, other in {1: 2, 2: 1, 3: 3}.items()
    ]

    dry, real, price = both(
        [subscriptions, *records("Subscriptions", rows)],
        streams={"*": {"ids": "source"}},
        id_map_path=str(tmp_path / "ids"),
    )

    assert outcome(dry) == outcome(real)
    assert planned(dry) == price == 1 + 3


@pytest.mark.usefixtures("organisation")
def test_a_slow_machine_cuts_the_same_calls(sandbox, target, monkeypatch):
    """Else a plan made in the evening is none at night: what waits for company waits for no clock."""
    passing = itertools.count(step=60.0)
    clock = SimpleNamespace(monotonic=lambda: next(passing), sleep=time.sleep)
    for module in (engine, stream):
        monkeypatch.setattr(module, "time", clock, raising=False)
    people = [{"Email": f"n{n}@b.se", "Last_Name": f"N {n}"} for n in range(500)]
    some, more = ([{"Account_Name": f"{name} {n}"} for n in range(5)] for name in "ab")

    target(
        [
            schema("Accounts", key=["Account_Name"]),
            *records("Accounts", some),
            PEOPLE,
            *records("Contacts", people),
            *records("Accounts", more),
        ]
    )

    assert sandbox.calls("POST /Accounts/upsert") == 1
    assert sandbox.calls("POST /Contacts/upsert") == 5


@pytest.mark.usefixtures("organisation")
def test_who_need_not_be_asked_for_waits_for_those_who_must(sandbox, target):
    """Else what shares a call is for the network to say: who is answered first goes first."""
    rows = [
        {"Email": "a@b.se", "Last_Name": "A"},
        {"Email": "b@b.se", "Last_Name": "B", "Account_Name": "Old AG"},
    ]

    target([PEOPLE, *records("Contacts", rows)], streams=MADE)

    assert sandbox.calls("POST /Contacts/upsert") == 1


def test_a_dry_run_stops_where_the_budget_would(both):
    """Records beyond the budget would not be written: a plan that counts them is none."""
    rows = [{"Email": f"{n}@b.se", "Last_Name": "N"} for n in range(60)]

    dry, real, price = both(
        [PEOPLE, *records("Contacts", rows)], batch_size=20, credit_budget=8, max_concurrent_requests=1
    )

    assert outcome(dry) == outcome(real)
    assert 0 < outcome(real)["Contacts"][0]["inserted"] < len(rows)
    assert planned(dry) == price


@pytest.mark.usefixtures("organisation")
def test_a_dry_run_tells_what_the_run_takes_with_all_that_it_asks(sandbox, target, tmp_path):
    """What reading costs belongs to the price, what only the plan had to ask does not."""
    path = tmp_path / "report.json"

    dry = target(rich(), dry_run=True, streams=MADE, run_report_path=str(path))
    told = json.loads(path.read_text())["of_the_run"]
    target(rich(), streams=MADE, run_report_path=str(path))

    report = json.loads(path.read_text())
    assert told == {"calls": report["calls"], "credits": report["credits"]}
    assert dry.said(f"The run itself would take {told['calls']} calls and {told['credits']} credits")


@pytest.mark.usefixtures("organisation")
def test_a_dry_run_asks_for_the_organisation_once(sandbox, target, tmp_path):
    """Each stream with a job of its own asked for it anew, so that the price was too high."""
    sandbox.bulk(seconds_per_state=0.01)  # a job is asked once how far it is
    path = tmp_path / "report.json"
    settings = {
        "write_method": "bulk",
        "streams": {"more": {"module": "Contacts"}},
        "run_report_path": str(path),
    }
    people = [{"Email": f"n{n}@b.se", "Last_Name": f"N {n}"} for n in range(4)]
    messages = [
        *(schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", people[:2])),
        *(schema("more", "Last_Name", key=["Email"]), *records("more", people[2:])),
    ]

    target(messages, dry_run=True, **settings)
    dry = json.loads(path.read_text())
    target(messages, **settings)
    real = json.loads(path.read_text())

    assert dry["of_the_run"] == {"calls": real["calls"], "credits": real["credits"]}
