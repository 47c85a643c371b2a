"""Singer messages to standard output: flushed at the borders of pages, never torn by a signal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

if TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class PageWriter(MsgSpecWriter):
    """Writes lines whole. The SDK's writers flush after each record, which costs a system call a line.

    Whoever wants the run to end (a signal) sets ``interruption``: it is raised between two lines.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_writing = False
        self.interruption: BaseException | None = None

    def write_message(self, message: Message) -> None:
        """Write a line; all but a record is seen by the target at once."""
        self.is_writing = True
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()
        self.is_writing = False
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            raise interruption

    def flush(self) -> None:
        """Let the target see what is written."""
        sys.stdout.flush()
