"""The kinds of streams: which class reads which definition.

A new kind is three things: a subclass of ``discovery.StreamDefinition`` with what its reader needs
(module, view, query, …), a subclass of ``BiginStream`` whose ``read`` yields chunks, and its row in
``KINDS``. Where its definitions come from (settings, metadata), ``TapBigin._definitions`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_bigin.discovery.definition import ModuleDefinition, StreamDefinition
from tap_bigin.lists.deletions import DeletedDefinition
from tap_bigin.organisation import OrganisationDefinition
from tap_bigin.queries import QueryDefinition
from tap_bigin.related_lists import RelatedDefinition
from tap_bigin.streams.deleted import DeletedStream
from tap_bigin.streams.module import ModuleStream
from tap_bigin.streams.organisation import OrganisationStream
from tap_bigin.streams.query import QueryStream
from tap_bigin.streams.related import RelatedStream
from tap_bigin.streams.stream import BiginStream
from tap_bigin.streams.sub_pipelines import SubPipelinesStream
from tap_bigin.streams.view import ViewStream
from tap_bigin.sub_pipelines import SubPipelinesDefinition
from tap_bigin.views import ViewDefinition

if TYPE_CHECKING:
    from tap_bigin.tap import TapBigin

__all__ = ["KINDS", "BiginStream", "make_stream"]

KINDS: dict[type[StreamDefinition], type[BiginStream[Any]]] = {
    DeletedDefinition: DeletedStream,
    ModuleDefinition: ModuleStream,
    OrganisationDefinition: OrganisationStream,
    QueryDefinition: QueryStream,
    RelatedDefinition: RelatedStream,
    SubPipelinesDefinition: SubPipelinesStream,
    ViewDefinition: ViewStream,
}
"""A kind of stream is added here: its definition, and the class that reads it."""


def make_stream(tap: TapBigin, definition: StreamDefinition) -> BiginStream[Any]:
    """The stream of a definition."""
    return KINDS[type(definition)](tap, definition)
