"""What nobody foresaw: one place of one answer, or of the input, is not what it should be.

The run goes on, or ends by a line; then a run without the fault begins where the last STATE says, as cron
would have it. Nothing may be lost or doubled. A handful of seeds; ``make soak`` plays more.
"""

from __future__ import annotations

import json
import os
import random
import time

import pytest
from support.mutations import Mutation, spoiled_input
from support.target import lines, records, run_target, schema, state

FIRST_SEED = int(os.environ.get("MUTATIONS_SEED", "1"))
RUNS = int(os.environ.get("MUTATIONS", "3"))
SEEDS = range(FIRST_SEED, FIRST_SEED + RUNS)
LONGEST = 60.0  # seconds of a run; a fault may be waited for

ACCOUNTS = [{"Account_Name": f"Acme {n}", "Phone": f"+46 {n}"} for n in range(3)]
CONTACTS = [
    {
        "Last_Name": f"Berg {n}",
        "Email": f"berg{n}@example.org",
        "Phone": f"+46 {n}",
        "Account_Name": f"Acme {n % 3}",
    }
    for n in range(6)
]
TASKS = [{"Subject": f"Call {n}", "Priority": "High"} for n in range(4)]
CALLS = [{"Subject": f"Mail {n}", "Priority": "Low"} for n in range(4)]
DEALS = [
    {
        "Deal_Name": f"Roof {n}",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Associated_Products": [{"Product": f"Desk {n}", "Quantity": 2, "List_Price": 9}],
    }
    for n in range(2)
]
INPUT = [
    schema("Accounts", "Phone", key=["Account_Name"]),
    *records("Accounts", ACCOUNTS),
    state(1),
    schema("Contacts", "Last_Name", "Phone", "Account_Name", key=["Email"]),
    *records("Contacts", CONTACTS),
    state(2),
    schema("Tasks", "Priority", key=["Subject"]),
    *records("Tasks", TASKS),
    state(3),
    schema("more_tasks", "Subject", "Priority"),
    *records("more_tasks", CALLS),
    state(4),
    schema("Pipelines", *DEALS[0], key=["Deal_Name"]),
    *records("Pipelines", DEALS),
    state(5),
]
NAMES = {
    "Accounts": "Account_Name",
    "Contacts": "Last_Name",
    "Tasks": "Subject",
    "more_tasks": "Subject",
    "Pipelines": "Deal_Name",
}
MODULES = {"more_tasks": "Tasks"}


def settings_of(folder, chance):
    """Everything that a run may keep, and by chance what makes it ask otherwise."""
    return {
        "max_retries": 1,
        "request_timeout": 2,
        "max_rejects": 99,
        "batch_size": chance.choice([2, 100]),
        "journal_path": str(folder / "journal.jsonl"),
        "id_map_path": str(folder / "ids.jsonl"),
        "unchanged_cache_path": str(folder / "written.sqlite"),
        "streams": {
            "Accounts": {"operation": chance.choice(["upsert", "insert"])},
            "Contacts": {
                "lookups": {"Account_Name": {"match_on": "Account_Name", "on_missing": "create"}},
                "tags": chance.choice([[], ["vip"]]),
                "write_method": chance.choice(["records", "records", "bulk"]),
            },
            "Tasks": {"external_key": "Subject"},
            "more_tasks": {"module": "Tasks", "operation": "insert"},
            "Pipelines": {"lookups": {"Associated_Products": {"match_on": "Product_Name"}}},
        },
    }


def rest_of(run):
    """What a tap sends when it begins at the last state."""
    last = run.states[-1] if run.states else 0
    begins = next((n + 1 for n, each in enumerate(INPUT) if each == state(last)), 0)
    return INPUT[begins:]


def check_run(run, what):
    assert not run.said("Traceback"), what
    if run.error is None:
        for account in run.accounts.values():
            assert account.read == account.settled, what


def differences(sandbox, rejects, *, values=True):
    """What is missing, doubled or other than in the input."""
    told = []
    dumps = {name: sandbox.dump(name) for name in ("Accounts", "Contacts", "Tasks", "Pipelines")}
    rejected = [each["record"] for each in rejects]
    for message in INPUT:
        if message["type"] != "RECORD":
            continue
        stream, row = message["stream"], message["record"]
        name = NAMES[stream]
        found = [each for each in dumps[MODULES.get(stream, stream)] if each[name] == row[name]]
        if row in rejected:
            if len(found) > 1:
                told.append(f"{row[name]} is there {len(found)} times")
        elif len(found) != 1:
            told.append(f"{row[name]} is there {len(found)} times and not rejected")
        elif values:
            told += _other_values(row, found[0])
    return told


def _other_values(row, found):
    for name, value in row.items():
        if name == "Account_Name" and "Email" in row:
            if (found[name] or {}).get("name") != value:
                yield f"{row['Last_Name']}: Account_Name is {found[name]}, not {value}"
        elif name == "Associated_Products":
            if len(found[name] or []) != 1:
                yield f"{row['Deal_Name']}: {len(found[name] or [])} rows"
        elif found[name] != value:
            yield f"{next(iter(row.values()))}: {name} is {found[name]}, not {value}"


@pytest.fixture
def products(sandbox, other):
    for n in range(2):
        sandbox.create("Products", Product_Name=f"Desk {n}")


@pytest.mark.parametrize("seed", SEEDS)
def test_one_place_of_an_answer(other, sandbox, products, tmp_path, seed):
    """The run that saw it and the next one lose nothing and double nothing."""
    chance = random.Random(seed)
    settings = settings_of(tmp_path, chance)
    mutation = Mutation(chance, at=chance.randrange(26))
    other.changing(".*", mutation)

    begun = time.monotonic()
    first = run_target(other, tmp_path, INPUT, **settings)
    seconds = time.monotonic() - begun
    second = run_target(sandbox, tmp_path, rest_of(first), **settings)

    what = f"seed {seed}: {mutation.what}; {first.error}"
    check_run(first, what)
    check_run(second, what)
    assert second.error is None, what
    assert seconds < LONGEST, what
    # A field that metadata do not name, and ids that are each other's, no reader can know.
    values = "/settings/" not in mutation.what and "is reversed" not in mutation.what
    assert differences(sandbox, [*first.rejects, *second.rejects], values=values) == [], what


@pytest.mark.parametrize("seed", SEEDS)
def test_one_line_of_the_input(sandbox, tmp_path, seed):
    """It ends by a line, or each record by itself; what comes before and beside it is written."""
    sandbox.reset(size="empty")
    for n in range(2):
        sandbox.create("Products", Product_Name=f"Desk {n}")
    chance = random.Random(seed)
    settings = settings_of(tmp_path, chance)
    spoiled, what = spoiled_input(chance, lines(INPUT).splitlines())
    what = f"seed {seed}: {what}"

    first = run_target(sandbox, tmp_path, "\n".join(spoiled) + "\n", **settings)
    second = run_target(sandbox, tmp_path, INPUT, **settings)

    check_run(first, what)
    check_run(second, what)
    assert second.error is None, what
    twice = ": twice" in what
    left = [
        each
        for each in differences(sandbox, second.rejects)
        if not (twice and "times" in each)  # an insert was asked for twice
    ]
    left = [each for each in left if "Mail" not in each]  # ... and by both runs
    assert left == [], what
    json.dumps(first.states)
