"""What the SDK itself needs to emit records from memory, in its fastest set-up.

``python -m benchmarks.sdk_tap RECORDS``: writes Singer to stdout, and to stderr the CPU seconds that
making the records took, which the caller takes off.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers._typing import TypeConformanceLevel

from benchmarks.made_pages import AMOUNTS, NAMES, NUMBERS, SWITCHES, USERS, record

if TYPE_CHECKING:
    from collections.abc import Iterable

USER = th.ObjectType(*(th.Property(name, th.StringType) for name in ("id", "name", "email")))


def _type(name: str) -> Any:
    kinds = ((USERS, USER), (NUMBERS, th.IntegerType), (AMOUNTS, th.NumberType), (SWITCHES, th.BooleanType))
    return next((kind for names, kind in kinds if name in names), th.StringType)


class Contacts(Stream):
    """Records that lie in memory."""

    name = "Contacts"
    primary_keys: ClassVar[list[str]] = ["id"]
    replication_key = None
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema = th.PropertiesList(
        th.Property("id", th.StringType), *(th.Property(name, _type(name)) for name in NAMES)
    ).to_dict()
    rows: ClassVar[list[dict[str, Any]]] = []

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        return self.rows


class Baseline(Tap):
    """A tap of one stream."""

    name = "tap-baseline"
    config_jsonschema = th.PropertiesList().to_dict()
    message_writer_class = MsgSpecWriter

    def discover_streams(self) -> list[Contacts]:
        return [Contacts(self)]


if __name__ == "__main__":
    begun = time.process_time()
    Contacts.rows = [record(number) for number in range(int(sys.argv[1]))]
    sys.stderr.write(f"made_cpu={time.process_time() - begun:.3f}\n")
    Baseline(config={}).sync_all()
