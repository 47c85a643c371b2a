"""Calls that are taken apart: when Bigin is to blame and not a record, the run ends, and soon."""

from __future__ import annotations

import pytest

from bigin_api import InvalidRequest, ServerError
from bigin_api.errors import ConnectionFailed
from target_bigin.concurrency.batcher import Batcher
from target_bigin.concurrency.division import Division

FAILS = ServerError("Bigin fails at it.")
OF_ALL = InvalidRequest("no", code="NO_PERMISSION")
OF_ONE = InvalidRequest("no", code="INVALID_DATA")


class Bigin:
    """Whether it answers at all, and how often it was asked that."""

    def __init__(self, *, is_up: bool) -> None:
        self._is_up = is_up
        self.asked = 0

    async def is_up(self) -> bool:
        self.asked += 1
        return self._is_up


def result_of(coroutine):
    """What it gives: nothing here ever waits."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


def test_two_that_are_refused_alone_before_anything_was_taken_speak_for_all():
    """No permission for the module: a hundred calls more would say the same, a credit each."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    assert division.cut([1, 2, 3, 4, 5], OF_ALL) == [[1], [5], [2, 3, 4]]
    assert division.cut([1], OF_ALL) == []
    assert division.cut([2, 4], OF_ALL) == [[2], [4]]
    assert division.closed is None
    assert division.cut([5], OF_ALL) == []
    assert division.closed is OF_ALL
    assert division.cut([2, 3, 4], OF_ALL) == []


def test_once_something_was_taken_a_hundred_in_a_row_speak_for_all():
    """Until then each may be refused for itself, whatever the code says; what is taken begins the count anew."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)
    for refused in (5, 99, 99):
        division.taken()
        for _ in range(refused):
            assert division.cut([1], OF_ALL) == []
        assert division.cut([1, 2, 3, 4], OF_ALL) == [[1, 2], [3, 4]]
    assert division.closed is None

    division.cut([1], OF_ALL)

    assert division.closed is OF_ALL


def test_a_refusal_for_the_sake_of_one_never_speaks_for_all():
    """A whole file of bad records is refused one by one, each with its own reason."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    assert division.cut([1, 2, 3, 4, 5], OF_ONE) == [[1, 2], [3, 4, 5]]
    assert division.cut([1, 2], OF_ONE) == [[1], [2]]
    assert [division.cut([1], OF_ONE) for _ in range(200)] == [[]] * 200
    assert division.closed is None


def test_no_item_is_left_out_when_single_ones_were_refused_and_all_others_fail():
    """A refusal is told, and is no sign that the others go through: nobody would have told what became of them."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    async def attempt(part, _patiently):
        return part if len(part) > 1 else ()

    with pytest.raises(ServerError):
        result_of(division.culprits([1, 2, 3, 4, 5], FAILS, attempt))


async def fail(part, _patiently):
    """Tries it in vain."""
    return part


def test_where_all_fail_alone_it_is_bigin_and_none_of_them():
    """A write that fails for all of three records would otherwise reject them all."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)
    division.taken()

    with pytest.raises(ServerError):
        result_of(division.culprits([1, 2, 3], FAILS, fail))


def test_an_item_is_tried_patiently_before_it_is_blamed():
    """It may have been a moment's trouble."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    async def succeed_if_patient(part, patiently):
        return () if patiently else part

    assert result_of(division.culprits([1], FAILS, succeed_if_patient)) == []


def test_where_one_went_through_after_all_every_other_is_tried_patiently():
    """Bigin stumbles here and there: that three fail again says nothing of the rest."""
    division, patient = Division(Bigin(is_up=True).is_up, others_work=lambda: True), []

    async def attempt(part, patiently):
        if patiently:
            patient.extend(part)
        if list(part) == [8] or (patiently and list(part) == [0]):
            division.taken()
            return ()
        return part

    assert sorted(result_of(division.culprits(range(9), FAILS, attempt))) == list(range(1, 8))
    assert sorted(patient) == list(range(8))


@pytest.mark.parametrize("ends_well", [True, False])
def test_nobody_is_blamed_while_bigin_is_down(ends_well):
    """It went down while the call was taken apart; where all went through at last, it need not be asked."""
    bigin = Bigin(is_up=False)
    division = Division(bigin.is_up, others_work=lambda: True)

    async def attempt(part, patiently):
        if part == [1] or (patiently and ends_well):
            division.taken()
            return ()
        return part

    dividing = division.culprits([1, 2, 3], FAILS, attempt)
    if ends_well:
        assert (result_of(dividing), bigin.asked) == ([], 0)
    else:
        with pytest.raises(ServerError):
            result_of(dividing)


def test_where_each_was_refused_none_is_to_blame_for_the_failure():
    """They have been told why, and the run goes on."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    async def refuse(_part, _patiently):
        return ()

    assert result_of(division.culprits([1, 2, 3], FAILS, refuse)) == []


def test_of_single_ones_in_a_row_the_first_alone_is_blamed():
    """A question that had a call of its own may be the cause; two of them are rather a Bigin that is down."""
    division = Division(Bigin(is_up=True).is_up, others_work=lambda: True)

    assert result_of(division.culprits([1], FAILS, fail)) == [1]
    with pytest.raises(ServerError):
        result_of(division.culprits([2], FAILS, fail))
    division.taken()
    assert result_of(division.culprits([3], FAILS, fail)) == [3]


@pytest.mark.parametrize(("any_taken", "is_up"), [(False, True), (True, False)])
def test_a_single_write_is_not_blamed_while_no_write_goes_through(any_taken, is_up):
    """A question may be odd in itself; what is wrong with a write, only others that go through tell."""
    division = Division(Bigin(is_up=is_up).is_up, others_work=lambda: False)
    if any_taken:
        division.taken()

    with pytest.raises(ServerError):
        result_of(division.culprits([1], FAILS, fail))


@pytest.mark.parametrize("is_up", [True, False])
def test_after_twenty_failures_in_a_row_it_is_asked_whether_bigin_answers(is_up):
    """It may have gone down in the midst: each further part would cost a call and its credits for nothing."""
    bigin, tried = Bigin(is_up=is_up), []
    division = Division(bigin.is_up, others_work=lambda: True)

    async def attempt(part, patiently):
        tried.append(patiently)
        if len(tried) == 1:
            division.taken()
            return ()
        return part

    dividing = division.culprits(range(100), FAILS, attempt)
    if is_up:
        assert sorted(result_of(dividing)) == list(range(1, 100))
        failures = 2 + 97 + 96  # two alone, 97 halved until each of them is alone
        assert bigin.asked == failures // 20 + 1  # and once at the end
        # Of those that failed alone three are tried patiently, which is enough to believe it of the others.
        assert (tried.count(False), tried.count(True)) == (1 + failures + 96, 3)
    else:
        with pytest.raises(ServerError):
            result_of(dividing)
        assert (len(tried), bigin.asked) == (21, 1)


class Asked:
    """A batcher that notes its calls; ``answer`` may raise for what they hold."""

    def __init__(self, run, answer, *, size=5):
        self.calls = []
        self._run = run

        def ask(questions):
            self.calls.append(list(questions))
            answer(questions)
            return {key: f"{question}!" for key, question in questions.items()}

        self.questions = Batcher(run.tasks, ask, size=size)

    def results(self, *keys):
        """What each key gets, all asked at once."""

        async def one(key):
            return await self.questions.ask(key, key.upper())

        return self._run.results(*map(one, keys), flush=self.questions.flush)


def raising(error, *, for_="x"):
    def answer(questions):
        if for_ in questions or not for_:
            raise error

    return answer


def test_as_many_questions_share_a_call_as_it_takes(run):
    """A full call is asked at once, the rest when nobody joins it."""
    asked = Asked(run, raising(None), size=2)

    async def one(key):
        return await asked.questions.ask(key, key.upper())

    for key in "abc":
        run.tasks.create_task(one(key))
    waiting = [asked.questions.is_asking(key) for key in "abcd"]
    in_flight = len(run.tasks)
    asked.questions.flush()
    run.land()

    assert (waiting, in_flight) == ([True, True, True, False], 1)
    assert asked.calls == [["a", "b"], ["c"]]
    assert asked.results(*"abcde") == [f"{key}!" for key in "ABCDE"]
    assert asked.calls[2:] == [["a", "b"], ["c", "d"], ["e"]]
    assert not asked.questions.is_asking("a")


def test_a_refusal_reaches_the_one_that_it_is_about(run):
    """The call is made again in halves; all others are answered."""
    asked = Asked(run, raising(OF_ONE))

    assert asked.results(*"abxcd") == ["A!", "B!", OF_ONE, "C!", "D!"]
    assert asked.calls == [[*"abxcd"], [*"ab"], [*"xcd"], ["x"], [*"cd"]]


def test_a_refusal_that_speaks_of_all_ends_the_asking(run):
    """Whoever asks from then on costs no call."""
    asked = Asked(run, raising(OF_ALL, for_=""))

    assert asked.results(*"abcde") == [OF_ALL] * 5
    assert asked.results("f") == [OF_ALL]
    assert asked.calls == [[*"abcde"], ["a"], ["e"]]


def test_once_a_call_went_through_no_refusal_speaks_of_all(run):
    """It may be one of theirs."""
    asked = Asked(run, raising(OF_ALL))

    assert asked.results("a") == ["A!"]
    assert asked.results(*"xbc") == [OF_ALL, "B!", "C!"]
    assert asked.results("x") == asked.results("x") == [OF_ALL]
    assert asked.results("d") == ["D!"]


def test_what_a_call_fails_at_is_found_and_not_asked_for_again(run):
    """It is tried once more, patiently; then it has a refusal for its answer."""
    asked = Asked(run, raising(FAILS))

    *others, blamed = asked.results(*"abcdx")
    calls = len(asked.calls)
    again = asked.results("x")

    assert others == ["A!", "B!", "C!", "D!"]
    assert isinstance(blamed, InvalidRequest)
    assert again == [blamed]
    assert (asked.calls[0], asked.calls[-1], len(asked.calls)) == ([*"abcdx"], ["x"], calls)
    assert asked.calls.count(["x"]) == 2


@pytest.mark.parametrize(
    ("error", "calls"), [(ConnectionFailed("it never left", may_have_happened=False), 1), (FAILS, 4)]
)
def test_where_bigin_is_away_nobody_is_blamed(run, error, calls):
    """Whoever asked gets the error: the run ends by it. What was not even sent is not taken apart."""
    asked = Asked(run, raising(error, for_=""))

    assert asked.results(*"abc") == [error] * 3
    assert len(asked.calls) == calls
