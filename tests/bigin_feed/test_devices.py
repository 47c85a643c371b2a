"""What a device gets and what it has acknowledged, over a log without a Bigin: every answer as a whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bigin_api import PermissionDenied
from bigin_feed.log import Change, Due, Post, State, acknowledge, bring_to, coalesce, device_position
from bigin_feed.notifications import Told
from bigin_feed.sync_flow import SESSION_SECONDS, SyncFlow, SyncRefused


class World:
    """A client of modules with a number of fields, and the clock of the sessions."""

    def __init__(self) -> None:
        self.time = 0.0
        self.asked: list[tuple[Any, ...]] = []
        self.missing: set[str] = set()
        self.fields = {"Contacts": 2, "Tasks": 51}
        self.metadata = SimpleNamespace(fields=self._fields)
        self.records = SimpleNamespace(by_ids=self._by_ids)

    def _fields(self, module: str) -> list[Any]:
        if module not in self.fields:
            raise PermissionDenied("no")
        names = ["Modified_Time", *(f"F{number}" for number in range(self.fields[module]))]
        return [SimpleNamespace(api_name=name) for name in names]

    def _by_ids(self, module: str, ids: list[str], fields: list[str]) -> list[dict[str, Any]]:
        self.asked.append((module, list(ids), len(fields)))
        return [{"id": each, **dict.fromkeys(fields, each)} for each in ids if each not in self.missing]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def log(tmp_path, open_log):
    return open_log(f"sqlite:///{tmp_path / 'feed.sqlite'}")


@pytest.fixture
def flow(log, world):
    made = SyncFlow(log, world, clock=lambda: world.time)
    assert made.start("phone") is None
    return made


def _tell(log, *told):
    log.append([Post([Told("1", module, record_id, operation) for module, record_id, operation in told], "2026-05-14T10:00:00.000Z")])  # fmt: skip


def _items(flow, session):
    return flow.items(session["data"]["id"])


def test_a_session_is_told_with_its_queue_and_its_items_with_what_happened(log, flow, world):
    """By module, so that a call has as many of one as there are; what changed often comes once."""
    _tell(log, ("Tasks", "1", "update"), ("Contacts", "2", "insert"), ("Tasks", "3", "delete"))
    _tell(log, ("Contacts", "2", "update"), ("Contacts", "4", "delete"), ("Contacts", "5", "update"))
    _tell(log, ("Closed", "6", "update"))
    world.missing = {"3", "5"}

    session = flow.start("phone")

    session_id = session["data"]["id"]
    assert session == {
        "data": {
            "id": session_id,
            "queues": [
                {
                    "data": {"name": "main", "pages": 1, "total_count": 6},
                    "meta": {"type": "sync_queue", "links": {"self": f"/v2/sync/{session_id}/queues/main"}},
                }
            ],
        },
        "meta": {"type": "sync_session"},
    }
    answer = _items(flow, session)
    task = {f"F{number}": "1" for number in range(51)}
    assert [(each["data"], each["meta"]) for each in answer["items"]] == [
        (data, {"type": module, "sync": {"event_type": event, "ack_key": f"{module}-{data['id']}-{seq}", "revision": seq}})
        for module, data, event, seq in [
            ("Contacts", {"id": "2", "Modified_Time": "2", "F0": "2", "F1": "2"}, "created", 4),
            ("Contacts", {"id": "4", "Modified_Time": "4", "F0": "4", "F1": "4"}, "updated", 5),  # told as deleted, and there
            ("Tasks", {"id": "1", "Modified_Time": "1", **task}, "updated", 1),
            ("Tasks", {"id": "3"}, "deleted", 3),
        ]
    ]  # fmt: skip
    assert answer["meta"] == {
        "type": "collection",
        "count": 4,
        "count_left": 0,
        "failed_objects": [{"type": "Closed", "id": "6"}, {"type": "Contacts", "id": "5"}],
    }
    assert world.asked == [
        ("Contacts", ["2", "4", "5"], 3),
        ("Tasks", ["1", "3"], 50),
        ("Tasks", ["1", "3"], 3),
    ]
    assert _items(flow, session) is None


def test_what_was_changed_twice_is_no_new_record(log, flow):
    """It waits for its device as changed, however often it was told."""
    for operation in ("update", "update"):
        _tell(log, ("Contacts", "1", operation))
        session = flow.start("phone")

    (item,) = _items(flow, session)["items"]
    assert item["meta"]["sync"]["event_type"] == "updated"


def test_a_long_queue_comes_in_pages_of_a_hundred(log, flow):
    """As many as a call of Bigin's takes."""
    _tell(log, *(("Contacts", str(number), "update") for number in range(101)))
    session = flow.start("phone")

    assert session["data"]["queues"][0]["data"]["pages"] == 2
    assert [(each["meta"]["count"], each["meta"]["count_left"]) for each in (_items(flow, session), _items(flow, session))] == [(100, 1), (1, 0)]  # fmt: skip


def test_a_session_that_nobody_asks_for_is_dropped(log, flow, world, monkeypatch):
    """Those in use stay, however old they are; what was drained makes room at once."""
    monkeypatch.setattr("bigin_feed.sync_flow.MOST_SESSIONS", 2)
    _tell(log, *(("Contacts", str(number), "update") for number in range(201)))
    used, *others = [flow.start("phone") for _ in range(2)]
    world.time = SESSION_SECONDS - 1
    with pytest.raises(SyncRefused) as raised:
        flow.start("phone")
    assert raised.value.status_code == 429
    _items(flow, used)

    world.time = SESSION_SECONDS
    flow.start("phone")

    assert _items(flow, used)["meta"]["count_left"] == 1
    with pytest.raises(SyncRefused) as raised:
        _items(flow, others[0])
    assert raised.value.status_code == 404


def test_a_device_that_was_away_begins_anew(log, flow):
    """What it missed is pruned: 410, and only once."""
    _tell(log, ("Contacts", "1", "update"))
    _tell(log, ("Contacts", "2", "update"))
    log.prune(before="2027")

    with pytest.raises(SyncRefused) as raised:
        flow.start("phone")

    assert raised.value.status_code == 410
    assert device_position(log, "phone") == log.state().head == 2
    assert flow.start("phone") is None


@pytest.mark.parametrize(
    ("key", "is_taken"),
    [
        ("Contacts-7-1", True),
        ("Contacts-7-999999999999999999", True),  # a later one than is due
        ("Contacts-7-0", False),
        ("Contacts-8-1", False),
        ("Tasks-7-1", False),
        ("Contacts-7-9999999999999999999", False),  # no 64-bit number
        ("Contacts-7-", False),
        ("Contacts-7", False),
        ("Contacts-x-1", False),
        ("Contacts--1", False),
        ("", False),
    ],
)
def test_what_a_device_has_is_forgotten_by_its_key_alone(log, flow, key, is_taken):
    """A key that is none of ours is ignored; an earlier one does not cover what came since."""
    _tell(log, ("Contacts", "7", "update"))
    flow.start("phone")

    flow.acknowledge("phone", ["nonsense", key])

    assert (flow.start("phone") is None) is is_taken


def _change(seq, record_id="7", *, inserted=False, deleted=False):
    return Change("Contacts", record_id, seq, was_inserted=inserted, was_deleted=deleted)


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ([_change(1)], "updated"),
        ([_change(1, inserted=True)], "created"),
        ([_change(1, inserted=True), _change(2)], "created"),
        ([_change(1), _change(2, inserted=True)], "created"),
        ([_change(1, deleted=True)], "deleted"),
        ([_change(1, inserted=True), _change(2, deleted=True)], "deleted"),
        ([_change(1, deleted=True), _change(2, inserted=True)], "deleted"),
        ([_change(1, inserted=True, deleted=True)], "deleted"),
    ],
)
def test_what_happened_since_a_device_had_a_record_is_one_event(log, changes, event):
    """Its device has none of it yet."""
    for each in changes:
        due = bring_to(log, "phone", each.seq, [each])

    assert due == [Due("Contacts", "7", len(changes), event)]
    assert device_position(log, "phone") == len(changes)


def test_devices_have_each_their_own_queue(log):
    """One's acknowledgement says nothing of another's; the oldest comes first."""
    for device in ("phone", "tablet"):
        bring_to(log, device, 3, [_change(3), _change(2, "8")])
    acknowledge(log, "phone", [Due("Contacts", "7", 3, "")])

    assert [each.id for each in bring_to(log, "phone", 4)] == ["8"]
    assert [each.id for each in bring_to(log, "tablet", 4)] == ["8", "7"]
    assert device_position(log, "watch") is None


def test_what_was_told_of_a_record_is_one_change():
    """The last to change goes last."""
    told = [
        (1, "Tasks", "7", "insert"),
        (2, "Tasks", "8", "delete"),
        (3, "Calls", "7", "update"),
        (4, "Tasks", "7", "delete"),
        (5, "Tasks", "8", "update"),
        (6, "Tasks", "7", "update"),
    ]

    assert coalesce(told) == [
        Change("Calls", "7", 3, was_inserted=False, was_deleted=False),
        Change("Tasks", "8", 5, was_inserted=False, was_deleted=True),
        Change("Tasks", "7", 6, was_inserted=True, was_deleted=True),
    ]


@pytest.mark.parametrize(
    ("log_id", "position", "why"),
    [
        ("a", 4, None),
        ("a", 9, None),
        ("a", 3, "the log was pruned up to 4, the position is 3"),
        ("a", 10, "the position 10 is ahead of the log, which ends at 9"),
        ("b", 5, "the position belongs to another log (b)"),
    ],
)
def test_a_position_counts_within_what_its_log_has(log_id, position, why):
    """Elsewhere something was told that nobody can read any more."""
    assert State("a", 9, 4, "").why_not_from(log_id, position) == why
