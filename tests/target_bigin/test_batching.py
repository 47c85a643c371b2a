"""Calls are cut so that no key is twice in one, and each record's writes keep their order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_bigin.records.record import Prepared
from target_bigin.writing.queue import Order, Queue


def prepared(number, *keys, operation="upsert", **more):
    record = Prepared(number, "s", {}, {"name": f"v{number}"}, operation, tuple(("key", key) for key in keys))
    for name, value in more.items():
        setattr(record, name, value)
    return record


def queue_of(*records, merge=False):
    queue = Queue(Order(), merge=merge)
    for record in records:
        queue.enter(record)
        queue.ready(record)
    return queue


def numbers(batch):
    return [record.number for record in batch]


def test_a_full_call_waits_for_no_one():
    """At most so many a call, in the order read."""
    queue = queue_of(*(prepared(n, n) for n in range(5)))

    assert numbers(queue.take(2, least=2)) == [0, 1]
    assert numbers(queue.take(2, least=2)) == [2, 3]
    assert queue.take(2, least=2) == []
    assert numbers(queue.take(2)) == [4]


def test_a_key_in_flight_holds_later_ones_back():
    """Two writes of one record side by side could arrive in either order."""
    queue = queue_of(prepared(1, "a"), prepared(2, "a"), prepared(3, "b"))

    first = queue.take(100)
    assert numbers(first) == [1, 3]
    assert queue.take(100) == []
    for record in first:
        queue.leave(record)

    assert numbers(queue.take(100)) == [2]


def test_a_record_shares_its_turn_through_any_of_its_keys():
    """A record may be known by its e-mail and by its number: whoever shares one of them waits."""
    queue = queue_of(prepared(1, "a", "b"), prepared(2, "b", "c"), prepared(3, "c"))

    first = queue.take(100)
    assert numbers(first) == [1]
    queue.leave(first[0])
    second = queue.take(100)
    assert numbers(second) == [2]


def test_a_record_held_back_by_a_step_keeps_its_place():
    """A later record of the same key must not overtake one that waits for a lookup; others may."""
    waiting, later, other = prepared(1, "a"), prepared(2, "a"), prepared(3, "b")
    queue = Queue(Order(), merge=False)
    for record in (waiting, later, other):
        queue.enter(record)
    queue.ready(later)
    queue.ready(other)

    assert numbers(queue.take(100)) == [3]
    queue.ready(waiting)
    assert numbers(queue.take(100)) == [1]


def test_operations_do_not_share_a_call():
    """A call is an upsert or a delete; one key's delete follows its upsert."""
    queue = queue_of(
        prepared(1, "a"), prepared(2, "b", operation="delete"), prepared(3, "a", operation="delete")
    )

    first, second = queue.take(100), queue.take(100)
    assert (numbers(first), numbers(second)) == ([1], [2])
    queue.leave(first[0])
    assert numbers(queue.take(100)) == [3]


def test_a_recurring_activity_is_a_call_of_its_own():
    """It is answered by an entry for each occurrence, which could not be paired with what was sent."""
    queue = queue_of(prepared(1), prepared(2, alone=True), prepared(3), prepared(4, alone=True))

    calls = [numbers(queue.take(100, least=1)) for _ in range(3)]

    assert sorted(calls) == [[1, 3], [2], [4]]


def test_streams_of_one_module_keep_the_order_of_a_key():
    """Two streams may write to the same records."""
    order = Order()
    one, two = Queue(order), Queue(order)
    first, second = prepared(1, "a"), prepared(2, "a")
    for queue, record in ((one, first), (two, second)):
        queue.enter(record)
        queue.ready(record)

    assert two.take(100) == []
    one.leave(one.take(100)[0])
    assert numbers(two.take(100)) == [2]


def test_a_repeated_record_stands_for_the_one_before():
    """What says all that the earlier one said replaces it while it waits."""
    queue = queue_of(*(prepared(n, "a") for n in range(1, 4)), merge=True)

    (sent,) = queue.take(100)

    assert sent.number == 3
    assert numbers(sent.merged) == [1, 2]


def test_a_record_that_says_less_stands_for_nobody():
    """What only the earlier one said would be lost."""
    earlier, later = prepared(1, "a"), prepared(2, "a")
    earlier.body["more"] = 1

    queue = queue_of(earlier, later, merge=True)

    assert numbers(queue.take(100)) == [1]
    assert queue.waiting == 0


def test_a_refused_record_gives_way_to_the_one_it_stood_for():
    """Without merging, the earlier one would have been written."""
    queue = queue_of(*(prepared(n, "a") for n in range(1, 4)), merge=True)
    (sent,) = queue.take(100)

    assert queue.unmerge(sent)

    (second,) = queue.take(100)
    assert (second.number, numbers(second.merged)) == (2, [1])
    assert sent.merged is None


def test_whoever_becomes_first_before_it_is_ready_is_announced():
    """A step may have to wait until all before a record have ended."""
    announced = []
    queue = Queue(Order(), merge=False, on_first=announced.append)
    first, second = prepared(1, "a"), prepared(2, "a")
    queue.enter(first)
    queue.enter(second)
    queue.ready(first)

    queue.leave(queue.take(1)[0])

    assert announced == [second]


operations = st.sampled_from(["upsert", "update", "insert", "delete"])
keys = st.lists(st.sampled_from("abcdef"), max_size=2, unique=True)


@given(st.lists(st.tuples(operations, keys), max_size=40), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_comes_each_record_ends_once_and_in_order(wanted, merge, chance):
    """The two promises, for any stream of records and any order in which calls land."""
    records = [prepared(n, *keys, operation=operation) for n, (operation, keys) in enumerate(wanted)]
    queue = Queue(Order(), merge=merge)
    waiting, flying, ended = list(records), [], []
    while waiting or flying or queue.waiting:
        action = chance.choice(["read", "send", "land"])
        if action == "read" and waiting:
            record = waiting.pop(0)
            queue.enter(record)
            queue.ready(record)
        elif action == "send" and queue.waiting:
            call = queue.take(chance.randint(1, 5))
            in_flight = [lock for batch in flying for record in batch for lock in record.locks]
            locks = [lock for record in call for lock in record.locks]
            assert len(set(locks)) == len(locks)
            assert not set(locks) & set(in_flight)
            assert len({record.operation for record in call}) == 1
            flying.append(call)
        elif action == "land" and flying:
            for record in flying.pop(chance.randrange(len(flying))):
                if chance.random() < 0.3 and queue.unmerge(record):
                    ended.append(record)
                    continue
                ended.extend([*(record.merged or ()), record])
                queue.leave(record)

    assert sorted(record.number for record in ended) == list(range(len(records)))
    for key in "abcdef":
        written = [
            each.number for each in ended if ("key", key) in each.locks and not stood_down(each, ended)
        ]
        assert written == sorted(written)


def stood_down(record, ended):
    """Refused after it had taken the place of an earlier one, which then came after it."""
    place = ended.index(record)
    return any(set(each.locks) == set(record.locks) and each.number < record.number for each in ended[place:])
