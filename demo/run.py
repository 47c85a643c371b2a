"""The demo: Bigin to a warehouse, a change, only the change again; then a CSV to Bigin; then live.

Everything runs on this machine: the sandbox stands in for Bigin, DuckDB for the warehouse. What it
starts it stops, and what it writes lies in demo/out.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
OUT = ROOT / "demo" / "out"
WAREHOUSE = OUT / "warehouse.duckdb"
REJECTS = OUT / "rejects.jsonl"
MELTANO = ROOT / ".venv-meltano" / "bin" / "meltano"
OURS = re.compile(r"\] (tap|target)-bigin ")
NOISE = ("METRIC", "Beginning sync", "Skipping parse", "Meltano SDK v", "Reader 'target-bigin'")
STREAMS = ("Accounts", "Contacts", "Pipelines", "Products", "Tasks", "Events", "Calls", "Notes")


def main() -> int:
    """Run the demo; 0 if everything it promises was seen."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with sandbox() as url:
        environment = settings(url)
        say(f"A Bigin of our own listens on {url}: the sandbox, seeded with a small organisation.")
        sent = load_warehouse(url, environment)
        changed = change_some(url)
        load_again(environment, changed)
        wrote = write_csv(url, environment)
        came = live(url, environment)
    say("The sandbox is stopped. What was made lies in demo/out: warehouse.duckdb, rejects.jsonl, csv/.")
    return 0 if sent and wrote and came else 1


def load_warehouse(url: str, environment: dict[str, str]) -> bool:
    """The first run: everything."""
    step("1. Bigin → warehouse: meltano run tap-bigin target-duckdb")
    meltano(environment, "run", "tap-bigin", "target-duckdb")
    say("Rows in the warehouse, beside the records in Bigin:")
    equal = True
    for stream in STREAMS:
        stored, held = rows(f"select count(*) from bigin.{stream.lower()}")[0][0], len(dump(url, stream))
        equal &= stored == held
        print(f"   {stream:<10} {stored:>5} {held:>5} {'' if stored == held else '   DIFFERENT'}")
    say("Three contacts, by SQL:")
    table(
        "select first_name, last_name, email, account_name->>'name' as company, modified_time "
        "from bigin.contacts where email is not null order by id limit 3"
    )
    return equal


def change_some(url: str) -> list[str]:
    """People edit, create and delete in Bigin. Returns the ids that a second run must bring."""
    step("2. People work in Bigin: three contacts edited, one company created, one task deleted")
    contacts = [each["id"] for each in dump(url, "Contacts")[:3]]
    task = dump(url, "Tasks")[0]["id"]
    ops: list[dict[str, Any]] = [
        {"op": "edit", "module": "Contacts", "id": each, "data": {"Title": "Head of Everything"}}
        for each in contacts
    ]
    ops.append({"op": "create", "module": "Accounts", "data": {"Account_Name": "Newcomer & Sons"}})
    ops.append({"op": "delete", "module": "Tasks", "id": task})
    control(url, "mutate", ops)
    return contacts


def load_again(environment: dict[str, str], changed: list[str]) -> None:
    """The second run: only what moved."""
    step("3. The same command again: only what moved")
    before = rows("select now()::timestamp")[0][0]
    meltano(environment, "run", "tap-bigin", "target-duckdb")
    for stream in STREAMS:
        moved = rows(f"select count(*) from bigin.{stream.lower()} where _sdc_batched_at >= ?", [before])[0][
            0
        ]
        print(f"   {stream:<10} {moved:>5} rows written by this run")
    table("select last_name, title, modified_time from bigin.contacts where id in (?, ?, ?)", changed)
    table(
        "select module, display_name, deleted_time from bigin.deleted_records "
        "order by deleted_time desc limit 1"
    )


def write_csv(url: str, environment: dict[str, str]) -> bool:
    """The other way: a CSV of companies and contacts, one of them known to Bigin, one of them bad."""
    step("4. CSV → Bigin: meltano run tap-csv-folder target-bigin")
    known = next(each for each in dump(url, "Contacts") if each.get("Email"))
    prepare_csv(known["Email"], known["Last_Name"])
    say(f"companies.csv: 3 rows. contacts.csv: 5 rows, of which {known['Email']} is in Bigin already")
    say("and the last but one has an e-mail address that is none.")
    meltano(environment, "run", "tap-csv-folder", "target-bigin")
    say("What the reject log says (demo/out/rejects.jsonl):")
    for line in REJECTS.read_text(encoding="utf-8").splitlines():
        reject = json.loads(line)
        print(f"   {reject['stream']}: {reject['field']}: {reject['message']}")
    say("The contacts in Bigin now, linked to the companies of the other file:")
    emails = {row["Email"] for row in csv.DictReader((OUT / "csv" / "contacts.csv").open(encoding="utf-8"))}
    found = [each for each in dump(url, "Contacts") if each.get("Email") in emails]
    for each in found:
        company = (each.get("Account_Name") or {}).get("name")
        print(f"   {each['First_Name']} {each['Last_Name']}, {each.get('Title')}, {company}")
    return len(found) == 4  # noqa: PLR2004 -- five rows, one of them bad


def live(url: str, environment: dict[str, str]) -> bool:
    """Bigin tells of an edit, and the pipeline runs: the row is there seconds later."""
    step("5. Live: bigin feed run -- meltano run tap-bigin target-duckdb")
    log = f"sqlite:///{OUT / 'feed.sqlite'}"
    own = {"TAP_BIGIN_FEED_LOG": log, "TAP_BIGIN_TOKEN_CACHE_PATH": str(OUT / "token.json")}
    with receiver(url, log), supervised(log, {**environment, **own}) as runs:
        next(runs)
        say("bigin feed serve listens, and a first run has swept everything. Now somebody edits a contact.")
        contact = dump(url, "Contacts")[0]["id"]
        spent, begun = control(url, "usage")["credits"], time.monotonic()
        edit = {"op": "edit", "module": "Contacts", "id": contact, "data": {"Title": "Seen at once"}}
        control(url, "mutate", [edit])
        next(runs)
        seconds = time.monotonic() - begun
        credits_ = control(url, "usage")["credits"] - spent
        table("select last_name, title, modified_time from bigin.contacts where id = ?", [contact])
        plural = "" if credits_ == 1 else "s"
        say(f"The row was in the warehouse {seconds:.0f} s after the edit, for {credits_} credit{plural}.")
    title = rows("select title from bigin.contacts where id = ?", [contact])[0][0]
    return bool(title == edit["data"]["Title"])


@contextmanager
def receiver(url: str, log: str) -> Iterator[None]:
    """``bigin feed serve`` for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = OUT / "feed.json"
    own = {"api_url": url, "accounts_url": url, "feed_log": log, "public_url": f"http://127.0.0.1:{port}"}
    credentials = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    config.write_text(json.dumps({**own, **credentials, "refresh_token": "sandbox-refresh"}))
    command = [str(BIN / "bigin"), "feed", "serve", "--config", str(config), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            print(f"   {process.stdout.readline().rstrip() if process.stdout else ''}")
            yield
        finally:
            process.terminate()


@contextmanager
def supervised(log: str, environment: dict[str, str]) -> Iterator[Iterator[None]]:
    """``bigin feed run`` for as long as the block lasts; gives a turn each time that a run has ended."""
    command = [str(BIN / "bigin"), "feed", "run", "--log", log, "--", str(MELTANO)]
    with subprocess.Popen(
        [*command, "run", "tap-bigin", "target-duckdb"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield ended_runs(process.stdout or ())
        finally:
            process.terminate()
            process.communicate()


def ended_runs(lines: Iterable[str]) -> Iterator[None]:
    """A turn for each run of Meltano that ended well; what the tap says of the feed is shown."""
    last: deque[str] = deque(maxlen=20)
    for line in lines:
        last.append(line.rstrip())
        if "Feed: " in line:
            print(f"   {readable(line.rstrip())}")
        if "The command ended with" in line:
            sys.exit("\n".join(last))
        if "Run completed" in line:
            yield


def prepare_csv(email: str, last_name: str) -> None:
    """The two files of the demo, and a contact that Bigin knows already."""
    folder = OUT / "csv"
    shutil.copytree(ROOT / "demo" / "csv", folder)
    with (folder / "contacts.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(
            ["Kim", last_name, email, "+1 202 555 0147", "Atelier Mirabelle", "Adviser"]
        )


def settings(url: str) -> dict[str, str]:
    """The environment that Meltano hands to the plugins."""
    own = {
        f"{plugin}_{name}": value
        for plugin in ("TAP_BIGIN", "TARGET_BIGIN")
        for name, value in {
            "API_URL": url,
            "ACCOUNTS_URL": url,
            "CLIENT_ID": "sandbox-client",
            "CLIENT_SECRET": "sandbox-secret",
            "REFRESH_TOKEN": "sandbox-refresh",
        }.items()
    }
    return {
        **os.environ,
        **own,
        "TARGET_DUCKDB_PATH": str(WAREHOUSE),
        "TARGET_DUCKDB_DATABASE": WAREHOUSE.stem,
        "TARGET_BIGIN_REJECTS_PATH": str(REJECTS),
        "TARGET_BIGIN_MAX_REJECTS": "1",
        "TAP_CSV_FOLDER_PATH": f"{OUT / 'csv'}/",
        "MELTANO_ENVIRONMENT": "demo",
        "MELTANO_DATABASE_URI": f"sqlite:///{OUT / 'meltano.db'}",
        "MELTANO_CLI_LOG_LEVEL": os.environ.get("DEMO_LOG_LEVEL", "info"),
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "NO_COLOR": "1",
    }


@contextmanager
def sandbox() -> Iterator[str]:
    """A sandbox on a free port for as long as the block lasts."""
    command = [str(BIN / "bigin-sandbox"), "serve", "--port", "0", "--size", "small"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            first = process.stdout.readline() if process.stdout else ""
            address = re.search(r"http://\S+", first)
            if address is None:
                sys.exit(f"The sandbox did not start: {first.strip() or 'it said nothing'}")
            yield address.group().rstrip("/.,")
        finally:
            process.terminate()


def meltano(environment: dict[str, str], *arguments: str) -> None:
    """Run Meltano, show what the plugins say, and stop the demo if it fails."""
    with subprocess.Popen(
        [str(MELTANO), *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = [line.rstrip() for line in process.stdout or ()]
    for line in lines:
        if OURS.search(line) and not any(each in line for each in NOISE):
            print(f"   {readable(line)}")
    if process.returncode:
        print("\n".join(lines[-20:]))
        sys.exit(f"meltano {' '.join(arguments)} failed with exit code {process.returncode}.")


def readable(line: str) -> str:
    """Meltano's line without its clock and its fields of context."""
    line = re.sub(r"^\S+ \[(\w+)\s*\]\s*", "", line)
    return re.sub(
        r"\s+(cmd_type|name|run_id|state_id|stdio|string_id|job_name|producer|consumer)=.*$", "", line
    )


def control(url: str, path: str, body: object = None) -> Any:
    """Ask something of the sandbox itself, outside the API."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/_sandbox/{path}", data=data)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def dump(url: str, module: str) -> list[dict[str, Any]]:
    """Every record of a module, straight from the sandbox's store."""
    return list(control(url, f"dump?module={module}"))


def rows(query: str, parameters: list[Any] | None = None) -> list[Any]:
    """Ask the warehouse."""
    with duckdb.connect(str(WAREHOUSE), read_only=True) as connection:
        return connection.execute(query, parameters or []).fetchall()


def table(query: str, parameters: list[Any] | None = None) -> None:
    """Show a query and its answer."""
    print(f"   sql> {query}")
    for row in rows(query, parameters):
        print("   " + " | ".join("" if value is None else str(value) for value in row))


def step(title: str) -> None:
    """A heading."""
    print(f"\n{title}\n{'─' * len(title)}", flush=True)


def say(text: str) -> None:
    """A line of explanation."""
    print(f"→ {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
