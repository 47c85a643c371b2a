"""The list of what was deleted, where it is long, where it moves, and at the edge of a second."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_here, run_tap, select

from bigin_api import Labelled, Page, Reply
from tap_bigin.lists.deletions import DeletedLists
from tap_bigin.lists.marks import Mark

PRODUCTS = {"modules": ["Products"]}


def _told(run: TapRun) -> dict[str, str]:
    return {each["id"]: each["type"] for each in run.records["deleted_records"]}


def _products(sandbox: Sandbox, count: int) -> list[str]:
    """An organisation of so many products and nothing else; their ids, oldest first."""
    sandbox.reset(size="empty")
    wish = {"op": "create", "module": "Products", "count": count, "data": {"Product_Name": "P{n}"}}
    return [each["id"] for each in sandbox.mutate(wish)[0]]


def _delete(sandbox: Sandbox, ids: list[str]) -> None:
    sandbox.mutate({"op": "delete", "module": "Products", "ids": ids})


def _restore(*ids: str) -> list[dict[str, Any]]:
    return [{"op": "restore", "module": "Products", "id": each} for each in ids]


@pytest.mark.parametrize("deleted_before", [0, 250])
def test_a_deletion_that_could_be_read_only_two_seconds_later_is_told(
    sandbox: Sandbox, deleted_before: int
) -> None:
    """A write may be stamped a moment before it can be read: two readings overlap, asked for whole or not."""
    ids = _products(sandbox, deleted_before + 3)
    sandbox.settings(ims="exclusive")
    _delete(sandbox, ids[:deleted_before])
    sandbox.clock(advance=60)
    sandbox.clock(freeze=True)
    first = run_here(sandbox, **PRODUCTS)
    sandbox.clock(advance=-2)
    _delete(sandbox, ids[-1:])
    sandbox.mutate({"op": "purge", "module": "Products", "id": ids[-1]})  # of the bin it is known by its id
    sandbox.clock(advance=60)

    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert _told(second) == {ids[-1]: "permanent"}


def test_a_deletion_in_the_second_in_which_a_pass_began_may_be_taken_back(sandbox: Sandbox) -> None:
    """Unread, gone and back with its old Modified_Time: only what was seen in the bin is looked for."""
    ids = _products(sandbox, 40)
    sandbox.settings(most_per_page=10, ims="exclusive")
    sandbox.clock(advance=60)
    sandbox.clock(freeze=True)
    sandbox.fault(
        "GET /Products", query="*fields=*", mutate=[{"op": "delete", "module": "Products", "id": ids[20]}]
    )
    first = run_here(sandbox, **PRODUCTS)
    sandbox.clock(advance=600)
    sandbox.mutate(*_restore(ids[20]))

    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert ids[20] not in first.ids("Products")
    assert second.ids("Products") == [ids[20]]


def test_of_a_crowded_recycle_bin_the_newest_records_are_remembered(sandbox: Sandbox) -> None:
    """State keeps 2,000 ids of a module, and what people take back is mostly what they deleted last."""
    ids = _products(sandbox, 2_050)
    _delete(sandbox, ids[:-1])
    sandbox.clock(advance=60)
    first = run_here(sandbox, **PRODUCTS)
    assert sandbox.calls("GET /Products/deleted") <= 13  # 180 new ones a page, none of them twice
    sandbox.mutate(*_restore(ids[-2]))
    sandbox.clock(advance=25 * 3600)  # so long a list is read whole once a day, and only then tells

    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert ids[-2] not in first.ids("Products")
    assert ids[-2] in second.ids("Products")
    assert _told(second) == {ids[-2]: "restored"}


@pytest.mark.parametrize("its_mark", ["none", "older"])
def test_a_stream_that_needs_more_of_the_list_than_another_gets_it(sandbox: Sandbox, its_mark: str) -> None:
    """The list is read once for all streams: what one of them asked for may be too little for the next."""
    ids = _products(sandbox, 700)
    _delete(sandbox, ids[:250])
    sandbox.clock(advance=60)
    first = run_here(sandbox, **PRODUCTS)
    sandbox.clock(advance=60)
    _delete(sandbox, ids[300:310])
    sandbox.clock(advance=60)
    state = run_here(sandbox, state=first.state, **PRODUCTS).state
    of_deletions = state["bookmarks"]["deleted_records"]
    of_deletions.update(first.state["bookmarks"]["deleted_records"])
    if its_mark == "none":
        del of_deletions["modules"]["Products"]

    run = run_here(sandbox, state=state, max_concurrent_requests=1, **PRODUCTS)

    wanted = ids[:250] + ids[300:310] if its_mark == "none" else ids[300:310]
    assert _told(run).keys() == set(wanted)


def test_more_taken_back_between_two_pages_than_they_share_hides_no_deletion(sandbox: Sandbox) -> None:
    """Each restored record moves the rest of the list up: the next page begins earlier until it meets."""
    ids = _products(sandbox, 700)
    first = run_here(sandbox, **PRODUCTS)
    for some in (ids[:300], ids[300:600]):
        sandbox.clock(advance=60)
        _delete(sandbox, some)
    sandbox.fault("GET /Products/deleted", after=1, mutate=_restore(*ids[520:600]))
    sandbox.clock(advance=60)

    second = run_here(sandbox, state=first.state, **PRODUCTS)

    assert _told(second).keys() >= set(ids[:520])


def test_a_list_of_very_many_deletions_takes_little_memory() -> None:
    """Of 100,000 each entry was kept as it came, for the streams that would ask: 50 MB beside the run's own."""
    many = 40_000

    def deleted(module: str, *, page: int, per_page: int, modified_since: object) -> Page:
        del module, modified_since
        places = range(min((page - 1) * per_page, many), min(page * per_page, many))
        person = {"name": "Ann", "id": "6100000000000000001"}
        entry = {"type": "permanent", "deleted_time": "2026-05-14T09:00:00+02:00", "display_name": "P"}
        rows = [{**entry, "id": f"{61 * 10**17 - each}", "deleted_by": {**person}} for each in places]
        info = {"more_records": page * per_page < many}
        return Page.from_reply(Reply(200, {"data": rows, "info": info}))

    client = cast("Labelled", SimpleNamespace(records=SimpleNamespace(deleted=deleted), server_time=None))
    lists, told = DeletedLists(timedelta(0)), [0, 0]
    tracemalloc.start()

    for stream in (0, 1):
        for entries, _ in lists.new_entries(client, "Products", Mark()):
            told[stream] += len(entries)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told == [many, many]
    assert peak < 9 << 20  # 220 bytes each


def test_a_reading_that_ends_before_it_meets_what_was_read_begins_there_again(sandbox: Sandbox) -> None:
    """A page beyond a gap was noted as read: the next run met it, and what lay between was never told."""
    ids = _products(sandbox, 900)[::-1]
    catalog = select(discover(sandbox, **PRODUCTS), "deleted_records")  # and no other stream reads the list
    sandbox.clock(freeze=True)  # deleted in one second, the list has them in this order
    _delete(sandbox, ids)
    sandbox.clock(advance=60)
    sandbox.fault("GET /Products/deleted", after=2, status=500)
    first = run_tap(sandbox, max_retries=0, catalog=catalog, **PRODUCTS)
    sandbox.mutate(*_restore(*ids[:70]))
    sandbox.fault("GET /Products/deleted", after=1, status=500)
    second = run_tap(sandbox, state=first.state, max_retries=0, catalog=catalog, **PRODUCTS)

    third = run_tap(sandbox, state=second.state, catalog=catalog, **PRODUCTS)

    assert (first.code, second.code) == (1, 1)
    assert set(ids) <= {each for run in (first, second, third) for each in _told(run)}
