"""What was seeded so far, and the dice that decide what comes next."""

from __future__ import annotations

from random import Random
from typing import Any

from bigin_sandbox.storage.store import Store


class Population:
    """What was made so far, and the dice; every choice comes from `rng`, so a seed is one organisation."""

    def __init__(self, store: Store, rng: Random) -> None:
        self.rng = rng
        self.users = [user["id"] for user in store.users() if user["status"] == "active"]
        self.team_pipelines = {layout["name"]: layout["id"] for layout in store.layouts("Pipelines")}
        self.tags = {module["api_name"]: store.tags(module["api_name"]) for module in store.modules()}
        self.ids: dict[str, list[str]] = {}
        self.companies_of: dict[str, dict[str, str]] = {}  # contact -> its company
        self._last_id = int(store.new_id())

    def next_id(self) -> str:
        """An id, larger than all before."""
        self._last_id += 1
        return str(self._last_id)

    @property
    def last_id(self) -> int:
        """The largest id given."""
        return self._last_id

    def one_of(self, module: str, share: float = 1.0) -> dict[str, str] | None:
        """A link to some record of a module; none if there is none, or in all but `share` of the cases."""
        ids = self.ids.get(module)
        return {"id": self.pick(ids)} if ids and self.chance(share) else None

    def pick(self, choices: Any) -> Any:
        """One of them."""
        return choices[int(self.rng.random() * len(choices))]

    def chance(self, share: float) -> bool:
        """Whether it happens."""
        return self.rng.random() < share

    def number(self, low: int, high: int) -> int:
        """A whole number between them, both included."""
        return low + int(self.rng.random() * (high - low + 1))

    def money(self, low: int, high: int) -> float:
        """An amount with cents."""
        return self.number(low * 100, high * 100) / 100

    def phone(self) -> str:
        """A telephone number."""
        return f"+46 8 {self.number(100, 999)} {self.number(1000, 9999)}"
