"""The client of a dry run: the run itself is the same, and only here its calls that write end.

A call that writes is priced and answered as Bigin is known to answer; all others go to Bigin. What Bigin
has to be asked for such an answer (COQL, 1 credit for 50 values) the run itself would not spend: it is
counted apart.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from bigin_api import BiginError, Client, TransientError
from bigin_api.client import Labelled
from bigin_api.http.calls import Call, Reply
from bigin_api.http.meter import Meter
from bigin_api.http.retry import Retry
from bigin_api.settings import ClientSettings
from target_bigin.foresight.answers import Answers
from target_bigin.records.forecast import Forecast

QUESTIONS = "(asked by the dry run alone)"


class DryClient(Client):
    """Sends nothing that writes. ``forecast``: what would have been done by now."""

    def __init__(self, settings: ClientSettings, **more: Any) -> None:
        limits = settings.limits
        super().__init__(replace(settings, limits=replace(limits, credit_budget=None)), **more)
        self.forecast = Forecast()
        self.answers = Answers(Labelled(self, QUESTIONS), self.forecast)
        self.of_the_run = Meter(
            limits.credit_budget
        )  # what all its calls would have cost; it ends where the run would
        self._asked = Meter(limits.credit_budget)  # ... and asks for no more than that beside
        self.planned = Meter()  # what the calls would have cost that were not made
        self._at_once = Retry(limits.max_retries, jitter=lambda _longest: 0.0)

    def send(self, call: Call) -> Reply:
        """Bigin's answer, or the one that it would give."""
        if call.label == QUESTIONS:
            return self._ask(call)
        foreseen = self._at_once.run(call, lambda _made: self._foresee(call))
        return foreseen or self.answers.amended(call, super().send(call))

    def _ask(self, call: Call) -> Reply:
        self._asked.charge(call)
        try:
            return super().send(call)
        except TransientError as error:
            error.retry_after = inf  # it was tried: what is to be foreseen is not tried again for it
            raise

    def _foresee(self, call: Call) -> Reply | None:
        """None: Bigin is to be asked."""
        self.of_the_run.charge(call)
        try:
            foreseen = self.answers.answer(call)
        except BiginError:
            self.planned.charge(call)  # a refusal is paid for, too
            raise
        if foreseen is not None:
            self.planned.charge(call)
        return foreseen

    def plan(self, call: Call) -> None:
        """Price a call that is not made, and foreseen elsewhere. Raises CreditBudgetReached."""
        self.of_the_run.charge(call)
        self.planned.charge(call)
