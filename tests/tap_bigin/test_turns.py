"""Whose turn it is within a budget, and how large one must be for a stream to come further."""

from __future__ import annotations

import pytest

from tap_bigin.discovery.turns import Turns

NINE, TEN, ELEVEN = (f"2026-05-14T{hour:02}:00:00Z" for hour in (9, 10, 11))


def test_what_is_under_way_goes_first_and_then_what_has_waited_longest():
    """None takes the budget every time, and each scan comes to its end."""
    entries = {
        "a_under_way_late": {"turn": ELEVEN, "pass": {}},
        "b_under_way": {"turn": TEN, "pass": {}},
        "c_late": {"turn": ELEVEN},
        "d_early": {"turn": NINE, "replication_key_value": ELEVEN},
        "e_by_bookmark": {"replication_key_value": TEN},
        "f_late_too": {"turn": ELEVEN},
        "h_nothing_known": None,
    }

    assert Turns(12, entries).in_order([*reversed(entries), "g_never", "deleted_records"]) == [
        "b_under_way",
        "a_under_way_late",
        "deleted_records",  # what it reads, streams of modules need not read
        "g_never",
        "h_nothing_known",
        "d_early",
        "e_by_bookmark",
        "c_late",
        "f_late_too",
    ]


@pytest.mark.parametrize(("budget", "most"), [(1, 1), (2, 1), (3, 1), (4, 2), (12, 6)])
def test_half_of_a_budget_at_most_goes_into_descriptions(budget, most):
    """One module at least, or no run would ever know one."""
    assert Turns(budget, {}).most_described == most


@pytest.mark.parametrize(
    ("budget", "stream", "metadata", "undescribed", "least"),
    [
        (8, 21, 2, 0, 23),
        (8, 21, 2, 3, 26),
        (8, 21, 2, 60, 37),  # of which a larger budget describes more
        (8, 5, 2, 0, 18),  # each try brings ten more, at least
        (8, 5, 2, 60, 18),
        (20, 30, 0, 0, 30),
        (20, 30, 0, 6, 36),
        (20, 30, 0, 60, 39),
    ],
)  # fmt: skip
def test_the_least_budget_is_one_that_is_large_enough_and_no_larger(
    budget, stream, metadata, *, undescribed, least
):
    """What a person reads there is set, and must bring the stream further at once."""
    assert Turns(budget, {}).least(stream, metadata=metadata, undescribed=undescribed) == least
