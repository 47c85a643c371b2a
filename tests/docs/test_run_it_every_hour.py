"""The page's own script for cron: a run that fails must not cost the bookmarks. An older one destroyed them."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from support.tap import discover, select

PAGE = "docs/how-to/run-it-every-hour.md"


@pytest.fixture
def crm(stage, database):
    """The folder of the page: settings, a catalog and the script."""
    stage.settings("tap.json", modules=["Contacts"], overlap_seconds=0)
    stage.write("catalog.json", select(discover(stage.sandbox, modules=["Contacts"]), "Contacts"))
    stage.write("warehouse.json", {"sqlalchemy_url": database, "default_target_schema": "bigin"})
    page = stage.page(PAGE)
    stage.write("run.sh", page.next().text)
    schedule, _, command = page.next().text.strip().partition("  ")
    assert len(schedule.split()) == 5
    stage.command = command
    return stage


def contacts(database):
    """Titles by id, as the warehouse has them."""
    engine = sa.create_engine(sa.make_url(database).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        rows = dict(connection.exec_driver_sql('select id, "Title" from bigin."Contacts"').fetchall())
    engine.dispose()
    return rows


def bookmark(crm):
    return json.loads(crm.read("state.json"))["bookmarks"]["Contacts"]["replication_key_value"]


def test_two_runs_of_the_script_with_a_failure_in_between(crm, sandbox, database):
    """The second good run brings what changed, and nothing else: its bookmark was kept."""
    crm.shell(crm.command)
    loaded, kept = contacts(database), bookmark(crm)
    settings = crm.read("tap.json")

    crm.settings("tap.json", modules=["Contacts"], client_secret="wrong", access_token="refused")
    crm.shell(crm.command, code=1)
    after_failure = bookmark(crm)

    sandbox.clock(advance=600)
    edited = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": edited, "data": {"Title": "Moved"}})
    crm.write("tap.json", settings)
    said = crm.shell(crm.command)

    assert len(loaded) == sandbox.count("Contacts")
    assert crm.read("states.jsonl").count("\n") == 1
    assert after_failure == kept
    assert contacts(database) == {**loaded, edited: "Moved"}
    assert "Contacts: 1 records" in said
    assert bookmark(crm) > kept
