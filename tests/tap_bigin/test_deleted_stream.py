"""The stream of deleted records: each module's list, what a feed told beside it, and where a run goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.listed import page_of
from support.streams import Quiet, said, stream_of

from bigin_api import PermissionDenied, ServerError
from tap_bigin.bookmarks import Scan, begin, from_text
from tap_bigin.feed.deletions import Deletion, Deletions
from tap_bigin.feed.told import Told
from tap_bigin.lists.marks import Begun, Mark
from tap_bigin.streams.deleted import DeletedStream, define_deleted

NINE = from_text("2026-05-14T09:00:00Z")
BOOKMARK = {"replication_key": "deleted_time", "replication_key_value": "2026-05-14T09:00:00Z"}
OLD = {"replication_key": "deleted_time", "replication_key_value": "2026-05-14T08:00:00Z"}
REFUSED, BROKEN = PermissionDenied("no"), ServerError("broken")


def _entry(
    record_id: str, time: str | None = "2026-05-14T08:30:00Z", kind: str = "recycle"
) -> dict[str, Any]:
    person = {"id": "1", "name": "Ann"}
    return {"id": record_id, "display_name": "N", "type": kind, "deleted_time": time, "deleted_by": person}


def _row(module: str, record_id: str, **more: Any) -> dict[str, Any]:
    return {"module": module, **_entry(record_id), **more}


def _back(module: str, record_id: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("display_name", "deleted_time", "deleted_by"))
    return {"module": module, "id": record_id, "type": "restored", **nothing}


def _told(module: str, record_id: str) -> dict[str, Any]:
    """A row of what a notification told, which has no name."""
    told = {"display_name": None, "type": None, "deleted_time": "2026-05-14T08:45:00Z", "deleted_by": None}
    return {"module": module, "id": record_id, **told}


def _mark(*gone: str, listed: int | None = None) -> dict[str, Any]:
    """What is kept of a list that was read whole just now."""
    return Mark(NINE, gone, len(gone) if listed is None else listed, NINE).to_state()


class Client(Quiet):
    """Lists of what was deleted, or what asking for one raises; ``there`` are records that can be read."""

    def __init__(self, there: tuple[str, ...] = (), **lists: Any) -> None:
        budget = lists.pop("budget", None)
        super().__init__(server_time=NINE, credit_budget=budget, lists=lists, there=there, asked=[])
        self.records = self

    def deleted(self, module: str, *, page: int, per_page: int, modified_since: Any) -> Any:
        assert (page, per_page, modified_since) == (1, 200, None)
        self.asked.append(module)
        if isinstance(self.lists[module], Exception):
            raise self.lists[module]
        return page_of(self.lists[module])

    def by_ids(self, module: str, ids: Any, names: list[str]) -> list[dict[str, Any]]:
        assert names == ["id"]
        self.asked.append(f"{module} {' '.join(ids)}")
        if isinstance(self.there, Exception):
            raise self.there
        return [{"id": each} for each in ids if each in self.there]


class Feed(SimpleNamespace):
    """What was told of modules: ids, deleted ones marked with a minus."""

    def __init__(self, why: str | None = None, **told: str) -> None:
        super().__init__(why=why, deletions=Deletions(), modules=list(told), told=told, swept=[])

    def why_sweep(self, _stream: str, *, relies_on_it: bool) -> str | None:
        assert relies_on_it
        return self.why

    def told_of(self, module: str) -> Told:
        ids = self.told[module].split()
        changes: Any = {
            each.strip("-"): SimpleNamespace(id=each.strip("-"), was_deleted="-" in each) for each in ids
        }
        return Told(changes)

    def deletion(self, _module: str, record_id: str) -> Deletion:
        return Deletion(record_id, "2026-05-14T08:45:00Z", None)

    def note_swept(self, stream: str, module: str, records: Any) -> None:
        self.swept.append((stream, module, [each["id"] for each in records]))


def _stream(client: Client, *, feed: Feed | None = None, entry: Any = None, **settings: Any) -> Any:
    stream = stream_of(DeletedStream, define_deleted(), client=client, feed=feed, entry=entry, **settings)
    modules = [
        SimpleNamespace(api_name=each)
        for each in ("Contacts", "Notes", "Tasks", "Calls")
        if each == "Notes" or each in client.lists
    ]
    stream.run.__dict__["description"] = SimpleNamespace(modules=modules)
    return stream


def _read(stream: Any, state: Any) -> list[tuple[list[Any], Any]]:
    return [(batch.records, batch.state) for batch in stream.read_by_plan(state)]


def test_what_is_new_in_each_list_and_what_is_back_comes_with_its_mark() -> None:
    """Of modules whose deletions Bigin lists."""
    client = Client(there=("9",), Contacts=[_entry("7", "2026-05-14T14:00:00+05:30"), _entry("8")], Tasks=[])
    before = {"Contacts": Mark(NINE, ("8", "9", "10"), 3, NINE).to_state(), "Calls": {"gone": ""}}

    batches = _read(_stream(client), {**OLD, "modules": before})

    contacts, tasks = _mark("7", "8"), _mark()
    marks = {**before, "Contacts": contacts, "Tasks": tasks}
    reached = [{**OLD, "modules": marks}] * 2
    assert [records for records, _ in batches] == [
        [_row("Contacts", "7")],
        [_back("Contacts", "9")],
        [],
        [],
        [],
    ]
    assert [state for _, state in batches[2:]] == [*reached, {**BOOKMARK, "modules": marks}]
    assert sorted(client.asked) == ["Contacts", "Contacts 10 9", "Tasks"]


@pytest.mark.parametrize(
    ("modules", "expected"), [(None, ["7"]), ({"Tasks": None}, ["7"]), ({"Tasks": _mark("7")}, [])]
)
def test_a_deletion_is_told_once(modules: Any, expected: list[str]) -> None:
    """By what its mark knows; a full table knows nothing."""
    client = Client(Tasks=[_entry("7", "2026-05-14T08:30:00Z")])
    whole = _stream(client)
    whole.forced_replication_method = "FULL_TABLE"

    for stream, ids in ((_stream(client), expected), (whole, ["7"])):
        batches = _read(stream, {"modules": modules})
        assert [each["id"] for records, _ in batches for each in records] == ids
        is_whole = stream is whole
        assert batches[-1][1] == {"modules": {"Tasks": _mark("7")}, **({} if is_whole else BOOKMARK)}


def test_a_list_that_is_refused_is_told_and_the_others_are_read() -> None:
    """The token may not read that module."""
    stream = _stream(Client(Contacts=REFUSED, Tasks=[_entry("7")]))

    batches = _read(stream, {})

    assert batches[-1] == ([], {**BOOKMARK, "modules": {"Tasks": _mark("7")}})
    assert said(stream) == ["! deleted_records: without those of Contacts. no"]


def test_a_list_that_fails_leaves_the_bookmark_and_the_others_marks() -> None:
    """The stream fails once they are read."""
    other = ServerError("broken, too")
    stream = _stream(Client(Contacts=BROKEN, Tasks=[_entry("7")], Calls=other))
    batches: list[Any] = []

    with pytest.raises(ServerError) as raised:
        batches.extend(stream.read_by_plan(OLD))

    assert raised.value is BROKEN
    assert batches[-1].state == {**OLD, "modules": {"Tasks": _mark("7")}}


def test_within_a_budget_lists_come_one_after_the_other_and_the_next_run_goes_on() -> None:
    """One that is under way first, then what has waited longest."""
    early = Mark(from_text("2026-05-13T09:00:00Z")).to_state()
    before = {"Calls": None, "Contacts": {"since": "2026-05-14T08:00:00Z"}, "Tasks": early}
    client = Client(Contacts=[_entry("7")], Tasks=[_entry("8")], Calls=[_entry("9")], budget=9)

    batches = _read(_stream(client), {"modules": before})

    assert client.asked == ["Calls", "Tasks", "Contacts"]
    scans = [list(state["pass"].get("ended", ())) if "pass" in state else None for _, state in batches]
    assert scans == [
        [],
        ["Calls"],
        ["Calls"],
        ["Calls", "Tasks"],
        ["Calls", "Tasks"],
        ["Calls", "Tasks", "Contacts"],
        None,
    ]
    client.asked.clear()
    left = begin(
        {"modules": {**before, "Tasks": Mark(begun=Begun(asked=NINE)).to_state()}},
        Scan("full", from_text("2026-05-14T08:00:00Z"), "deleted_records", ended=("Calls",)),
    )
    whole = _stream(client)
    whole.forced_replication_method = "FULL_TABLE"
    later = _read(whole, left)
    assert client.asked == ["Tasks", "Contacts"]
    assert later[-1][1] == {"modules": {**before, "Tasks": _mark("8"), "Contacts": _mark("7")}}
    assert _read(_stream(client), left)[-1][1]["replication_key_value"] == "2026-05-14T08:00:00Z"


def test_without_a_budget_no_pass_is_told() -> None:
    """Side by side, all of them end in one run."""
    batches = _read(_stream(Client(Contacts=[_entry("7")], Tasks=[])), {})

    assert not any("pass" in state for _, state in batches)


# With a feed


def test_between_two_sweeps_what_was_told_and_is_not_there_is_deleted() -> None:
    """As far as nobody else looks at it; what streams of modules found is told, too."""
    feed = Feed(Contacts="7- 8- 9", Notes="5-", Tasks="1-", Calls="3")
    feed.deletions.look_at("Tasks")
    feed.deletions.tell("Tasks", [Deletion("2", "2026-05-14T08:45:00Z", None)])
    feed.deletions.tell_back("Tasks", ["4"])
    client = Client(there=("8",), Contacts=[], Tasks=[], Calls=[])
    before = {**OLD, "modules": {"Tasks": Mark(gone=("6",)).to_state()}}

    batches = _read(_stream(client, feed=feed), before)

    marks = {**before["modules"], "Contacts": Mark(gone=("7",)).to_state()}
    both = {**marks, "Tasks": Mark(gone=("2", "6")).to_state()}
    assert batches == [
        ([_told("Contacts", "7")], {**OLD, "modules": marks}),
        ([_told("Tasks", "2"), _back("Tasks", "4")], {**OLD, "modules": both}),
    ]
    assert client.asked == ["Contacts 7 8"]


@pytest.mark.parametrize("modules", [{}, {"modules": None}, {"modules": {}}])
def test_a_list_that_a_stream_of_a_module_read_tells_its_news(modules: Any) -> None:
    """And nothing twice: a deletion that was told stands in it, too."""
    feed = Feed(Tasks="7- 8-")
    feed.deletions.look_at("Tasks")
    feed.deletions.ask_list("Tasks")
    feed.deletions.tell("Tasks", [Deletion(each, "2026-05-14T08:45:00Z", None) for each in "78"])

    batches = _read(_stream(Client(Tasks=[_entry("7"), _entry("6")]), feed=feed), {**OLD, **modules})

    rows = [_row("Tasks", "7"), _row("Tasks", "6"), _told("Tasks", "8")]
    assert batches == [(rows, {**OLD, "modules": {"Tasks": _mark("6", "7", "8", listed=2)}})]


def test_a_person_is_an_id_where_lookups_are() -> None:
    """As in the streams of modules."""
    definition = define_deleted(lookups="id")
    stream = stream_of(DeletedStream, definition, client=Client(Tasks=[_entry("7")]))
    stream.run.__dict__["description"] = SimpleNamespace(modules=[SimpleNamespace(api_name="Tasks")])

    assert definition.schema.properties["deleted_by"] == {"type": ["string", "null"]}
    assert _read(stream, {})[0][0] == [_row("Tasks", "7", deleted_by="1")]
    assert list(stream.read_told({})) == []  # without a feed nobody tells


def test_what_is_back_by_the_time_its_list_is_read_is_not_told_to_be_gone() -> None:
    """It was gone when its own stream looked: the later news counts."""
    feed = Feed("it is due", Tasks="9-")
    feed.deletions.look_at("Tasks")
    feed.deletions.tell("Tasks", [Deletion("9", "2026-05-14T08:45:00Z", None)])

    batches = _read(
        _stream(Client(there=("9",), Tasks=[]), feed=feed), {**OLD, "modules": {"Tasks": _mark("9")}}
    )

    assert [each for records, _ in batches for each in records] == [_back("Tasks", "9")]


def test_what_cannot_be_looked_at_is_told() -> None:
    """The other modules are."""
    stream = _stream(Client(Contacts=[], there=REFUSED), feed=Feed(Contacts="7-"))  # type: ignore[arg-type]

    assert _read(stream, OLD) == []
    assert said(stream) == ["! deleted_records: without those of Contacts. no"]


def test_a_sweep_reads_the_lists_and_then_what_was_told_and_is_not_in_them() -> None:
    """What it brings that is newer than the bookmark was told or missed."""
    feed = Feed("it is due", Contacts="7- 8- 9-", Notes="5-")
    entries = [
        _entry("7"),
        _entry("6"),
        _entry("3", None),
        _entry("2", "2026-05-14T07:59:59Z"),
        _entry("1", "2026-05-14T08:00:00Z"),
    ]
    client = Client(there=("9",), Contacts=entries, Tasks=[_entry("4")])
    stream = _stream(client, feed=feed)

    batches = _read(stream, {**OLD, "modules": {"Contacts": _mark("7", listed=1)}})

    rows = [each for records, _ in batches for each in records]
    assert [(each["module"], each["id"]) for each in rows] == [
        *(("Contacts", each) for each in "6321"),
        ("Tasks", "4"),
        ("Contacts", "8"),
    ]
    assert rows[-1] == _told("Contacts", "8")
    assert batches[-1][1] is None
    assert feed.swept == [
        ("deleted_records", "Contacts", ["6", "3", "1"]),
        ("deleted_records", "Tasks", ["4"]),
    ]
    first = Feed("it is due", Contacts="")
    assert _read(_stream(client, feed=first), {})
    assert first.swept == []


def test_what_a_sweep_has_told_is_not_told_again() -> None:
    """Though it was told, and is not there."""
    feed = Feed("it is due", Contacts="7-", Tasks="7-")

    batches = _read(_stream(Client(Contacts=[_entry("7")], Tasks=[]), feed=feed), OLD)

    assert [(each["module"], each["id"]) for records, _ in batches for each in records] == [
        ("Contacts", "7"),
        ("Tasks", "7"),
    ]
