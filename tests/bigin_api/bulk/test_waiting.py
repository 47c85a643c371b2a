"""Waiting: for a turn to download, and for a job, with as few questions as may be."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigin_api import BulkJobFailed, BulkJobUnfinished, BulkRead, BulkReadJob
from bigin_api.bulk.polling import poll_waits
from bigin_api.http.gate import Pace


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def job(state: str, error: str | None = None) -> BulkReadJob:
    return BulkReadJob("17", state, error=error)


class Jobs(BulkRead):
    """Answers questions about a job with the states in turn, then with the last one for ever."""

    def __init__(self, clock: Clock, *states: str) -> None:
        super().__init__(None, pause=clock.sleep)
        self.states = list(states)
        self.questions = 0

    def status(self, job_id: str) -> BulkReadJob:
        assert job_id == "17"
        self.questions += 1
        return job(self.states.pop(0) if len(self.states) > 1 else self.states[0])


@given(st.lists(st.floats(0, 200), min_size=12, max_size=60))
def test_no_minute_has_more_than_ten_starts(gaps):
    """One download too many is refused, and with it all others until the minute ends."""
    clock = Clock()
    pace = Pace(10, 60, pause=clock.sleep, clock=clock)

    starts = []
    for gap in gaps:
        clock.time += gap
        pace.wait()
        starts.append(clock.time)

    assert all(later - earlier >= 60 - 1e-9 for earlier, later in zip(starts, starts[10:], strict=False))


def test_the_first_ten_wait_for_nothing():
    """Most runs have fewer files than that."""
    clock = Clock()
    pace = Pace(10, 60, pause=clock.sleep, clock=clock)

    for _ in range(10):
        pace.wait()

    assert clock.waits == []


def test_threads_line_up_behind_each_other():
    """Those who wait at once must not all take the same free place."""
    waits: list[float] = []
    pace = Pace(2, 60, pause=waits.append, clock=lambda: 0.0)

    with ThreadPoolExecutor(6) as pool:
        for each in [pool.submit(pace.wait) for _ in range(6)]:
            each.result()

    assert sorted(waits) == [60, 60, 120, 120]


def test_a_job_is_asked_about_ever_more_seldom():
    """Each question is a credit: an hour's job must not cost as much as its records would."""
    clock = Clock()
    jobs = Jobs(clock, "QUEUED", "IN PROGRESS", "IN PROGRESS", "COMPLETED")

    ended = jobs.wait(job("ADDED"), patience=3600)

    assert ended.done
    assert clock.waits == [2, 4, 8, 16]


@pytest.mark.parametrize(
    ("rows", "waits"),
    [
        (None, [2, 4, 8, 16, 32, 60, 60]),
        (200_000, [12, 24, 48, 60, 60, 60, 60]),
        (10_000_000, [60] * 7),
    ],
)
def test_the_first_wait_grows_with_the_rows(rows, waits):
    """200,000 rows take their time: to ask after two seconds would be a credit for nothing."""
    assert list(islice(poll_waits(rows), 7)) == waits


def test_a_job_that_is_done_is_not_asked_about():
    """What is known costs nothing."""
    clock = Clock()
    jobs = Jobs(clock, "COMPLETED")

    jobs.wait(job("COMPLETED"), patience=60)

    assert (jobs.questions, clock.waits) == (0, [])


def test_a_job_that_failed_says_why():
    """The caller reads by other means; a person wants Bigin's reason."""
    with pytest.raises(BulkJobFailed, match=r"Bulk read job 17 failed \(INTERNAL_SERVER_ERROR\)") as raised:
        Jobs(Clock(), "x").wait(job("FAILED", "INTERNAL_SERVER_ERROR"), patience=60)

    assert (raised.value.job_id, raised.value.code) == ("17", "INTERNAL_SERVER_ERROR")


def test_a_job_whose_state_is_never_told_is_not_asked_for_an_hour():
    """Nor is it taken for failed: it may write all the same."""
    jobs = Jobs(Clock(), "")

    with pytest.raises(BulkJobUnfinished, match="still UNKNOWN after 62 s"):
        jobs.wait(job(""))

    assert jobs.questions == 5


def test_a_state_that_is_known_begins_the_count_of_others_anew():
    """Some answers without one are no job that is lost."""
    states = ["", "NEW", "", "", "QUEUED", "", "", "", "", "", "COMPLETED"]

    assert Jobs(Clock(), *states).wait(job("ADDED"), patience=3600).done
    jobs = Jobs(Clock(), "QUEUED", "")
    with pytest.raises(BulkJobUnfinished):
        jobs.wait(job("ADDED"))
    assert jobs.questions == 7


def test_patience_ends_with_the_jobs_id():
    """The job goes on at Bigin and is paid for: the next run asks for it again."""
    clock = Clock()
    jobs = Jobs(clock, "IN PROGRESS")

    with pytest.raises(BulkJobUnfinished, match=r"job 17 is still IN PROGRESS after 100 s") as raised:
        jobs.wait(job("ADDED"), patience=100)

    assert raised.value.job_id == "17"
    assert sum(clock.waits) == 100
    assert jobs.questions == len(clock.waits) == 6


@pytest.mark.parametrize(
    ("patience", "waits"),
    [(0, []), (2, [2]), (2.5, [2, 0.5]), (5.5, [2, 3.5]), (6, [2, 4]), (6.5, [2, 4, 0.5])],
)
def test_patience_is_used_up_and_no_more(patience, waits):
    """Each question costs a credit: one when the time is over, and none after it."""
    clock = Clock()

    with pytest.raises(BulkJobUnfinished):
        Jobs(clock, "ADDED").wait(job("ADDED"), patience=patience)

    assert clock.waits == waits
