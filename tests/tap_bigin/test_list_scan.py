"""A scan of a list, call by call, in memory: what it asks for, what it emits, and where it stands meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count, islice, pairwise
from typing import Any

import msgspec
import pytest
from support.listed import NINE, TOKENS_END, Listed

from bigin_api import BiginError, Page
from bigin_api.errors import PageTokenRefused, PaginationLimit
from tap_bigin.bookmarks import Scan, Top, to_utc_text
from tap_bigin.lists.borders import BY_ID, BY_TIME, Order, condition

FULL = Scan("full", NINE, "x")
SINCE_NINE = Scan("incremental", NINE, "x", since=NINE)
KINDS = pytest.mark.parametrize("scan", [FULL, SINCE_NINE], ids=["full", "incremental"])
TIED = {1: 1, 2: 2, 3: 3, 4: 3, 5: 3, 6: 3, 7: 3, 8: 8, 9: 9, 10: 10, 11: 11, 12: 12, 13: 13}


def _read(pages: list[tuple[list[int], Scan]]) -> list[int]:
    return [each for ids, _ in pages for each in ids]


def _as_kept(scan: Scan) -> Scan:
    """Through the state and out of it."""
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(scan)), Scan)


def _each(count: int) -> dict[int, int]:
    """So many records, each modified in a second of its own."""
    return {each: each for each in range(1, count + 1)}


def _id(*places: str) -> list[str]:
    return [f"id {each} x 200" for each in places]


def _time(*places: str) -> list[str]:
    return [f"Modified_Time desc {each} x 200 since 2026-05-14T08:59:59Z" for each in places]


def _utc(second: int) -> str:
    return to_utc_text(NINE + timedelta(seconds=second))


def _iso(second: int) -> str:
    return f"2026-05-14T09:00:{second:02}+00:00"


def _proof(order: Order, *borders: tuple[int, int]) -> str:
    """The one question for all borders: two ids, or two seconds."""
    write = str if order is BY_ID else _utc
    return f"coql {condition([(write(low), write(high)) for low, high in borders], order)} after 0"


# What is asked for

NUMBERS = ["1 x 200", *(f"{n} x {200 - n}" for n in range(2, 11)), "10 x 200", "token 2000 x 200"]
BOTH_ENDS = [f"id {direction} {each}" for each in NUMBERS for direction in ("asc", "desc")]
PROOF = "coql (id between 2000 and 2001 or id between 2300 and 2301) after 0"


@pytest.mark.parametrize(
    ("records", "calls"),
    [
        (0, BOTH_ENDS[:1]),
        (200, BOTH_ENDS[:1]),
        (201, BOTH_ENDS[:2]),
        (396, BOTH_ENDS[:2]),
        (3_799, BOTH_ENDS[:20]),
        (3_999, BOTH_ENDS[:22]),
        (4_300, [*BOTH_ENDS, PROOF]),
    ],
)
def test_pages_by_number_from_both_ends_overlap_and_prove_themselves(records: int, calls: list[str]) -> None:
    """Up to 4,000 records nothing is asked for but the pages, and beyond only the borders of those by token."""
    listed = Listed(_each(records))

    pages = listed.scan(FULL)

    assert listed.calls == calls
    assert sorted(_read(pages)) == list(listed.times)
    assert all(reached.emitted == len(_read(pages[: at + 1])) for at, (_, reached) in enumerate(pages))


@pytest.mark.parametrize(
    ("records", "places_free", "at_once"),
    [
        (3_991, 0, [1] * 22),
        (4_100, 0, [1, 1, 1, 1, 2, *[1] * 16, 2, 1]),
        (9_000, 0, [1, 1, 1, 1, 2, 3, 4, 6, 3, 4, *[2] * 11, 1, 1]),
        (3_000, 2, [1, 1, 1, 1, 2, 3, 4, 2, 1]),
        (3_000, 1, [1] * 16),
    ],
)
def test_several_pages_come_at_once_of_a_list_that_seems_long_or_where_there_is_room(
    records: int, places_free: int, at_once: list[int]
) -> None:
    """Never more than half of what was read, for ids may mislead; by token those of both ends."""
    listed = Listed(dict.fromkeys(range(1, records + 1), 1))
    listed.places_free = places_free

    asked = dict.fromkeys(len(listed.calls) for _ in listed.pages(FULL))

    assert [later - earlier for earlier, later in pairwise([0, *asked])] == at_once


@pytest.mark.parametrize(("records", "first"), [(3_599, [0, 1]), (3_600, [0, 1, 2])])
def test_a_list_that_seems_long_goes_before_others(records: int, first: list[int]) -> None:
    """The run will wait for it; the first page of each end tells."""
    listed = Listed(dict.fromkeys(range(1, records + 1), 1))

    list(islice(listed.pages(FULL), 4))

    assert listed.first == first


def test_where_a_scan_from_both_ends_stands_after_each_page() -> None:
    """Another run has nothing else to go by."""
    listed = Listed(dict.fromkeys(range(1, 10), 1), most_per_page=2)
    time, expires = "2026-05-14T09:00:01Z", TOKENS_END
    top = Top((time, "8"), ("2",), expires, 2)

    pages = listed.scan(FULL)

    first = replace_scan(FULL, emitted=2, tokens=("2",), expires=expires, last=(time, "2"), reached=2)
    second = replace_scan(first, emitted=4, top=top)
    third = replace_scan(
        second, emitted=6, tokens=("4",), last=(time, "4"), reached=4, unproven=(("2", "3"),)
    )
    fourth = replace_scan(
        third,
        emitted=8,
        top=Top((time, "6"), ("4",), expires, 4),
        unproven=(("2", "3"), ("7", "8")),
    )
    fifth = replace_scan(
        fourth,
        emitted=9,
        tokens=("6",),
        last=(time, "6"),
        reached=6,
        unproven=(("2", "3"), ("7", "8"), ("4", "5")),
    )
    assert [reached for _, reached in pages] == [
        first,
        second,
        third,
        fourth,
        fifth,
        replace_scan(fifth, listed=True),
        replace_scan(fifth, listed=True, proving=3, proven="8"),
    ]
    assert [ids for ids, _ in pages] == [[1, 2], [9, 8], [3, 4], [7, 6], [5], [], []]


replace_scan: Any = msgspec.structs.replace


def test_where_a_scan_by_time_stands_after_each_page() -> None:
    """Of what was emitted it keeps what is on a border, of which COQL will tell the next run too."""
    listed = Listed({**_each(9), 4: 3}, most_per_page=3)

    pages = listed.scan(SINCE_NINE)

    def border(low: int, high: int) -> tuple[str, str]:
        return _utc(low), _utc(high)

    page = replace_scan(SINCE_NINE, expires=TOKENS_END)
    first = replace_scan(page, emitted=3, tokens=("3",), last=(_utc(7), "7"), known="7")
    second = replace_scan(
        page, emitted=6, tokens=("6",), last=(_utc(3), "4"), unproven=(border(6, 7),), known="4 2 1"
    )
    third = replace_scan(
        SINCE_NINE,
        emitted=9,
        last=(_utc(1), "1"),
        unproven=(border(6, 7), border(3, 3)),
        ties=True,
        known="1 2 1 2 1",
    )
    proven = replace_scan(third, unproven=(border(3, 3), border(6, 7)), listed=True, proving=2, proven="7")
    assert [reached for _, reached in pages] == [
        first,
        second,
        third,
        replace_scan(third, listed=True),
        proven,
    ]
    assert [ids for ids, _ in pages] == [[9, 8, 7], [6, 5, 4], [3, 2, 1], [], []]


def test_a_scan_by_time_asks_for_a_second_more_and_stops_at_what_is_older() -> None:
    """Whichever way Bigin reads If-Modified-Since; and where it ignores it nothing older is read or emitted."""
    listed = Listed({each: each - 5 for each in range(1, 12)}, most_per_page=2)
    listed.obeys_since = False
    times = "Modified_Time between '2026-05-14T09:00:0{}+00:00' and '2026-05-14T09:00:0{}+00:00'"

    pages = listed.scan(SINCE_NINE)

    since = "since 2026-05-14T08:59:59Z"
    assert listed.calls == [
        f"Modified_Time desc 1 x 200 {since}",
        *(f"Modified_Time desc token {each} x 200 {since}" for each in (2, 4, 6)),
        f"coql (({times.format(0, 1)} or {times.format(2, 3)}) or {times.format(4, 5)}) after 0",
    ]
    assert _read(pages) == [11, 10, 9, 8, 7, 6, 5]


@pytest.mark.parametrize(("before", "notes"), [(4, 0), (2, 1)])
def test_a_filter_that_bigin_ignores_is_told_once(before: int, notes: int) -> None:
    """One record that alone is older may be a wrong time, and says nothing of the filter."""
    listed = Listed({each: 0 if each > before else -9 - each for each in range(1, 8)}, most_per_page=5)
    listed.obeys_since = False

    pages = listed.scan(SINCE_NINE)

    assert set(_read(pages)) >= {each for each in listed.times if each > before}
    assert len(listed.report.notes) == 1 - notes


# People delete while it reads, and runs are cut


@KINDS
@pytest.mark.parametrize("proof", ["coql", "deletions"])
def test_whenever_records_are_deleted_none_is_lost(scan: Scan, proof: str) -> None:
    """Before each call, at either end: what slips is found by query, or by reading again."""
    listed = Listed(_each(13), most_per_page=2, has_coql=proof == "coql")
    listed.scan(scan)
    for at in range(1, len(listed.calls)):
        for gone in ([1], [13], [1, 2, 3], [13, 12, 11], [5], [8, 9], [1, 13]):
            listed = Listed(_each(13), most_per_page=2, has_coql=proof == "coql")
            listed.before[at] = lambda listed=listed, gone=gone: listed.delete(*gone)  # type: ignore[misc]

            read = _read(listed.scan(scan))

            assert set(read) >= set(listed.times), (at, gone)
            assert proof != "coql" or len(gone) > 1 or len(read) == len(set(read)), (at, gone)
            assert not listed.report.partial, (at, gone)


@KINDS
@pytest.mark.parametrize("times", [_each(13), TIED], ids=["each", "tied"])
@pytest.mark.parametrize("most_per_page", [2, 3])
@pytest.mark.parametrize("days", [0, 2])
def test_wherever_a_run_is_cut_the_next_goes_on(
    scan: Scan, times: dict[int, int], most_per_page: int, days: int
) -> None:
    """With its tokens or, when they have died, without; whatever was deleted meanwhile."""
    for at in count(1):
        for gone in ([], [1], [13], [12, 13], [1, 2, 7]):
            listed = Listed(times, most_per_page=most_per_page)
            first = list(islice(listed.pages(scan), at))
            listed.server_time += timedelta(days=days)
            listed.delete(*gone)
            second = listed.scan(_as_kept(first[-1][1]))

            assert {*_read(first), *_read(second)} >= set(listed.times), (at, gone)
        if len(first) < at:
            break


@pytest.mark.parametrize(
    ("scan", "left", "calls"),
    [
        (
            FULL,
            [5, 6, 11, 10, 7, 8, 9],
            [
                "id desc 1 x 200",  # by number, which overlaps, as far as it is worth it
                *_id("asc token 4", "desc token 2", "asc token 6", "desc token 4"),
                _proof(BY_ID, (2, 3), (4, 5), (11, 12), (6, 7), (9, 10)),
            ],
        ),
        (
            SINCE_NINE,
            [7, 6, 5, 4, 3, 2, 1],
            [
                *_time("token 6", "token 8", "token 10", "token 12"),
                _proof(BY_TIME, (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12)),
            ],
        ),
    ],
    ids=["full", "incremental"],
)
def test_a_run_that_goes_on_asks_for_what_is_left(scan: Scan, left: list[int], calls: list[str]) -> None:
    """Its tokens live, so it reads no record twice; the borders of both runs are proven."""
    listed = Listed(_each(13), most_per_page=2)
    [*_, (_, reached)] = islice(listed.pages(scan), 3)
    listed.calls.clear()

    pages = listed.scan(_as_kept(reached))

    assert listed.calls == calls
    assert _read(pages) == left
    assert pages[-1][1].emitted == 13


@pytest.mark.parametrize(
    ("records", "cut", "calls"),
    [
        (1_500, 5, ["id desc 3 x 172", "id asc 4 x 179", "id desc 4 x 171", "id asc 5 x 178"]),
        (4_900, 25, _id("asc token 2400", "desc token 2200")),
    ],
)
def test_a_run_that_goes_on_from_both_ends_asks_for_what_overlaps(
    records: int, cut: int, calls: list[str]
) -> None:
    """By number as far as that goes, from some records back; by token where each end is."""
    listed = Listed(dict.fromkeys(range(1, records + 1), 1))
    first = list(islice(listed.pages(FULL), cut))
    listed.calls.clear()

    second = listed.scan(_as_kept(first[-1][1]))

    assert [each for each in listed.calls if not each.startswith("coql")] == calls
    assert sorted([*_read(first), *_read(second)]) == list(listed.times)


# Where the chain of pages breaks


def _refused(error: Exception) -> Any:
    def answer(_: Page) -> Page:
        raise error

    return answer


@pytest.mark.parametrize(
    ("scan", "calls", "read"),
    [
        (
            FULL,
            [
                *_id("asc 1", "desc 1", "asc token 2", "desc token 2"),
                "coql id < 12 after 2",
                "ids 3 4 5 6 7 8 9 10 11",
            ],
            [1, 2, 13, 12, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        ),
        (
            SINCE_NINE,
            [
                *_time("1", "token 2", "token 4", "token 6"),
                f"coql (Modified_Time >= '{_iso(0)}' and Modified_Time <= '{_iso(8)}') after 0",
                "ids 1 2 3 4 5 6 7 8",
                _proof(BY_TIME, (9, 10), (11, 12)),
            ],
            [13, 12, 11, 10, 9, 8, 1, 2, 3, 4, 5, 6, 7, 8],
        ),
    ],
    ids=["full", "incremental"],
)
def test_where_pages_end_the_rest_is_read_by_key(scan: Scan, calls: list[str], read: list[int]) -> None:
    """From the last id, or by time from the first key; never beyond where the other end has come to."""
    listed = Listed(_each(13), most_per_page=2)
    listed.answers[3] = _refused(PaginationLimit("ended"))

    pages = listed.scan(scan)

    assert listed.calls == calls
    assert _read(pages) == read


@pytest.mark.parametrize(
    ("scan", "calls"),
    [
        (
            FULL,
            [
                *_id("asc 1", "desc 1", "asc token 2", "desc token 2"),
                "coql id < 12 after 2",
                *_id(*(f"asc {each}" for each in range(1, 8))),
                _proof(BY_ID, (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13)),
                "deleted 1 since 2026-05-14T08:59:58Z",
            ],
        ),
        (
            SINCE_NINE,
            [
                *_time("1", "token 2", "token 4", "token 6"),
                f"coql (Modified_Time >= '{_iso(0)}' and Modified_Time <= '{_iso(8)}') after 0",
                *_time(*(str(each) for each in range(1, 8))),
                _proof(BY_TIME, (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12)),
                "deleted 1 since 2026-05-14T08:59:58Z",
            ],
        ),
    ],
    ids=["full", "incremental"],
)
def test_where_pages_end_and_coql_is_refused_it_begins_anew(scan: Scan, calls: list[str]) -> None:
    """By number, since the token has failed; that nothing was deleted proves what COQL does not."""
    listed = Listed(_each(13), most_per_page=2, has_coql=False)
    listed.answers[3] = _refused(PaginationLimit("ended"))

    pages = listed.scan(scan)

    assert listed.calls == calls
    assert set(_read(pages)) == set(listed.times)
    assert pages[-1][1].emitted == 13
    assert not listed.report.partial


def test_beyond_the_end_of_lists_a_refused_query_is_an_error() -> None:
    """100,000 records and no more come by list: to begin anew would end there again."""
    listed = Listed(_each(13), most_per_page=2, has_coql=False)
    listed.answers[3] = _refused(PaginationLimit("ended"))

    with pytest.raises(BiginError, match="lists end at 100,000 records, and what lies beyond") as raised:
        listed.scan(replace_scan(SINCE_NINE, emitted=99_994))

    assert raised.value.module == "Contacts"


def test_tokens_that_are_refused_again_and_again_lead_to_the_key() -> None:
    """Once by number, as far as that goes; a second time would be the same pages again."""
    listed = Listed(_each(25), most_per_page=2)
    for each in (1, 12, 23):
        listed.answers[each] = _refused(PageTokenRefused("it ended"))

    pages = listed.scan(SINCE_NINE)

    assert listed.calls[:15] == [
        *_time("1", "token 2", *map(str, range(1, 11)), "token 20"),
        f"coql (Modified_Time >= '{_iso(0)}' and Modified_Time <= '{_iso(6)}') after 0",
        "ids 1 2 3 4 5 6",
    ]
    assert set(_read(pages)) == set(listed.times)
    assert listed.said == ["Contacts: the chain of pages ended (it ended)."] * 2


@pytest.mark.parametrize(
    ("without", "calls", "read"),
    [
        ([0, 1], ["coql id < 8 after 2", "ids 3 4 5 6 7"], [1, 2, 9, 8, 3, 4, 5, 6, 7]),
        ([0], ["coql id < 8 after 2", "ids 3 4 5 6 7"], [1, 2, 9, 8, 3, 4, 5, 6, 7]),
        (
            [2],
            [
                *_id("asc token 2", "desc token 2"),
                "coql id < 6 after 4",
                "ids 5",
                _proof(BY_ID, (2, 3), (7, 8)),
            ],
            [1, 2, 9, 8, 3, 4, 7, 6, 5],
        ),
    ],
)
def test_a_list_from_both_ends_that_comes_without_tokens_goes_on_by_key(
    without: list[int], calls: list[str], read: list[int]
) -> None:
    """Half a set of them leads nowhere. What had come is emitted, and not read again."""
    listed = Listed(_each(9), most_per_page=2)
    for each in without:
        listed.answers[each] = lambda page: replace(page, next_page_token=None)

    pages = listed.scan(FULL)

    assert listed.calls == [*_id("asc 1", "desc 1"), *calls]
    assert _read(pages) == read


@pytest.mark.parametrize(
    ("scan", "at", "more"), [(FULL, 0, True), (FULL, 1, True), (FULL, 1, False), (SINCE_NINE, 0, True)]
)
@pytest.mark.parametrize("times", [1, 9])
def test_a_first_page_that_comes_empty_though_there_are_more_is_no_end(
    scan: Scan, at: int, times: int, *, more: bool
) -> None:
    """It is read again, and what does not come then is read by key; the others go on from where they are."""
    listed = Listed(_each(9), most_per_page=3)
    for each in range(at, at + times):
        listed.answers[each] = lambda page: (
            replace(page, records=[], more_records=more, info={}) if page.more_records else page
        )

    pages = listed.scan(scan)

    assert sorted(_read(pages)) == list(listed.times)
    first = BOTH_ENDS[0] if scan is FULL else _time("1")[0]
    assert (
        listed.said[0]
        == "Contacts: the chain of pages ended (Contacts: the first page came empty, though there are more.)."
    )
    assert listed.calls.count(first) == (2 if at == 0 else 1)
    assert not listed.report.partial


@pytest.mark.parametrize(
    ("scan", "at", "proof"),
    [
        (FULL, 2, _proof(BY_ID, (3, 11), (10, 11), (3, 7))),  # as far as the other end has come
        (FULL, 3, _proof(BY_ID, (3, 4), (6, 11), (6, 7), (7, 11))),
        (SINCE_NINE, 2, _proof(BY_TIME, (0, 8), (10, 11))),
        (SINCE_NINE, 3, _proof(BY_TIME, (0, 5), (7, 8), (10, 11))),
    ],
)
def test_a_later_page_that_comes_empty_though_there_are_more_leaves_a_border(
    scan: Scan, at: int, proof: str
) -> None:
    """The token of the next one leads on; what the page should have had is looked for by the border."""
    listed = Listed(_each(13), most_per_page=3)
    listed.answers[at] = lambda page: replace(page, records=[], info={})

    pages = listed.scan(scan)

    assert set(_read(pages)) == set(listed.times)
    assert [each for each in listed.calls if each.startswith("coql")] == [proof]
    assert not listed.report.partial


@KINDS
def test_a_list_that_goes_round_ends_and_the_rest_is_read_by_key(scan: Scan) -> None:
    """A token that leads to where it came from would never end."""
    listed = Listed(_each(9), most_per_page=2)
    for at in range(2, 30):
        listed.answers[at] = lambda page: replace(page, next_page_token="2") if page.more_records else page

    pages = listed.scan(scan)

    assert {*_read(pages)} == {*listed.times}
    assert any("GOES_ROUND" in each for each in listed.said)
    assert len(listed.calls) < 16


# Records that a page counts and does not have


@pytest.mark.parametrize(
    ("scan", "at", "hidden", "where"),
    [
        (FULL, 0, "2", "id < 3"),
        (FULL, 1, "8", "id > 7"),
        (FULL, 2, "5", "(id > 3 and id < 6)"),
        (SINCE_NINE, 0, "8", f"Modified_Time >= '{_iso(7)}'"),
        (SINCE_NINE, 1, "6", f"(Modified_Time >= '{_iso(4)}' and Modified_Time <= '{_iso(7)}')"),
        (SINCE_NINE, 2, "1", f"Modified_Time <= '{_iso(4)}'"),
    ],
)
def test_a_record_that_a_page_hides_is_looked_for_where_the_page_is(
    scan: Scan, at: int, hidden: str, where: str
) -> None:
    """Bigin's count of a page costs nothing, and tells what the page does not have."""
    listed = Listed(_each(9), most_per_page=3)
    listed.answers[at] = lambda page: replace(
        page, records=[each for each in page.records if each["id"] != hidden]
    )

    pages = listed.scan(scan)

    assert sorted(_read(pages)) == list(listed.times)
    asked = listed.calls.index(f"coql {where} after 0")
    assert listed.calls[asked + 1] == f"ids {hidden}"
    assert not listed.report.partial


@pytest.mark.parametrize("time", ["soon", "1999-12-31T23:59:59Z"])
@pytest.mark.parametrize(
    ("at", "row", "borders"), [(0, 2, [(3, 4), (6, 8)]), (0, 1, [(3, 4), (6, 7)]), (1, 0, [(0, 7)])]
)
def test_one_wrong_time_ends_no_scan_and_is_no_end_of_a_page(
    time: str, at: int, row: int, borders: list[tuple[int, int]]
) -> None:
    """Nobody can say that the record did not change; the border reaches to the times that can be believed."""
    listed = Listed(_each(9), most_per_page=3)

    def wrong(page: Page) -> Page:
        page.records[row]["Modified_Time"] = time
        return page

    listed.answers[at] = wrong

    pages = listed.scan(SINCE_NINE)

    assert listed.calls == [*_time("1", "token 3", "token 6"), _proof(BY_TIME, *borders)]
    assert _read(pages) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_what_a_page_shows_is_not_fetched_with_what_it_hides() -> None:
    """What is older than the scan is not emitted, and known all the same."""
    listed = Listed({1: -3, 2: -2, 3: 1, 4: 2, 5: 3})
    listed.obeys_since = False
    listed.answers[0] = lambda page: replace(
        page, records=[each for each in page.records if each["id"] != "4"]
    )

    pages = listed.scan(SINCE_NINE)

    assert listed.calls == [*_time("1"), "coql id is not null after 0", "ids 4"]
    assert _read(pages) == [5, 3, 4]


def test_a_hidden_record_that_may_not_be_looked_for_keeps_the_bookmark() -> None:
    """It is there, and did not come."""
    listed = Listed(_each(3), has_coql=False)
    listed.answers[0] = lambda page: replace(page, records=page.records[1:])

    listed.scan(FULL)

    assert listed.report.missed
    [warning] = listed.report.warnings
    assert warning == (
        "a page has 2 of 3 records, and COQL may not be asked for the others. no scope The bookmark stays, "
        "the next run asks again."
    )


@pytest.mark.parametrize(("gone", "read"), [(False, [1, 2, 2, 3]), (True, [1, 3])])
def test_a_record_of_which_a_page_says_two_things_is_read_by_its_id(read: list[int], *, gone: bool) -> None:
    """Nobody can say which of them is true; the others of the page are as they came."""
    listed = Listed(_each(3))

    def two_things(page: Page) -> Page:
        first, second, third = page.records
        if gone:
            listed.delete(2)
        return replace(page, records=[first, second, {**second, "Name": "Other"}, third], info={"count": 4})

    listed.answers[0] = two_things

    pages = listed.scan(FULL)

    assert listed.calls[:2] == [*_id("asc 1"), "ids 2"]
    assert _read(pages) == read
    assert listed.said[0] == "Contacts: a page says two things of 1 records: read by their ids."


# Without COQL


@KINDS
def test_what_nothing_proves_is_read_until_two_readings_agree(scan: Scan) -> None:
    """Of notes there is neither a query nor a list of deletions."""
    listed = Listed(_each(13), most_per_page=2, has_coql=False)
    listed.before[3] = lambda: listed.delete(1, 13)

    pages = listed.scan(scan, module="Notes")

    first = _id("asc 1") if scan is FULL else _time("1")
    assert [at for at, each in enumerate(listed.calls) if each in first] == [0, 7, 13]
    assert len(listed.calls) == 19
    assert not [each for each in listed.calls if each.startswith("deleted")]
    assert set(_read(pages)) >= set(listed.times)
    assert len(_read(pages)) == len(set(_read(pages)))
    assert not listed.report.partial


@pytest.mark.parametrize(("pages", "readings"), [(50, 2), (51, 1)])
def test_a_long_list_that_nothing_proves_is_not_read_twice(pages: int, readings: int) -> None:
    """It would cost as much again, and what may be missing is said."""
    listed = Listed(_each(2 * pages), most_per_page=2, has_coql=False)

    listed.scan(SINCE_NINE, module="Notes")

    assert listed.calls.count(*_time("1")) == readings
    assert listed.report.partial == (readings == 1)


@KINDS
def test_while_people_delete_it_is_read_three_times_more_and_what_may_be_missing_is_said(scan: Scan) -> None:
    """Each list of deletions has something since the reading before, so none is a proof."""
    listed = Listed(_each(40), most_per_page=2, has_coql=False)
    for at in range(3, 150, 4):
        listed.before[at] = lambda: listed.delete(min(listed.times))

    pages = listed.scan(scan)

    assert len([each for each in listed.calls if each.startswith("deleted")]) == 3
    assert len([each for each in listed.calls if each in (*_id("asc 1"), *_time("1"))]) == 4
    assert set(_read(pages)) >= set(listed.times)
    [warning] = listed.report.warnings
    assert warning.startswith("records may be missing if others were deleted while the pages were read")
    assert warning.endswith("neither COQL nor the deleted list can tell. no scope")


def test_ties_across_a_border_are_no_matter_of_deletions() -> None:
    """They may come in another order at every request: nothing is read again, and it is said."""
    listed = Listed(TIED, most_per_page=2, has_coql=False)

    listed.scan(SINCE_NINE)

    assert not [each for each in listed.calls if each.startswith("deleted")]
    assert listed.report.partial


def test_of_several_runs_none_reads_again() -> None:
    """No run would know what the one before it has read again."""
    listed = Listed(_each(13), most_per_page=2, has_coql=False)
    listed.credit_budget = 50
    [*_, (_, reached)] = islice(listed.pages(FULL), 3)
    listed.delete(1)

    listed.scan(_as_kept(reached))

    assert listed.calls.count("id asc 1 x 200") == 1
    assert listed.report.partial
