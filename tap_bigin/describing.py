"""Ask the metadata what this token can read; as little as is needed, side by side.

Without a catalog every module is described. With one only those that it selects, and at once: their
names are known, so the list of modules is asked for only if a stream needs it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from bigin_api import InvalidRequest, ModuleUnavailable, PermissionDenied
from bigin_api.metadata import Module
from tap_bigin.discovery import readable_modules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bigin_api import Client, Field, InFlight

Described = tuple[Module, "tuple[Field, ...]"]


class Description:
    """What the metadata says. Each answer is asked for once and costs 1 credit."""

    def __init__(self, client: Client, calls: InFlight, *, wanted: Sequence[str]) -> None:
        """``wanted`` are the globs of the setting ``modules``."""
        self._client = client
        self._calls = calls
        self._wanted = wanted
        self.refusals: dict[str, str] = {}  # modules whose fields the token may not see, and Bigin's words

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Those that can be read, as far as is known, in Bigin's order."""
        readable = readable_modules(self._client.metadata.modules(), wanted=self._wanted)
        return tuple(module for module in readable if module.api_name not in self.refusals)

    def every_module(self) -> Iterator[Described]:
        """Every readable module with its fields."""
        return self._with_fields(readable_modules(self._client.metadata.modules(), wanted=self._wanted))

    def named(self, names: Collection[str]) -> Iterator[Described]:
        """Those of the names that are readable modules, with their fields."""
        chosen = sorted(name for name in names if any(fnmatchcase(name, glob) for glob in self._wanted))
        return self._with_fields([Module(name, api_supported=True) for name in chosen])

    def _with_fields(self, modules: Sequence[Module]) -> Iterator[Described]:
        names = [module.api_name for module in modules]
        for module, fields in zip(modules, self._calls.map_in_order(self._fields_of, names), strict=True):
            if fields is not None:
                yield module, fields

    def _fields_of(self, module: str) -> tuple[Field, ...] | None:
        """A module's fields, None if the token may not see them."""
        try:
            return self._client.metadata.fields(module)
        except (PermissionDenied, ModuleUnavailable, InvalidRequest) as refused:
            self.refusals[module] = refused.message
            return None
