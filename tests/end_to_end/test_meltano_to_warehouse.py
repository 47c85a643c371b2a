"""Bigin → DuckDB by Meltano: the rows stored are the records held, and a second run moves what changed."""

from __future__ import annotations

import json

import pytest
from support.tap import discover

pytestmark = pytest.mark.timeout(900)  # a run is seven processes
ASKED = "GET /settings/fields"
MODULES = ("Accounts", "Contacts", "Pipelines", "Products", "Tasks", "Events", "Calls", "Notes")


def test_every_record_of_every_module_is_stored(sandbox, loaded):
    """A loader was seen that drops rows and exits 0: rows sent are compared with rows stored."""
    stored = {module: loaded.count(module) for module in MODULES}

    assert stored == {module: len(sandbox.dump(module)) for module in MODULES}
    assert stored["Contacts"] > 0


def test_a_second_run_moves_only_what_changed(sandbox, loaded):
    """The bookmark that Meltano kept is the one that the next run begins at.

    And each of the two paid for the fields of each module once: Meltano discovers, then runs, and the catalog
    between the two carries what discovery was told.
    """
    discover(sandbox)
    modules = sandbox.calls(ASKED)
    assert modules > len(MODULES)
    assert loaded.asked_for_fields == modules + 1
    sandbox.clock(advance=600)
    edited = [each["id"] for each in sandbox.dump("Contacts")[:3]]
    gone = sandbox.dump("Tasks")[0]["id"]
    sandbox.mutate(
        *({"op": "edit", "module": "Contacts", "id": each, "data": {"Title": "Moved"}} for each in edited),
        {"op": "delete", "module": "Tasks", "id": gone},
    )
    before = loaded.rows("select now()::timestamp::varchar")[0][0]

    loaded("run", "tap-bigin", "target-duckdb")

    assert sandbox.calls(ASKED) == modules + modules + 1

    moved = {
        module: loaded.rows(f"select id from bigin.{module.lower()} where _sdc_batched_at >= '{before}'")
        for module in MODULES
    }
    assert sorted(row[0] for row in moved["Contacts"]) == sorted(edited)
    assert all(not rows for module, rows in moved.items() if module != "Contacts")
    assert loaded.rows(f"select title from bigin.contacts where id = '{edited[0]}'") == [("Moved",)]
    assert loaded.rows(f"select module from bigin.deleted_records where id = '{gone}'") == [("Tasks",)]


def test_the_doctor_knows_the_projects_settings(sandbox, meltano):
    """`meltano invoke bigin:doctor` asks for no file: what Meltano would hand to both plugins is checked."""
    ended = meltano("invoke", "bigin:doctor", check=False)

    assert "organization  Northwind Lamps" in ended.stdout
    assert "The configured run can begin" in ended.stdout
    assert ended.returncode == 0


def test_values_arrive_as_they_are_in_bigin(sandbox, loaded):
    """Names with accents, times in UTC, lookups as JSON: read back by SQL."""
    held = {each["id"]: each for each in sandbox.dump("Contacts")}

    stored = loaded.rows("select id, last_name, email, account_name, owner from bigin.contacts")
    for record_id, last_name, email, company, owner in stored:
        record = held[record_id]
        assert (last_name, email or None) == (record["Last_Name"], record["Email"])
        assert (json.loads(company) if company else None) == record["Account_Name"]
        assert json.loads(owner)["id"] == record["Owner"]["id"]


def test_meltano_finds_the_configuration_good(meltano):
    """What people run first."""
    tested = meltano("config", "test", "tap-bigin")

    assert "valid" in tested.stdout + tested.stderr


def test_wrong_credentials_stop_the_run_with_a_line_that_says_what_to_check(meltano):
    """Seven in the morning: the last error names the data center first."""
    ended = meltano("run", "tap-bigin", "target-duckdb", check=False, TAP_BIGIN_REFRESH_TOKEN="1000.wrong")

    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert "refused the credentials" in said
    assert "data center" in said or "data_center" in said
    assert "1000.wrong" not in said
