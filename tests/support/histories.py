"""Histories of a feed: people work, notifications go astray, programs die, and somebody forgets the state.

history = History(sandbox, folder, "sqlite:///…", seed=7)
history.play()
history.differences()              {} if the warehouse is what Bigin is
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from support.feed import Feed
from support.sandbox import Sandbox
from support.tap import TapRun, discover, run_tap, select
from support.warehouse import Warehouse

NAMES = {"Accounts": "Account_Name", "Contacts": "Last_Name", "Products": "Product_Name", "Tasks": "Subject"}
STEPS = ("work", "work", "work", "run", "run", "die", "die", "kill", "expire", "forget", "sweep")
PATIENCE = 30  # seconds until every notification has come to its end


class History:
    """One course of events, the same for the same seed as far as processes allow."""

    def __init__(self, sandbox: Sandbox, folder: Path, log_url: str, *, seed: int) -> None:
        self.sandbox, self.folder, self.log_url = sandbox, folder, log_url
        self.chance = random.Random(seed)
        self.warehouse = Warehouse()
        self.happened: list[str] = []
        self._settings = sandbox.settings_for(feed_log=log_url)
        self.feed = Feed(folder, self._settings)
        self._ids = {module: [each["id"] for each in sandbox.dump(module)] for module in NAMES}
        self._deeds = 0
        self._tap_settings = {
            "modules": sorted(NAMES),
            "feed_log": log_url,
            "changes": True,
            "token_cache_path": str(folder / "token.json"),
        }
        self._catalog = select(discover(sandbox, **self._tap_settings), *NAMES, "deleted_records", "changes")
        shares = {name: self.chance.choice((0.0, 0.2)) for name in ("lose", "double", "reorder")}
        silent = ["cascade", "import"] if self.chance.random() < 0.5 else []
        sandbox.deliveries(**shares, jitter_ms=30, seed=seed, silent_causes=silent)

    def play(self, *, steps: int) -> None:
        """Everything that happens, then the last sweep."""
        for _ in range(steps):
            step = self.chance.choice(STEPS)
            self.happened.append(step)
            getattr(self, step)()
        self.sandbox.deliveries()
        self.settle()
        self.sweep()

    def close(self) -> int:
        """Stop the receiver; gives its exit code."""
        return self.feed.stop()

    def differences(self) -> dict[str, list[str]]:
        """What is missing, stale or a ghost in the warehouse."""
        held = {module: {each["id"]: each for each in self.sandbox.dump(module)} for module in NAMES}
        return self.warehouse.differences(held, NAMES)

    # What happens

    def work(self) -> None:
        """People create, edit, delete and restore."""
        for _ in range(self.chance.randint(1, 8)):
            self._deeds += 1
            module = self.chance.choice(sorted(NAMES))
            there = [each["id"] for each in self.sandbox.dump(module, drained=False)]
            binned = [each for each in self._ids[module] if each not in there]
            what = self.chance.choices(("edit", "create", "delete", "restore"), (6, 3, 2, 1))[0]
            data = {NAMES[module]: f"Name {self._deeds} {self.chance.random()}"}
            if what == "create":
                self._ids[module].append(self.sandbox.create(module, **data))
            elif what == "restore" and binned:
                self.sandbox.mutate({"op": "restore", "module": module, "id": self.chance.choice(binned)})
            elif what in ("edit", "delete") and there:
                wish = {"op": what, "module": module, "id": self.chance.choice(there)}
                self.sandbox.mutate({**wish, "data": data} if what == "edit" else wish)

    def run(self, **settings: Any) -> TapRun:
        """A run that goes well, loaded to its end."""
        ended = self._tap(**settings)
        self.warehouse.load(ended.messages)
        return ended

    def die(self) -> None:
        """Tap or loader are killed at any place: what came after it never was."""
        ended = self._tap()
        self.warehouse.load(ended.messages[: self.chance.randrange(len(ended.messages) + 1)])

    def kill(self) -> None:
        """The receiver is killed, and people work on until it is there again."""
        self.feed.process.kill()
        self.feed.process.wait()
        assert self.feed.process.stdout
        self.feed.process.stdout.close()
        self.work()
        self.settle()
        self.feed = Feed(self.folder, self._settings, port=self.feed.port)

    def expire(self) -> None:
        """The channel ends before its time, and nobody says so."""
        self.sandbox.expire_channels()

    def forget(self) -> None:
        """The state is lost, the warehouse is not."""
        self.warehouse.state = None

    def sweep(self) -> None:
        """A run at which a sweep is due."""
        self.run(sweep_minutes=0)

    def settle(self) -> None:
        """Wait until every notification has come to its end."""
        deadline = time.monotonic() + PATIENCE
        while self.sandbox.deliveries()["waiting"]:
            assert time.monotonic() < deadline, "notifications hang"
            time.sleep(0.02)

    def _tap(self, **settings: Any) -> TapRun:
        ended = run_tap(
            self.sandbox,
            catalog=self._catalog,
            state=self.warehouse.state,
            **{**self._tap_settings, **settings},
        )
        assert ended.code == 0, ended.log
        return ended
