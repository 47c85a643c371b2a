"""The stream of a related list in memory: each parent's pages, where a run goes on, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest
from support.listed import page_of
from support.streams import Quiet, said, stream_of

from bigin_api import InvalidRequest, ModuleUnavailable, PermissionDenied, ServerError
from bigin_api.errors import CreditBudgetReached
from tap_bigin.bookmarks import Scan, begin, from_text, scan_of
from tap_bigin.discovery.related_lists import RelatedDefinition
from tap_bigin.streams.related import Ask, Reached, RelatedPage, RelatedStream
from tap_bigin.values.schema import RecordSchema

NINE = from_text("2026-05-14T09:00:00Z")
TEXT = {"type": ["string", "null"]}
FULL = {"deletion_sweep": "off"}


def _definition(source: Any = "list", *names: str) -> RelatedDefinition:
    properties = dict.fromkeys(("parent_id", "id", *(names or ("Name",))), TEXT)
    return RelatedDefinition(
        "accounts_contacts",
        RecordSchema(properties, {}),
        module="Accounts",
        api_name="Contacts",
        source=source,
    )


class Client(Quiet):
    """Lists by parent, a list of ids a page; an exception in place of a page is raised. Calls are noted."""

    def __init__(self, **lists: Any) -> None:
        super().__init__(
            server_time=NINE,
            lists={name.strip("_"): each for name, each in lists.items()},
            asked=[],
            uses_tokens=True,
        )
        self.coql = self.related = self.records = self
        self.counted: Any = len(lists)

    def count(self, _module: str) -> int:
        if isinstance(self.counted, Exception):
            raise self.counted
        return int(self.counted)

    def pages_by_id(self, module: str, columns: list[str], *, after_id: str, on_lack: Any) -> Any:
        del on_lack
        self.asked.append(f"{module} {columns} after {after_id}")
        yield [{"id": int(each)} for each in self.lists if int(each) > int(after_id)]

    def page(self, module: str, parent: str, related: str, names: Any, *, page: Any, page_token: Any) -> Any:
        assert (module, related) == ("Accounts", "Contacts")
        self.asked.append(f"{parent} {page or page_token}")
        self.names = list(names)
        number = page or int(page_token.strip("t"))
        rows, more = self._rows(parent, number)
        return page_of(
            [
                {"id": each, "Extra": "x", **{name: f"{name} of {each}" for name in names if name != "id"}}
                for each in rows
            ],
            more=more,
            token=f"t{number + 1}" if more and self.uses_tokens else None,
        )

    def emails(self, _module: str, parent: str, *, index: Any) -> Any:
        self.asked.append(f"{parent} {index}")
        rows, more = self._rows(parent, int(index or 1))
        return [{"message_id": each, "Name": "N"} for each in rows], str(
            int(index or 1) + 1
        ) if more else None

    def get(self, _module: str, parent: str, names: list[str]) -> Any:
        self.asked.append(f"{parent} {names}")
        return self.lists[parent]

    def _rows(self, parent: str, number: int) -> tuple[list[str], bool]:
        pages = self.lists[parent]
        if isinstance(pages[number - 1], Exception):
            raise pages[number - 1]
        return pages[number - 1], number < len(pages)


def _stream(client: Client, definition: RelatedDefinition | None = None) -> Any:
    return stream_of(RelatedStream, definition or _definition(), client=client)


def _pairs(batches: Any) -> list[tuple[str, str]]:
    records = [each for batch in batches for each in batch.records]
    assert not any("Extra" in each for each in records)  # nobody asked for it
    return [(each["parent_id"], each["id"]) for each in records]


@pytest.mark.parametrize("uses_tokens", [True, False])
def test_all_that_each_parent_has_comes_page_by_page(*, uses_tokens: bool) -> None:
    """By token where there is one, else by number."""
    client = Client(_1=[["11", "12"], ["13"]], _2=[[]], _3=[["31"]])
    client.uses_tokens = uses_tokens
    stream = _stream(client)

    batches = list(stream.read({}))

    assert sorted(_pairs(batches)) == [("1", "11"), ("1", "12"), ("1", "13"), ("3", "31")]
    assert batches[-1].records[0] == {"parent_id": "1", "id": "11", "Name": "Name of 11"}
    assert client.names == ["Name"]
    assert client.asked[0] == "Accounts ['id'] after 0"
    assert sorted(client.asked[1:]) == ["1 1", "1 2" if not uses_tokens else "1 t2", "2 1", "3 1"]
    assert said(stream) == ["accounts_contacts: reads 3 parents, 1 credit or more each."]
    assert [batch.state for batch in batches] == [{}]


def test_what_ten_pages_brought_is_handed_on_and_the_next_run_goes_on_behind_it() -> None:
    """A credit each."""
    lists = {f"_{each}": [[f"{each}1"]] for each in range(1, 26)}
    client = Client(**lists)
    stream = _stream(client)

    batches = list(stream.read({"turn": "x"}))

    assert [len(_pairs([batch])) for batch in batches] == [10, 10, 5]
    shape = batches[0].state["pass"]["shape"]
    assert scan_of(batches[0].state, shape=shape) == Scan("full", NINE, shape, emitted=10, after="10")
    assert scan_of(batches[1].state, shape=shape) == Scan("full", NINE, shape, emitted=20, after="20")
    assert batches[2].state == {"turn": "x"}
    client.asked.clear()
    assert _pairs(_stream(client).read(batches[1].state)) == [
        (str(each), f"{each}1") for each in range(21, 26)
    ]
    assert client.asked[0] == "Accounts ['id'] after 20"
    many = Client(_1=[[str(each) for each in range(200)]], _2=[["a"]])
    assert [len(batch.records) for batch in _stream(many).read({})] == [200, 1]


@pytest.mark.parametrize(
    ("place", "pages", "expected"),
    [
        ("t2", [["11"], ["10", "12"], ["13"]], ["10", "12", "13"]),
        ("page 2", [["11"], ["12"], ["13"]], ["12", "13"]),
        ("t2", [["11"], ["9"], ["12"], ["13"]], ["11", "9", "12", "13"]),  # something slipped past it
        ("t2", [["11"], InvalidRequest("too old"), ["13"]], None),
    ],
)
def test_in_a_long_list_a_run_goes_on_at_the_latest_page(place: str, pages: Any, expected: Any) -> None:
    """Read once more: with its last record in it nothing has slipped past it; else from the first."""
    client = Client(_1=[["x"]], _2=pages, _3=[["31"]])
    stream = _stream(client)
    scan = stream._scan_of_parents({})
    client.asked.clear()
    left = begin({}, Scan("full", NINE, scan.shape, after="1", tokens=(place,), last=("12", "2")))
    if expected is None:
        with pytest.raises(InvalidRequest):
            list(_stream(client).read(left))
        assert client.asked[:2] == ["2 t2", "2 1"]
        return

    assert sorted(_pairs(_stream(client).read(left))) == sorted(
        [*(("2", each) for each in expected), ("3", "31")]
    )
    assert "Accounts ['id'] after 2" in client.asked


def test_the_state_stands_at_the_first_parent_whose_list_has_not_ended() -> None:
    """At the page that was read of it last, from its second on: a place is that of a page."""
    reached = Reached()
    for parent in "78":
        reached.begin(parent)
    second = RelatedPage(Ask("7", "t2"), [{"id": "3"}, {"id": "4"}], "t3")

    assert reached.see(RelatedPage(Ask("7"), [{"id": "1"}], "t2")) == {}
    assert reached.see(second) == {"tokens": ("t2",), "last": ("4", "7")}
    assert reached.see(RelatedPage(Ask("8"), [{"id": "9"}], "t2")) == {"tokens": ("t2",), "last": ("4", "7")}
    assert reached.see(RelatedPage(Ask("7", "t3"), [], "t4")) == {}  # nothing to know it by
    assert reached.see(RelatedPage(Ask("7", "t4"), [{"id": "5"}])) == {
        "after": "7",
        "tokens": (),
        "last": None,
    }


def _refused(place: int | None) -> InvalidRequest:
    return InvalidRequest("no", details={} if place is None else {"resource_path_index": place})


@pytest.mark.parametrize(("place", "error"), [(1, None), (2, ModuleUnavailable), (None, InvalidRequest)])
def test_a_parent_that_is_gone_has_nothing_and_a_list_that_is_none_is_skipped(place: Any, error: Any) -> None:
    """Bigin says which part of the path is wrong."""
    client = Client(_1=[["11"]], _2=[_refused(place)], _3=[["31"]])
    batches: list[Any] = []

    if error is None:
        assert sorted(_pairs(_stream(client).read({}))) == [("1", "11"), ("3", "31")]
        return
    with pytest.raises(error):
        batches.extend(_stream(client).read({}))

    assert ("1", "11") in _pairs(batches)  # what was paid for is handed on
    assert batches[-1].state["pass"]["after"] == "1"


def test_a_budget_that_ends_before_a_page_hands_on_nothing() -> None:
    """There is nothing to hand on."""
    stream = _stream(Client(_1=[CreditBudgetReached("enough")]))
    batches: list[Any] = []

    with pytest.raises(CreditBudgetReached):
        batches.extend(stream.read({}))

    assert batches == []


@pytest.mark.parametrize("error", [PermissionDenied("no"), ServerError("broken")])
def test_parents_that_cannot_be_counted_are_read(error: Exception) -> None:
    """The count only tells the price."""
    client = Client(_1=[["11"]])
    client.counted = error
    stream = _stream(client)

    assert _pairs(stream.read({})) == [("1", "11")]
    assert said(stream) == ["accounts_contacts: reads each parent, 1 credit or more each."]


def test_emails_come_by_their_own_places() -> None:
    """Their id is that of the message; one without is left out and told."""
    client = Client(_1=[["a", ""], ["b"]])
    stream = _stream(client, _definition("emails"))

    assert _pairs(stream.read({})) == [("1", "a"), ("1", "b")]
    assert client.asked[1:] == ["1 None", "1 2"]
    assert "! accounts_contacts: rows without an id were left out." in said(stream)


@pytest.mark.parametrize(
    ("held", "ids"),
    [
        ({"Contacts": [{"id": "7"}, {"id": "8"}]}, ["7", "8"]),
        ({"Contacts": {"id": "7"}}, ["7"]),
        ({"Contacts": None}, []),
        (None, []),  # the parent is gone
    ],
)
def test_rows_inside_a_record_come_with_it(held: Any, ids: list[str]) -> None:
    """One record a credit."""
    client = Client(_1=held)
    stream = _stream(client, _definition("rows"))

    assert _pairs(stream.read({})) == [("1", each) for each in ids]
    assert client.asked[1:] == ["1 ['Contacts']"]
    assert not stream.report.partial


def test_more_fields_than_a_call_may_ask_for_are_joined() -> None:
    """Each group of them is a list of its own, page by page."""
    names = [f"F{number}" for number in range(60)]
    client = Client(_1=[["11"], ["12"]])

    (batch,) = _stream(client, _definition("list", *names)).read({})

    assert [each["id"] for each in batch.records] == ["11", "12"]
    assert batch.records[1] == {"parent_id": "1", "id": "12", **{name: f"{name} of 12" for name in names}}
    assert client.asked[1:] == ["1 1", "1 t2"] * 2
