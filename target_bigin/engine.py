"""The run itself, without Singer: streams are opened, records taken, calls settled, states released."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bigin_api import BiginError, Client, InFlight
from target_bigin.concurrency.tasks import SLICE, Flights
from target_bigin.files.journal import Journal
from target_bigin.files.reject_log import RejectLog
from target_bigin.records.ledger import Ledger
from target_bigin.records.record import Record
from target_bigin.records.report import report
from target_bigin.schema.context import Run
from target_bigin.settings import TargetSettings
from target_bigin.settings_schema import EVERY_STREAM
from target_bigin.streams.factory import Assembly
from target_bigin.streams.opening import Opener
from target_bigin.streams.stream import Lane, SideLane
from target_bigin.writing.inserts import ServerClock

logger = logging.getLogger("target-bigin")

MOST_OPEN = 20_000  # records read and not settled, beyond which reading waits for what is in flight
GRACE = 25.0  # seconds for what is in flight when the run ends early; then waiting calls are given up
NAP = 0.05  # seconds between looks while nothing but the next try of a record is awaited


class RunFailed(Exception):  # noqa: N818 -- reads as what happened
    """The run ends with exit code 1; the message is its last line."""


class Terminated(RunFailed):
    """A signal asked for the end."""


class Engine:
    """One run. Everything is called on the main thread.

    ``emit`` gets each state that may go out: one of which every record read before it is settled.
    """

    def __init__(self, config: Mapping[str, Any], *, emit: Callable[[Any], None]) -> None:
        self.settings = TargetSettings.from_mapping(config)
        self._emit = emit
        self._begun = time.monotonic()
        self._rejects = RejectLog(self.settings.rejects_path)
        self.ledger = Ledger(self._rejects.write)
        self.client = Client.from_settings(config)
        self._pool = InFlight(self.client.limits.max_concurrent_requests, name="target-bigin")
        self.flights = Flights(self._pool, check=self.check)
        self._journal = Journal(None if self.settings.dry_run else self.settings.journal_path)
        run = Run(self.settings, self.client, self.flights, self.ledger)
        self._assembly = Assembly(run)
        self._opener = Opener(
            run,
            assembly=self._assembly,
            journal=self._journal,
            clock=ServerClock(),
            rejects=self._rejects,
            fail=self._fail,
        )
        self._lanes: list[Lane | SideLane] = []
        self._error: BaseException | None = None
        self._is_closed = False

    def open_stream(
        self, stream: str, properties: Mapping[str, Any], key_properties: Sequence[str]
    ) -> Lane | SideLane:
        """The way of a stream, as its schema describes it now.

        Raises SettingsError if it cannot be written as configured, before anything of it is written.
        """
        lane = self._opener.open(stream, properties, key_properties)
        self._lanes.append(lane)
        return lane

    def take(self, lane: Lane | SideLane, raw: Record) -> None:
        """A record was read. Waits while too much is under way."""
        lane.take(raw)
        if lane.is_full or self.ledger.open > MOST_OPEN:
            self._make_room(lane)

    def queue_state(self, value: Any) -> None:
        """A state was read; it goes out when all records before it are settled."""
        self.ledger.queue_state(value)

    def tick(self) -> None:
        """Settle what has ended, send what has waited, release states. Called often."""
        self.check()
        self.flights.land()
        for lane in self._lanes:
            lane.tick(flush=False)
        self._release_states()

    def terminate(self, reason: str) -> None:
        """Ask for the end, from a signal handler: the next ``check`` raises Terminated."""
        self._error = self._error or Terminated(reason)

    def check(self) -> None:
        """Raises what ends the run early."""
        if self._error is not None and not self._is_closed:
            raise self._error

    def finish(self) -> None:
        """The input has ended: settle everything, then report. Raises RunFailed."""
        self._drain()
        self._release_states()
        unbalanced = self.ledger.imbalance()
        self._close(in_good_order=not unbalanced)
        for stream in self.settings.streams:
            if stream != EVERY_STREAM and stream not in self.ledger.accounts:
                logger.warning("streams.%s is configured, but no such stream came.", stream)
        if unbalanced:
            raise RunFailed(f"The account does not balance, this is a fault of target-bigin: {unbalanced}.")
        if self.ledger.rejected > self.settings.max_rejects:
            raise RunFailed(
                f"{self.ledger.rejected} records were rejected, max_rejects is {self.settings.max_rejects}. "
                f"Everything else is written. The reasons are in {self.settings.rejects_path}."
            )

    def abort(self) -> None:
        """The run ends early: settle what is in flight, release what is safe, report."""
        if self._is_closed:
            return
        self._is_closed = True
        deadline = time.monotonic() + GRACE
        while len(self.flights):
            with contextlib.suppress(BiginError):  # the run ends already, and for the first reason
                self.flights.land(timeout=SLICE)
            for lane in self._lanes:
                lane.wind_up()
            self._release_states()
            if time.monotonic() > deadline:
                self.client.close()
                deadline = float("inf")
        self._close(in_good_order=False)

    def _drain(self) -> None:
        finished = False
        while True:
            self.check()
            open_before = self.ledger.open
            landed = self.flights.land(timeout=SLICE)
            for lane in self._lanes:
                lane.tick(flush=True)
            self._release_states()
            if len(self.flights) or landed or self.ledger.open != open_before:
                continue
            if any(lane.has_retries for lane in self._lanes):
                time.sleep(NAP)
                continue
            if finished:
                return
            for lane in self._lanes:
                lane.finish()
            finished = not len(self.flights) and self.ledger.open == open_before

    def _make_room(self, lane: Lane | SideLane) -> None:
        while lane.is_full or (self.ledger.open > MOST_OPEN and len(self.flights)):
            self.check()
            self.flights.land(timeout=SLICE)
            lane.tick(flush=False)
            self._release_states()

    def _release_states(self) -> None:
        now = time.monotonic()
        for account in self.ledger.accounts.values():
            if account.settled != account.seen:
                account.seen, account.ended = account.settled, now
        if self.settings.dry_run:
            return  # the next run is to do what this one only told
        state = self.ledger.due_state()
        if state is not None:
            self._assembly.save()
            self._emit(state)
            self._journal.covered(self.ledger.covered_up_to)

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error

    def _close(self, *, in_good_order: bool) -> None:
        self._is_closed = True
        for lane in self._lanes:
            lane.close(in_good_order=in_good_order)
        self._assembly.close(in_good_order=in_good_order)
        self._journal.close(in_good_order=in_good_order, streams=tuple(self.ledger.accounts))
        self._rejects.close()
        self._pool.close()
        self.client.close()
        seconds = time.monotonic() - self._begun
        for line in report(
            self.ledger.accounts.values(), self.client.spent(), seconds=seconds, dry_run=self.settings.dry_run
        ):
            logger.info(line)
        if not in_good_order and self.ledger.open:
            logger.warning(
                "%d records were read and not settled; the next run gets them again from the last state.",
                self.ledger.open,
            )
