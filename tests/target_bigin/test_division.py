"""Calls that are taken apart: when Bigin is to blame and not a record, the run ends, and soon."""

from __future__ import annotations

import pytest

from bigin_api import ServerError
from target_bigin.concurrency.division import IN_A_ROW, SURE, Division

FAILS = ServerError("Bigin fails at it.")


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


def test_no_item_is_left_out_when_single_ones_were_refused_and_all_others_fail():
    """A refusal is told, and is no sign that the others go through: nobody would have told what became of them."""
    division = Division(Bigin(is_up=True).is_up)

    async def attempt(part, _patiently):
        return part if len(part) > 1 else ()

    with pytest.raises(ServerError):
        result_of(division.culprits([1, 2, 3, 4, 5], FAILS, attempt))


@pytest.mark.parametrize("is_up", [True, False])
def test_after_twenty_failures_in_a_row_it_is_asked_whether_bigin_answers(is_up):
    """It may have gone down in the midst: each further part would cost a call and its credits for nothing."""
    bigin, tried = Bigin(is_up=is_up), []
    division = Division(bigin.is_up)

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
        assert bigin.asked == failures // IN_A_ROW + 1  # and once at the end
        assert (tried.count(False), tried.count(True)) == (1 + failures + 99 - SURE, SURE)
    else:
        with pytest.raises(ServerError):
            result_of(dividing)
        assert (len(tried), bigin.asked) == (1 + IN_A_ROW, 1)
