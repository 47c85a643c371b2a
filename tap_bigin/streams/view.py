"""Custom views: what the settings name → definitions, and how a view is read.

Its records, 3 credits a page of 200, all of them at each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bigin_api.endpoints.results import Progress
from bigin_api.errors import PageTokenRefused, SettingsError
from tap_bigin.bookmarks import Scan, begin, complete, moment_told, scan_of, shape_of_scan, without_tokens
from tap_bigin.discovery.definition import StreamDefinition
from tap_bigin.lists.pages import Listing, ModulePages
from tap_bigin.lists.places import PAGES_BY_NUMBER, Place
from tap_bigin.singer.batch import Batch
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.schema import record_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bigin_api import Client
    from tap_bigin.lists.pages import JoinedPage
    from tap_bigin.settings import Lookups
    from tap_bigin.singer.batch import State


@dataclass(frozen=True, kw_only=True)
class ViewDefinition(StreamDefinition):
    """The records of one custom view, all of them at each run: what leaves a view says so nowhere."""

    module: str
    cvid: str


def define_view(client: Client, given: Mapping[str, Any], *, lookups: Lookups) -> ViewDefinition:
    """The stream of a view. Raises SettingsError for one that the module does not have, BiginError."""
    name, module, cvid = (str(given[key]) for key in ("name", "module", "cvid"))
    fields = client.metadata.fields(module)
    known = client.metadata.custom_views(module)
    if cvid not in {each.id for each in known}:
        offered = ", ".join(f"{each.id} ({each.name})" for each in known) or "none"
        raise SettingsError(f"custom_views: {name}: {module} has no view {cvid}, it has {offered}.")
    return ViewDefinition(
        name=name, schema=record_schema(module, fields, lookups=lookups), module=module, cvid=cvid
    )


class ViewStream(BiginStream[ViewDefinition]):
    """Records of one view, in the view's own order, which shifts when people change records meanwhile.

    Whoever needs each record for certain reads the module; the view says which of them it holds.
    """

    def read(self, state: State) -> Iterator[Batch]:
        """A page a batch; an interrupted run goes on with the page token while it lives."""
        names = [
            name for name in self.definition.schema.properties if name != "id" and self.is_asked_for(name)
        ]
        shape = shape_of_scan(self.definition.cvid, names)
        begun = scan_of(state, shape=shape)
        if begun is None or not begun.has_live_tokens(self.client.server_time):
            begun = Scan("full", self.client.server_time, shape)
        asked = names or ["Modified_Time"]
        pages = ModulePages(self.client, self.calls, self.definition.module, asked, report=self.report)
        yield from self._pages(state, begun, pages)

    def _pages(self, state: State, scan: Scan, pages: ModulePages) -> Iterator[Batch]:
        listing = Listing(cvid=self.definition.cvid)
        place: Place | None = Place(None, scan.tokens) if scan.tokens else Place(1)
        is_resumed, progress = bool(scan.tokens), Progress()
        while place is not None:
            try:
                page = pages.page(place, listing)
            except PageTokenRefused:
                if not is_resumed:
                    raise
                # It ended between two runs: what was emitted is emitted again.
                is_resumed = False
                place, scan = Place(1), replace(without_tokens(scan), emitted=0)
                continue
            progress.see(page.records, page.tokens)
            self.convert(page.records)
            scan = replace(
                scan,
                tokens=page.tokens,
                expires=moment_told(page.expires),
                emitted=scan.emitted + len(page.records),
            )
            if page.is_short or page.left_out:
                self.report.lacks("a page lacks some of its records.")
            place = self._after(page)
            yield Batch(page.records, begin(state, scan) if place else None)
        yield Batch([], complete(state, scan, replication_key=None))

    def _after(self, page: JoinedPage) -> Place | None:
        """Where it goes on, by number where no token is given. Raises PageTokenRefused where that ends."""
        if page.next_place is not None or not page.more_records:
            return page.next_place
        if page.place.number is None or page.place.number >= PAGES_BY_NUMBER:
            raise PageTokenRefused("a page came without the token of the next.")
        return Place(page.place.number + 1)
