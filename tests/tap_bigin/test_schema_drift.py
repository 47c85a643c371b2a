"""Bigin's fields change between two runs: a warning that names it, never a dead pipeline, never a wrong value."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

from support.tap import discover, run_tap, select


def catalog_of(sandbox, *streams):
    return select(discover(sandbox, modules=["Contacts"]), *streams or ("Contacts",))


def change(sandbox, name, **data):
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": name, "data": data})


def test_new_field_is_read_by_a_run_that_discovers(sandbox):
    """Without a catalog, or with Meltano's caching off, a field is there from the next run on."""
    before = run_tap(sandbox, modules=["Contacts"])
    field = {"api_name": "Shoe_Size", "data_type": "integer", "json_type": "integer"}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})
    new = sandbox.create("Contacts", Last_Name="New", Shoe_Size=43)

    after = run_tap(sandbox, modules=["Contacts"], state=before.state)

    after.validate()
    assert "Shoe_Size" not in before.schemas["Contacts"]["schema"]["properties"]
    assert after.latest("Contacts")[new]["Shoe_Size"] == 43


def test_new_field_under_an_old_catalog_is_left_out_and_named(sandbox):
    """A catalog is the user's choice: what is new is not read behind their back, but they are told."""
    catalog = catalog_of(sandbox)
    field = {"api_name": "Shoe_Size", "data_type": "integer", "json_type": "integer"}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog)

    run.validate()
    assert run.code == 0
    assert not any("Shoe_Size" in each for each in run.records["Contacts"])
    assert run.said("Shoe_Size")


def test_removed_field_is_null_under_an_old_catalog(sandbox):
    """Loaders keep their column; a run that fails each night until somebody discovers helps nobody."""
    catalog = catalog_of(sandbox)
    sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Home_Phone"})

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog)

    run.validate()
    assert run.code == 0
    assert {each["Home_Phone"] for each in run.records["Contacts"]} == {None}
    assert run.said("Home_Phone")


def test_removed_field_is_null_when_a_job_reads_the_module(sandbox):
    """Bulk Read refuses a job for a field that is gone: it is not asked for any more."""
    catalog = catalog_of(sandbox)
    sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Home_Phone"})

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog, extraction_method="bulk")

    run.validate()
    assert run.code == 0
    assert sandbox.calls("POST /bulk/read") == 1
    assert len(run.latest("Contacts")) == sandbox.count("Contacts")


def test_field_that_goes_while_a_run_reads_is_null(sandbox):
    """Between discovery and the first page somebody deletes a field: its key is absent, not its column."""
    sandbox.fault("GET /Contacts", delay_ms=3000)
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(run_tap, sandbox, modules=["Contacts"])
        while sandbox.calls("GET /settings/fields") == 0:
            time.sleep(0.05)
        sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Home_Phone"})
        run = running.result()

    run.validate()
    assert run.code == 0
    assert len(run.latest("Contacts")) == sandbox.count("Contacts")
    assert {each["Home_Phone"] for each in run.records["Contacts"]} == {None}
    assert run.said("field 'Home_Phone' is not in what Bigin sends")


def test_type_that_changed_is_sent_with_its_new_schema(sandbox):
    """A text field that became a number: the values fit what the SCHEMA says, whatever the catalog says."""
    catalog = catalog_of(sandbox)
    change(sandbox, "Title", data_type="integer", json_type="integer")
    ids = [each["id"] for each in sandbox.dump("Contacts")]
    sandbox.mutate({"op": "edit", "module": "Contacts", "ids": ids, "data": {"Title": 7}})

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog)

    run.validate()
    assert run.code == 0
    assert {json.dumps(each["Title"]) for each in run.records["Contacts"]} <= {"7", '"7"'}


def test_renamed_label_changes_nothing_but_the_title(sandbox):
    """Labels are for people; streams and properties go by api_name."""
    before = run_tap(sandbox, modules=["Contacts"])
    change(sandbox, "Title", field_label="Position", display_label="Position")
    sandbox.change_metadata({"op": "set_module", "module": "Contacts", "data": {"plural_label": "People"}})

    after = run_tap(sandbox, modules=["Contacts"])

    assert after.latest("Contacts") == before.latest("Contacts")
    assert after.schemas["Contacts"]["schema"]["properties"]["Title"]["title"] == "Position"


def test_new_pick_list_value_is_just_a_value(sandbox):
    """Pick lists grow all the time: their values are not part of the schema."""
    before = run_tap(sandbox, modules=["Contacts"])
    new = sandbox.create("Contacts", Last_Name="New", Unsubscribed_Mode="By letter")

    after = run_tap(sandbox, modules=["Contacts"], state=before.state)

    after.validate()
    assert after.latest("Contacts")[new]["Unsubscribed_Mode"] == "By letter"


def test_type_that_nobody_knows_is_taken_as_it_is(sandbox):
    """New data types appear without notice: a permissive schema and one warning that names it."""
    field = {"api_name": "Aura", "data_type": "hologram", "json_type": "jsonobject"}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})
    new = sandbox.create("Contacts", Last_Name="New", Aura={"depth": [1, 2]})

    run = run_tap(sandbox, modules=["Contacts"])

    run.validate()
    assert run.latest("Contacts")[new]["Aura"] == {"depth": [1, 2]}
    assert len([line for line in run.said("Aura") if "hologram" in line]) == 1


def test_module_that_is_gone_from_bigin_does_not_stop_the_others(sandbox):
    """A catalog selects a module that an administrator has closed since."""
    catalog = select(discover(sandbox, modules=["Contacts", "Products"]), "Contacts", "Products")
    sandbox.change_metadata({"op": "close_module", "module": "Products"})

    run = run_tap(sandbox, modules=["Contacts", "Products"], catalog=catalog)

    assert run.code == 0
    assert run.said("Products")
    assert len(run.latest("Contacts")) == sandbox.count("Contacts")
