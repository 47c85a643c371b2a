"""A module's stream in memory: what was interrupted, what came back, the pass that is due, and what a feed told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.listed import DAY, NINE, Listed, page_of
from support.streams import said, stream_of

from bigin_api import Field, Module, PermissionDenied, ServerError
from tap_bigin.bookmarks import begin, from_text, scan_of, to_utc_text
from tap_bigin.discovery.definition import define_module
from tap_bigin.discovery.turns import Turns
from tap_bigin.feed.deletions import Deletion, Deletions
from tap_bigin.feed.told import Told
from tap_bigin.lists.marks import Begun, Mark
from tap_bigin.streams.module import ModuleStream

NAME, TIME = Field("Name", "text", "string"), Field("Modified_Time", "datetime", "string")
TERMS = Field("Terms", "textarea", "string", raw={"textarea": {"type": "rich_text"}}, may_be_rich_text=True)
NEW = Field("Blob", "a_new_type", "string")
FIELDS = (NAME, TIME)
NOW = NINE + DAY
EARLIER = to_utc_text(NINE)
LISTED = {"extraction_method": "list"}
READ = {"fields": ["Modified_Time", "Name"], "replication_key": "Modified_Time"}
KEY = {**READ, "replication_key_value": EARLIER}


class Client(Listed):
    """A module's records, and what of them lies in the recycle bin."""

    calls_ahead = None

    def __init__(self, size: int = 3, **more: Any) -> None:
        super().__init__({each: each for each in range(1, size + 1)}, **more)
        self.refused: Exception | None = None
        self.long: dict[str, str] = {}
        self.counted = size

    def labelled(self, _name: str) -> Client:
        return self

    def count(self, _module: str, **_: Any) -> int:
        self._call("count")
        if self.refused:
            raise self.refused
        return self.counted

    def deleted(self, _module: str, *, page: int, per_page: int, modified_since: Any) -> Any:
        self._call(f"deleted {page} since {modified_since and to_utc_text(modified_since)}")
        if self.refused:
            raise self.refused
        told = [
            {"id": str(each), "type": "recycle", "deleted_time": at and to_utc_text(from_text(at))}
            for each, at in self.binned.items()
        ]
        return page_of(told[(page - 1) * per_page : page * per_page], more=page * per_page < len(told))

    binned: dict[int, str | None]

    def get(self, _module: str, record_id: str, names: Any) -> dict[str, Any]:
        self._call(f"get {record_id} {' '.join(names)}")
        return {"Terms": "whole"}

    def _record(self, record_id: int) -> dict[str, Any]:
        terms = {"Terms": self.long.get(str(record_id), "short")}
        return {**super()._record(record_id), **terms}


class Feed(SimpleNamespace):
    """What was told of Contacts: ids, deleted ones with a minus, ``due`` since earlier."""

    def __init__(self, told: str = "", *, due: tuple[str, ...] = (), why: str | None = None) -> None:
        changes: Any = {
            each.strip("-"): SimpleNamespace(id=each.strip("-"), was_deleted="-" in each)
            for each in told.split()
        }
        super().__init__(
            told=Told(changes, due), why=why, deletions=Deletions(), modules=["Contacts"], happened=[]
        )

    def why_sweep(self, _stream: str, *, relies_on_it: bool) -> str | None:
        self.relied_on = relies_on_it
        return self.why

    def told_of(self, _module: str) -> Told:
        return self.told

    def deletion(self, _module: str, record_id: str) -> Deletion:
        return Deletion(record_id, EARLIER, None)

    def note_swept(self, stream: str, module: str, records: Any) -> None:
        self.happened.append((stream, module, [each["id"] for each in records]))

    def count_looked_at(self, records: int) -> None:
        self.happened.append(records)

    def stay_due(self, module: str, ids: Any) -> None:
        self.happened.append((module, list(ids)))


def _stream(client: Client, *fields: Field, module: str = "Contacts", **more: Any) -> Any:
    client.binned = getattr(client, "binned", {})
    definition = define_module(
        Module(module, api_supported=True),
        fields or FIELDS,
        soft_deletes=more.get("deleted_records") == "soft",
    )
    return stream_of(ModuleStream, definition, client=client, **{**LISTED, **more})


def _read(stream: Any, state: Any) -> list[tuple[list[str], Any]]:
    return [([each["id"] for each in batch.records], batch.state) for batch in stream.read_by_plan(state)]


def _done(state: Any) -> Any:
    """Of a state, what is not a pass: its bookmark, fields and mark."""
    return {name: each for name, each in state.items() if name != "pass"}


def test_a_first_pass_reads_everything_and_sets_the_bookmark() -> None:
    """Bigin's clock before it; until then the state has where it stands."""
    client = Client(300)
    stream = _stream(client)

    batches = _read(stream, {})

    assert [len(ids) for ids, _ in batches] == [200, 100, 0]
    assert [_done(state) for _, state in batches] == [
        {"fields": READ["fields"]},
        {"fields": READ["fields"]},
        {**READ, "replication_key_value": to_utc_text(NOW)},
    ]
    reached = [scan_of(state, shape=state["pass"]["shape"]) for _, state in batches[:2]]
    assert [each and each.emitted for each in reached] == [200, 300]
    assert stream.report.reason == "its count lags by up to ten minutes, and people work meanwhile"
    assert not any(each.startswith("deleted") for each in client.calls)


@pytest.mark.parametrize(
    ("budget", "has_feed", "is_full", "read_again"),
    [
        (None, False, False, True),
        (9, False, False, False),
        (9, True, False, True),
        (None, False, True, False),
    ],
)
def test_after_a_pass_that_was_interrupted_comes_another(
    budget: int | None, *, has_feed: bool, is_full: bool, read_again: bool
) -> None:
    """What changed since it began is as old as that; within a budget it is the next run's."""
    client = Client(300)
    client.credit_budget = budget
    feed = Feed(why="it is due") if has_feed else None
    made = _stream(client)
    if is_full:
        made.forced_replication_method = "FULL_TABLE"
    half = next(iter(made.read({}))).state
    stream = _stream(client, feed=feed)
    if is_full:
        stream.forced_replication_method = "FULL_TABLE"

    batches = [(batch.records, batch.state) for batch in stream.read(half)]

    ids = [each["id"] for records, _ in batches for each in records]
    assert 100 <= len(ids) <= 110 + 300 * read_again
    bookmarks = [state["replication_key_value"] for _, state in batches if "replication_key_value" in state]
    assert len(set(bookmarks)) == (0 if is_full else 1 + read_again)
    assert said(stream) == ["Contacts: goes on where a run ended after 200 records."]
    if not read_again:
        assert stream.report.reason == "200 were written by earlier runs"


@pytest.mark.parametrize(
    ("module", "settings", "beside", "asked"),
    [
        ("Contacts", {}, True, True),
        ("Contacts", {}, False, False),
        ("Contacts", {"deleted_records": "soft"}, False, True),
        ("Visits", {"deletion_sweep": "off"}, True, False),
    ],
)
def test_what_left_the_recycle_bin_is_read_again(
    module: str, settings: Any, *, beside: bool, asked: bool
) -> None:
    """Where deletions are read anyway, of a module that has such a list; its mark is told before the pass."""
    client = Client(3)
    client.binned = {9: EARLIER}
    others = [SimpleNamespace(name="deleted_records", selected=True)] if beside else []
    stream = _stream(client, module=module, beside=others, **settings)
    state = {**KEY, "deleted": Mark(NINE, ("2", "8", "9"), 3, NINE).to_state()}

    batches = [(batch.records, batch.state) for batch in stream.read_by_plan(state)]

    assert any(each.startswith("deleted") for each in client.calls) is asked
    if not asked:
        assert batches[0][1] is None or "pass" in batches[0][1]
        return
    mark = Mark(NOW, ("9",), 1, NOW).to_state()
    is_soft = bool(settings)
    ids = [[each["id"] for each in records] for records, _ in batches]
    restored = next(at for at, some in enumerate(ids) if "2" in some)
    record = {"id": "2", "Name": "N", "Modified_Time": "2026-05-14T09:00:02Z"}
    assert batches[restored][0] == [{**record, "_sdc_deleted_at": None} if is_soft else record]
    assert batches[restored][1] == {**KEY, "deleted": mark}
    assert ids[restored + 1] == []
    assert _done(batches[restored + 1][1]) == {**KEY, "deleted": mark}
    assert "pass" in batches[restored + 1][1]
    assert ids[:restored] == ([["9"]] if is_soft else [])
    assert "Contacts: 1 records were restored from the recycle bin." in said(stream)
    assert batches[-1][1]["deleted"] == mark


def test_soft_deletions_are_rows_of_the_stream_itself() -> None:
    """Each with the moment that was told, or Bigin's clock; records that are there have none."""
    client = Client(1)
    client.binned = {8: "2026-05-14T12:00:00+03:00", 9: None}
    stream = _stream(client, deleted_records="soft")

    first, *others = (batch.records for batch in stream.read_by_plan({}))

    assert [(each["id"], each["_sdc_deleted_at"]) for each in first] == [
        ("8", EARLIER),
        ("9", "2026-05-15T09:00:10Z"),
    ]
    assert [set(each) for each in first] == [{"id", "_sdc_deleted_at"}] * 2
    assert said(stream) == []
    (record,) = [each for records in others for each in records]
    assert record == {
        "id": "1",
        "Name": "N",
        "Modified_Time": "2026-05-14T09:00:01Z",
        "_sdc_deleted_at": None,
    }


@pytest.mark.parametrize("refused", [PermissionDenied("no"), ServerError("broken")])
def test_deletions_that_cannot_be_read_do_not_keep_the_records(refused: Exception) -> None:
    """It is said where they are part of the stream."""
    for settings, words in (
        ({}, []),
        ({"deleted_records": "soft"}, [f"! Contacts: deletions cannot be told. {refused.message}"]),
    ):  # type: ignore[attr-defined]
        client = Client(3)
        client.refused = refused
        stream = _stream(client, beside=[SimpleNamespace(name="deleted_records", selected=True)], **settings)

        batches = _read(stream, {**KEY, "deleted": {"gone": ""}})

        assert {each for ids, _ in batches for each in ids} == {"1", "2", "3"}
        assert batches[-1][1]["deleted"] == {"gone": ""}
        assert said(stream) == words


def test_what_went_into_the_bin_while_many_pages_were_read_may_come_back() -> None:
    """It is in no list that the next run compares with."""
    for size, expected in ((300, ("7",)), (3, ())):
        client = Client(size)
        client.binned = {}
        stream = _stream(client, beside=[SimpleNamespace(name="deleted_records", selected=True)])
        reading = stream.read_by_plan({})
        next(reading)
        client.binned = {7: to_utc_text(NOW)}

        *_, last = reading

        if expected:
            assert "deleted 1 since 2026-05-15T09:00:08Z" in client.calls
        assert Mark.from_state(last.state["deleted"]).gone == expected
        assert "deleted" not in _read(_stream(Client(size)), {})[-1][1]


def test_what_went_into_the_bin_meanwhile_may_stay_unknown() -> None:
    """Everything is read all the same."""
    client = Client(300)
    stream = _stream(client, beside=[SimpleNamespace(name="deleted_records", selected=True)])
    reading = stream.read_by_plan({})
    next(reading)
    client.refused = ServerError("broken")

    *_, last = reading

    assert last.state["replication_key_value"]


def test_within_a_budget_a_list_of_deletions_is_read_for_one_of_its_streams() -> None:
    """What the stream of them has read is taken over; where that is nothing each page's place is told."""
    mark = Mark(NOW, ("8",), 1, NOW)
    entry = {**KEY, "deleted": Mark(gone=("2",)).to_state()}
    beside = [SimpleNamespace(name="deleted_records", selected=True)]
    for told, settings in ((mark, {}), (None, {}), (mark, {"deleted_records": "soft"})):
        client = Client(3)
        client.credit_budget = 9
        client.binned = {8: EARLIER}
        entries = {"deleted_records": {"modules": {"Contacts": told.to_state()}}} if told else {}
        stream = _stream(client, beside=beside, turns=Turns(9, {}), entries=entries, **settings)

        batches = _read(stream, entry)

        is_taken_over = told is not None and not settings
        assert any(each.startswith("deleted") for each in client.calls) is not is_taken_over
        restored = 0 if is_taken_over else 1
        assert batches[restored] == (
            ["2"],
            {
                **KEY,
                "deleted": (told or mark).to_state() if is_taken_over else batches[restored][1]["deleted"],
            },
        )
        if not is_taken_over:
            assert batches[0][0] == (["8"] if settings else [])
            assert "begun" in batches[0][1]["deleted"]


def test_within_a_budget_a_list_of_deletions_goes_on_where_the_stream_of_them_was_cut() -> None:
    """It is one list, and its clock is that of the reading that began it."""
    client = Client(3)
    client.binned = {8: EARLIER}
    half = Mark(begun=Begun(asked=NINE, read=1, last=("8",), gone=("8",), listed=1))
    entries = {"deleted_records": {"modules": {"Contacts": half.to_state()}}}
    beside = [SimpleNamespace(name="deleted_records", selected=True)]
    stream = _stream(client, beside=beside, turns=Turns(9, {}), entries=entries)

    *_, (_, last) = _read(stream, {**KEY, "deleted": Mark(gone=("2", "8")).to_state()})

    assert Mark.from_state(last["deleted"]) == Mark(NINE, ("8",), 1, NINE)


def test_the_place_in_a_page_of_long_texts_is_that_of_its_page() -> None:
    """What came with the page before is written."""
    client = Client(230)
    client.long = {str(each): "x" * 500 for each in range(201, 231)}

    batches = list(_stream(client, NAME, TIME, TERMS).read_by_plan({}))

    of_first = {each["id"] for each in batches[0].records}
    second = batches[1].state["pass"]
    assert len(of_first) == 200
    assert second["emitted"] == 200
    assert second["ahead"] == tuple(each["id"] for each in batches[1].records)


def test_long_texts_are_handed_on_as_they_are_read_and_not_read_again() -> None:
    """A credit each: the state has which of a page have come."""
    client = Client(30)
    client.long = {str(each): "x" * 500 for each in range(1, 31)}
    stream = _stream(client, NAME, TIME, TERMS)
    first, second, *_ = stream.read_by_plan({})
    assert {each["Terms"] for each in first.records} == {"whole"}
    assert first.state["pass"]["ahead"] == tuple(each["id"] for each in first.records)
    assert len(second.state["pass"]["ahead"]) == 2 * len(first.records)
    assert stream.least_credits == 10 + 1
    client.calls.clear()

    again = _stream(client, NAME, TIME, TERMS)
    later = list(again.read(second.state))

    ids = [each["id"] for batch in later[:2] for each in batch.records]
    assert not set(ids) & set(second.state["pass"]["ahead"])
    assert len(ids) == 10
    assert not any(batch.state["pass"].get("ahead") for batch in later if "pass" in batch.state)


@pytest.mark.parametrize(
    ("fields", "deselected", "expected"),
    [
        ((NAME, TIME), (), ["Name", "Modified_Time"]),
        ((TIME, NAME), ("Name",), ["Modified_Time"]),
        ((NAME,), ("Name",), ["id"]),
        ((NAME,), (), ["Name"]),
    ],
)
def test_only_selected_fields_are_asked_for(fields: Any, deselected: Any, expected: list[str]) -> None:
    """But for the time, by which a change while it is read shows."""
    stream = _stream(Client(), *fields)
    for name in deselected:
        stream.metadata["properties", name].selected = False

    assert [*stream._pages.groups[0]] == expected


def test_a_type_that_is_new_is_said() -> None:
    """Taken as it is; not where nobody asks for it."""
    stream = _stream(Client(), NAME, TIME, NEW)
    list(stream.read_by_plan({}))
    quiet = _stream(Client(), NAME, TIME, NEW)
    quiet.metadata["properties", "Blob"].selected = False
    list(quiet.read_by_plan({}))

    assert said(stream)[:1] == [
        "! Contacts: field 'Blob' is of a type that is new here, 'a_new_type': taken as it is."
    ]
    assert said(quiet) == []


def test_the_price_of_everything_is_that_of_its_list() -> None:
    """Where it can be counted."""
    client = Client(3)
    client.counted = 1_000

    assert _stream(client).price_of_everything() == ", 6 credits or fewer"
    for client.refused in (PermissionDenied("no"), ServerError("broken")):
        assert _stream(client).price_of_everything() == ""


@pytest.mark.parametrize(
    ("wish", "module", "told", "least"),
    [
        ("list", "Contacts", None, 10),
        ("bulk", "Contacts", None, 60),
        ("bulk", "Visits", None, 10),
        ("list", "Contacts", 0, 10),
        ("list", "Contacts", 100, 11),
        ("list", "Contacts", 101, 12),
    ],
)
def test_what_it_takes_to_come_further(wish: str, module: str, told: int | None, least: int) -> None:
    """A job for whoever wants none but jobs; what a feed told is read whole, in all groups of fields."""
    wide = [Field(f"F{number}", "text", "string") for number in range(60)]
    many = Feed(" ".join(map(str, range(101))))
    assert _stream(Client(), TIME, *wide, feed=many).least_credits == 15
    feed = None if told is None else Feed(" ".join(map(str, range(told))))

    assert _stream(Client(), module=module, extraction_method=wish, feed=feed).least_credits == least


# With a feed


def test_between_two_sweeps_what_was_told_is_read_by_its_ids() -> None:
    """As it is now; the bookmark stays."""
    client, feed = Client(3), Feed("2 3")
    stream = _stream(client, feed=feed, beside=[SimpleNamespace(name="deleted_records", selected=True)])

    batches = [(batch.records, batch.state) for batch in stream.read_by_plan(KEY)]

    assert feed.relied_on
    assert client.calls == ["ids 2 3"]
    assert batches[0] == (
        [{"id": each, "Name": "N", "Modified_Time": f"2026-05-14T09:00:0{each}Z"} for each in "23"],
        None,
    )
    assert said(stream) == []
    assert batches[1:] == [([], KEY)]
    assert feed.happened == [2, ("Contacts", [])]
    assert feed.deletions.is_looked_at("Contacts")
    nothing = Feed(due=("2",))
    assert _read(_stream(Client(3), feed=nothing), KEY) == []
    assert not nothing.deletions.is_looked_at("Contacts")


def test_where_fields_were_selected_since_a_sweep_is_due() -> None:
    """Only a reading of everything fills them."""
    stream = _stream(Client(), feed=Feed())

    assert not stream.is_sweep_due(KEY)
    assert stream.is_sweep_due({**KEY, "fields": ["Name"]})
    assert not _stream(Client(), feed=Feed(), backfill=False).is_sweep_due({**KEY, "fields": ["Name"]})
    assert stream.is_sweep_due({"fields": ["Name"]})
    assert not stream.is_sweep_due({"refused": True})
    full = _stream(Client(), feed=Feed())
    full.forced_replication_method = "FULL_TABLE"
    assert not full.relies_on_feed
    assert not _stream(Client(), module="Visits", feed=Feed()).relies_on_feed


@pytest.mark.parametrize("mode", ["stream", "soft", "none"])
def test_what_was_told_to_be_deleted_and_is_not_there_is_deleted(mode: str) -> None:
    """What is there all the same, or of which nobody says why, is not; Bigin's list is asked for that."""
    client, feed = Client(3), Feed("2- 7- 8 9")
    client.binned = {8: EARLIER}
    beside = [SimpleNamespace(name="deleted_records", selected=True)] if mode == "stream" else []
    before = Mark(NINE, ("2", "5"), 2, NINE)
    stream = _stream(client, feed=feed, deleted_records=mode, beside=beside)

    batches = [
        (batch.records, batch.state) for batch in stream.read_by_plan({**KEY, "deleted": before.to_state()})
    ]

    records, state = batches[-1]
    assert feed.deletions.back_of("Contacts") == ["2"]
    if mode == "none":
        assert feed.happened == [4, ("Contacts", ["8", "9"])]
        assert (records, state) == ([], {**KEY, "deleted": before.to_state()})
        assert feed.deletions.told_of("Contacts") == []
        return
    assert feed.happened == [4, ("Contacts", ["9"])]
    assert [each.id for each in feed.deletions.told_of("Contacts")] == ["7"]
    assert feed.deletions.is_listed("Contacts")
    tombstones = [{"id": "7", "_sdc_deleted_at": EARLIER}] if mode == "soft" else []
    assert records[: len(tombstones)] == tombstones
    assert [each["id"] for each in records[len(tombstones) :]] == ["2"]
    assert Mark.from_state(state["deleted"]).gone == ("7", "8")
    assert _done(state) == {**KEY, "deleted": state["deleted"]}


def test_a_long_text_that_was_told_of_is_read_whole() -> None:
    """As in a pass."""
    client = Client(3)
    client.long = {"2": "x" * 500}

    (told, _) = _stream(client, NAME, TIME, TERMS, feed=Feed("2")).read_by_plan(
        {**KEY, "fields": ["Modified_Time", "Name", "Terms"]}
    )

    assert [each["Terms"] for each in told.records] == ["whole"]


def test_a_list_of_deletions_that_is_refused_leaves_what_was_told_due() -> None:
    """Nobody says why it is not there."""
    client, feed = Client(3), Feed("8", due=("9",))
    client.refused = PermissionDenied("no")
    stream = _stream(client, feed=feed, beside=[SimpleNamespace(name="deleted_records", selected=True)])

    batches = _read(stream, KEY)

    assert any(each.startswith("deleted") for each in client.calls)
    assert batches[-1] == ([], KEY)
    assert feed.happened[-1] == ("Contacts", ["9", "8"])
    own = Feed("7-")
    _read(
        _stream(
            Client(3),
            module="Visits",
            feed=own,
            deletion_sweep="off",
            beside=[SimpleNamespace(name="deleted_records", selected=True)],
        ),
        KEY,
    )
    assert own.deletions.told_of("Visits") == []  # of which Bigin keeps no list


def test_a_list_of_deletions_is_not_asked_for_what_was_looked_for_before() -> None:
    """It is due: the next sweep looks again, and where that finds nothing either it is let go."""
    feed = Feed("8-", due=("9",))
    client = Client(3)
    stream = _stream(client, feed=feed, beside=[SimpleNamespace(name="deleted_records", selected=True)])

    _read(stream, KEY)

    assert not any(each.startswith("deleted") for each in client.calls)
    assert not feed.deletions.is_listed("Contacts")
    assert feed.happened[-1] == ("Contacts", ["9"])


def test_a_sweep_looks_at_what_was_told_and_did_not_come_with_it() -> None:
    """And says what is newer than the bookmark: told, or missed."""
    client, feed = Client(3), Feed("2 7", due=("8", "1"), why="it is due")
    client.times = {1: -500, 2: 5, 3: 6, 4: -30, 5: 0}
    stream = _stream(client, feed=feed)

    batches = _read(stream, KEY)

    assert [sorted(ids) for ids, _ in batches] == [["2", "3", "4", "5"], [], ["1"], []]
    assert batches[2][1] is None
    assert batches[3][1] == batches[1][1] == {**READ, "replication_key_value": to_utc_text(NOW)}
    assert [each for each in client.calls if each.startswith("ids")] == ["ids 8 1 7"]
    assert feed.happened == [
        ("Contacts", "Contacts", ["3", "2"]),
        ("Contacts", "Contacts", []),
        3,
        ("Contacts", ["7"]),
    ]


def test_what_a_sweep_misses_is_said_of_what_notifications_tell_of() -> None:
    """Deletions among it; of other modules nobody promised anything."""
    client, feed = Client(1), Feed(why="it is due")
    client.binned = {8: to_utc_text(NOW)}
    _read(_stream(client, feed=feed, deleted_records="soft"), KEY)
    assert ("Contacts", "Contacts", ["8"]) in feed.happened

    other = Feed(why="it is due")
    _read(_stream(Client(3), module="Visits", feed=other, deletion_sweep="off"), KEY)
    assert other.happened == [("Visits", [])]


def test_what_only_was_due_is_looked_at_by_a_sweep() -> None:
    """Nothing was told since."""
    client, feed = Client(1), Feed(due=("1",), why="it is due")
    client.times = {1: -500}

    batches = _read(_stream(client, feed=feed), KEY)

    assert [ids for ids, _ in batches][-2:] == [["1"], []]


def test_a_first_sweep_misses_nothing() -> None:
    """Without a bookmark nothing is newer; a full table is told of nothing."""
    feed = Feed("2", why="it is due")
    full = Feed("2", why="it is due")
    _read(_stream(Client(3), feed=feed), {})
    stream = _stream(Client(3), feed=full)
    stream.forced_replication_method = "FULL_TABLE"
    _read(stream, {})

    assert feed.happened == [("Contacts", [])]  # nothing stays due
    assert full.happened == []
    assert list(stream.read_told({})) == []
    assert list(_stream(Client(3)).read_told(begin({}, scan_of({"pass": {"kind": "full"}}, shape="")))) == []  # type: ignore[arg-type]


def test_rows_of_a_stream_that_is_swept_carry_its_version() -> None:
    """Those that a feed told of, too: a loader drops what has an older one."""
    client, feed = Client(3), Feed("2")
    stream = _stream(client, module="Visits", feed=feed)

    batches = list(stream.read_by_plan({**KEY, "version": 5, "swept": EARLIER}))

    assert [each.version for each in batches if each.records] == [5]
    assert [
        each.version for each in _stream(Client(3), feed=Feed("2")).read_by_plan({**KEY, "version": 5})
    ] == [None] * 2
