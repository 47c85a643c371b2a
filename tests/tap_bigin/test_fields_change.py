"""Bigin's fields change between two runs: what a job, a label and an unknown type make of it."""

from __future__ import annotations

from support.tap import aged, discover, run_tap, select


def test_removed_field_is_null_when_a_job_reads_the_module(sandbox):
    """Bulk Read refuses a job for a field that is gone: it is not asked for any more."""
    catalog = aged(select(discover(sandbox, modules=["Contacts"]), "Contacts"))
    sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Home_Phone"})

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog, extraction_method="bulk")

    run.validate()
    assert run.code == 0
    assert sandbox.calls("POST /bulk/read") == 1
    assert len(run.latest("Contacts")) == sandbox.count("Contacts")


def test_renamed_label_changes_nothing_but_the_title(sandbox):
    """Labels are for people; streams and properties go by api_name."""
    before = run_tap(sandbox, modules=["Contacts"])
    labels = {"field_label": "Position", "display_label": "Position"}
    sandbox.change_metadata({"op": "set_field", "module": "Contacts", "field": "Title", "data": labels})
    sandbox.change_metadata({"op": "set_module", "module": "Contacts", "data": {"plural_label": "People"}})

    after = run_tap(sandbox, modules=["Contacts"])

    assert after.latest("Contacts") == before.latest("Contacts")
    assert after.schemas["Contacts"]["schema"]["properties"]["Title"]["title"] == "Position"


def test_type_that_nobody_knows_is_taken_as_it_is(sandbox):
    """New data types appear without notice: a permissive schema and one warning that names it."""
    field = {"api_name": "Aura", "data_type": "hologram", "json_type": "jsonobject"}
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": field})
    new = sandbox.create("Contacts", Last_Name="New", Aura={"depth": [1, 2]})

    run = run_tap(sandbox, modules=["Contacts"])

    run.validate()
    assert run.latest("Contacts")[new]["Aura"] == {"depth": [1, 2]}
    assert len([line for line in run.said("Aura") if "hologram" in line]) == 1
