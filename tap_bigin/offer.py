"""What a run offers: all streams that this token, the settings and a catalog make, and who reads each.

A new kind of stream is one file in ``streams``; here it gets its row in ``KINDS`` and its line in ``_Offer``.
"""

from __future__ import annotations

import json
import logging
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from bigin_api import (
    BiginError,
    CreditBudgetReached,
    ModuleUnavailable,
    PermissionDenied,
    SettingsError,
)
from bigin_api.errors import did_you_mean
from tap_bigin.discovery.definition import ModuleDefinition, StreamDefinition, define_module
from tap_bigin.discovery.description import AT_LEAST, CREDITS_BESIDE
from tap_bigin.discovery.organization import (
    FIELDS,
    ORGANIZATION_STREAMS,
    PIPELINES,
    SUB_PIPELINES,
    OrganizationDefinition,
    define_organization,
)
from tap_bigin.discovery.related_lists import RelatedDefinition, define_related, stream_name
from tap_bigin.report import alone, ends_run
from tap_bigin.streams.changes import CHANGES, ChangesDefinition, ChangesStream, define_changes
from tap_bigin.streams.deleted import DeletedDefinition, DeletedStream, define_deleted
from tap_bigin.streams.module import ModuleStream
from tap_bigin.streams.organization import OrganizationStream
from tap_bigin.streams.query import QueryDefinition, QueryStream, define_query
from tap_bigin.streams.related import RelatedStream
from tap_bigin.streams.stream import BiginStream
from tap_bigin.streams.view import ViewDefinition, ViewStream, define_view

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from tap_bigin.discovery.description import Described
    from tap_bigin.run import Run

KINDS: dict[type[StreamDefinition], type[BiginStream[Any]]] = {
    ChangesDefinition: ChangesStream,
    DeletedDefinition: DeletedStream,
    ModuleDefinition: ModuleStream,
    OrganizationDefinition: OrganizationStream,
    QueryDefinition: QueryStream,
    RelatedDefinition: RelatedStream,
    ViewDefinition: ViewStream,
}
"""A kind of stream is added here: its definition, and the class that reads it."""


def define_streams(run: Run, *, chosen: frozenset[str] | None) -> list[StreamDefinition]:
    """All that a run offers. ``chosen`` are the streams that a catalog selects, None without one.

    Warns of what is missing. Raises SettingsError for two of one name, BiginError if the organisation
    cannot be described.
    """
    return _Offer(run, chosen).all()


class _Offer:
    def __init__(self, run: Run, chosen: frozenset[str] | None) -> None:
        self._client = run.client
        self._description = run.description
        self._settings = run.settings
        self._report = run.report
        self._chosen = chosen

    def all(self) -> list[StreamDefinition]:
        try:
            found = self._each_once([*self._modules(), *self._fixed(), *self._declared()])
        except CreditBudgetReached as reached:
            if AT_LEAST in reached.message:
                raise
            raise CreditBudgetReached(
                f"{reached.message} To define the streams takes more: {AT_LEAST} {self._most_credits} are "
                "needed, or fewer related_lists, queries and custom_views."
            ) from None
        names = [each.name for each in found]
        self._warn_of_missing(names)
        if self._chosen is None:
            self._warn_of_case(found)
        return found

    def _each_once(self, found: Sequence[StreamDefinition]) -> list[StreamDefinition]:
        """Without a second stream of a name: modules come first, for nobody can give them another one."""
        by_name: dict[str, StreamDefinition] = {}
        for each in found:
            if by_name.setdefault(each.name, each) is each:
                continue
            if isinstance(each, QueryDefinition | ViewDefinition):
                raise SettingsError(
                    f"{each.name}: two streams of this name; give the one in the settings another."
                )
            self._report.stream(each.name).warn("a module has this name: its own records are the stream.")
        return list(by_name.values())

    def _modules(self) -> Iterator[StreamDefinition]:
        settings = self._settings
        for module, fields in self._described():
            yield define_module(
                module,
                fields,
                lookups=settings.lookups,
                soft_deletes=settings.deleted_records == "soft",
            )

    def _described(self) -> Iterator[Described]:
        """The modules that streams are made of, with their fields."""
        settings = self._settings
        if self._chosen is None:
            return self._description.every_module()
        others = {"deleted_records", CHANGES, SUB_PIPELINES.name, *ORGANIZATION_STREAMS}
        others |= {str(each["name"]) for each in (*settings.queries, *settings.custom_views)}
        names = self._chosen - (others - self._description.carried.keys())  # what has fields is a module
        if settings.related_lists:
            names = self._without_related(names)
        described = self._description.named(names, asked_anyway=self._asked_anyway(names))
        if known := self._description.trusted & names:
            said = f"Fields of {len(known)} modules as just discovered, not asked for again."
            self._report.say(logging.INFO, said)
        return described

    def _without_related(self, names: frozenset[str]) -> frozenset[str]:
        """Without the streams of related lists, whose names look like modules' names."""
        globs = [stream_name(*each.partition(".")[::2]) for each in self._settings.related_lists]
        alike = {each for each in names if any(fnmatchcase(each, glob) for glob in globs)}
        try:
            return names - (alike - {each.api_name for each in self._description.modules if alike})
        except BiginError as error:
            if ends_run(error):
                raise
            return names - alike

    def _asked_anyway(self, names: frozenset[str]) -> frozenset[str]:
        """The modules of whose fields a stream needs all that Bigin says: no catalog saves that answer."""
        if FIELDS in (self._chosen or ()):
            return names
        return frozenset((PIPELINES,)) if self._has_pipelines() else frozenset()

    def _fixed(self) -> Iterator[StreamDefinition]:
        """The organisation's own description, and what was deleted."""
        lookups = self._settings.lookups
        yield from define_organization(lookups=lookups)
        if self._has_pipelines():
            yield SUB_PIPELINES
        if self._settings.deleted_records == "stream":
            yield define_deleted(lookups=lookups)
        if self._settings.changes:
            yield define_changes(lookups=lookups)

    def _has_pipelines(self) -> bool:
        if self._chosen is not None:
            return SUB_PIPELINES.name in self._chosen
        return any(module.api_name == PIPELINES for module in self._description.modules)

    def _declared(self) -> Iterator[StreamDefinition]:
        """What the settings name: related lists, queries, views."""
        settings, client = self._settings, self._client
        lookups = settings.lookups
        seen: set[str] = set()
        for entry in settings.related_lists:
            for each in self._related(entry):
                if each.name not in seen:
                    seen.add(each.name)
                    yield each
        for given in settings.queries:
            yield from self._alone(
                str(given["name"]),
                partial(define_query, client, given, lookups=lookups, checks=not client.metadata.recalls),
            )
        for given in settings.custom_views:
            yield from self._alone(str(given["name"]), partial(define_view, client, given, lookups=lookups))

    @property
    def _most_credits(self) -> int:
        """What definitions cost at most, and some to read by, where a budget did not do for them.

        Of a related list's modules each is asked for its lists and its fields, and the related one for its.
        """
        try:
            offered = [each.api_name for each in self._description.modules]
        except CreditBudgetReached:
            offered = []
        settings = self._settings
        most = CREDITS_BESIDE + 1 + len(self._chosen or ())
        for glob, _, lists in (each.partition(".") for each in settings.related_lists):
            modules = len([each for each in offered if fnmatchcase(each, glob)]) or 1
            most += 3 * modules if lists.isidentifier() else 2 * modules + len(offered)
        # A query is checked, and its columns may be of three modules.
        most += 4 * len(settings.queries) + 2 * len(settings.custom_views)
        return max(most, (self._client.limits.credit_budget or 0) + CREDITS_BESIDE)

    def _related(self, entry: str) -> Sequence[StreamDefinition]:
        """Those of one entry of ``related_lists``. A run that has a catalog does without one that is gone."""
        try:
            return define_related(
                self._client,
                entry,
                offered=self._description.modules,
                lookups=self._settings.lookups,
                report=self._report,
            )
        except Exception as error:
            if ends_run(error) or self._chosen is None:
                raise
            self._report.fail(stream_name(*entry.partition(".")[::2]), alone(error))
            return ()

    def _alone(self, name: str, define: Callable[[], StreamDefinition]) -> Iterator[StreamDefinition]:
        """A definition that can be made, or that cannot: then this stream alone is missing."""
        try:
            yield define()
        except (PermissionDenied, ModuleUnavailable) as refused:
            self._report.stream(name).warn(f"no stream. {refused.message}")
        except Exception as error:
            if ends_run(error):
                raise
            self._report.fail(name, alone(error))

    def _warn_of_case(self, found: Sequence[StreamDefinition]) -> None:
        """Most databases take names that differ only by case for one column or one table."""
        for first, second in _alike(each.name for each in found):
            hint = json.dumps({second: {"__alias__": f"{second}_2"}})
            self._report.stream(second).warn(
                f"differs only by case from {first}. To keep their tables apart: stream_maps {hint}"
            )
        for each in found:
            for first, second in _alike(each.schema.properties):
                hint = json.dumps({each.name: {f"{second}_2": second, second: "__NULL__"}})
                self._report.stream(each.name).warn(
                    f"{second!r} differs only by case from {first!r}. To keep the columns apart: "
                    f"stream_maps {hint}"
                )

    def _warn_of_missing(self, names: Sequence[str]) -> None:
        refusals = self._description.refusals
        for name, error in self._description.failures.items():
            if self._chosen is None or name in self._chosen:
                self._report.fail(name, error)
        failed = {each.name for each in self._report.failures}
        if self._chosen is None:
            for name, why in refusals.items():
                self._report.stream(name).warn(f"no stream. {why}")
            self._warn_of_globs({*names, *refusals, *failed})
            return
        for name in sorted(self._chosen.difference(names, failed, self._description.left)):
            why = refusals.get(name) or (
                "Bigin has no such module (any more), or the settings leave it out"
                f"{did_you_mean(name, names, otherwise='.')}"
            )
            self._report.stream(name).warn(f"selected in the catalog, but there is no such stream. {why}")

    def _warn_of_globs(self, found: Collection[str]) -> None:
        """Tell of entries of ``modules`` that match nothing. Raises SettingsError if none does."""
        globs = [
            glob for glob in self._settings.modules if not any(fnmatchcase(name, glob) for name in found)
        ]
        offered = [each.api_name for each in self._client.metadata.modules()] if globs else []
        unmatched = [
            f"modules: {each!r} matches no module{did_you_mean(each, offered, otherwise='.')}"
            for each in globs
        ]
        if unmatched and len(unmatched) == len(self._settings.modules):
            raise SettingsError(" ".join(unmatched))
        for said in unmatched:
            self._report.stream("Settings").warn(said)


def _alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that differ only by case.

    >>> list(_alike(["Phone", "Email", "phone"]))
    [('Phone', 'phone')]
    """
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            yield first, name
