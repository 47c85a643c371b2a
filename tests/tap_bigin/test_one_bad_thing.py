"""A bad value costs itself, a bad record itself, a bad stream itself: the rest is read all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.rewriting import Asked, OtherBigin, Rewritten
from support.sandbox import Sandbox
from support.tap import assert_holds, discover, run_tap, select


@pytest.fixture
def other(sandbox: Sandbox) -> Iterator[OtherBigin]:
    """The sandbox behind a proxy that as yet changes nothing."""
    proxy = OtherBigin(sandbox)
    yield proxy
    proxy.close()


def _rows(sandbox: Sandbox) -> list[dict[str, Any]]:
    sandbox.reset(size="empty")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 301, "data": {"Last_Name": "Person {n}"}})
    return sandbox.dump("Contacts")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (rb'"\ud800"', "Phone"),
        (b'"\xed\xa0\xbd"', "Phone"),
        (b'"\xff"', "Phone"),
        (b"NaN", "Spend"),
        (b"1e400", "Spend"),
        (b"1e-9999999999999999999999", "Spend"),
    ],
)
def test_a_value_that_is_none_is_null_and_told(
    sandbox: Sandbox, other: OtherBigin, bad: bytes, field: str
) -> None:
    """One text that is no Unicode cost 301 good records."""
    victim = _rows(sandbox)[100]["id"]
    if field == "Spend":
        described = {"api_name": field, "data_type": "double", "json_type": "double", "field_label": "Spend"}
        sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": described})

    def spoil(_: Asked, answer: Rewritten) -> None:
        if answer.status == 200 and victim.encode() in answer.body:
            content = json.loads(answer.body)
            next(each for each in content["data"] if each["id"] == victim)[field] = "here it goes"
            answer.body = json.dumps(content).encode().replace(b'"here it goes"', bad)

    other.changing("/Contacts", spoil)

    run = run_tap(other, modules=["Contacts"])

    assert run.code == 0
    records = run.latest("Contacts")
    assert len(records) == 301
    assert records[victim][field] is None
    assert any("Contacts" in line and victim in line and field in line for line in run.log)


def test_the_halves_of_one_character_are_one_character(sandbox: Sandbox, other: OtherBigin) -> None:
    """CESU-8, as Java writes it: the text can be told, so it is not lost."""
    victim = _rows(sandbox)[7]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": victim, "data": {"Phone": "here it goes"}})

    def spoil(_: Asked, answer: Rewritten) -> None:
        answer.body = answer.body.replace(b"here it goes", b"\xed\xa0\xbd\xed\xb8\x80")

    other.changing("/Contacts", spoil)

    run = run_tap(other, modules=["Contacts"])

    assert run.latest("Contacts")[victim]["Phone"] == "\N{GRINNING FACE}"


def test_a_rich_text_that_is_cut_in_the_middle_of_a_character_is_read_whole(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """Half an emoji is no text, but what stands before it is, and the list says where to get the rest."""
    terms = {
        "api_name": "Terms",
        "data_type": "textarea",
        "json_type": "string",
        "textarea": {"type": "rich_text"},
    }
    sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": terms})
    whole = "x" * 499 + "\N{GRINNING FACE}" * 9
    victim = sandbox.create("Contacts", Last_Name="Long", Terms=whole)

    def halve(_: Asked, body: Any) -> None:
        for each in body["data"]:
            if each.get("Terms"):
                each["Terms"] = each["Terms"].removesuffix("?") + "\ud83d"

    other.rewrite("/Contacts", halve)

    run = run_tap(other, modules=["Contacts"])

    assert run.latest("Contacts")[victim]["Terms"] == whole
    assert not run.said("no text")


@pytest.mark.parametrize(
    "row", [None, {"code": "INTERNAL_ERROR", "status": "error", "message": "no"}, {"Last_Name": "No id"}, "x"]
)
def test_a_row_that_is_no_record_costs_itself(sandbox: Sandbox, other: OtherBigin, row: Any) -> None:
    """A null row, an error row, a row without id ended the run with a traceback."""
    _rows(sandbox)
    other.rewrite("/Contacts", lambda _, body: body["data"].insert(3, row))

    run = run_tap(other, modules=["Contacts"])

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert any("row without id" in line for line in run.log)
    assert not any("Traceback" in line for line in run.log)


def test_ids_and_the_expiry_of_a_token_may_be_numbers(sandbox: Sandbox, other: OtherBigin) -> None:
    """Another serialiser on the other side is no reason to lose an organisation."""
    sandbox.settings(most_per_page=10)

    def as_numbers(_: Asked, body: Any) -> None:
        for each in body["data"]:
            each["id"] = int(each["id"])
            if isinstance(each.get("Owner"), dict):
                each["Owner"]["id"] = int(each["Owner"]["id"])
        if body["info"].get("page_token_expiry"):
            body["info"]["page_token_expiry"] = 1_790_000_000_000

    other.rewrite("/Contacts", as_numbers)

    run = run_tap(other, modules=["Contacts"])

    assert run.code == 0
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))


def test_what_nobody_foresaw_fails_its_stream_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours in one stream, and the others are written, with one line and no traceback."""

    def broken(*_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr("tap_bigin.streams.module.RichTexts.portions", broken)

    run = run_tap(sandbox, modules=["Contacts", "Accounts"])

    assert run.code == 1
    assert run.ids("users")
    said = [line for line in run.log if "unforeseen" in line]
    assert len(said) == 2  # Contacts and Accounts
    assert all("failed, the other streams are written" in line for line in said)
    assert not any("Traceback" in line for line in run.log)
    assert "replication_key_value" not in run.state["bookmarks"].get("Contacts", {})


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"custom_views": [{"name": "gone", "module": "Contacts", "cvid": "123"}]}, "gone"),
        (
            {
                "queries": [
                    {"name": "wrong", "query": "select Last_Name from Contacts where id > 0 limit 500"}
                ]
            },
            "wrong",
        ),
    ],
)
def test_a_stream_that_cannot_be_defined_fails_alone(
    sandbox: Sandbox, settings: dict[str, Any], name: str
) -> None:
    """One deleted custom view, or `limit 500` in one query, took everything along."""
    catalog = select(discover(sandbox, modules=["Contacts"], **settings), "Contacts")

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog, **settings)

    assert run.code == 1
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert any(line for line in run.log if f"{name}: failed, the other streams are written." in line)


@pytest.mark.parametrize("described", [None, ["Last_Name", "Phone"]])
def test_a_module_of_which_nothing_is_described_fails_and_nulls_nothing(
    sandbox: Sandbox, other: OtherBigin, described: list[str] | None
) -> None:
    """Today every value would be null, exit 0."""
    catalog = select(discover(sandbox, modules=["Contacts", "Accounts"]), "Contacts", "Accounts")
    sandbox.clock(advance=3_600)  # what the catalog carries is too old to be believed

    def answer(asked: Asked, reply: Rewritten) -> None:
        if asked.query.get("module") == "Contacts":
            if described is None:
                reply.status, reply.body = 204, b""
                return
            content = json.loads(reply.body)
            content["fields"] = [each for each in content["fields"] if each["api_name"] in described]
            reply.body = json.dumps(content).encode()

    other.changing("/settings/fields", answer)

    run = run_tap(other, modules=["Contacts", "Accounts"], catalog=catalog)

    assert run.code == 1
    assert run.ids("Contacts") == []
    assert_holds(sandbox, "Accounts", run.latest("Accounts"))
    assert any("Contacts: failed" in line and "Bigin describes" in line for line in run.log)


def test_no_module_at_all_fails_the_run(other: OtherBigin) -> None:
    """An organisation without modules is a token without rights."""
    other.answering("/settings/modules", lambda _: Rewritten(204))

    run = run_tap(other)

    assert run.code == 1
    assert any("no module" in line for line in run.log)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["token", "page"])
def test_a_list_that_goes_round_ends(sandbox: Sandbox, other: OtherBigin, kind: str) -> None:
    """The same token or the same records for ever spend the credits of the day."""
    _rows(sandbox)
    sandbox.settings(most_per_page=50)
    numbers = count()
    first: dict[str | None, Any] = {}

    def promise(body: Any) -> Any:
        token = "a" * 64 if kind == "token" else f"{next(numbers):064}"
        body["info"].update(more_records=True, next_page_token=token)
        return body

    def note(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            first.setdefault(asked.query.get("sort_order"), promise(body))

    def again(asked: Asked) -> Rewritten | None:
        is_further = "page_token" in asked.query or asked.query.get("page", "1") != "1"
        return Rewritten.of(promise(first[asked.query.get("sort_order")])) if is_further else None

    other.answering("/Contacts", again)
    other.rewrite("/Contacts", note)

    run = run_tap(other, modules=["Contacts"])

    assert run.code in (0, 1)
    if run.code == 0:
        assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert len(run.ids("Contacts")) < 1_000


def test_names_that_differ_only_by_case_are_told_with_the_map_that_keeps_them_apart(sandbox: Sandbox) -> None:
    """Most databases take them for one column, and one of the values is lost without a word."""
    for name in ("Shoe_Size", "shoe_size"):
        described = {"api_name": name, "data_type": "text", "json_type": "string", "field_label": name}
        sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": described})

    run = run_tap(sandbox, "--discover", modules=["Contacts"])

    (said,) = [line for line in run.log if "differs only by case" in line]
    maps = json.loads(said.rpartition("stream_maps ")[2])
    assert set(maps) == {"Contacts"}
    mapped = run_tap(sandbox, modules=["Contacts"], stream_maps=maps)
    columns = mapped.schemas["Contacts"]["schema"]["properties"]
    assert len({name.lower() for name in columns}) == len(columns)


def test_a_disk_that_is_full_is_one_line(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's file is kept while it is read: where that cannot be, the line names TMPDIR."""

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tap_bigin.bulk.jobs.TemporaryFile", full)

    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts")

    run = run_tap(sandbox, modules=["Contacts"], catalog=catalog, extraction_method="bulk")

    assert run.code == 1
    assert run.said("No space left on device): set TMPDIR")
    assert "Contacts: failed" in run.log[-1]


@pytest.mark.parametrize("what", ["state", "catalog"])
def test_json_without_an_end_is_one_line(sandbox: Sandbox, what: str) -> None:
    """Whoever made it, no traceback."""
    deep = '{"bookmarks":' + "[" * 100_000 + "]" * 100_000 + "}"

    run = run_tap(sandbox, **{what: deep})

    assert run.code == 1
    assert f"{what}: nested too deep to be read." in run.log[-1]
    assert not run.said("Traceback")


def test_a_device_is_no_place_for_a_report(sandbox: Sandbox) -> None:
    """It would be replaced by a file."""
    run = run_tap(sandbox, modules=["Contacts"], run_report_path="/dev/null")

    assert run.code == 1
    assert "run_report_path: /dev/null is no file" in run.log[-1]
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("place", [0, 3, -1])
@pytest.mark.parametrize("most", [10, 200])
def test_a_record_that_a_page_counts_and_does_not_have_is_found(
    sandbox: Sandbox, other: OtherBigin, place: int, most: int
) -> None:
    """The count came with the page, for nothing: what it does not match is looked into, by ids."""
    sandbox.settings(most_per_page=most)
    hidden: list[str] = []

    def hide(asked: Asked, body: Any) -> None:
        if "ids" not in str(asked) and not hidden and len(body["data"]) > 4:
            hidden.append(body["data"].pop(place)["id"])

    other.rewrite("/Contacts", hide)

    run = run_tap(other, modules=["Contacts"], deleted_records="none")

    assert run.code == 0
    assert hidden
    assert_holds(sandbox, "Contacts", run.latest("Contacts"))
    assert run.said("looking for the others")


@pytest.mark.parametrize("place", ["newest", "middle", "oldest", "only"])
def test_a_change_that_an_incremental_page_counts_and_does_not_show_is_found(
    sandbox: Sandbox, other: OtherBigin, place: str
) -> None:
    """Once the bookmark has moved no run asks for it again. Here the count comes as text."""
    sandbox.reset(size="empty")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 10, "data": {"Last_Name": "P {n}"}})
    sandbox.clock(advance=3_600)
    first = run_tap(sandbox, modules=["Contacts"], deleted_records="none")
    sandbox.clock(advance=600)
    sandbox.forget_tokens()
    changed = [each["id"] for each in sandbox.dump("Contacts")][: 1 if place == "only" else None]
    for each in changed:
        sandbox.mutate({"op": "edit", "module": "Contacts", "id": each, "data": {"Title": "Changed"}})
        sandbox.clock(advance=2)
    sandbox.settings(most_per_page=4)
    victim = changed[{"newest": -1, "middle": len(changed) // 2}.get(place, 0)]

    def hide(asked: Asked, body: Any) -> None:
        if "ids" not in asked.query:
            body["data"] = [each for each in body["data"] if each["id"] != victim]
            body["info"]["count"] = str(body["info"]["count"])

    other.rewrite("/Contacts", hide)

    second = run_tap(other, modules=["Contacts"], state=first.state, deleted_records="none")

    assert second.code == 0
    assert set(second.ids("Contacts")) == set(changed)


def test_a_record_that_an_answer_to_ids_counts_and_does_not_show_is_asked_for_alone(
    sandbox: Sandbox, other: OtherBigin
) -> None:
    """By ids come those that no page showed: what is missing there is missing for ever."""
    sandbox.reset(size="empty")
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 10, "data": {"Last_Name": "P {n}"}})
    held = [each["id"] for each in sandbox.dump("Contacts")]
    alone: list[str] = []

    def hide(asked: Asked, body: Any) -> None:
        ids = asked.query.get("ids", "").split(",")
        if len(ids) == 1 and ids[0]:
            alone.append(ids[0])
        else:  # two of them no page shows, and ids together only one
            body["data"] = [
                each for each in body["data"] if each["id"] not in held[4 : 6 if not ids[0] else 5]
            ]

    other.rewrite("/Contacts", hide)

    run = run_tap(other, modules=["Contacts"], deleted_records="none")

    assert set(run.ids("Contacts")) == set(held)
    assert alone == [held[4]]


def test_a_module_that_is_called_as_a_stream_of_the_tap_is_read(sandbox: Sandbox, other: OtherBigin) -> None:
    """Nobody can rename it for the tap's sake, and it must not end the run of all the others."""
    held = sandbox.count("Subscriptions")

    def renamed(asked: Asked) -> Rewritten:
        target = asked.target.replace("/organization", "/Subscriptions")
        target = target.replace("module=organization", "module=Subscriptions")
        return other.forward(replace(asked, target=target))

    def rename(_: Asked, body: Any) -> None:
        found = next(each for each in body["modules"] if each["api_name"] == "Subscriptions")
        found["api_name"] = "organization"

    other.rewrite("/settings/modules", rename)
    for path in ("/organization.*", "/settings/fields"):
        other.answering(path, renamed)
    chosen: dict[str, Any] = {"modules": ["Contacts", "organization"], "deleted_records": "none"}

    run = run_tap(other, **chosen)
    again = run_tap(other, catalog=select(discover(other, **chosen)), **chosen)

    assert run.code == again.code == 0
    assert [len(each.ids("organization")) for each in (run, again)] == [held, held]
    assert run.said("organization: a module has this name")
