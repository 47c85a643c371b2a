"""The end of a run in a few lines: what each stream became, and what it cost."""

from __future__ import annotations

from collections import Counter

import pytest

from bigin_api import Spent
from bigin_api.run_files.run_report import Rejects, RunReport, StreamRun
from target_bigin.records.account import Account
from target_bigin.records.record import Reject
from target_bigin.records.report import report, run_report

SPENT = Spent(
    calls=9,
    credits=12,
    by_endpoint={"POST /Contacts/upsert": 7},
    by_label={"people": 7},
    calls_by_label={"people": 5},
    remaining=4000,
)
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
        ended=102.54,
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


@pytest.mark.parametrize("of_the_run", [None, Spent(calls=2, credits=5)])
def test_a_report_says_the_same_to_programs(of_the_run):
    """Only a dry run has a plan."""
    is_dry = of_the_run is not None

    assert run_report([people()], SPENT, of_the_run=of_the_run) == RunReport(
        program="target-bigin",
        calls=9,
        credits=12,
        credits_remaining=4000,
        credits_by_endpoint={"POST /Contacts/upsert": 7},
        dry_run=is_dry,
        of_the_run={"calls": 2, "credits": 5} if is_dry else None,
        streams=[
            StreamRun(
                stream="people",
                module="Contacts",
                records=7,
                outcomes={"inserted": 2, "merged": 1},
                rejected=3,
                rejects=[
                    Rejects(kind="rejected", code="INVALID_DATA", field="Email", count=2, example="no"),
                    Rejects(kind="unmatched", code="NOT_FOUND", count=1, example="nobody"),
                ],
                calls=5,
                credits=7,
                planned_credits=3 if is_dry else None,
                seconds=2.5,
            )
        ],
    )


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
