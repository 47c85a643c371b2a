"""A stream that writes without a Bigin: its calls are answered from a list, and what they say is noted."""

from __future__ import annotations

from types import SimpleNamespace

from bigin_api import ConnectionFailed, InvalidRequest, Module, ServerError, WriteResult
from bigin_api.http.meter import ServerClock
from support.rows import keep_end
from target_bigin.files.id_map import IdMap
from target_bigin.files.journal import Journal
from target_bigin.records.account import Account
from target_bigin.records.order import Order
from target_bigin.records.record import Record
from target_bigin.writing.calls import RecordWriter
from target_bigin.writing.insert_gate import InsertGate
from target_bigin.writing.insert_recovery import Lost
from target_bigin.writing.queue import Queue

LOST = ConnectionFailed("cut off", may_have_happened=True)
FAILED = ServerError("failed", code="INTERNAL_ERROR")
UNSAID = InvalidRequest("<html>")
DONE = WriteResult(True, id="7")


def failed(code, **more):
    return WriteResult(False, code, "no", **more)


class Bigin:
    """Answers each call by the next of the answers, further ones well, and writes down what it is told."""

    def __init__(self, *answers):
        self.answers = [*answers, DONE]
        self.told = []

    def _answer(self, bodies):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(bodies)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, list) else [answer] * len(bodies)

    def __getattr__(self, name):
        def call(module, bodies, **more):
            self.told.append((name, module, bodies, more))
            return self._answer(bodies)

        return call


class Gate(InsertGate):
    """Finds these records after all, by number, and writes down of which it was asked; whether nothing is at work."""

    def __init__(self, *args, found, **more):
        super().__init__(*args, **more)
        self.found, self.doubtful = found or {}, {}
        self.asked, self.may_wait, self.made = [], [], []

    async def inquire(self, context, records, *, since, until, may_wait):
        numbers = [each.number for each in records]
        self.asked.append((numbers, until == float("-inf")))
        self.until, self.may_wait = until, [*self.may_wait, may_wait]
        if isinstance(self.found, Exception):
            raise self.found
        found, self.doubtful = self.doubtful, {}
        lost = Lost(records, since, until, since, doubtful=found)
        lost.found = {number: self.found[number] for number in numbers if number in self.found}
        lost.unsettled = frozenset(lost.doubtful) if may_wait else frozenset()
        return lost

    def ended(self, token, ids=()):
        self.made.append(ids)
        super().ended(token, ids)


class Stream:
    """Records that wait in a queue, and the writer that sends them."""

    def __init__(self, run, *answers, size=2, trigger=("workflow",), max_retries=1, found=None, journal=None):
        self.run, self.bigin = run, Bigin(*answers)
        self.ended, self.account = {}, Account("people")
        self.queue = Queue(Order(run.tasks), run.tasks, merge=False)
        run.settings.batch_size, run.settings.trigger = size, trigger
        clock = ServerClock()
        run.client = SimpleNamespace(
            clock=clock, limits=SimpleNamespace(max_retries=max_retries, request_timeout=1)
        )
        run.has_written = SimpleNamespace(is_set=lambda: self.written, set=self._note_written)
        self.written = False
        self.context = context = SimpleNamespace(
            stream="people",
            run=run,
            module=Module("Contacts"),
            account=self.account,
            client=SimpleNamespace(records=self.bigin),
        )
        self.gate = Gate(
            "Contacts", run.tasks, clock, found=found, journal=journal or Journal(None), id_map=IdMap()
        )
        self.writer = RecordWriter(context, self.queue, check_fields=("Email", "Phone"), gate=self.gate)

    def _note_written(self):
        self.written = True

    def take(self, *records):
        for each in records:
            self.run.tasks.create_task(keep_end(self.queue, each, self.ended))
        return records

    def send(self, *records):
        """Until all that can be sent has been."""
        self.take(*records)
        self.run.land(lambda: self.writer.pump(flush=True))
        assert self.run.errors == []
        return self.ended

    def pump_until_nobody_sleeps(self):
        """Until all that waits has been sent, also what goes once more after a while."""

        def step():
            self.writer.pump(flush=True)
            self.run.tasks.wake_sleepers()

        self.run.land(step)
        while self.run.tasks.sleeping:
            self.run.land(step)


def contacts(count, operation="upsert", **more):
    return [
        Record(number, "people", {}, {"Last_Name": f"Berg {number}"}, operation, id=f"id{number}", **more)
        for number in range(count)
    ]
