"""Ask the metadata what this token can read; as little as is needed, side by side.

Without a catalog every module is described. With one only those that it selects, and at once: their
names are known, so the list of modules is asked for only if a stream needs it.

A catalog of a moment ago carries what Bigin told its discovery. One module is asked for all the same: its
answer checks the token, tells Bigin's clock, and shows whether what is carried still holds.
"""

from __future__ import annotations

from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from bigin_api import BiginError, ConnectionFailed, CreditBudgetReached, Refused
from bigin_api.models import Module
from tap_bigin.discovery.catalog_cache import MOST_AGE, MOST_AGE_WITHIN_BUDGET, Carried
from tap_bigin.discovery.definition import REPLICATION_KEY, readable_modules
from tap_bigin.report import alone, ends_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bigin_api import Client, Field, InFlight
    from tap_bigin.discovery.turns import Turns

AT_LEAST = "at least"  # before the credits that a run needs which cannot even describe what there is
CREDITS_BESIDE = 10
"""Of a run with a budget, beside the fields of its modules: a page, the list of modules, deletions."""

Described = tuple[Module, "tuple[Field, ...]"]


class Description:
    """What the metadata says. Each answer is asked for once and costs 1 credit."""

    def __init__(
        self,
        client: Client,
        calls: InFlight,
        *,
        wanted: Sequence[str],
        carried: Mapping[str, Carried],
        turns: Turns | None = None,
    ) -> None:
        """``wanted`` are the globs of the setting ``modules``, ``carried`` is what the catalog carries.

        ``turns``: within a budget only those modules are described whose turn may come.
        """
        self._client = client
        self._calls = calls
        self._wanted = wanted
        self.carried = carried
        self._turns = turns
        self._most_age = MOST_AGE_WITHIN_BUDGET if turns else MOST_AGE
        self.left: frozenset[str] = frozenset()  # modules for whose description the budget is too small
        self.discovered: datetime | None = None  # Bigin's clock before every module was asked for
        self.trusted: frozenset[str] = frozenset()  # modules whose fields the catalog told
        self.refusals: dict[str, str] = {}  # modules whose fields the token may not see, and Bigin's words
        self.failures: dict[str, BiginError] = {}  # modules that could not be described

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Those that can be read, as far as is known, in Bigin's order."""
        readable = readable_modules(self._client.metadata.modules(), wanted=self._wanted)
        return tuple(each for each in readable if each.api_name not in {**self.refusals, **self.failures})

    def every_module(self) -> Iterator[Described]:
        """Every readable module with its fields. Raises BiginError if Bigin tells of no module."""
        offered = self._client.metadata.modules()
        if not any(each.api_supported for each in offered):
            raise BiginError("Bigin tells of no module that can be read: has the token's user a profile?")
        readable = readable_modules(offered, wanted=self._wanted)
        self.discovered = self._client.server_time
        names = self._affordable([each.api_name for each in readable])
        return self._with_fields([each for each in readable if each.api_name in names])

    def named(self, names: Collection[str], *, asked_anyway: Collection[str]) -> Iterator[Described]:
        """Those of the names that are readable modules, with their fields.

        What the catalog carries of the others than those ``asked_anyway`` does for an answer, if it holds.
        """
        chosen = sorted(name for name in names if any(fnmatchcase(name, glob) for glob in self._wanted))
        if self._turns:
            chosen = self._turns.in_order(chosen)
        self._trust(chosen, asked_anyway)
        return self._with_fields([Module(name, api_supported=True) for name in self._affordable(chosen)])

    def _affordable(self, names: Sequence[str]) -> list[str]:
        """Those of the modules that are described in this run: all without a budget."""
        if self._turns is None:
            return list(names)
        known = {*self.trusted, *filter(self._client.metadata.assumes, names)}
        unknown = [each for each in self._turns.in_order(names) if each not in known]
        self.left = frozenset(unknown[self._turns.most_described :])
        return [each for each in names if each not in self.left]

    def _trust(self, chosen: Sequence[str], asked_anyway: Collection[str]) -> None:
        """Take over what is carried if it is fresh and one module's live answer agrees with it."""
        candidates = [name for name in chosen if name in self.carried]
        if all(name in asked_anyway for name in candidates):
            return
        asked = next((name for name in candidates if name in asked_anyway), candidates[0])
        fields, carried = self._fields_of(asked), self.carried[asked]
        # Who recalls what an earlier run was told has not asked Bigin yet.
        now = self._client.server_time or datetime.now(timezone.utc)
        if fields is None or not (
            carried.is_fresh(now, most_age=self._most_age) and carried.agrees_with(fields)
        ):
            return
        self.trusted = frozenset(
            name
            for name, each in self.carried.items()
            if name != asked and name not in asked_anyway and each.is_fresh(now, most_age=self._most_age)
        )
        for name in self.trusted:
            self._client.metadata.assume(name, self.carried[name].fields)

    def _with_fields(self, modules: Sequence[Module]) -> Iterator[Described]:
        names = [module.api_name for module in modules]
        try:
            for module, fields in zip(modules, self._calls.map_in_order(self._fields_of, names), strict=True):
                if fields is not None:
                    yield module, fields
            failed = [self.failures.get(each) for each in names]
            if names and all(
                isinstance(each, ConnectionFailed) and not each.may_have_happened for each in failed
            ):
                raise self.failures[names[0]]  # nobody is there at all: one line says so
        except CreditBudgetReached as reached:
            raise CreditBudgetReached(
                f"{reached.message} To describe {len(names)} modules costs as many credits: "
                f"{AT_LEAST} {len(names) + CREDITS_BESIDE} are needed, or fewer modules selected."
            ) from None

    def _fields_of(self, module: str) -> tuple[Field, ...] | None:
        """A module's fields, None if the token may not see them or Bigin does not tell them."""
        try:
            fields = self._client.metadata.fields(module)
        except Refused as refused:
            self.refusals[module] = refused.message
            return None
        except Exception as error:
            if ends_run(error):
                raise
            self.failures[module] = alone(error)
            return None
        if all(each.api_name != REPLICATION_KEY for each in fields):
            # Every module has it. A description without would make null of every value.
            said = f"{len(fields)} fields, {REPLICATION_KEY} not among them" if fields else "no fields"
            self.failures[module] = BiginError(f"Bigin describes {said}: run again later.", module=module)
            return None
        return fields
