"""What Bigin shows, the target can write: every record of every module goes back to where it came from."""

from __future__ import annotations

import pytest
from support.target import records, schema

MODULES = [
    "Accounts",
    "Contacts",
    "Products",
    "Pipelines",
    "Tasks",
    "Events",
    "Calls",
    "Subscriptions",
    "Site_Surveys",
]
MOVED_BY_A_WRITE = {"Modified_Time", "Modified_By", "Last_Activity_Time"}


def without(rows, names):
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def comparable(rows):
    """But for what every write moves: its time, and the ids of the participants that it replaces."""
    kept = without(rows, MOVED_BY_A_WRITE)
    for row in kept:
        if row.get("Participants"):
            row["Participants"] = without(row["Participants"], {"id"})
    return kept


@pytest.mark.parametrize("null_values", ["skip", "write"])
@pytest.mark.parametrize("module", MODULES)
def test_a_record_written_back_is_what_it_was(sandbox, target, module, null_values):
    """Every data type, every oddity of the metadata, every null: written as read, nothing changes."""
    before = sandbox.dump(module)
    assert before

    run = target([schema(module, *before[0], key=["id"]), *records(module, before)], null_values=null_values)

    assert run.error is None, run.rejects[:3]
    assert run.outcomes(module) == {"updated": len(before)}
    assert comparable(sandbox.dump(module)) == comparable(before)


@pytest.mark.parametrize("module", ["Products", "Pipelines", "Tasks", "Events", "Calls", "Subscriptions"])
def test_lost_inserts_are_found_among_all_data_types(sandbox, target, module):
    """A lost record is recognised by its fields: each type must compare equal to what was sent."""
    rows = without(
        sandbox.dump(module)[:10], {"id", "Associated_Products", "Secondary_Contacts", "Recurring_Activity"}
    )
    for number, row in enumerate(rows):
        for name in ("Product_Name", "Contract_Code"):
            if name in row:
                row[name] = f"{row[name]} {number}"
    before = sandbox.count(module)
    sandbox.fault(f"POST /{module}", lose_response=True, times=1)

    run = target(
        [schema(module, *rows[0]), *records(module, rows)], default_operation="insert", request_timeout=1
    )

    assert run.error is None, run.rejects[:3]
    assert run.outcomes(module) == {"inserted": len(rows)}
    assert sandbox.count(module) == before + len(rows)
