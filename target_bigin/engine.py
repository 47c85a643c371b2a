"""The run itself, without Singer: streams are opened, records taken, calls settled, states released."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from bigin_api import BiginError, Client, InFlight
from bigin_api.errors import did_you_mean
from bigin_api.progress import Progress, Row
from bigin_api.run_files.run_report import RunFile
from target_bigin.concurrency.tasks import SLICE, Tasks
from target_bigin.files.reject_log import RejectLog
from target_bigin.foresight.client import DryClient
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Fields
from target_bigin.records.report import report, run_report
from target_bigin.schema.context import Run, Schema
from target_bigin.settings import TargetSettings
from target_bigin.settings_schema import EVERY_STREAM
from target_bigin.streams.opening import Opener
from target_bigin.streams.shared import Shared
from target_bigin.streams.stream import COMPANY, Stream

logger = logging.getLogger("target-bigin")

MOST_OPEN = 20_000  # records read and not settled, beyond which reading waits for what is in flight
GRACE = 25.0  # seconds for what is in flight when the run ends early; then waiting calls are given up
NAP = 0.05  # seconds between looks while nothing but the next try of a record is awaited
RECORDS_A_SECOND = 10_000.0  # read count as a second of waiting for company: a bulk job may take 25,000


class Engine:
    """One run. Everything is called on the main thread.

    ``emit`` gets each state that may go out: one of which every record read before it is settled.
    """

    def __init__(self, config: Mapping[str, Any], *, emit: Callable[[Any], None]) -> None:
        self.settings = TargetSettings.from_mapping(config)
        self._emit: Callable[[Any], None] | None = emit  # None once nobody reads states
        self._begun = time.monotonic()
        self._run_file = RunFile(config)
        self._rejects = RejectLog(self.settings.rejects_path, dry_run=self.settings.dry_run)
        self.ledger = Ledger(self._rejects.write)
        if not self.settings.dry_run:
            self.ledger.on_good = self._rejects.note_good
        self._dry = DryClient.from_settings(config) if self.settings.dry_run else None
        self.client: Client = self._dry or Client.from_settings(config)
        self._pool = InFlight(self.client.limits.max_concurrent_requests, name="target-bigin")
        self.tasks = Tasks(self._pool, on_error=self._fail, check=self.check, is_up=self.client.is_answering)
        run = Run(self.settings, self.client, self.tasks, self._dry.forecast if self._dry else None)
        self._shared = Shared(run, self.ledger)
        self._opener = Opener(self._shared, self._rejects)
        self._streams: list[Stream] = []
        self._error: BaseException | None = None
        self._is_closed = False
        self._is_read = False  # the input has ended, so that it is known how much there is
        self._waited = 0.0  # seconds for which no input came
        self._asked = 0.0
        self._progress = Progress(self._rows, logger, makes_room=True)

    def open_stream(self, schema: Schema, first: Fields | None = None) -> Stream | None:
        """The stream, as its schema describes it now; None if its ``first`` record must be seen for that.

        Raises SettingsError if it cannot be written as configured, before anything of it is written.
        """
        opened = self._opener.open(schema, first)
        if opened is not None:
            if not self._streams:
                self._progress.start()
            self._streams.append(opened)
        return opened

    def take(self, stream: Stream, raw: Fields) -> None:
        """A record was read. Waits while too much is under way."""
        stream.take(raw)
        while stream.is_full or (self.ledger.open > MOST_OPEN and len(self.tasks)):
            self.check()
            self._go_on(timeout=SLICE)

    def queue_state(self, value: Any) -> None:
        """A state was read; it goes out when all records before it are settled."""
        self.ledger.queue_state(value)

    def tick(self, waited: float = 0.0) -> None:
        """Settle what has ended, send what has waited, release states. Called often.

        ``waited``: seconds for which no input came since the last time.
        """
        self._waited += waited
        self.check()
        self._go_on()

    def terminate(self, reason: str) -> None:
        """Ask for the end, from a signal handler: the next ``check`` raises BiginError."""
        self._error = self._error or BiginError(reason)

    def check(self) -> None:
        """Raises what ends the run early."""
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """The input has ended: settle everything, then report. Raises BiginError."""
        self._is_read = True
        self._drain()
        unbalanced = self.ledger.imbalance()
        self._close(in_good_order=not unbalanced)
        for stream in self.settings.streams:
            if stream != EVERY_STREAM and stream not in self.ledger.accounts:
                hint = did_you_mean(stream, self.ledger.accounts, otherwise=".")
                logger.warning("streams.%s is configured, but no such stream came%s", stream, hint)
        if unbalanced:
            raise BiginError(f"The account does not balance, this is a fault of target-bigin: {unbalanced}.")
        if self.ledger.rejected > self.settings.max_rejects:
            raise BiginError(
                f"{_rejected(self.ledger.rejected)}, max_rejects is {self.settings.max_rejects}. "
                f"Everything else {'would be' if self._dry else 'is'} written. "
                f"The reasons are in {self.settings.rejects_path}."
            )

    def abort(self) -> None:
        """The run ends early: settle what is in flight, release what is safe, report."""
        if self._is_closed:
            return
        deadline = time.monotonic() + GRACE
        is_over = False
        while not is_over:
            with contextlib.suppress(BiginError):  # the run ends already, and for the first reason
                self.tasks.land(timeout=SLICE)
                self._complete()
                self._release_states()
            is_over = not len(self.tasks)
            if time.monotonic() > deadline:
                self.client.close()
        with contextlib.suppress(BiginError):
            self._close(in_good_order=False)

    def _go_on(self, *, timeout: float = 0.0) -> bool:
        """Whether a call ended, or a record."""
        open_before = self.ledger.open
        landed = self.tasks.land(timeout=timeout)
        self.tasks.wake_sleepers()
        # Who waits for company is told no time of the clock: a slow machine would cut other calls than a
        # fast one, and a dry run other ones than the run. It passes with silence and with what is read.
        now = self._waited + self.ledger.taken / RECORDS_A_SECOND
        asks = now - self._asked >= COMPANY
        self._asked = now if asks else self._asked
        if asks:
            self._shared.directory.ask()
            self._shared.directory.create_now()
        self._shared.tick()
        for stream in self._streams:
            stream.tick(now, asks=asks)
        self._release_states()
        return bool(landed) or self.ledger.open != open_before

    def _flush(self) -> bool:
        """Let go what waits for company that will not come; whether anything moved.

        Questions first, for their answers may be company: once nothing is asked, what is to be written; then
        what is to be created since nobody brought it, and once that is written, what completes it.
        """
        open_before = self.ledger.open
        for step in (self._ask, self._send, self._shared.directory.create_now, self._complete):
            self._shared.tick()
            if step() or len(self.tasks) or self.ledger.open != open_before:
                return True
        return False

    def _ask(self) -> None:
        self._shared.directory.ask()
        for stream in self._streams:
            stream.ask()

    def _send(self) -> None:
        for stream in self._streams:
            stream.send()

    def _complete(self) -> None:
        for stream in self._streams:
            stream.complete()

    def _drain(self) -> None:
        is_finished = False
        while True:
            self.check()
            if self._go_on(timeout=SLICE) or len(self.tasks) or self._flush():
                is_finished = False
            elif self.tasks.sleeping:
                time.sleep(NAP)
            elif is_finished:
                self.check()
                return
            else:
                open_before = self.ledger.open
                for stream in self._streams:
                    stream.finish()
                self._shared.finish()
                # A record that this ended may have held another one back, about which to decide, too.
                is_finished = self.ledger.open == open_before

    def _release_states(self) -> None:
        if self.settings.dry_run or self._emit is None:
            return  # of a dry run: the next one is to do what this one only told
        state = self.ledger.due_state()
        if state is not None:
            self._shared.tick()  # what it covers must be on disk
            try:
                with self._progress.aside():
                    self._emit(state)
            except OSError as error:
                self._emit = None
                reason = error.strerror or type(error).__name__
                raise BiginError(
                    f"The state cannot be written to stdout ({reason}). What is in flight is settled; the "
                    "next run goes on from the last state that got through."
                ) from error
            self._shared.journal.covered(self.ledger.covered_up_to)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error

    def _close(self, *, in_good_order: bool) -> None:
        """Close everything, whatever cannot be closed, and report."""
        self._is_closed = True
        with contextlib.ExitStack() as closing:
            closing.callback(self._report, in_good_order=in_good_order)
            closing.callback(self.client.close)
            closing.callback(self._pool.close)
            closing.callback(self._rejects.close)
            closing.callback(self._progress.stop)
            closing.callback(
                self._shared.close, in_good_order=in_good_order, streams=tuple(self.ledger.accounts)
            )

    def _rows(self) -> list[Row]:
        """The streams of which something came, each as far as it is settled."""
        spent, now = self.client.spent(), time.monotonic()
        return [
            Row(
                each.stream,
                each.settled,
                each.read if self._is_read else None,
                spent.by_label.get(each.stream, 0),
                now - each.begun,
            )
            for each in tuple(self.ledger.accounts.values())
            if each.read
        ]

    def _report(self, *, in_good_order: bool) -> None:
        seconds = time.monotonic() - self._begun
        for stream, credits_ in (self._dry.planned.spent().by_label if self._dry else {}).items():
            self.ledger.account(stream).planned_credits = credits_
        accounts, spent = self.ledger.accounts.values(), self.client.spent()
        of_the_run = self._dry.of_the_run.spent() if self._dry else None
        for line in report(accounts, spent, seconds=seconds, of_the_run=of_the_run):
            logger.info(line)
        told = run_report(accounts, spent, of_the_run=of_the_run)
        error = sys.exc_info()[1]
        if error is not None or not in_good_order:
            told.outcome, told.error = "failed", str(error or "The account does not balance.")
        elif self.ledger.rejected > self.settings.max_rejects:
            told.outcome, told.error = "failed", f"{_rejected(self.ledger.rejected)}."
        self._run_file.write(told)
        if self.ledger.open:
            logger.warning(
                "%d records were read and not settled; the next run gets them again from the last state.",
                self.ledger.open,
            )


def _rejected(count: int) -> str:
    return "1 record was rejected" if count == 1 else f"{count:,} records were rejected"
