"""Asking for metadata: each thing once, whatever threads want it. The shapes stand in ``metadata``."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar, Union

from bigin_api.endpoints.results import by_number
from bigin_api.errors import Refused
from bigin_api.http.calls import Call, given, path_of
from bigin_api.models import CustomView, Field, Layout, Module, RelatedList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from bigin_api.http.calls import Sender

T = TypeVar("T")
Question = tuple[str, "str | None"]
"""What is asked of /settings, and of which module: ``("modules", None)``, ``("fields", "Contacts")``."""
Answer = Union["list[dict[str, Any]]", Refused]
Kept = tuple[str, ...]
"""A question as it is kept: ``("modules",)``, ``("fields", "Contacts")``."""


class Metadata:
    """Asks for each thing once and keeps it, for all threads. 1 credit a page."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._kept: dict[Kept, Any] = {}
        self._assumed: dict[str, tuple[Field, ...]] = {}
        self._recalled: dict[Question, Answer] = {}
        self._answered: dict[Question, Answer] = {}
        self._locks: dict[Kept, threading.Lock] = {}
        self._lock = threading.Lock()

    def modules(self) -> tuple[Module, ...]:
        """Every module that the metadata lists, readable or not."""
        return self._once(("modules",), lambda: tuple(map(Module.from_json, self._list("modules"))))

    def module(self, api_name: str) -> Module | None:
        """A module by its api_name, None if this organisation has none of that name."""
        return next((each for each in self.modules() if each.api_name == api_name), None)

    def rows_module(self, field: Field) -> str | None:
        """The module of a subform's rows by its api_name: metadata may tell its ``module_name``."""
        told = field.rows_module
        if told is None:
            return None
        modules = self.modules()
        named = {each.module_name: each.api_name for each in modules}
        return {**named, **{each.api_name: each.api_name for each in modules}}.get(told, told)

    def fields(self, module: str) -> tuple[Field, ...]:
        """The fields of a module; ``id`` is never among them. Those that were assumed cost nothing.

        Raises PermissionDenied or ModuleUnavailable for a module that the token may not see.
        """
        with self._lock:
            assumed = self._assumed.get(module)
        return self.complete_fields(module) if assumed is None else assumed

    def complete_fields(self, module: str) -> tuple[Field, ...]:
        """The same with all that Bigin says of them now, in ``raw`` too, whatever was assumed."""
        return self._once(("fields", module), lambda: tuple(self._fields_of(module)))

    def assume(self, module: str, fields: Iterable[Field]) -> None:
        """Let ``fields`` give these, which Bigin told somebody else a moment ago."""
        with self._lock:
            self._assumed[module] = tuple(fields)

    def assumes(self, module: str) -> bool:
        """Whether ``fields`` of a module costs nothing: somebody was told them a while ago."""
        return module in self._assumed

    def answered(self) -> dict[Question, Answer]:
        """What Bigin answered until now, refusals too: what ``recall`` takes."""
        with self._lock:
            return dict(self._answered)

    def recall(self, answers: Mapping[Question, Answer]) -> None:
        """Answer from these, which Bigin gave an earlier client, but for ``complete_fields``."""
        for (what, module), answer in answers.items():
            if what == "fields" and module is not None and not isinstance(answer, Refused):
                self.assume(module, map(Field.from_json, answer))
            else:
                self._recalled[what, module] = answer

    @property
    def recalls(self) -> bool:
        """Whether there is something that it was told to recall."""
        return bool(self._recalled)

    def field(self, module: str, api_name: str) -> Field | None:
        """One field of a module."""
        return next((each for each in self.fields(module) if each.api_name == api_name), None)

    def layouts(self, module: str) -> tuple[Layout, ...]:
        """The layouts of a module."""
        return self._shapes("layouts", module, Layout.from_json)

    def custom_views(self, module: str) -> tuple[CustomView, ...]:
        """The custom views of a module."""
        return self._shapes("custom_views", module, CustomView.from_json)

    def related_lists(self, module: str) -> tuple[RelatedList, ...]:
        """The related lists of a module."""
        return self._shapes("related_lists", module, RelatedList.from_json)

    def roles(self) -> list[dict[str, Any]]:
        """The roles, as Bigin describes them."""
        return self._list("roles")

    def profiles(self) -> list[dict[str, Any]]:
        """The profiles, as Bigin describes them."""
        return self._list("profiles")

    def forget(self, module: str | None = None) -> None:
        """Ask anew next time: for one module, or for everything."""
        with self._lock:
            if module is None:
                self._kept.clear()
                self._assumed.clear()
                self._recalled.clear()
            else:
                self._assumed.pop(module, None)
            for key in [key for key in self._kept if module in key]:
                del self._kept[key]

    def _once(self, key: Kept, ask: Callable[[], T]) -> T:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:  # the first asks, the others wait for its answer
            with self._lock:
                if key in self._kept:
                    return self._kept[key]  # type: ignore[no-any-return]
            answer = ask()
            with self._lock:
                self._kept[key] = answer
            return answer

    def _fields_of(self, module: str) -> Iterator[Field]:
        found = map(Field.from_json, self._list("fields", module=module))
        return (each for each in found if each.api_name not in ("", "id"))

    def _shapes(self, what: str, module: str, shape: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
        return self._once((what, module), lambda: tuple(map(shape, self._list(what, module=module))))

    def _list(self, what: str, *, module: str | None = None) -> list[dict[str, Any]]:
        answer = self._recalled.get((what, module))
        if answer is None:
            try:
                answer = self._ask(what, module)
            except Refused as refused:
                answer = refused
            with self._lock:
                self._answered[what, module] = answer
        if isinstance(answer, Refused):
            raise answer.with_traceback(None)  # several may be told the same
        return answer

    def _ask(self, what: str, module: str | None) -> list[dict[str, Any]]:
        params = given(module=module)
        call = Call(
            "GET", path_of("settings", what), params, endpoint="settings", module=module, label="metadata"
        )
        return list(by_number(self._sender, call, what))
