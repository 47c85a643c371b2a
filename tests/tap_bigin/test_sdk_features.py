"""What the SDK promises for every tap holds here too, though plain records go past its loop."""

from __future__ import annotations

import errno
import gzip
import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import pytest
from singer_sdk.helpers._batch import StorageTarget
from support.sandbox import Sandbox
from support.tap import discover, run_tap, select

from tap_bigin.singer import batch as batch_module


def _deselect(catalog: dict[str, Any], stream: str, *path: str) -> None:
    entry = next(each for each in catalog["streams"] if each["tap_stream_id"] == stream)
    breadcrumb = [part for name in path for part in ("properties", name)]
    next(each for each in entry["metadata"] if each["breadcrumb"] == breadcrumb)["metadata"]["selected"] = (
        False
    )


def test_stream_maps_rename_filter_and_add(sandbox: Sandbox) -> None:
    """People mask e-mail addresses before they leave the tap."""
    maps = {
        "Contacts": {
            "Email": "md5(Email) if Email else None",
            "greeting": "'Hej ' + Last_Name",
            "__filter__": "Last_Name < 'M'",
        }
    }

    run = run_tap(sandbox, modules=["Contacts"], stream_maps=maps)

    assert run.code == 0
    people = {each["id"]: each for each in sandbox.dump("Contacts") if each["Last_Name"] < "M"}
    assert set(run.ids("Contacts")) == people.keys()
    for record in run.records["Contacts"]:
        assert record["greeting"] == "Hej " + people[record["id"]]["Last_Name"]
        assert "@" not in (record["Email"] or "")


def test_a_stream_map_that_fails_for_one_record_costs_that_record(sandbox: Sandbox) -> None:
    """It was a fault of the run. The next run, with the map mended, brings what was left out."""
    victim = sandbox.create("Contacts", Last_Name="Bare")  # without an e-mail address
    bare = [each["id"] for each in sandbox.dump("Contacts") if not each["Email"] and each["id"] != victim]
    for each in bare:
        sandbox.mutate(
            {"op": "edit", "module": "Contacts", "id": each, "data": {"Email": f"{each}@example.org"}}
        )
    there = {each["id"] for each in sandbox.dump("Contacts") if each["Email"]}
    settings: dict[str, Any] = {"modules": ["Contacts", "Accounts", "Notes"], "deleted_records": "none"}

    failed = run_tap(sandbox, stream_maps={"Contacts": {"Email": "Email.upper()"}}, **settings)

    assert failed.code == 1
    assert set(failed.ids("Contacts")) == there
    assert failed.said(f"record {victim}: a stream map fails")
    assert "Contacts: failed, the other streams are written. record" in failed.log[-1]
    assert failed.log[-1].endswith("expressions Email.upper()). The bookmark stays: mend stream_maps.")
    assert failed.ids("Accounts")
    assert "replication_key_value" not in failed.state["bookmarks"].get("Contacts", {})

    mended = run_tap(
        sandbox,
        state=failed.state,
        stream_maps={"Contacts": {"Email": "Email.upper() if Email else None"}},
        **settings,
    )

    assert mended.code == 0
    assert victim in mended.latest("Contacts")


def test_rows_for_which_a_stream_map_fails_are_not_told_as_gone(sandbox: Sandbox) -> None:
    """A loader would delete them by the version that they lack; ten are named, and all are counted."""
    others = sandbox.count("Notes") - 1

    run = run_tap(sandbox, modules=["Notes"], stream_maps={"Notes": {"Note_Title": "1 / 0"}})

    assert run.code == 1
    assert not run.ids("Notes")
    assert len(run.said("a stream map fails (division by zero): left out.")) == 10
    assert run.log[-1].endswith(
        f"(division by zero), and {others:,} others. The bookmark stays: mend stream_maps."
    )
    assert not [
        each for each in run.messages if each["type"] == "ACTIVATE_VERSION" and each["stream"] == "Notes"
    ]


def test_a_stream_map_that_is_none_is_a_setting_to_mend(sandbox: Sandbox) -> None:
    """It was told as a fault of the tap."""
    run = run_tap(sandbox, modules=["Contacts"], stream_maps={"Contacts": {"Email": "Email +"}})

    assert run.code == 1
    assert run.log[-1].endswith("stream_maps: Failed to parse expression Email +.")


def test_flattening_makes_columns_of_objects(sandbox: Sandbox) -> None:
    """Some loaders know no objects."""
    run = run_tap(sandbox, modules=["Contacts"], flattening_enabled=True, flattening_max_depth=1)

    assert run.code == 0
    owners = {each["id"]: each["Owner"]["name"] for each in sandbox.dump("Contacts")}
    assert {each["id"]: each["Owner__name"] for each in run.records["Contacts"]} == owners


def test_batches_hold_the_records(sandbox: Sandbox, tmp_path: Path) -> None:
    """Warehouses load files faster than lines."""
    batch = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": tmp_path.as_uri()}}

    run = run_tap(sandbox, modules=["Contacts"], batch_config=batch)

    assert run.code == 0
    files = [
        Path(unquote(urlsplit(each).path))
        for message in run.messages
        if message["type"] == "BATCH" and message["stream"] == "Contacts"
        for each in message["manifest"]
    ]
    lines = [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert {each["id"] for each in lines} == {each["id"] for each in sandbox.dump("Contacts")}
    assert "replication_key_value" in run.state["bookmarks"]["Contacts"]


def test_a_file_is_told_in_time_though_it_is_not_full(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file takes 10,000 records, which may be an hour's: a run that is killed has lost what is not told."""
    monkeypatch.setattr(batch_module, "SECONDS_PER_FILE", 0.0)
    sandbox.settings(most_per_page=10)
    batch = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": tmp_path.as_uri()}}
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")

    run = run_tap(sandbox, catalog=catalog, modules=["Contacts"], batch_config=batch)

    told = [
        each["type"] if each["type"] == "BATCH" else each["value"]["bookmarks"].get("Contacts", {})
        for each in run.messages
        if each["type"] in ("BATCH", "STATE")
    ]
    assert told.count("BATCH") > 5
    assert any("pass" in each for each in told if isinstance(each, dict))
    lines = [line for file in tmp_path.iterdir() for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert {json.loads(line)["id"] for line in lines} == {each["id"] for each in sandbox.dump("Contacts")}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_batches_hold_what_stream_maps_leave_and_nothing_else(
    sandbox: Sandbox, tmp_path: Path, kind: str
) -> None:
    """Addresses that were masked in lines stood in the files as they are; so did what was deselected."""
    batch = {"encoding": {"format": kind}, "storage": {"root": tmp_path.as_uri()}}
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")
    _deselect(catalog, "Contacts", "Owner", "email")
    maps = {"Contacts": {"Email": None, "Last_Name": "'X'", "__filter__": "Last_Name < 'M'"}}

    run = run_tap(sandbox, catalog=catalog, batch_config=batch, stream_maps=maps)

    assert run.code == 0, run.log
    (message,) = [each for each in run.messages if each["type"] == "BATCH"]
    (file,) = tmp_path.iterdir()
    if kind == "jsonl":
        assert message["encoding"]["compression"] == "gzip"  # as the file is
        rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(file).to_pylist()
    people = {each["id"] for each in sandbox.dump("Contacts") if each["Last_Name"] < "M"}
    assert {each["id"] for each in rows} == people
    assert {each["Last_Name"] for each in rows} == {"X"}
    assert not any("Email" in each or "email" in each["Owner"] for each in rows)


def test_a_folder_for_batches_that_cannot_be_written_is_named(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line named a file of TMPDIR that nobody had asked for."""

    def full(self: StorageTarget, filename: str, mode: str = "rb") -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a file in TMPDIR")

    monkeypatch.setattr(StorageTarget, "open", full)
    batch = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}

    run = run_tap(sandbox, modules=["Contacts"], batch_config=batch)

    assert run.code == 1
    assert f"batch_config: {tmp_path.as_uri()} cannot be written (No space left on device)" in run.log[-1]
    assert "Contacts" not in run.state.get("bookmarks", {})


def test_parquet_without_its_extra_is_one_line(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing and how to get it, before a call is made and paid for."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    batch = {"encoding": {"format": "parquet"}, "storage": {"root": tmp_path.as_uri()}}

    run = run_tap(sandbox, modules=["Contacts"], batch_config=batch)

    assert run.code == 1
    assert run.said("pip install 'bigin-singer[parquet]'")
    assert not run.said("fault")
    assert sandbox.usage()["calls"] == 0


def test_batches_in_parquet_hold_the_records(sandbox: Sandbox, tmp_path: Path) -> None:
    """Lakes are made of them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    batch = {"encoding": {"format": "parquet"}, "storage": {"root": tmp_path.as_uri()}}

    run = run_tap(sandbox, batch_config=batch)

    assert run.code == 0, run.log
    for module in ("Contacts", "Pipelines", "Events", "Subscriptions"):
        rows = [
            row
            for file in tmp_path.glob(f"*{module}-*.parquet")
            for row in parquet.read_table(file).to_pylist()
        ]
        assert {each["id"] for each in rows} == {each["id"] for each in sandbox.dump(module)}


def test_a_part_of_an_object_may_be_deselected(sandbox: Sandbox) -> None:
    """The address of a colleague is nobody's business in a warehouse."""
    catalog = select(discover(sandbox), "Contacts")
    _deselect(catalog, "Contacts", "Owner", "email")

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    run.validate()
    assert "email" not in run.schemas["Contacts"]["schema"]["properties"]["Owner"]["properties"]
    assert all(each["Owner"].keys() == {"id", "name"} for each in run.records["Contacts"])


def test_a_full_table_may_be_forced(sandbox: Sandbox) -> None:
    """Formulas and names of linked records change without Modified_Time: a full reading mends them."""
    catalog = select(discover(sandbox), "Contacts")
    for stream in catalog["streams"]:
        if stream["tap_stream_id"] == "Contacts":
            stream["replication_method"] = "FULL_TABLE"
    first = run_tap(sandbox, catalog=catalog)

    second = run_tap(sandbox, catalog=catalog, state=first.state)

    assert second.code == 0
    assert len(second.ids("Contacts")) == sandbox.count("Contacts")


def test_about_tells_every_setting(sandbox: Sandbox) -> None:
    """Meltano, the hub and people read it."""
    run = run_tap(sandbox, "--about", "--format=json")

    about = json.loads(run.stdout)
    assert about["version"] != "[could not be detected]"
    settings = about["settings"]["properties"]
    assert {
        "client_id",
        "modules",
        "queries",
        "credit_budget",
        "stream_maps",
        "batch_config",
    } <= settings.keys()
    assert all(each.get("description") for each in settings.values())


def test_records_tell_when_they_were_extracted(sandbox: Sandbox) -> None:
    """Loaders order two versions of a record by it."""
    run = run_tap(sandbox, modules=["Contacts"])

    times = [each["time_extracted"] for each in run.messages if each["type"] == "RECORD"]
    assert times
    assert all(each.endswith(("+00:00", "Z")) for each in times)
