"""The stream of a module: its records, in full once, then what was modified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_bigin.chunks import Chunk
from tap_bigin.discovery import ModuleDefinition
from tap_bigin.streams.stream import BiginStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_bigin.chunks import State


class ModuleStream(BiginStream[ModuleDefinition]):
    """Records of one module, with the selected fields alone."""

    def read(self, state: State) -> Iterator[Chunk]:  # noqa: ARG002
        """All records by ascending id."""
        module, token = self.definition.module.api_name, None
        names = [each.api_name for each in self.definition.fields if self.is_asked_for(each.api_name)]
        while True:
            page = self.client.records.page(
                module, names[:50], page_token=token, sort_by="id", sort_order="asc"
            )
            yield Chunk(page.records)
            token = page.next_page_token
            if not token:
                return
