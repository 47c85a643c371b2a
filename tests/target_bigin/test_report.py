"""The end of a run in a few lines: what each stream became, and what it cost."""

from __future__ import annotations

from collections import Counter

from bigin_api import Spent
from target_bigin.records.account import Account
from target_bigin.records.record import Reject
from target_bigin.records.report import report

SPENT = Spent(calls=9, credits=12, by_label={"people": 7}, calls_by_label={"people": 5}, remaining=4000)
NO = ("rejected", "INVALID_DATA", "Email")
SELDOM = ("unmatched", "NOT_FOUND", None)


def people() -> Account:
    return Account(
        "people",
        "Contacts",
        read=7,
        outcomes=Counter(inserted=2, merged=1),
        rejects=Counter({SELDOM: 1, NO: 2}),
        examples={SELDOM: (1, Reject("unmatched", "NOT_FOUND", "nobody")), NO: (3, Reject(*NO[:2], "no"))},
        notes=Counter({"matched on Phone, not on Email": 1}),
        planned_credits=3,
        begun=100.0,
        ended=102.5,
    )


def test_a_run_tells_every_record_and_what_was_paid():
    """Somebody reads it in the morning: each record is in one of the counts, and the most frequent reason first."""
    assert report([people(), Account("later")], SPENT, seconds=4.0) == [
        (
            "people → Contacts: read 7, inserted 2, updated 0, merged 1, unchanged 0, rejected 3, "
            "not settled 1; 5 calls, 7 credits, 2.5 s."
        ),
        "  matched on Phone, not on Email: 1",
        "  2 rejected: INVALID_DATA Email, first in record 3: no",
        "  1 unmatched: NOT_FOUND, first in record 1: nobody",
        "later: read 0, inserted 0, updated 0, unchanged 0, rejected 0; 0 calls, 0 credits, 0.0 s.",
        "Run: 9 calls, 12 credits, 4000 remain today, 4.0 s.",
    ]


def test_only_a_dry_run_says_that_nothing_was_written():
    """And what the run itself would take."""
    first, *_, last = report([people()], SPENT, seconds=4.0, of_the_run=Spent(calls=2, credits=5))

    assert first.startswith("[nothing was written] people → Contacts: read 7, ")
    assert first.endswith(" 2.5 s. Writing would have cost 3 credits.")
    assert (
        last
        == "[nothing was written] The run itself would take 2 calls and 5 credits, with all that it asks."
    )


def test_a_stream_of_which_nothing_came_took_no_time():
    """It was opened and read, and the run ended before anything of it was settled."""
    account = Account("people", read=1, begun=100.0)

    assert report([account], Spent(calls=0, credits=0), seconds=4.0) == [
        (
            "people: read 1, inserted 0, updated 0, unchanged 0, rejected 0, not settled 1; "
            "0 calls, 0 credits, 0.0 s."
        ),
        "Run: 0 calls, 0 credits, 4.0 s.",
    ]
