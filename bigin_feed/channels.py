"""Channels look after themselves: opened, renewed, made again, ended; each time without one is a silence.

Bigin keeps a channel for a day at most and often for less than was asked, so what its answer says counts.
Source: notifications/{enable, get-details, disable} (Bigin v2), FACTS 6, write.md 11.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa

from bigin_api import BiginError, Call, Client, ServerError
from bigin_api.json_values import entries, mapping
from bigin_api.moments import offset_text, parse_moment, utc_text
from bigin_feed.log import FeedLog, LogWriter, cause, now_text

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
CHECK_SECONDS = 900.0  # between looks whether Bigin still lists the channel: 96 credits a day
RETRY_SECONDS = (5.0, 300.0)  # between attempts to open it: doubled, up to
PRUNE_SECONDS = 3600.0
ASLEEP_SECONDS = 60.0  # a wait this much longer than asked: the machine slept, or its clock was set
# Why in detail is on stderr: silences are public, and a database's words may name host and user.
UNWRITTEN = "the log could not be written"
WISHED_LIFE = timedelta(hours=23, minutes=50)  # beyond one day Bigin silently gives two hours


class Channel:
    """The one channel for all modules. Each call costs 1 credit.

    Its id and token, and the secret of the receiver's addresses, are made once and kept in the log.
    """

    def __init__(self, client: Client, log: FeedLog, public_url: str, modules: tuple[str, ...]) -> None:
        made = {
            "secret": secrets.token_urlsafe(32),
            "token": secrets.token_urlsafe(32),  # at most 50 characters
            "channel_id": str(10**11 + secrets.randbelow(9 * 10**11)),
        }
        kept = log.keep_first("feed", made)
        self.id, self.token, self.secret = kept["channel_id"], kept["token"], kept["secret"]
        self.modules = modules
        self._client, self._public_url = client, public_url

    def open(self) -> tuple[datetime, float]:
        """Open or renew the channel; its expiry, and the seconds until then, as the answer says."""
        now = self._client.server_time or datetime.now(timezone.utc)
        entry = {
            "channel_id": self.id,
            "events": [f"{module}.all" for module in self.modules],
            "channel_expiry": offset_text(now + WISHED_LIFE),
            "token": self.token,
            "notify_url": f"{self._public_url}/notify/{self.secret}",
            "notify_on_related_action": False,
            "return_affected_field_values": True,
        }
        body = {"watch": [entry]}
        reply = self._client.send(Call("POST", "/actions/watch", json=body, endpoint="notifications"))
        told = [mapping(each.get("details")) for each in entries(mapping(reply.body), "watch")]
        try:
            expiry = min(
                parse_moment(str(e["channel_expiry"])) for each in told for e in entries(each, "events")
            )
        except (KeyError, ValueError):
            raise ServerError("POST /actions/watch: the answer tells no channel_expiry.") from None
        return expiry, (expiry - (reply.server_time or now)).total_seconds()

    def is_listed(self) -> bool:
        """True if Bigin lists the channel for all its modules."""
        params = {"channel_id": self.id, "per_page": "200"}
        reply = self._client.send(Call("GET", "/actions/watch", params, endpoint="notifications"))
        listed = {row.get("resource_name") for row in reply.rows("watch")}
        return listed >= set(self.modules)

    def stop(self) -> None:
        """End the channel; one that has ended already is no error."""
        params = {"channel_ids": self.id}
        self._client.send(Call("DELETE", "/actions/watch", params, endpoint="notifications"))


class Keeper:
    """Keeps the channel open and the heartbeat going, and notes each time without them as a silence.

    A heartbeat says: until now nothing was missed. So none is written while the channel is not open, or the
    receiver ends and takes no connection any more; and the time from the last one to the next open channel
    is a silence, whatever happened meanwhile.
    """

    def __init__(
        self,
        log: FeedLog,
        writer: LogWriter,
        channel: Channel,
        *,
        retention_days: int,
        listens: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._writer, self._channel, self._listens = log, writer, channel, listens
        self._retention = timedelta(days=retention_days)
        self._clock = clock
        self._stop = threading.Event()
        self.expiry: datetime | None = None  # None: the channel is not open
        self._ends = self._renew = self._check = self._prune = 0.0
        self._retry = RETRY_SECONDS[0]
        self._known_good = log.state().heartbeat
        self._silence: tuple[str, str] | None = (self._known_good, "there was no receiver")
        self.trouble: BiginError | None = None

    @property
    def silence(self) -> tuple[str, str] | None:
        """Since when notifications are missed, and why; None if they are not."""
        refusing_since = self._writer.refusing_since
        refused = (refusing_since, UNWRITTEN) if refusing_since is not None else None
        return min(filter(None, (self._silence, refused)), default=None)

    def run(self, started: Callable[[], None]) -> None:
        """Step until ``stop``; ``started`` is called after the first step, whatever came of it."""
        self.step()
        started()
        while not self._wait():
            self.step()

    def stop(self) -> None:
        """End ``run``."""
        self._stop.set()

    def step(self) -> None:
        """Do what is due: renew or look for the channel, note a silence, write a heartbeat, prune."""
        now = self._clock()
        if self.expiry is not None and now >= self._ends:
            self._lose(utc_text(self.expiry, timespec="milliseconds"), "the channel expired")
        try:
            if self.expiry is not None and now >= min(self._check, self._renew):
                self._look()  # before a renewal too: it would hide that the channel was gone
            if now >= self._renew:
                self._open()
        except BiginError as error:
            self._put_off(error)
        self._beat()
        if now >= self._prune:
            self._prune = now + PRUNE_SECONDS
            self._drop_old()

    def _wait(self) -> bool:
        begun = time.time()
        ended = self._stop.wait(HEARTBEAT_SECONDS)
        if abs(time.time() - begun - HEARTBEAT_SECONDS) > ASLEEP_SECONDS and not ended:
            self._lose(self._known_good, "the machine slept or its clock was set")
        return ended

    def _look(self) -> None:
        if self._channel.is_listed():
            self._check, self._known_good = self._clock() + CHECK_SECONDS, now_text()
        else:
            self._lose(self._known_good, "Bigin did not list the channel any more")

    def _open(self) -> None:
        expiry, seconds = self._channel.open()
        if seconds <= 0:
            raise ServerError("POST /actions/watch: the channel had expired when it was opened.")
        now = self._clock()
        self._ends, self._renew, self._check = now + seconds, now + seconds / 2, now + CHECK_SECONDS
        self.expiry, self._retry, self.trouble = expiry, RETRY_SECONDS[0], None
        self._known_good = now_text()
        logger.info("The channel is open until %s.", utc_text(expiry))
        self._keep_for_status(expiry)

    def _put_off(self, error: BiginError) -> None:
        self.trouble = error
        logger.error("The channel could not be opened: %s", error)
        self._renew = self._check = self._clock() + self._retry
        self._retry = min(2 * self._retry, RETRY_SECONDS[1])

    def _lose(self, since: str, why: str) -> None:
        """The channel is gone, or may be: what came meanwhile may not have been told."""
        self._miss(since, why)
        self.expiry, self._renew = None, 0.0

    def _miss(self, since: str, why: str) -> None:
        if self._silence is None:
            logger.warning("Notifications are missed since %s: %s.", since, why)
            self._silence = since, why

    def _beat(self) -> None:
        """Say that until now nothing was missed, or what was."""
        if self.expiry is None or not self._listens():
            return
        now, silence = now_text(), self.silence
        if silence is not None:
            self._writer.refusing_since = None  # what is refused from here on is the next beat's
        try:
            self._log.append(silence=silence and (silence[0], now, silence[1]), heartbeat=now)
        except sa.exc.SQLAlchemyError:
            self._miss(now, UNWRITTEN)
            self._silence = silence or self._silence
        else:
            self._silence = None

    def _keep_for_status(self, expiry: datetime) -> None:
        try:
            self._log.keep({"channel": {"expires": utc_text(expiry), "modules": list(self._channel.modules)}})
        except sa.exc.SQLAlchemyError:
            logger.warning("bigin feed status will show an older expiry: the log could not be written.")

    def _drop_old(self) -> None:
        before = datetime.now(timezone.utc) - self._retention
        try:
            self._log.prune(utc_text(before, timespec="milliseconds"))
        except sa.exc.SQLAlchemyError as error:
            logger.warning("The log could not be pruned: %s", cause(error))
