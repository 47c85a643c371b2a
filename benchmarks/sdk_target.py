"""What an SDK batch sink needs that drops its input, in the SDK's fastest set-up.

``python -m benchmarks.sdk_target < file``: no validation, the msgspec reader, batches of 100 dropped.
"""

from __future__ import annotations

from typing import Any

from singer_sdk import BatchSink, Target
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecReader


class Drop(BatchSink):
    """Takes batches and forgets them."""

    max_size = 100

    def get_validator(self) -> None:
        return None

    def process_batch(self, context: dict[str, Any]) -> None:
        pass


class Baseline(Target):
    """A target that writes nowhere."""

    name = "target-baseline"
    config_jsonschema = th.PropertiesList().to_dict()
    default_sink_class = Drop
    message_reader_class = MsgSpecReader


if __name__ == "__main__":
    Baseline(config={}).listen()
