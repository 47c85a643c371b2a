"""The list of what was deleted, page by page, in memory: what each adds, and where a reading goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any, cast

import pytest
from support.listed import NINE, page_of

from bigin_api import Labelled, Page
from bigin_api.errors import ServerError
from tap_bigin.bookmarks import to_utc_text
from tap_bigin.lists.deletions import (
    DeletedLists,
    News,
    Portion,
    deleted_pages,
    gone_on,
    new_in,
    news_of,
    read_on,
    restored,
    taken_over,
)
from tap_bigin.lists.marks import Begun, Mark

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class Bin:
    """A module whose records of these ids were deleted, the first of them last; each call is noted."""

    def __init__(self, ids: range) -> None:
        self.ids = [str(each) for each in ids]
        self.calls: list[tuple[int, int, datetime | None]] = []
        self.before: dict[int, Callable[[], object]] = {}
        self.records = self
        self.server_time: datetime | None = NINE

    @property
    def client(self) -> Labelled:
        return cast("Labelled", self)

    def deleted(self, module: str, *, page: int, per_page: int, modified_since: datetime | None) -> Page:
        assert module == "Contacts"
        self.calls.append((page, per_page, modified_since))
        self.before.get(len(self.calls), lambda: None)()
        rows = [_entry(each) for each in self.ids[(page - 1) * per_page : page * per_page]]
        return page_of(rows, more=page * per_page < len(self.ids))


def _entry(record_id: str, seconds: int = 0, kind: str = "recycle") -> dict[str, Any]:
    time = to_utc_text(NINE + timedelta(seconds=seconds))
    return {"id": record_id, "type": kind, "deleted_time": time, "created_by": "Ann"}


def _read(portions: list[Portion]) -> list[str]:
    return [each["id"] for portion in portions for each in portion.entries]


@pytest.mark.parametrize(
    ("entries", "calls"),
    [
        (0, [(1, 200)]),
        (200, [(1, 200)]),
        (201, [(1, 200), (2, 180)]),
        (650, [(1, 200), (2, 180), (3, 170), (4, 163)]),
    ],
)
def test_each_page_begins_before_the_last_one_ended(entries: int, calls: list[tuple[int, int]]) -> None:
    """The list has no tokens, and what is taken back moves the rest up."""
    listed = Bin(range(entries, 0, -1))

    portions = list(deleted_pages(listed.client, "Contacts", Begun(asked=NINE, since=NINE)))

    assert listed.calls == [(*each, NINE - timedelta(seconds=2)) for each in calls]
    assert _read(portions) == listed.ids
    read = [min(entries, number * size) for number, size in calls]
    assert [each.place for each in portions] == [
        Begun(NINE, NINE, at, tuple(listed.ids[max(0, at - 20) : at])) for at in read
    ]
    assert all(each.keys() == {"id", "type", "deleted_time"} for some in portions for each in some.entries)


@pytest.mark.parametrize("back", [15, 60, 150])
def test_what_is_taken_back_between_two_pages_hides_no_other_entry(back: int) -> None:
    """Where two pages share nothing the next begins earlier, and what is beyond the gap waits."""
    for at in (2, 3, 4):
        listed = Bin(range(650, 0, -1))
        listed.before[at] = lambda listed=listed: listed.ids.__delitem__(slice(10, 10 + back))  # type: ignore[misc]

        portions = list(deleted_pages(listed.client, "Contacts", Begun(asked=NINE)))

        read = _read(portions)
        assert len(read) == len(set(read))
        assert set(read) >= set(listed.ids), at
        assert [*portions[-1].place.last] == listed.ids[-20:]


def test_a_page_that_meets_nothing_begins_further_back_and_at_last_at_the_first() -> None:
    """Each time four times as far: what was read before it meets what is known waits, and comes with it."""
    listed = Bin(range(650, 0, -1))
    others = [[str(each) for each in range(at, at - 650, -1)] for at in (2_000, 3_000, 4_000)]
    for at, ids in enumerate(others, start=2):
        listed.before[at] = lambda ids=ids: listed.ids.__setitem__(slice(None), ids)  # type: ignore[misc]

    _, portion = islice(deleted_pages(listed.client, "Contacts", Begun(asked=NINE)), 2)

    assert [each[:2] for each in listed.calls] == [(1, 200), (2, 180), (2, 120), (1, 200)]
    assert _read([portion]) == others[0][180:360] + others[1][120:240] + others[2][:200]
    assert portion.place == Begun(NINE, None, 200, tuple(others[2][180:200]))


def test_very_many_that_are_taken_back_between_two_runs_hide_no_entry() -> None:
    """Beyond 20,000 entries a page that met nothing was taken as it was, and what lay before it passed by."""
    listed = Bin(range(30_000, 0, -1))
    unread = listed.ids[25_000:]
    begun = Begun(NINE, None, 25_000, tuple(listed.ids[24_980:25_000]))
    del listed.ids[:22_000]

    portions = list(deleted_pages(listed.client, "Contacts", begun))

    assert set(_read(portions)) >= set(unread)
    assert len(listed.calls) <= 60


@pytest.mark.parametrize("back", [0, 15, 70])
def test_wherever_a_reading_is_cut_the_next_goes_on(back: int) -> None:
    """A run within a budget, or one that was killed: nothing comes twice, and nothing is passed by."""
    for at in count(1):
        listed = Bin(range(650, 0, -1))
        first = list(islice(deleted_pages(listed.client, "Contacts", Begun(asked=NINE)), at))
        asked = len(listed.calls)
        del listed.ids[10 : 10 + back]
        mark = Mark()
        for each in first:
            mark = read_on(mark, each)
        mark = Mark.from_state(mark.to_state())
        assert mark.begun

        second = list(deleted_pages(listed.client, "Contacts", mark.begun))
        new = [each["id"] for some in second for each in new_in(some.entries, mark)]

        assert {*_read(first), *new} >= set(listed.ids), at
        assert not set(new).intersection(_read(first)), at
        assert len(listed.calls) <= asked + 7 - at, at
        for each in second:
            mark = read_on(mark, each)
        assert news_of(mark).mark.listed == 650, (at, back)
        if len(first) < at:
            break


def test_a_page_with_a_row_that_is_no_entry_notes_no_clock() -> None:
    """A deletion that cannot be read may be told by the next reading of the whole list."""
    listed = Bin(range(3, 0, -1))
    whole = listed.deleted

    def with_another(*what: Any, **how: Any) -> Page:
        page = whole(*what, **how)
        return Page(page.records, False, None, None, None, False, {}, 1)

    listed.deleted = with_another  # type: ignore[method-assign]

    [portion] = deleted_pages(listed.client, "Contacts", Begun(asked=NINE))

    assert portion.place == Begun(None, None, 3, ("3", "2", "1"))


# What a mark makes of it


LATER = NINE + DAY


def test_a_whole_list_tells_what_left_it() -> None:
    """What was in the bin and is not listed is back, if it can be read."""
    mark = Mark(NINE, ("5", "7", "8"), 3, NINE)

    reached = read_on(
        mark, Portion([_entry("8"), _entry("9", 90), _entry("4", 90, "permanent")], Begun(LATER))
    )

    assert reached == Mark(NINE, ("5", "7"), 3, NINE, Begun(LATER, gone=("8", "9"), listed=3))
    assert news_of(reached) == News(("5", "7"), Mark(LATER, ("8", "9"), 3, LATER))


def test_a_list_of_what_is_new_adds_to_what_is_known() -> None:
    """It tells nothing of what it leaves out."""
    mark = Mark(NINE, ("5", "7"), 300, NINE)

    reached = read_on(
        mark, Portion([_entry("7"), _entry("9", 90), _entry("4", 90, "permanent")], Begun(LATER, NINE))
    )

    assert reached == Mark(NINE, ("5", "7"), 300, NINE, Begun(LATER, NINE, gone=("7", "9"), listed=2 + 1))
    assert news_of(reached) == News((), Mark(LATER, ("5", "7", "9"), 303, NINE))


def test_a_list_that_has_no_entry_is_read_all_the_same() -> None:
    """All that was in the bin is back."""
    assert news_of(read_on(Mark(NINE, ("5",), 1, NINE), Portion([], Begun(LATER)))) == News(
        ("5",), Mark(LATER, (), 0, LATER)
    )


@pytest.mark.parametrize(
    ("mark", "other", "news"),
    [
        (Mark(NINE, ("5", "7"), 2, NINE), Mark(LATER, ("7",), 1, LATER), ("5",)),
        (Mark(NINE, ("5", "7"), 2, NINE, Begun(gone=("8",))), Mark(LATER, ("7",), 1, LATER), ("5", "8")),
        (Mark(), Mark(LATER, ("7",), 1, LATER), ()),
        (Mark(LATER, ("5",), 1, LATER), Mark(NINE, ("7",), 1, NINE), None),  # older
        (Mark(LATER, ("5",), 1, LATER), Mark(LATER, ("7",), 1, LATER), None),  # as old
        (Mark(), Mark(LATER, ("7",), 1, LATER, Begun()), None),  # under way itself
        (Mark(), Mark(), None),
        (Mark(NINE, ("5",), 300, NINE), Mark(LATER, ("7",), 1, LATER), None),  # asks for what is new alone
    ],
)
def test_the_mark_of_another_stream_is_taken_over_where_it_knows_more(
    mark: Mark, other: Mark, news: tuple[str, ...] | None
) -> None:
    """The list was read whole since: what left it meanwhile is back for this stream as well."""
    assert taken_over(mark, other, NINE + MINUTE) == (None if news is None else News(news, other))


@pytest.mark.parametrize(
    ("mark", "begun", "goes_on"),
    [
        (Mark(NINE, ("5", "7"), 2, NINE), Begun(LATER, read=200, gone=("7",)), True),
        (Mark(NINE, ("5",), 2, NINE, Begun()), Begun(LATER, read=200), False),
        (Mark(NINE, ("5",), 2, NINE), None, False),
        (Mark(NINE, ("5",), 2, NINE), Begun(LATER, NINE, read=200), False),
        (Mark(NINE, ("5",), 300, NINE), Begun(LATER, read=200), False),
    ],
)
def test_a_reading_of_another_stream_is_gone_on_with(
    mark: Mark, begun: Begun | None, *, goes_on: bool
) -> None:
    """What it has met is in the bin; only a reading of the whole list serves who would read all of it."""
    after = gone_on(mark, Mark(begun=begun), NINE + MINUTE)

    assert after == (Mark(NINE, ("5",), 2, NINE, begun) if goes_on else mark)


@pytest.mark.parametrize(
    ("mark", "now", "since"),
    [
        (Mark(NINE, (), 201, NINE), NINE + DAY, NINE - MINUTE),
        (Mark(NINE, (), 201, NINE), NINE + DAY + timedelta(seconds=1), None),
        (Mark(NINE, (), 200, NINE), NINE + MINUTE, None),
        (Mark(NINE, (), 201, None), NINE + MINUTE, None),
        (Mark(None, (), 201, NINE), NINE + MINUTE, None),
        (Mark(NINE, (), 201, NINE), None, None),
        (Mark(NINE, (), 1, NINE, Begun(since=LATER)), NINE, LATER),
    ],
)
def test_from_when_a_list_is_read(mark: Mark, now: datetime | None, since: datetime | None) -> None:
    """The whole of it while that is a page, once a day, and where a clock is not known."""
    assert mark.asks_since(now, overlap=MINUTE) == since


@pytest.mark.parametrize(
    ("listed", "entry", "is_new"),
    [
        (1, _entry("9", -60), True),  # a page skipped it in an earlier run
        (2_000, _entry("9", -60), True),
        (2_001, _entry("9", -60), False),  # state does not remember so many
        (1, _entry("9", -60, "permanent"), False),
        (1, {"id": "7", "type": "recycle", "deleted_time": "soon"}, True),
        (1, {"id": "7", "type": "recycle"}, True),
        (1, _entry("7", -3), False),
        (1, _entry("7", -2), True),  # within the overlap
        (1, _entry("8", 60), False),  # told by the run that began the list
        (1, _entry("6", 60), False),
        (1, _entry("8", 60, "permanent"), True),
    ],
)
def test_what_is_new_in_a_list(listed: int, entry: dict[str, Any], *, is_new: bool) -> None:
    """Each deletion is told once, and one that cannot be dated rather twice."""
    mark = Mark(NINE, ("7",), listed, NINE, Begun(gone=("8",), last=("6",)))

    assert list(new_in([entry], mark)) == [entry] * is_new


# Once for all streams


def _new(lists: DeletedLists, listed: Bin, mark: Mark) -> list[str]:
    return [
        each["id"] for entries, _ in lists.new_entries(listed.client, "Contacts", mark) for each in entries
    ]


def test_a_list_is_read_once_for_whoever_needs_no_more_of_it() -> None:
    """A mark that asks for what is new is served by the whole list, and not the other way round."""
    listed, lists = Bin(range(300, 0, -1)), DeletedLists(MINUTE)
    asks_for_new = Mark(NINE - MINUTE, (), 300, NINE - MINUTE)

    assert len(_new(lists, listed, asks_for_new)) == 300
    assert [each[2] for each in listed.calls] == [NINE - 2 * MINUTE - timedelta(seconds=2)] * 2
    assert _new(lists, listed, Mark()) == listed.ids
    assert len(listed.calls) == 4
    assert _new(lists, listed, asks_for_new) == _new(lists, listed, Mark()) == listed.ids
    assert len(listed.calls) == 4
    assert lists.listed("Contacts", ["5", "x"]) == {"5"}
    assert lists.listed("Tasks", ["5"]) == lists.listed("Contacts", []) == set()


def test_a_list_that_could_not_be_read_is_tried_again_by_the_next_stream() -> None:
    """Whoever reads it meanwhile is told of the error, too."""
    listed, lists = Bin(range(300, 0, -1)), DeletedLists(MINUTE)

    def fails() -> None:
        raise ServerError("busy")

    listed.before[2] = fails
    first = lists.new_entries(listed.client, "Contacts", Mark())
    second = lists.new_entries(listed.client, "Contacts", Mark())
    assert len(next(first)[0]) == len(next(second)[0]) == 200
    for each in (first, second):
        with pytest.raises(ServerError, match="busy"):
            next(each)

    assert len(listed.calls) == 2
    assert _new(lists, listed, Mark()) == listed.ids
    assert len(listed.calls) == 4


def test_a_reading_that_goes_on_serves_no_other_mark() -> None:
    """What came before it does not come again."""
    listed, lists = Bin(range(300, 0, -1)), DeletedLists(MINUTE)
    begun = Begun(NINE, None, 200, tuple(listed.ids[180:200]), tuple(sorted(listed.ids[:200])))

    left = _new(lists, listed, Mark(begun=begun))
    assert left == listed.ids[200:]
    assert _new(lists, listed, Mark(begun=begun)) == left
    assert len(listed.calls) == 1
    assert _new(lists, listed, Mark()) == listed.ids
    assert len(listed.calls) == 3


def test_those_that_can_be_read_again_are_back() -> None:
    """A hundred a call; what is deleted for good cannot be read."""
    asked = []

    def by_ids(module: str, ids: list[str], fields: list[str]) -> list[dict[str, str]]:
        asked.append((module, len(ids), fields))
        return [{"id": each} for each in ids if int(each) % 2]

    listed = Bin(range(0))
    listed.by_ids = by_ids  # type: ignore[attr-defined]

    back = restored(listed.client, "Contacts", [str(each) for each in range(150)])

    assert back == [str(each) for each in range(1, 150, 2)]
    assert asked == [("Contacts", 100, ["id"]), ("Contacts", 50, ["id"])]
