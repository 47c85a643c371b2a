"""The stream of a custom view: its records, 3 credits a page of 200, all of them at each run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bigin_api.errors import PageTokenRefused
from tap_bigin.bookmarks import Pass, begin, complete, from_text, pass_of, shape_of_pass, without_tokens
from tap_bigin.lists.pages import Listing, ModulePages, Place
from tap_bigin.singer.batch import Chunk
from tap_bigin.streams.stream import BiginStream
from tap_bigin.values.conversion import Conversion
from tap_bigin.views import ViewDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_bigin.singer.batch import State


class ViewStream(BiginStream[ViewDefinition]):
    """Records of one view, in the view's own order, which shifts when people change records meanwhile.

    Whoever needs each record for certain reads the module; the view says which of them it holds.
    """

    def read(self, state: State) -> Iterator[Chunk]:
        """A page a chunk; an interrupted run goes on with the page token while it lives."""
        schema = self.definition.schema
        names = [
            name
            for name in schema.properties
            if name != "id" and name not in schema.unsupported and self.is_asked_for(name)
        ]
        convert = Conversion(
            {name: schema.properties[name] for name in ("id", *names)},
            schema.treatments,
            warn=self.report.warn,
        )
        shape = shape_of_pass(self.definition.cvid, names)
        begun = pass_of(state, shape=shape)
        if begun is None or not begun.has_live_tokens(self.client.server_time):
            begun = Pass("full", self.client.server_time, shape)
        pages = ModulePages(self.client, self.calls, self.definition.module, names or ["Modified_Time"])
        yield from self._pages(state, begun, pages, convert)

    def _pages(self, state: State, pass_: Pass, pages: ModulePages, convert: Conversion) -> Iterator[Chunk]:
        listing = Listing(cvid=self.definition.cvid)
        place: Place | None = Place(None, pass_.tokens) if pass_.tokens else Place()
        while place is not None:
            try:
                page = pages.page(place, listing)
            except PageTokenRefused:
                if not pass_.tokens:
                    raise
                # It ended between two runs: what was emitted is emitted again.
                place, pass_ = Place(), replace(without_tokens(pass_), emitted=0)
                continue
            convert(page.records)
            pass_ = replace(
                pass_,
                tokens=page.tokens,
                expires=from_text(page.expires) if page.expires else None,
                emitted=pass_.emitted + len(page.records),
            )
            place = page.next_place
            yield Chunk(page.records, begin(state, pass_) if place else None)
        yield Chunk([], complete(state, pass_, replication_key=None))
