"""Histories: people edit, deliveries go astray, receiver, tap and loader are killed, somebody forgets.

A device that looks for itself after a silence, and otherwise takes what the sync flow gives, holds in the
end what Bigin holds. So does a warehouse that the tap feeds, after the last sweep. ``make soak`` plays more.
"""

from __future__ import annotations

import os
import random
import time

import pytest
import requests
from support.feed import Feed
from support.histories import History

from bigin_feed.log import FeedLog

PATIENCE = 20
FIRST_SEED = int(os.environ.get("FEED_SEED", "1"))
STEPS = int(os.environ.get("FEED_STEPS", "6"))
HISTORIES = int(os.environ.get("FEED_HISTORIES", "1"))  # of the warehouse, in each database


class Device:
    """A copy of the contacts' names, fed by the sync flow alone but for sweeps after silences."""

    def __init__(self, sandbox, chance):
        self._sandbox = sandbox
        self._chance = chance
        self._silences = 0
        self.names = {}
        self.sweeps = 0

    def catch_up(self, feed, *, forgets=0.0):
        """Drain what there is; with some chance die before it is stored, as if it had never been."""
        started = self._call(feed, "POST", "/v2/sync/start")
        if started.status_code == 201:
            (queue,) = started.json()["data"]["queues"]
            link = queue["meta"]["links"]["self"]
            while (page := self._call(feed, "GET", link)).status_code == 200:
                if self._chance.random() < forgets:
                    return
                self._store(feed, page.json()["items"])
        self._sweep_after_silence(feed)

    def _store(self, feed, items):
        for item in items:
            if item["meta"]["sync"]["event_type"] == "deleted":
                self.names.pop(item["data"]["id"], None)
            else:
                self.names[item["data"]["id"]] = item["data"]["Last_Name"]
        keys = [item["meta"]["sync"]["ack_key"] for item in items]
        assert self._call(feed, "POST", "/v2/sync/ack", json={"data": {"ack_keys": keys}}).status_code == 202

    def _sweep_after_silence(self, feed):
        silences = len(feed.health()[1]["silences"])
        if silences > self._silences:
            self._silences, self.sweeps = silences, self.sweeps + 1
            self.names = held(self._sandbox)

    def _call(self, feed, method, path, **arguments):
        headers = {"X-Device-UUID": "phone", "Authorization": "Bearer bearer"}
        return requests.request(method, f"{feed.url}{path}", headers=headers, timeout=20, **arguments)


def held(sandbox):
    return {each["id"]: each["Last_Name"] for each in sandbox.dump("Contacts")}


def edit(sandbox, chance, ours):
    """A person at work on one of our contacts."""
    what = chance.choice(["create", "edit", "edit", "delete"]) if ours else "create"
    if what == "create":
        ours.append(sandbox.create("Contacts", Last_Name=f"Name {chance.random()}"))
    elif what == "edit":
        data = {"Last_Name": f"Name {chance.random()}"}
        sandbox.mutate({"op": "edit", "module": "Contacts", "id": chance.choice(ours), "data": data})
    else:
        gone = ours.pop(chance.randrange(len(ours)))
        sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})


def settled(sandbox):
    """Wait until every notification has come to its end."""
    deadline = time.monotonic() + PATIENCE
    while sandbox.deliveries()["waiting"]:
        assert time.monotonic() < deadline, "notifications hang"
        time.sleep(0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_end_a_device_holds_what_bigin_holds(sandbox, tmp_path, seed):
    """No record is missing, none is stale, none is a ghost."""
    chance = random.Random(seed)
    settings = sandbox.settings_for(feed_log=f"sqlite:///{tmp_path / 'feed.sqlite'}", sync_token="bearer")
    feed = Feed(tmp_path, settings)
    device, ours = Device(sandbox, chance), []
    device.catch_up(feed)
    sandbox.deliveries(double=0.3, reorder=0.3, jitter_ms=50, seed=seed)

    for part in range(6):
        for _ in range(8):
            edit(sandbox, chance, ours)
        if part % 3 == 2:
            feed.process.kill()
            feed.process.wait()
            feed.process.stdout.close()
            for _ in range(3):
                edit(sandbox, chance, ours)  # nobody hears of these
            settled(sandbox)
            feed = Feed(tmp_path, settings, port=feed.port)
        device.catch_up(feed, forgets=0.4)
    sandbox.deliveries()
    settled(sandbox)
    device.catch_up(feed)

    assert device.names == held(sandbox)
    assert device.sweeps == 3  # the first start, and a silence after each kill
    assert feed.stop() == 0


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + HISTORIES))
def test_in_the_end_the_warehouse_holds_what_bigin_holds(sandbox, tmp_path, url, seed):
    """0 missing, 0 stale, 0 ghosts; and each row of the changes that the log has, once."""
    history = History(sandbox, tmp_path, url, seed=seed)
    try:
        history.play(steps=STEPS)

        assert history.differences() == {}, history.happened
        with FeedLog(url, read_only=True) as log:
            told = {row.seq for row in log.rows(0, log.state().head)}
        assert {seq for seq, _ in history.warehouse.changes} == told
    finally:
        assert history.close() == 0
