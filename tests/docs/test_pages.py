"""Each page: its commands, typed as they stand, in a folder that has what the page presumes."""

from __future__ import annotations

import csv
import json
import os
import pty
import sqlite3
import subprocess
import threading
import time
from select import select as select_streams

import duckdb
import sqlalchemy as sa
from support.markdown import blocks
from support.tap import discover, select
from support.target import lines, record, schema

from .conftest import DEADLINE, second_sandbox

CREDENTIALS = ("client_id", "client_secret", "refresh_token", "data_center")


def files_of(page):
    """The settings that a page shows, without the credentials, which are the reader's."""
    shown = [json.loads(block.text) for block in blocks(page) if block.language == "json"]
    return [{name: value for name, value in each.items() if name not in CREDENTIALS} for each in shown]


def test_clone_an_organisation(stage):
    """The second run finds nothing to do, and both organisations are the same in number."""
    name = "docs/how-to/clone-an-organisation.md"
    of_tap, of_target, _ = files_of(name)
    page = stage.page(name)
    with second_sandbox() as other:
        stage.settings("tap.json", **of_tap)
        stage.settings("target.json", other, **of_target)
        (stage.folder / "clone").mkdir()

        page.run()
        page.run()
        said = page.run()

        copied = {module: other.count(module) for module in ("Accounts", "Contacts", "Pipelines", "Tasks")}
    assert copied == {module: stage.sandbox.count(module) for module in copied}
    assert "inserted 0" in said
    assert "inserted 1" not in said


def test_feed_rejects_back(stage):
    """Two are mended, one is not, one is replaced by a later row: just as the page shows it."""
    page = stage.page("docs/how-to/feed-rejects-back.md")
    stage.settings("config.json")
    wrong = {"a@ek.io": "perhaps", "b@ek.io": "perhaps", "c@": "true", "d@ek.io": "perhaps"}
    rows = [
        record("Contacts", Email=email, Last_Name="Ek", Email_Opt_Out=out) for email, out in wrong.items()
    ]
    described = schema("Contacts", "Last_Name", "Email_Opt_Out", key=["Email"])
    send = "cat > rows.singer; target-bigin --config config.json < rows.singer"
    stage.shell(send, code=1, given=lines([described, *rows]))
    stage.shell(send, given=lines([described, record("Contacts", Email="d@ek.io", Last_Name="Later")]))
    stage.write(
        "target-bigin-rejects.jsonl", stage.read("target-bigin-rejects.jsonl").replace("perhaps", "no")
    )

    page.run(code=1)
    stage.shell("mv target-bigin-rejects.jsonl mended.jsonl; sed -i s/c@/c@ek.io/ mended.jsonl")
    page.run()

    emails = {each["Email"] for each in stage.sandbox.dump("Contacts")}
    assert {"a@ek.io", "b@ek.io", "c@ek.io", "d@ek.io"} <= emails


def test_prove_the_warehouse(stage, warehouses):
    """What is held comes out of both warehouses by the page's own SQL, and a row that is missing is found."""
    page = stage.page("docs/how-to/prove-the-warehouse.md")
    stage.settings("tap.json")
    in_duckdb, in_postgresql = page.next(), page.next()
    with duckdb.connect(str(warehouses.duckdb), read_only=True) as connection:
        connection.execute(f"set file_search_path = '{stage.folder}'")
        connection.execute(in_duckdb.text.replace("'held.csv'", f"'{stage.folder / 'held.csv'}'"))
    stage.write("held.sql", in_postgresql.text)
    stage.shell(f"psql -q '{warehouses.postgresql}' -f held.sql > held-too.csv")
    assert held(stage, "held-too.csv") == held(stage, "held.csv")
    rows = stage.read("held.csv").splitlines(keepends=True)
    contact = next(index for index, row in enumerate(rows) if row.startswith("Contacts"))
    stage.write("held.csv", "".join(rows[:contact] + rows[contact + 1 :]))

    page.run(code=1)
    with (stage.folder / "differences.csv").open() as file:
        assert [row["problem"] for row in csv.DictReader(file)] == ["missing"]

    stage.write("held.csv", "".join(rows))
    stage.sandbox.mutate(
        *(
            {"op": "edit", "module": "Contacts", "id": each["id"], "data": {"Title": "Moved"}}
            for each in stage.sandbox.dump("Contacts")[:3]
        )
    )
    page.run()


def held(stage, name):
    with (stage.folder / name).open() as file:
        header, *rows = csv.reader(file)
    assert [each.lower() for each in header] == ["stream", "id", "modified_time"]
    return sorted((stream, record_id) for stream, record_id, _ in rows)


def test_see_what_happened(stage):
    """On the files that a run of each plugin leaves."""
    page = stage.page("docs/how-to/see-what-happened.md")
    for name, extra in (("tap.json", {"modules": ["Contacts"]}), ("target.json", {})):
        stage.settings(name, api_log_path="api.jsonl", run_report_path=f"runs/{name}", **extra)
    bad = [schema("Contacts", key=["Email"]), record("Contacts", Email="c@", Last_Name="Ek")]
    stage.shell("tap-bigin --config tap.json | grep STATE | tail -1 > state.json")
    stage.shell("target-bigin --config target.json", code=1, given=lines(bad))

    page.run()
    assert "INVALID_DATA" in stage.read("report.html")
    page.run()
    with (stage.folder / "calls.csv").open() as file:
        assert {row["module"] for row in csv.DictReader(file)} == {"Contacts"}
    query = page.next().text
    calls = json.loads(stage.shell("bigin log api.jsonl --format json"))
    assert spent_by_stream(query, calls)["Contacts"] == sum(
        call["credits"] for call in calls if call["stream"] == "Contacts"
    )
    assert "This run:" in page.run()
    assert page.run().count("the configured run can begin") == 2


def spent_by_stream(query, calls):
    """What the page's query says of the calls, in SQLite as sqlite-utils makes it."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table calls (time, stream, credits)")
        connection.executemany("insert into calls values (:time, :stream, :credits)", calls)
        found = dict(connection.execute(query).fetchall())
    connection.close()
    return found


def test_the_tutorial(stage, database):
    """From credentials to a table, a second run, a broken row, the report and the retry."""
    name = "docs/tutorial.md"
    page = stage.page(name)
    more, _ = files_of(name)
    stage.write("warehouse.json", {"sqlalchemy_url": database, "default_target_schema": "bigin"})

    person = threading.Thread(target=confirm, args=(stage.sandbox,))
    person.start()
    page.run()
    person.join()
    stage.write("tap.json", json.loads(stage.read("tap.json")) | more)
    page.run()
    page.run()
    query = page.next().text
    deals = ask(database, query)
    assert sum(count for _, count, _ in deals) == stage.sandbox.count("Pipelines")
    assert "Accounts: 1 records" in page.run()

    page.run()
    page.run(code=1)
    page.run()
    assert "INVALID_DATA" in stage.read("report.html")
    page.run()

    emails = {each["Email"] for each in stage.sandbox.dump("Contacts")}
    assert {"ada@lind.example", "eva@berg.example"} <= emails
    companies = ask(database, 'select count(*) from bigin."Accounts"')
    assert companies == [(stage.sandbox.count("Accounts"),)]


def ask(database, query):
    """What PostgreSQL answers."""
    engine = sa.create_engine(sa.make_url(database).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return rows


def test_the_readme(stage, database):
    """Credentials in a terminal, where a person types and confirms; then a plain pipe into PostgreSQL."""
    page = stage.page("README.md")
    url = stage.sandbox.url
    stage.write("config.json", {"api_url": url, "accounts_url": url})

    auth = page.next()
    said = in_terminal(
        stage, auth.commands, {"Client ID: ": "sandbox-client", "Client secret: ": "sandbox-secret"}
    )
    assert json.loads(stage.read("config.json"))["refresh_token"]
    for line in auth.answer:
        page.check(auth, line, said.replace(url, "https://accounts.zoho.com"))

    stage.settings("tap.json", modules=["Contacts"])
    stage.settings("target.json")
    stage.write("warehouse.json", {"sqlalchemy_url": database, "default_target_schema": "bigin"})
    stage.write("catalog.json", select(discover(stage.sandbox, modules=["Contacts"]), "Contacts"))
    stage.write(
        "people.singer",
        lines([schema("Contacts", key=["Email"]), record("Contacts", Email="z@ek.io", Last_Name="Z")]),
    )
    page.run()
    assert "Contacts" in json.loads(stage.read("state.json"))["bookmarks"]


def in_terminal(stage, command, answers):
    """What is shown in a terminal where a person answers the prompts, and confirms what is to be confirmed."""
    person, program = pty.openpty()
    streams = {"stdin": program, "stdout": program, "stderr": program}
    with subprocess.Popen(
        ["bash", "-c", command], cwd=stage.folder, env=stage.environment, **streams
    ) as process:
        os.close(program)
        threading.Thread(target=confirm, args=(stage.sandbox,)).start()
        shown = b""
        while part := read_some(person):
            shown += part
            for prompt in [each for each in answers if shown.decode().endswith(each)]:
                os.write(person, f"{answers.pop(prompt)}\n".encode())
    os.close(person)
    assert process.returncode == 0, shown
    return shown.decode().replace("\r\n", "\n")


def read_some(terminal):
    readable, _, _ = select_streams([terminal], [], [], DEADLINE)
    assert readable, "nothing more was said"
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side is closed
        return b""


def confirm(sandbox):
    """A person, who says yes as soon as a program asks."""
    patience = time.monotonic() + DEADLINE
    while not sandbox.devices() and time.monotonic() < patience:
        time.sleep(0.05)
    sandbox.answer_device()
