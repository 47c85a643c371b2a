"""Calls are cut so that no key is twice in one, and each record's writes keep their order."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import InFlight
from target_bigin.concurrency.tasks import Tasks, Wait
from target_bigin.records.order import Order
from target_bigin.records.record import Record, Reject
from target_bigin.writing.queue import Queue, again, tell


def prepared(number, *keys, operation="upsert", **more):
    record = Record(number, "s", {}, {"name": f"v{number}"}, operation, tuple(("key", key) for key in keys))
    for name, value in more.items():
        setattr(record, name, value)
    return record


class Stream:
    """A queue, and records that each wait in it for their end, as a stream's do."""

    def __init__(self, order=None, *, merge=False):
        self.errors = []
        self.tasks = Tasks(InFlight(1), on_error=self.errors.append)
        self.order = order or Order(self.tasks)
        self.queue = Queue(self.order, self.tasks, merge=merge)
        self.take = self.queue.take
        self.ended, self.actions = [], {}

    def enter(self, *records):
        for record in records:
            self.order.enter(record)

    def ready(self, *records):
        for record in records:
            self.tasks.create_task(self._settle(record))

    async def _settle(self, record):
        with contextlib.suppress(Reject):
            self.actions[record.number] = await self.queue.send(record)
        self.ended.append(record)
        self.order.leave(record)


def stream_of(*records, merge=False):
    stream = Stream(merge=merge)
    for record in records:
        stream.enter(record)
        stream.ready(record)
    return stream


def written(*records):
    for record in records:
        tell(record, "updated")


NO = Reject("rejected", "INVALID_DATA", "no")


def numbers(batch):
    return [record.number for record in batch]


def test_a_full_call_waits_for_no_one():
    """At most so many a call, in the order read."""
    stream = stream_of(*(prepared(n, n) for n in range(5)))

    assert numbers(stream.take(2, least=2)) == [0, 1]
    assert numbers(stream.take(2, least=2)) == [2, 3]
    assert stream.take(2, least=2) == []
    assert numbers(stream.take(2)) == [4]


def test_a_key_in_flight_holds_later_ones_back():
    """Two writes of one record side by side could arrive in either order."""
    stream = stream_of(prepared(1, "a"), prepared(2, "a"), prepared(3, "b"))

    first = stream.take(100)
    assert numbers(first) == [1, 3]
    assert stream.take(100) == []
    written(*first)

    assert numbers(stream.take(100)) == [2]


def test_a_record_shares_its_turn_through_any_of_its_keys():
    """A record may be known by its e-mail and by its number: whoever shares one of them waits."""
    stream = stream_of(prepared(1, "a", "b"), prepared(2, "b", "c"), prepared(3, "c"))

    first = stream.take(100)
    assert numbers(first) == [1]
    written(first[0])
    second = stream.take(100)
    assert numbers(second) == [2]


def test_a_record_held_back_by_a_step_keeps_its_place():
    """A later record of the same key must not overtake one that waits for a lookup; others may."""
    waiting, later, other = prepared(1, "a"), prepared(2, "a"), prepared(3, "b")
    stream = Stream()
    stream.enter(waiting, later, other)
    stream.ready(later, other)

    assert numbers(stream.take(100)) == [3]
    stream.ready(waiting)
    assert numbers(stream.take(100)) == [1]


def test_operations_do_not_share_a_call():
    """A call is an upsert or a delete; one key's delete follows its upsert."""
    stream = stream_of(
        prepared(1, "a"), prepared(2, "b", operation="delete"), prepared(3, "a", operation="delete")
    )

    first, second = stream.take(100), stream.take(100)
    assert (numbers(first), numbers(second)) == ([1], [2])
    written(first[0])
    assert numbers(stream.take(100)) == [3]


def test_inserts_that_must_wait_hold_no_other_operation_back():
    """An answer to an insert was lost: until it is known what was written, updates go on."""
    stream = stream_of(prepared(1, operation="insert"), prepared(2, operation="update"))

    assert [numbers(stream.take(100, inserts=False)) for _ in range(2)] == [[2], []]
    assert numbers(stream.take(100)) == [1]


def test_a_recurring_activity_is_a_call_of_its_own():
    """It is answered by an entry for each occurrence, which could not be paired with what was sent."""
    stream = stream_of(prepared(1, alone=True), prepared(2), prepared(3, alone=True), prepared(4))

    calls = [numbers(stream.take(100, least=2)) for _ in range(3)]

    assert sorted(calls) == [[1], [2, 4], [3]]


def test_streams_of_one_module_keep_the_order_of_a_key():
    """Two streams may write to the same records."""
    one = Stream()
    two = Stream(one.order)
    first, second = prepared(1, "a"), prepared(2, "a")
    for stream, record in ((one, first), (two, second)):
        stream.enter(record)
        stream.ready(record)

    assert two.take(100) == []
    written(*one.take(100))
    assert numbers(two.take(100)) == [2]


@pytest.mark.parametrize("by_bulk", [False, True])
def test_a_repeated_record_stands_for_the_one_before(by_bulk):
    """What says all that the earlier one said replaces it while it waits."""
    stream = stream_of(*(prepared(n, "a", by_bulk=by_bulk) for n in range(1, 4)), merge=True)
    waiting = stream.queue.waiting, stream.queue.for_bulk
    assert stream.take(100, by_bulk=not by_bulk) == []

    (sent,) = stream.take(100, by_bulk=by_bulk)

    assert waiting == (1, by_bulk)
    assert sent.number == 3
    assert numbers(sent.merged) == [1, 2]


def test_a_record_in_flight_is_not_stood_for():
    """It may be refused, or arrive after the later one; what waits behind it is."""
    stream = stream_of(prepared(1, "a"), merge=True)
    first, second, third = stream.take(100), prepared(2, "a"), prepared(3, "a")
    for record in (second, third):
        stream.enter(record)
        stream.ready(record)

    assert (stream.take(100), second.merged) == ([], None)
    written(*first)
    (sent,) = stream.take(100)
    assert (sent, numbers(sent.merged)) == (third, [2])
    fourth = prepared(4, "a")
    stream.enter(fourth)
    stream.ready(fourth)
    assert (stream.take(100), fourth.merged) == ([], None)


def test_a_record_that_is_to_be_tried_again_waits_as_long_as_it_is_told():
    """Bigin stumbles over it: at once it would stumble again. Later ones of its key wait, too."""
    stream = stream_of(prepared(1, "a"), prepared(2, "a"))
    (sent,) = stream.take(100)

    again(sent, 1e-9)
    while_it_waits = sent.attempts, stream.take(100), stream.tasks.sleeping
    stream.tasks.wake_sleepers()

    assert while_it_waits == (1, [], True)
    assert stream.take(100) == [sent]
    again(sent)
    assert (sent.attempts, stream.take(100)) == (2, [sent])


def test_a_record_that_says_less_stands_for_nobody():
    """What only the earlier one said would be lost."""
    earlier, later = prepared(1, "a"), prepared(2, "a")
    earlier.body["more"] = 1

    stream = stream_of(earlier, later, merge=True)

    assert numbers(stream.take(100)) == [1]
    assert stream.queue.waiting == 0


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"mergeable": False}, {}),
        ({}, {"mergeable": False}),
        ({"id": "7"}, {"id": "8"}),
        ({"id": "7"}, {}),
        ({"operation": "update"}, {}),
        ({"operation": "insert"}, {"operation": "insert"}),
        ({"operation": "delete"}, {"operation": "delete"}),
    ],
)
def test_only_the_same_write_of_the_same_record_is_left_out(earlier, later):
    """Rows that append, two ids, a deletion and an insert: each of the two writes does something of its own."""
    stream = stream_of(prepared(1, "a", **earlier), prepared(2, "a", **later), merge=True)

    first = stream.take(100)
    written(*first)
    second = stream.take(100)

    assert [numbers(first), numbers(second)] == [[1], [2]]


def test_a_refused_record_gives_way_to_the_one_it_stood_for():
    """Without merging, the earlier one would have been written."""
    stream = stream_of(*(prepared(n, "a") for n in range(1, 4)), merge=True)
    (sent,) = stream.take(100)

    tell(sent, NO)

    (second,) = stream.take(100)
    assert (second.number, numbers(second.merged)) == (2, [1])
    assert sent.merged is None


def test_what_a_record_was_told_first_holds():
    """It has ended by that: whatever is told of it later must not end the run."""
    stream = stream_of(prepared(1, "a"))
    (sent,) = stream.take(100)

    written(sent)
    tell(sent, NO)

    assert (stream.actions, stream.errors) == ({1: "updated"}, [])


def test_a_record_waits_for_its_turn_before_it_is_ready():
    """What means it may be made or deleted by any record before it."""
    stream = Stream()
    first, second = prepared(1, "a"), prepared(2, "a")
    stream.enter(first, second)
    stream.ready(first)
    turns = []

    async def look(record):
        await stream.order.turn(record)
        turns.append(record)

    stream.tasks.create_task(look(second))
    assert turns == []
    written(*stream.take(1))

    assert turns == [second]


def test_a_record_that_a_written_one_stood_for_is_not_sent_after_all():
    """What comes after the write may be refused, the tags say: the earlier record's values are older."""
    stream = stream_of(prepared(1, "a"), prepared(2, "a"), merge=True)

    written(*stream.take(100))

    assert numbers(stream.ended) == [2, 1]
    assert stream.actions == {2: "updated", 1: "merged"}
    assert stream.take(100) == []


@pytest.fixture
def order():
    errors = []
    yield Order(Tasks(InFlight(1), on_error=errors.append))
    assert errors == []


def entered(order, *records):
    for record in records:
        order.enter(record)
    return records


def test_whose_turn_it_is_goes_on_once_nobody_stands_before_it(order):
    """In the order in which they came, and nobody twice."""
    first, *others = entered(
        order,
        prepared(1, "a", "b"),
        prepared(2, "a"),
        prepared(3, "b"),
        prepared(4, "a", "b"),
        prepared(5, "c"),
    )
    turns = []

    async def wait(record):
        await order.turn(record)
        turns.append(record.number)

    for record in others:
        order._tasks.create_task(wait(record))
    seen = []
    for record in (first, *others):
        seen.append(list(turns))
        order.leave(record)
        order.leave(record)

    assert seen == [[5], [5, 2, 3], [5, 2, 3], [5, 2, 3, 4], [5, 2, 3, 4]]
    assert not order._lines


def test_who_leaves_from_behind_wakes_nobody(order):
    """The first one is in flight: woken, it would be sent once more."""
    first, second, never = prepared(1, "a"), prepared(2, "a"), prepared(3, "a")
    entered(order, first, second)
    first.wait = Wait(order._tasks)

    order.leave(never)
    order.leave(second)

    assert not first.wait.is_done
    assert order.is_first(first)


@pytest.mark.parametrize(
    ("keys", "of", "before"),
    [
        (["ab", "ab"], 1, 0),
        (["ab", "ab", "ab"], 2, 1),
        (["ab"], 0, None),
        (["a", "ab"], 1, None),
        (["ab", "a"], 1, None),
        (["a", "b", "ab"], 2, None),
        (["ab", "ab", "a"], 1, None),
        (["a", "a", "a"], 1, None),
        (["ab", "a", "ab"], 2, None),
        (["", ""], 1, None),
    ],
)
def test_who_stands_right_before_is_of_the_same_keys(order, keys, of, before):
    """And of all of them: one that shares a key with a third may not be left out."""
    records = entered(order, *(prepared(number, *each) for number, each in enumerate(keys)))

    assert order.before(records[of]) is (None if before is None else records[before])


def test_one_place_is_left_once_whoever_stands_in_it(order):
    """A record that a later one stands for has none, until that one gives way."""
    earlier, later = entered(order, prepared(1, "a", "b"), prepared(2, "a", "b"))
    order.replace_before(later, earlier)
    (last,) = entered(order, prepared(3, "a"))

    order.leave(earlier)
    assert (order.is_first(later), order.is_first(last)) == (True, False)
    order.give_back(later, earlier)
    order.leave(later)
    assert (order.is_first(earlier), order.is_first(last)) == (True, False)
    order.leave(earlier)

    assert order.is_first(last)


operations = st.sampled_from(["upsert", "update", "insert", "delete"])
keys = st.lists(st.sampled_from("abcdef"), max_size=2, unique=True)


@given(st.lists(st.tuples(operations, keys), max_size=40), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_comes_each_record_ends_once_and_in_order(wanted, merge, chance):
    """The two promises, for any stream of records and any order in which calls land."""
    records = [prepared(n, *keys, operation=operation) for n, (operation, keys) in enumerate(wanted)]
    stream = Stream(merge=merge)
    waiting, flying, sent = list(records), [], []
    while waiting or flying or stream.queue.waiting:
        action = chance.choice(["read", "send", "land"])
        if action == "read" and waiting:
            record = waiting.pop(0)
            stream.enter(record)
            stream.ready(record)
        elif action == "send" and stream.queue.waiting:
            call = stream.take(chance.randint(1, 5))
            in_flight = [lock for batch in flying for record in batch for lock in record.locks]
            locks = [lock for record in call for lock in record.locks]
            assert len(set(locks)) == len(locks)
            assert not set(locks) & set(in_flight)
            assert len({record.operation for record in call}) == 1
            flying.append(call)
        elif action == "land" and flying:
            for record in flying.pop(chance.randrange(len(flying))):
                if chance.random() < 0.3:
                    sent.append(record)
                    tell(record, NO)
                else:
                    sent.extend([*(record.merged or ()), record])
                    written(record)

    assert stream.errors == []
    assert sorted(numbers(stream.ended)) == list(range(len(records)))
    assert sorted(numbers(sent)) == list(range(len(records)))
    for key in "abcdef":
        settled = [each.number for each in sent if ("key", key) in each.locks and not stood_down(each, sent)]
        assert settled == sorted(settled)


def stood_down(record, ended):
    """Refused after it had taken the place of an earlier one, which then came after it."""
    place = ended.index(record)
    return any(set(each.locks) == set(record.locks) and each.number < record.number for each in ended[place:])
