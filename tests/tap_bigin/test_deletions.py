"""What is deleted and what comes back, in each of the ways in which it can be told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import TapRun, run_tap

from tap_bigin.singer import writer
from tap_bigin.tap import TapBigin

MODULES = ["Accounts", "Contacts", "Notes", "Products"]


def _run(sandbox: Sandbox, **settings: Any) -> TapRun:
    return run_tap(sandbox, modules=MODULES, **settings)


def _told(run: TapRun) -> dict[tuple[str, str], str]:
    return {(each["module"], each["id"]): each["type"] for each in run.records["deleted_records"]}


def _delete(sandbox: Sandbox, module: str, record_id: str) -> None:
    sandbox.mutate({"op": "delete", "module": module, "id": record_id})


def test_the_stream_tells_each_deletion_once(sandbox: Sandbox) -> None:
    """Lists show no deletions: without this a warehouse keeps what is gone."""
    first = _run(sandbox)
    sandbox.clock(advance=60)
    company = next(each["Account_Name"]["id"] for each in sandbox.dump("Contacts") if each["Account_Name"])
    taken_along = {
        each["id"] for each in sandbox.dump("Contacts") if (each["Account_Name"] or {}).get("id") == company
    }
    _delete(sandbox, "Accounts", company)
    sandbox.clock(advance=60)

    second = _run(sandbox, state=first.state)
    third = _run(sandbox, state=second.state)

    second.validate()
    told = _told(second)
    assert told.pop(("Accounts", company)) == "recycle"
    assert {record_id for module, record_id in told if module == "Contacts"} == taken_along
    assert third.records["deleted_records"] == []


def test_the_first_run_tells_what_was_deleted_before(sandbox: Sandbox) -> None:
    """Bigin keeps deletions for 60 to 120 days: a warehouse filled by other means can be cleaned by them."""
    run = _run(sandbox)

    expected = {each["id"] for each in sandbox.deleted("Contacts")}
    assert expected <= {record_id for module, record_id in _told(run) if module == "Contacts"}


@pytest.mark.parametrize("mode", ["stream", "soft"])
def test_a_restored_record_comes_back(sandbox: Sandbox, mode: str) -> None:
    """It returns with its old Modified_Time, so no incremental reading would ever see it again."""
    contact = sandbox.dump("Contacts")[3]["id"]
    first = _run(sandbox, deleted_records=mode)
    sandbox.clock(advance=60)
    _delete(sandbox, "Contacts", contact)
    sandbox.clock(advance=60)
    second = _run(sandbox, state=first.state, deleted_records=mode)
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "restore", "module": "Contacts", "id": contact})

    third = _run(sandbox, state=second.state, deleted_records=mode)

    third.validate()
    assert third.latest("Contacts")[contact]["Last_Name"]
    if mode == "soft":
        assert second.latest("Contacts")[contact].keys() == {"id", "_sdc_deleted_at"}
        assert third.latest("Contacts")[contact]["_sdc_deleted_at"] is None
    else:
        assert _told(second)["Contacts", contact] == "recycle"
        assert _told(third)["Contacts", contact] == "restored"


def test_the_state_of_many_deletions_is_short_and_told_seldom(sandbox: Sandbox) -> None:
    """Loaders keep every STATE: ids stand in it once, as steps from the one before."""
    sandbox.mutate({"op": "create", "module": "Products", "count": 600, "data": {"Product_Name": "P{n}"}})
    gone = [each["id"] for each in sandbox.dump("Products")]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": gone})

    run = run_tap(sandbox, modules=["Products", "Contacts"])

    assert {record_id for module, record_id in _told(run) if module == "Products"} >= set(gone)
    assert len(run.states) <= 4
    assert len(json.dumps(run.state)) < 5_000


@pytest.mark.parametrize("mode", ["stream", "soft"])
def test_from_run_to_run_state_grows_by_the_ids_of_what_is_in_the_bin_alone(
    sandbox: Sandbox, mode: str
) -> None:
    """Of a job each quarter of an hour every STATE is kept: 12 deletions a run are some 30 bytes more."""
    names = {"Contacts": "Last_Name", "Products": "Product_Name", "Tasks": "Subject", "Subscriptions": "Name"}
    sizes: list[int] = []
    lines: list[int] = []
    state: Any = None
    for _ in range(7):
        for module, name in names.items():
            made = sandbox.mutate({"op": "create", "module": module, "count": 6, "data": {name: "N{n}"}})[0]
            ids = [each["id"] for each in made]
            sandbox.mutate({"op": "delete", "module": module, "ids": ids[:4]})
            sandbox.mutate({"op": "edit", "module": module, "ids": ids[4:], "data": {name: "Edited"}})
        sandbox.clock(advance=6 * 3600)
        sandbox.forget_tokens()
        run = run_tap(sandbox, modules=[*names], state=state, deleted_records=mode)
        assert run.code == 0, run.log[-1]
        state = run.state
        sizes.append(len(json.dumps(state)))
        lines.append(len(run.states))

    assert sizes[-1] - sizes[1] <= 5 * 3 * 4 * 4  # runs, modules with a list, deletions, bytes
    assert max(lines) <= 4


def test_soft_deletions_are_handed_on_as_their_list_is_read(sandbox: Sandbox) -> None:
    """A credit a page, and its end was waited for: a run that was killed had paid for all of it in vain."""
    sandbox.mutate({"op": "create", "module": "Products", "count": 450, "data": {"Product_Name": "P{n}"}})
    sandbox.mutate(
        {"op": "delete", "module": "Products", "ids": [each["id"] for each in sandbox.dump("Products")]}
    )
    tap = TapBigin(config=sandbox.settings_for(modules=["Products"], deleted_records="soft"))

    first = next(iter(tap.streams["Products"].read({})))

    tap.shared.close()
    assert first.count == 200
    assert sandbox.calls("GET /Products/deleted") == 1


def test_a_record_deleted_before_it_was_ever_read_and_restored_is_read(sandbox: Sandbox) -> None:
    """Its Modified_Time lies before the bookmark of a run that could not see it."""
    first = _run(sandbox)
    sandbox.clock(advance=60)
    contact = sandbox.create("Contacts", Last_Name="Gone")
    _delete(sandbox, "Contacts", contact)
    sandbox.clock(advance=60)
    second = _run(sandbox, state=first.state)
    sandbox.mutate({"op": "restore", "module": "Contacts", "id": contact})
    sandbox.clock(advance=60)

    third = _run(sandbox, state=second.state)

    assert contact not in second.ids("Contacts")
    assert third.ids("Contacts") == [contact]


def test_what_is_deleted_for_good_stays_deleted(sandbox: Sandbox) -> None:
    """It leaves the recycle bin as a restored record does, but cannot be read any more."""
    contact = sandbox.dump("Contacts")[3]["id"]
    first = _run(sandbox)
    sandbox.clock(advance=60)
    _delete(sandbox, "Contacts", contact)
    second = _run(sandbox, state=first.state)
    sandbox.clock(advance=60)
    sandbox.mutate({"op": "purge", "module": "Contacts", "id": contact})

    third = _run(sandbox, state=second.state)
    sandbox.clock(advance=130 * 24 * 3600)  # the entry fades
    fourth = _run(sandbox, state=third.state)

    assert _told(third).get(("Contacts", contact), "permanent") == "permanent"
    assert ("Contacts", contact) not in _told(fourth)
    assert contact not in fourth.ids("Contacts")


def test_soft_deletes_stand_in_the_schema_and_begin_with_what_is_listed(sandbox: Sandbox) -> None:
    """A full refresh loads into a warehouse that may hold what was deleted meanwhile."""
    run = _run(sandbox, deleted_records="soft")

    run.validate()
    assert sandbox.deleted("Contacts")
    assert "_sdc_deleted_at" in run.schemas["Contacts"]["schema"]["properties"]
    gone = {each["id"] for each in run.records["Contacts"] if each["_sdc_deleted_at"]}
    assert gone == {each["id"] for each in sandbox.deleted("Contacts")}
    assert len(run.ids("Contacts")) == sandbox.count("Contacts") + len(gone)
    assert "_sdc_deleted_at" not in run.schemas["Notes"]["schema"]["properties"]
    assert "deleted_records" not in run.schemas


def test_none_costs_nothing(sandbox: Sandbox) -> None:
    """Whoever does not want deletions does not pay for them."""
    run = _run(sandbox, deleted_records="none")

    assert run.code == 0
    assert "deleted_records" not in run.schemas
    assert sandbox.calls("GET /Contacts/deleted") == 0


def test_a_long_list_is_read_over_what_people_do_meanwhile(sandbox: Sandbox) -> None:
    """The list has no tokens, and a restored record moves the rest up."""
    sandbox.reset(size="empty")
    made = sandbox.mutate(
        {"op": "create", "module": "Products", "count": 900, "data": {"Product_Name": "P{n}"}}
    )
    ids = [each["id"] for each in made[0]]
    first = _run(sandbox)
    for some in (ids[:300], ids[300:600], ids[600:]):
        sandbox.clock(advance=60)
        sandbox.mutate({"op": "delete", "module": "Products", "ids": some})
    back: list[dict[str, Any]] = [{"op": "restore", "module": "Products", "id": each} for each in ids[-15:]]
    sandbox.fault("GET /Products/deleted", after=1, mutate=back)
    sandbox.clock(advance=60)

    second = _run(sandbox, state=first.state)
    sandbox.clock(advance=25 * 3600)  # a long list is read whole once a day, and only then tells what is back
    third = _run(sandbox, state=second.state)

    told = {**_told(second), **_told(third)}
    gone = {record_id for (_, record_id), kind in told.items() if kind != "restored"}
    assert gone == set(ids[:-15])


@pytest.mark.parametrize("ims", ["exclusive", "ignored"])
def test_after_a_long_list_only_what_is_new_is_asked_for(sandbox: Sandbox, ims: str) -> None:
    """A list of many pages is not read whole at every run."""
    sandbox.reset(size="empty", ims=ims)
    made = sandbox.mutate(
        {"op": "create", "module": "Products", "count": 700, "data": {"Product_Name": "P{n}"}}
    )
    ids = [each["id"] for each in made[0]]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids[:650]})
    sandbox.clock(advance=60)
    first = _run(sandbox)
    before = sandbox.calls("GET /Products/deleted")
    sandbox.clock(advance=60)
    _delete(sandbox, "Products", ids[-1])

    second = _run(sandbox, state=first.state)

    assert _told(second) == {("Products", ids[-1]): "recycle"}
    assert ims == "ignored" or sandbox.calls("GET /Products/deleted") == before + 1


def test_what_was_deleted_is_handed_on_page_by_page(sandbox: Sandbox) -> None:
    """A list of thousands takes a minute: a run that was killed meanwhile had told of none."""
    sandbox.mutate({"op": "create", "module": "Products", "count": 450, "data": {"Product_Name": "Gone {n}"}})
    ids = [each["id"] for each in sandbox.dump("Products") if each["Product_Name"].startswith("Gone")]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids})
    tap = TapBigin(config=sandbox.settings_for(modules=["Products"]))
    batches = tap.streams["deleted_records"].read({})

    first = next(batches)
    asked = sandbox.calls("GET /Products/deleted")
    rest = list(batches)

    tap.shared.close()
    assert asked == 1
    assert first.count == 200
    assert first.state["modules"]["Products"]["begun"]["read"] == 200  # another run goes on from there
    told = [row["id"] for batch in (first, *rest) for row in batch.records]
    assert sorted(told) == sorted({*ids, *(each["id"] for each in sandbox.deleted("Products"))})
    assert rest[-1].state["modules"]["Products"]["listed"] == len(told)


def test_lists_of_several_modules_are_handed_on_side_by_side(sandbox: Sandbox) -> None:
    """Streams of modules read them all at once: those of the later ones were paid for and waited."""
    sandbox.reset(size="empty")
    for module, name in (("Contacts", "Last_Name"), ("Products", "Product_Name")):
        wish = {"op": "create", "module": module, "count": 900, "data": {name: "Gone {n}"}}
        ids = [each["id"] for each in sandbox.mutate(wish)[0]]
        sandbox.mutate({"op": "delete", "module": module, "ids": ids})
    tap = TapBigin(config=sandbox.settings_for(modules=["Contacts", "Products"]))

    batches = list(tap.streams["deleted_records"].read({}))

    tap.shared.close()
    modules = [batch.records[0]["module"] for batch in batches if batch.records]
    assert len(modules) >= 10
    assert set(modules[:6]) == {"Contacts", "Products"}
    told = [row["id"] for batch in batches for row in batch.records]
    assert len(told) == len(set(told)) == 1_800


def test_a_killed_reading_of_a_list_is_gone_on_with_for_both_streams(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the deletions knew how far it had come, that of the module read the list from its beginning."""
    monkeypatch.setattr(writer, "SECONDS_PER_STATE", 0)
    sandbox.reset(size="empty")
    wish = {"op": "create", "module": "Products", "count": 1_800, "data": {"Product_Name": "Gone {n}"}}
    ids = [each["id"] for each in sandbox.mutate(wish)[0]]
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids})
    sandbox.clock(advance=3600)
    whole = _run(sandbox)
    pages = sandbox.calls("GET /Products/deleted")
    begun = [at for at, each in enumerate(whole.messages) if "begun" in json.dumps(each.get("value", {}))]
    killed = TapRun(whole.messages[: begun[-1] + 1])

    again = _run(sandbox, state=killed.state)

    read = killed.state["bookmarks"]["deleted_records"]["modules"]["Products"]["begun"]["read"]
    assert sandbox.calls("GET /Products/deleted") - pages <= pages - read // 200 + 1
    assert {*_told(killed), *_told(again)} == {("Products", each) for each in ids}
    for run in (whole, again):
        bookmarks = run.state["bookmarks"]
        assert bookmarks["Products"]["deleted"]["listed"] == len(ids)
        assert bookmarks["Products"]["deleted"]["gone"] == "deleted_records"  # stands there once
        assert bookmarks["deleted_records"]["modules"]["Products"]["listed"] == len(ids)
