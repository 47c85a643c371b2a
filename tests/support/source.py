"""Runs of source-bigin in this process; every line is held to Airbyte's official models.

catalog = offered(sandbox)                    what discover tells
ended = read(sandbox, configured(catalog), state=earlier.state)
ended.records["Contacts"], ended.states, ended.state, ended.statuses, ended.errors, ended.log, ended.code
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airbyte_protocol.models import AirbyteMessage
from pydantic import BaseModel

from bigin_airbyte.command import main
from support.command import run_command
from support.sandbox import Sandbox

Json = dict[str, Any]


@dataclass
class SourceRun:
    """What a command of the source said."""

    code: int
    messages: list[Json] = field(default_factory=list)
    said: str = ""

    @classmethod
    def of(cls, code: int, out: str, said: str = "") -> SourceRun:
        """Read the lines, each held to the protocol."""
        assert out == "" or out.endswith("\n"), f"a torn line: {out[-200:]!r}"
        for line in out.splitlines():
            assert _unknown(AirbyteMessage.model_validate_json(line)) == [], line
        return cls(code, [json.loads(line) for line in out.splitlines()], said)

    def of_type(self, name: str) -> list[Json]:
        """The contents of the messages of a type such as ``catalog``."""
        return [each[name] for each in self.messages if name in each]

    @property
    def records(self) -> dict[str, list[Json]]:
        """Records by stream."""
        found: dict[str, list[Json]] = {}
        for each in self.of_type("record"):
            found.setdefault(each["stream"], []).append(each["data"])
        return found

    @property
    def states(self) -> list[Json]:
        """Every state, in order."""
        return self.of_type("state")

    @property
    def state(self) -> list[Json]:
        """What a platform keeps: the last state of each stream."""
        return list({each["stream"]["stream_descriptor"]["name"]: each for each in self.states}.values())

    @property
    def statuses(self) -> dict[str, list[str]]:
        """The statuses of each stream, in order."""
        found: dict[str, list[str]] = {}
        for each in self.of_type("trace"):
            if told := each.get("stream_status"):
                found.setdefault(told["stream_descriptor"]["name"], []).append(told["status"])
        return found

    @property
    def errors(self) -> dict[str | None, Json]:
        """Errors by their stream, None for the run's."""
        errors = [each["error"] for each in self.of_type("trace") if "error" in each]
        return {each.get("stream_descriptor", {}).get("name"): each for each in errors}

    @property
    def log(self) -> list[str]:
        """The lines of the log."""
        return [each["message"] for each in self.of_type("log")]


def source(sandbox: Sandbox, command: str, files: Json | None = None, **settings: Any) -> SourceRun:
    """Run a command with settings that lead to the sandbox; ``files`` are its other options."""
    with TemporaryDirectory(prefix="source-bigin-") as folder:
        arguments = [command]
        given = {"config": sandbox.settings_for(**{"overlap_seconds": 2, **settings}), **(files or {})}
        for name, content in given.items():
            path = Path(folder) / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            arguments += [f"--{name}", str(path)]
        ended = run_command(lambda: main(arguments))
    return SourceRun.of(ended.code, ended.out, ended.said)


def offered(sandbox: Sandbox, **settings: Any) -> Json:
    """The catalog that discover tells."""
    ended = source(sandbox, "discover", **settings)
    assert ended.code == 0, ended.messages
    return ended.of_type("catalog")[0]


def configured(catalog: Json, *names: str, mode: str | None = None) -> Json:
    """These streams (all without a name), each in the most that it can or in the mode that is given."""
    return {
        "streams": [
            {
                "stream": each,
                "sync_mode": mode or each["supported_sync_modes"][-1],
                "destination_sync_mode": "append_dedup",
                "primary_key": each["source_defined_primary_key"],
            }
            for each in catalog["streams"]
            if not names or each["name"] in names
        ]
    }


def read(sandbox: Sandbox, catalog: Json, *, state: Any = None, **settings: Any) -> SourceRun:
    """Read what is configured."""
    files = {"catalog": catalog, "state": [] if state is None else state}
    return source(sandbox, "read", files, **settings)


def _unknown(model: BaseModel, where: str = "") -> list[str]:
    """Keys that the protocol does not know, however deep."""
    found = [f"{where}.{name}" for name in model.model_extra or {}]
    for name in type(model).model_fields:
        value = getattr(model, name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, BaseModel) and type(each).__name__ != "AirbyteStateBlob":
                found += _unknown(each, f"{where}.{name}")
    return found
