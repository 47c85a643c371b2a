"""Runs of target-bigin: in this process (fast) or as a process of its own (signals, exit codes, pipes).

run = run_target(sandbox, [schema("Contacts", key=["Email"]), *records("Contacts", rows)], max_rejects=9)
run.states, run.rejects, run.report["Contacts"], run.error
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from support.command import run_command
from support.processes import PIPE, start
from support.sandbox import Sandbox
from target_bigin.records.account import Account
from target_bigin.target import EXPECTED, TargetBigin

Message = dict[str, Any]


@dataclass
class TargetRun:
    """What a run left behind."""

    states: list[Any] = field(default_factory=list)
    rejects: list[Message] = field(default_factory=list)
    log: list[str] = field(default_factory=list)  # warnings, errors and the report
    error: Exception | None = None
    accounts: dict[str, Account] = field(default_factory=dict)

    def outcomes(self, stream: str) -> dict[str, int]:
        """How many records of a stream ended how; rejected ones by kind."""
        account = self.accounts[stream]
        found = {**account.outcomes}
        for (kind, _, _), count in account.rejects.items():
            found[kind] = found.get(kind, 0) + count
        return found

    def said(self, words: str) -> list[str]:
        """The log lines that hold these words."""
        return [line for line in self.log if words in line]


class _Lines(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(f"{record.levelname} {record.getMessage()}")


def schema(stream: str, *properties: str, key: Sequence[str] = ()) -> Message:
    """A SCHEMA message; the types of its properties are left open, as the target does not look at them."""
    names = dict.fromkeys((*properties, *key))
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": {name: {} for name in names}},
        "key_properties": list(key),
    }


def record(stream: str, **values: Any) -> Message:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": values}


def records(stream: str, rows: Iterable[Message]) -> list[Message]:
    """RECORD messages."""
    return [{"type": "RECORD", "stream": stream, "record": row} for row in rows]


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}


def lines(messages: Iterable[Message]) -> str:
    """Messages as a tap writes them."""
    return "".join(json.dumps(message) + "\n" for message in messages)


def settings_of(sandbox: Sandbox, folder: Path, **settings: Any) -> dict[str, Any]:
    """A config that leads to the sandbox and rejects into a folder."""
    return sandbox.settings_for(**{"rejects_path": str(folder / "rejects.jsonl"), **settings})


def run_target(
    sandbox: Sandbox, folder: Path, messages: Iterable[Message] | str, **settings: Any
) -> TargetRun:
    """Run the target in this process over these messages."""
    run = TargetRun()
    config = settings_of(sandbox, folder, **settings)
    known = len(read_rejects(config))
    handler = _Lines(run.log)
    logger = logging.getLogger("target-bigin")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    written = io.StringIO()
    try:
        with contextlib.redirect_stdout(written):
            target = TargetBigin(config=config)
            run.accounts = target.engine.ledger.accounts
            target.listen(io.StringIO(messages if isinstance(messages, str) else lines(messages)))
    except EXPECTED as error:
        run.error = error
    finally:
        logger.removeHandler(handler)
    run.states = [json.loads(line) for line in written.getvalue().splitlines()]
    run.rejects = read_rejects(config)[known:]
    return run


def read_rejects(config: dict[str, Any]) -> list[Message]:
    """The lines of the reject log, [] where there is none."""
    path = Path(config["rejects_path"])
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


class RunningTarget:
    """The command as a process of its own: fed line by line, its states heard as they come."""

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(config))
        self.process = start("target-bigin", "--config", str(path), stdin=PIPE, stdout=PIPE, stderr=PIPE)
        self.states: list[Any] = []
        self._said: list[str] = []
        self._ears = [
            threading.Thread(target=self._hear, args=(self.process.stdout, self._hear_state)),
            threading.Thread(target=self._hear, args=(self.process.stderr, self._said.append)),
        ]
        for ear in self._ears:
            ear.start()

    def say(self, messages: Iterable[Message] | str | bytes) -> None:
        """Write to its input."""
        text = messages if isinstance(messages, str | bytes) else lines(messages)
        assert self.process.stdin
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.process.stdin.flush()

    def wait_for(self, value: Any, *, seconds: float = 30) -> bool:
        """Whether this state comes, the input being left open. A later one may come in its place."""
        return _holds_within(seconds, lambda: value in self.states)

    def wait_for_a_state(self, *, seconds: float = 30) -> bool:
        """Whether any state comes, the input being left open."""
        return _holds_within(seconds, lambda: bool(self.states))

    def end(self, *, by: signal.Signals | None = None) -> tuple[int, str]:
        """End its input, or end it by a signal; gives the exit code and what it said."""
        if by is not None:
            self.process.send_signal(by)
        elif self.process.stdin:
            self.process.stdin.close()
        code = self.process.wait(60)
        self.close()
        return code, "".join(self._said)

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        for ear in self._ears:
            ear.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _hear(self, pipe: IO[bytes], told: Callable[[str], None]) -> None:
        for line in pipe:
            told(line.decode())

    def _hear_state(self, line: str) -> None:
        self.states.append(json.loads(line))


def _holds_within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def command(
    config: dict[str, Any], folder: Path, messages: Iterable[Message] | str
) -> tuple[int, list[Any], str]:
    """Run the command in this process to its end: exit code, states, what it said."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    text = messages if isinstance(messages, str) else lines(messages)
    ended = run_command(lambda: TargetBigin.cli.main(["--config", str(path)]), given=text)
    return ended.code, [json.loads(line) for line in ended.out.splitlines()], ended.said


def process(
    config: dict[str, Any], folder: Path, messages: Iterable[Message] | str
) -> tuple[int, list[Any], str]:
    """As ``command``, in a process of its own, fed by a pipe."""
    running = RunningTarget(config, folder)
    with contextlib.suppress(BrokenPipeError):
        running.say(messages)
    code, said = running.end()
    return code, running.states, said
