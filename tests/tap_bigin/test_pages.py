"""A page whatever the number of fields, in memory: its calls, and how their answers become records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from support.listed import NINE, Now, page_of

from bigin_api import InFlight, Labelled, Page
from bigin_api.errors import InvalidRequest
from tap_bigin.lists.pages import JoinedPage, Listing, ModulePages
from tap_bigin.lists.places import Place
from tap_bigin.report import StreamReport

WIDE = ["Modified_Time", *(f"F{n}" for n in range(60))]  # two calls a page: F0 to F48, and the others
EARLY, LATE = "2026-05-14T09:00:00Z", "2026-05-14T09:00:05Z"
BY_ID = Listing("id", "asc")


class Wide:
    """A module of two groups of fields; ``answers`` changes what a call of this number has."""

    def __init__(self, ids: str = "123") -> None:
        self.times = dict.fromkeys(ids, EARLY)
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[int, Callable[[Page], Page]] = {}
        self.records = self
        self.places_free = 0
        self.takes_unapproved = True
        self.said: list[str] = []
        self.report = StreamReport("Contacts", lambda _, said: self.said.append(said))

    def pages(self, names: Sequence[str] = WIDE) -> ModulePages:
        client, calls = cast("Labelled", self), cast("InFlight", Now())
        return ModulePages(client, calls, "Contacts", names, report=self.report)

    def urgent(self) -> Wide:
        return self

    def page(self, module: str, fields: Sequence[str], **how: Any) -> Page:
        assert module == "Contacts"
        asked = {name: each for name, each in how.items() if each is not None}
        return self._answer(page_of([self._part(each, fields) for each in self.times]), (fields[-1], asked))

    def by_ids(
        self,
        module: str,
        ids: Sequence[str],
        fields: Sequence[str],
        *,
        on_lack: Any,
        approved: str | None = None,
    ) -> list[dict[str, Any]]:
        assert (module, on_lack, approved) == ("Contacts", self.report.misses, "both")
        some = page_of([self._part(each, fields) for each in ids if each in self.times])
        return self._answer(some, (fields[-1], *ids)).records

    def _answer(self, page: Page, call: tuple[Any, ...]) -> Page:
        self.calls.append(call)
        return self.answers.get(len(self.calls), lambda page: page)(page)

    def _part(self, record_id: str, fields: Sequence[str]) -> dict[str, Any]:
        return {"id": record_id, **dict.fromkeys(fields, "x"), "Modified_Time": self.times[record_id]}

    def whole(self, record_id: str) -> dict[str, Any]:
        return self._part(record_id, WIDE)


FIRST = {"page": 1, "per_page": 200, "sort_by": "id", "sort_order": "asc", "approved": "both"}


def test_a_wide_record_is_joined_of_all_groups() -> None:
    """Fifty fields a call, Modified_Time in each."""
    wide = Wide()
    for each, token in ((1, "a"), (2, "b")):
        wide.answers[each] = lambda page, token=token: replace(  # type: ignore[misc]
            page, more_records=True, next_page_token=token, page_token_expiry=LATE
        )

    page = wide.pages().page(Place(1), BY_ID)

    assert wide.calls == [("F48", FIRST), ("F59", FIRST)]
    records = [wide.whole(each) for each in "123"]
    assert page == JoinedPage(records, True, ("a", "b"), LATE, Place(1), counted=3, left_out=0)
    assert page.next_place == Place(None, ("a", "b"))


@pytest.mark.parametrize(
    ("parts", "gone", "there"),
    [
        ({"2": LATE}, "", "123"),  # another state of it
        ({"2": None}, "", "123"),  # not in the other page
        ({"2": None}, "2", "13"),
        ({"2": LATE, "3": None}, "23", "1"),
    ],
)
def test_a_record_that_changed_between_two_groups_is_read_whole(
    parts: dict[str, str | None], gone: str, there: str
) -> None:
    """A record must not be torn between two calls; what is gone meanwhile is left out."""
    wide = Wide()

    def other(page: Page) -> Page:
        for each in gone:
            del wide.times[each]
        records = [{**each, "Modified_Time": parts.get(each["id"], EARLY)} for each in page.records]
        return replace(page, records=[each for each in records if each["Modified_Time"]])

    wide.answers[2] = other

    page = wide.pages().page(Place(1), BY_ID)

    torn = tuple(parts)
    assert wide.calls[2:] == [("F48", *torn), ("F59", *torn)]
    assert page.records == [wide.whole(each) for each in there]
    assert page.is_short == (len(there) < 3)


@pytest.mark.parametrize(("torn_times", "calls"), [(1, 4), (2, 6), (9, 6)])
def test_a_record_that_is_torn_by_its_id_is_asked_for_three_times(torn_times: int, calls: int) -> None:
    """One that changes faster than that is taken as it is: the next run reads it again."""
    wide = Wide()
    for at in range(2, 2 * torn_times + 1, 2):
        wide.answers[at] = lambda page: replace(
            page,
            records=[
                {**each, "Modified_Time": LATE if each["id"] == "2" else EARLY} for each in page.records
            ],
        )

    records = wide.pages().by_ids(["3", "9", "2"])

    assert len(wide.calls) == calls
    assert wide.calls[:4] == [("F48", "3", "9", "2"), ("F59", "3", "9", "2"), ("F48", "2"), ("F59", "2")]
    assert [each["id"] for each in records] == ["3", "2"]
    assert records[0] == wide.whole("3")
    if torn_times < 3:
        assert records[1] == wide.whole("2")


def test_ids_are_asked_for_by_the_hundred_and_group() -> None:
    """In their order, each hundred as it comes."""
    ids = [str(each) for each in range(1, 151)]
    wide = Wide()
    wide.times = dict.fromkeys(ids, EARLY)

    portions = list(wide.pages().by_ids_in_turn(ids))

    assert [[each["id"] for each in some] for some in portions] == [ids[:100], ids[100:]]
    assert wide.calls == [
        ("F48", *ids[:100]),
        ("F59", *ids[:100]),
        ("F48", *ids[100:]),
        ("F59", *ids[100:]),
    ]


@pytest.mark.parametrize(("ids", "calls"), [("", 1), ("1", 2)])
def test_where_nothing_changed_the_other_groups_are_not_asked_for(ids: str, calls: int) -> None:
    """Mostly an incremental scan finds nothing."""
    wide = Wide(ids)

    page = wide.pages().page(Place(1), Listing("Modified_Time", "desc", NINE))

    how = {**FIRST, "sort_by": "Modified_Time", "sort_order": "desc", "modified_since": NINE}
    assert wide.calls == [("F48", how), ("F59", how)][:calls]
    assert page.records == [wide.whole(each) for each in ids]


def test_pages_of_several_places_come_in_their_order() -> None:
    """Each group has its own token."""
    wide = Wide()
    places = [Place(2, size=198), Place(None, ("a", "b"))]

    pages = list(wide.pages().begin([(each, BY_ID) for each in places]))

    second = {**FIRST, "page": 2, "per_page": 198}
    by_token = {name: each for name, each in FIRST.items() if name != "page"}
    assert wide.calls == [
        ("F48", second),
        ("F59", second),
        ("F48", {**by_token, "page_token": "a"}),
        ("F59", {**by_token, "page_token": "b"}),
    ]
    assert [each.place for each in pages] == places
    assert all(each.records == [wide.whole(n) for n in "123"] for each in pages)


@pytest.mark.parametrize(
    ("place", "listing", "is_urgent"),
    [
        (Place(1), BY_ID, True),  # tells which lists are long
        (Place(None, ("a",)), BY_ID, True),  # the next one hangs on it
        (Place(2), BY_ID, False),
        (Place(2), replace(BY_ID, is_long=True), True),
    ],
)
def test_what_others_hang_on_goes_first(place: Place, listing: Listing, *, is_urgent: bool) -> None:
    """A long list that waits in a queue makes the whole run long."""
    wide, urgent = Wide(), Wide()
    wide.urgent = lambda: urgent  # type: ignore[method-assign]

    wide.pages(["Name"]).page(place, listing)

    assert (len(wide.calls), len(urgent.calls)) == (not is_urgent, is_urgent)


def test_half_a_set_of_tokens_is_none() -> None:
    """A page of some fields would meet another page of the others."""
    wide = Wide()
    wide.answers[1] = lambda page: replace(page, more_records=True, next_page_token="a")

    page = wide.pages().page(Place(1), BY_ID)

    assert (page.tokens, page.next_place) == ((), None)


@pytest.mark.parametrize("key", ["param_name", "param"])
def test_a_bigin_that_does_not_know_of_approval_is_asked_without(key: str) -> None:
    """Once it has refused the wish it is not asked again; another refusal is an error."""
    wide = Wide()

    def refuses(_: Page) -> Page:
        raise InvalidRequest("invalid", code="INVALID_DATA", details={key: "approved"})

    wide.answers[1] = refuses
    pages = wide.pages(["Modified_Time", "Name"])

    pages.page(Place(1), BY_ID)
    pages.page(Place(2), BY_ID)

    without = {name: each for name, each in FIRST.items() if name != "approved"}
    assert [each[1] for each in wide.calls] == [FIRST, without, {**without, "page": 2}]
    wide.answers[4] = refuses
    with pytest.raises(InvalidRequest):
        pages.page(Place(3), BY_ID)


def test_a_view_is_not_asked_for_what_is_under_approval() -> None:
    """It says itself which records it has."""
    wide = Wide()

    wide.pages(["Modified_Time", "Name"]).page(Place(1), Listing(cvid="7"))

    assert wide.calls == [("Name", {"page": 1, "per_page": 200, "cvid": "7"})]


def test_a_time_that_is_none_is_null_and_told() -> None:
    """Times are compared as texts in UTC, so each is brought into it when it comes."""
    wide = Wide()
    wide.times = {"1": "2026-05-14T14:30:05+05:30", "2": "soon", "3": cast("str", 7)}

    page = wide.pages(["Modified_Time", "Name"]).page(Place(1), BY_ID)

    assert [each["Modified_Time"] for each in page.records] == [LATE, None, None]
    assert wide.report.warnings == [
        "record 2: Modified_Time is 'soon', which is no datetime.",
        "record 3: Modified_Time is 7, which is no datetime.",
    ]


def test_without_a_time_nothing_is_said_of_it() -> None:
    """A module may have none."""
    wide = Wide()
    wide.times = dict.fromkeys("1", cast("str", None))

    assert wide.pages(["Name"]).page(Place(1), BY_ID).records == [
        {"id": "1", "Name": "x", "Modified_Time": None}
    ]
    assert not wide.report.warnings


@pytest.mark.parametrize(
    ("records", "counted", "left_out", "expected"),
    [(3, None, 0, 3), (3, None, 1, 4), (3, 4, 0, 4), (3, 4, 1, 4), (3, 201, 1, 4), (3, 200, 0, 200)],
)
def test_how_many_records_a_page_should_have(
    records: int, counted: int | None, left_out: int, expected: int
) -> None:
    """As many as Bigin counts in it; a count beyond a page's size is of something else."""
    page = JoinedPage([{"id": "7"}] * records, False, (), None, Place(1), counted, left_out)

    assert (page.expected, page.is_short) == (expected, records < expected)
    assert (page.is_full, replace(page, place=Place(1, size=3)).is_full) == (False, True)


def test_how_far_a_page_reaches() -> None:
    """By number it says so itself, by token it goes on from the one before."""
    three = [{"id": "7"}] * 3

    by_number, by_token = Place(3, size=198), Place(None, ("a",))
    assert JoinedPage(three, True, (), None, by_number, 3, 0).reach(7) == 2 * 198 + 3
    assert JoinedPage(three, True, (), None, by_token, 3, 0).reach(400) == 403


@pytest.mark.parametrize(
    ("free", "groups", "room"), [(1, 1, False), (2, 1, True), (2, 2, False), (3, 2, True)]
)
def test_there_is_room_for_a_page_where_others_need_not_wait_for_it(
    free: int, groups: int, *, room: bool
) -> None:
    """One place stays free beside its calls."""
    wide = Wide()
    wide.places_free = free

    assert wide.pages(WIDE if groups == 2 else ["Name"]).has_room == room


def test_rows_that_are_no_records_make_a_reading_partial() -> None:
    """What they are may be there."""
    wide = Wide()
    wide.answers[1] = lambda page: replace(page, left_out=1)

    assert wide.pages(["Name"]).page(Place(1), BY_ID).left_out == 1
    assert wide.report.partial
