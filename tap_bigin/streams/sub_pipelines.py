"""The stream of Team Pipelines, sub-pipelines and stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_bigin.singer.batch import Chunk
from tap_bigin.streams.stream import BiginStream
from tap_bigin.sub_pipelines import PIPELINES, SubPipelinesDefinition, sub_pipeline_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_bigin.singer.batch import State


class SubPipelinesStream(BiginStream[SubPipelinesDefinition]):
    """One answer of the metadata, which the run may have asked for already."""

    def read(self, state: State) -> Iterator[Chunk]:  # noqa: ARG002 -- all of it at each run
        """Everything at once: at most a few hundred rows."""
        metadata = self.client.metadata
        yield Chunk(list(sub_pipeline_rows(metadata.layouts(PIPELINES), metadata.complete_fields(PIPELINES))))
