"""The examples of settings, each in a run; the views of docs/sql on what real loaders stored."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from support.markdown import ROOT, blocks, command_blocks
from support.tap import discover, run_tap, select

MORE = "docs/how-to/read-more-than-modules.md"
QUESTIONS = "docs/how-to/answer-the-usual-questions.md"


def example(number):
    """The settings that the page shows in its n-th block."""
    return json.loads([block for block in blocks(MORE) if block.language == "json"][number].text)


def test_a_query_a_view_and_related_lists(sandbox):
    """Three ways to streams that are no modules."""
    run = run_tap(sandbox, modules=["Contacts"], **example(0), **example(1), **example(2))

    deals = {each["id"]: each for each in sandbox.dump("Pipelines")}
    large = {key for key, deal in deals.items() if (deal["Amount"] or 0) > 10_000}
    assert run.code == 0
    assert large
    assert set(run.ids("large_deals")) == large
    assert set(run.ids("large_open_deals")) <= set(deals)
    assert run.records["large_open_deals"]
    assert run.records["contacts_notes"]
    assert {each["parent_id"] for each in run.records["pipelines_associated_products"]} <= set(deals)


def test_stream_maps(sandbox):
    """No e-mail address leaves in clear, and no company without a website."""
    run = run_tap(sandbox, modules=["Contacts", "Accounts"], **example(3))

    emails = {each["Email"] for each in run.records["Contacts"]} - {None}
    assert emails
    assert not [each for each in emails if "@" in each]
    assert not {"Phone", "Mobile"} & set(run.records["Contacts"][0])
    websites = [each["Website"] for each in sandbox.dump("Accounts") if each["Website"]]
    assert len(run.records["Accounts"]) == len(websites) < sandbox.count("Accounts")


def test_batch(sandbox, tmp_path, monkeypatch):
    """The records are in the files that the messages name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "batches").mkdir()

    run = run_tap(sandbox, modules=["Contacts"], **example(4))

    files = [
        path.removeprefix("file://")
        for message in run.messages
        if message["type"] == "BATCH" and message["stream"] == "Contacts"
        for path in message["manifest"]
    ]
    lines = [line for path in files for line in gzip.decompress(Path(path).read_bytes()).splitlines()]
    assert sorted(json.loads(each)["id"] for each in lines) == sorted(
        each["id"] for each in sandbox.dump("Contacts")
    )


@pytest.fixture(params=["duckdb", "postgresql"])
def ask(request, warehouses):
    """``ask(query)`` in each database, in which the views are made."""
    views = (ROOT / "docs" / "sql" / f"{request.param}.sql").read_text("utf-8")
    if request.param == "duckdb":
        with duckdb.connect(str(warehouses.duckdb)) as connection:
            connection.execute(views)
            yield lambda query: connection.execute(query).fetchall()
        return
    engine = sa.create_engine(sa.make_url(warehouses.postgresql).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(views)
        yield lambda query: [tuple(row) for row in connection.execute(sa.text(query))]
        connection.rollback()
    engine.dispose()


def test_the_views_hold_what_the_organisation_holds(sandbox, ask):
    """Deals by stage, links by name, and nothing that is deleted."""
    deals = sandbox.dump("Pipelines")
    companies = {each["id"]: each["Account_Name"] for each in sandbox.dump("Accounts")}
    linked = {each["id"]: (each["Account_Name"] or {}).get("id") for each in sandbox.dump("Contacts")}

    by_stage = {}
    for deal in deals:
        count, amount = by_stage.get(deal["Stage"], (0, 0))
        by_stage[deal["Stage"]] = (count + 1, amount + (deal["Amount"] or 0))
    asked = ask("select stage, sum(deals), sum(amount) from bigin.deals_by_stage group by stage")
    assert {stage: (int(count), pytest.approx(float(amount))) for stage, count, amount in asked} == by_stage
    contacts = ask("select id, company_id, company from bigin.contacts_with_companies")
    assert {key: company for key, company, _ in contacts} == linked
    assert {name for _, _, name in contacts if name} <= set(companies.values())
    assert ask("select count(*) from bigin.tasks_with_links") == [(sandbox.count("Tasks"),)]
    named = ask("select count(*) from bigin.tasks_with_links where about is not null or contact is not null")
    assert named[0][0] > 0


def test_deletions_are_applied_and_taken_back(ask):
    """What the list of deletions names is gone; what was restored is there again."""
    [(first,), (second,)] = ask("select id from bigin.current_deals order by id limit 2")
    row = "insert into bigin.deleted_records (module, id, deleted_time) values ('Pipelines', '{}', {})"
    before = ask("select count(*) from bigin.current_deals")[0][0]

    ask(f"{row.format(first, 'current_timestamp')} returning id")
    ask(f"{row.format(second, 'null')} returning id")
    left = [key for (key,) in ask("select id from bigin.current_deals")]
    ask(f"delete from bigin.deleted_records where id in ('{first}', '{second}') returning id")

    assert first not in left
    assert second in left
    assert len(left) == before - 1


def test_the_questions_of_the_page(ask):
    """Each query is understood by both databases."""
    queries = [block.text for block in command_blocks(QUESTIONS)]

    answers = [ask(query) for query in queries]

    assert len(answers) == 4
    assert answers[0]


@pytest.mark.parametrize(("loader", "is_gone"), [("target-postgres", True), ("target-duckdb", False)])
def test_what_loaders_make_of_a_note_that_is_gone(sandbox, warehouses, tmp_path, loader, is_gone):
    """Loaded, edited, deleted in Bigin, swept: as the table of how-tap-bigin-reads says of each loader."""
    chosen = {"modules": ["Notes"], "deleted_records": "none"}
    catalog = select(discover(sandbox, **chosen), "Notes")
    gone, edited = (each["id"] for each in sandbox.dump("Notes")[:2])
    for each in (gone, edited):
        sandbox.mutate({"op": "edit", "module": "Notes", "id": each, "data": {"Note_Title": "Edited"}})
    increment = run_tap(sandbox, catalog=catalog, state=warehouses.state, **chosen)
    sandbox.mutate({"op": "delete", "module": "Notes", "id": gone})
    sandbox.clock(advance=8 * 24 * 3_600)
    sandbox.forget_tokens()
    sweep = run_tap(sandbox, catalog=catalog, state=increment.state, **chosen)
    copy = warehouses.copied(tmp_path)

    copy.load(loader, increment.stdout + sweep.stdout, hard_delete=True)

    stored = dict(_rows(copy, loader, 'select id, "Note_Title" from bigin."Notes"'))
    held = {each["id"] for each in sandbox.dump("Notes")}
    assert {gone, edited} <= set(increment.ids("Notes"))
    assert gone not in sweep.ids("Notes")
    assert stored.keys() == (held if is_gone else held | {gone})
    assert stored[edited] == "Edited"


def _rows(warehouses, loader, query):
    if loader == "target-duckdb":
        with duckdb.connect(str(warehouses.duckdb)) as connection:
            return connection.execute(query).fetchall()
    engine = sa.create_engine(sa.make_url(warehouses.postgresql).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]
    finally:
        engine.dispose()
