"""Run a command and say what it took: seconds, CPU seconds, peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Took:
    """What one run of a command took. ``peak_mb`` is its largest resident set."""

    wall: float
    cpu: float
    peak_mb: float
    exit_code: int
    stderr: str


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> Took:
    """Run a command to its end. Raises RuntimeError with what it said if it fails."""
    begun = time.monotonic()
    with subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = Took(
        wall=time.monotonic() - begun,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1024,
        exit_code=process.returncode,
        stderr=said.decode(errors="replace"),
    )
    if took.exit_code:
        raise RuntimeError(f"{command[0]} ended with {took.exit_code}:\n{took.stderr[-2000:]}")
    return took


def median(times: int, once: Callable[[], float]) -> float:
    """The median of several measurements."""
    return statistics.median(once() for _ in range(times))
