"""Which code is watched, and which tests are its net: the table to change when files move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

TAP = ("tests/tap_bigin/**/test_*.py",)
TARGET = ("tests/target_bigin/**/test_*.py",)
CLIENT = ("tests/bigin_api/**/test_*.py",)
FEED = ("tests/bigin_feed/**/test_*.py",)
AIRBYTE = ("tests/bigin_airbyte/**/test_*.py",)

RETRY = "tests/bigin_cli/test_retry.py"

NETS = {
    "target_bigin/engine.py": (*TARGET, RETRY),
    "target_bigin/retry.py": (*TARGET, RETRY),
    "target_bigin/input/*.py": TARGET,
    "target_bigin/schema/conversion.py": TARGET,
    "target_bigin/schema/deletion.py": TARGET,
    "target_bigin/schema/id_origin.py": TARGET,
    "target_bigin/schema/keys.py": TARGET,
    "target_bigin/writing/*.py": TARGET,
    "target_bigin/streams/stream.py": TARGET,
    "target_bigin/streams/shared.py": TARGET,
    "target_bigin/streams/row_stream.py": TARGET,
    "target_bigin/streams/deleted_records.py": TARGET,
    "target_bigin/rows/*.py": TARGET,
    "target_bigin/links/*.py": TARGET,
    "target_bigin/bulk/*.py": TARGET,
    "target_bigin/values/sameness.py": TARGET,
    "target_bigin/records/*.py": TARGET,
    "target_bigin/records/report.py": (*TARGET, "tests/end_to_end/test_run_reports.py"),
    "target_bigin/concurrency/*.py": TARGET,
    "target_bigin/files/*.py": TARGET,
    "target_bigin/files/reject_lines.py": (*TARGET, RETRY),
    "target_bigin/deletions/*.py": TARGET,
    "target_bigin/lookups/*.py": TARGET,
    "tap_bigin/extraction.py": TAP,
    "tap_bigin/run.py": TAP,
    "tap_bigin/streams/stream.py": TAP,
    "tap_bigin/streams/module.py": TAP,
    "tap_bigin/streams/deleted.py": TAP,
    "tap_bigin/streams/changes.py": TAP,
    "tap_bigin/streams/related.py": TAP,
    "tap_bigin/singer/batch.py": TAP,
    "tap_bigin/singer/prefetch.py": TAP,
    "tap_bigin/singer/sync.py": TAP,
    "tap_bigin/singer/versions.py": TAP,
    "tap_bigin/singer/writer.py": TAP,
    "tap_bigin/feed/*.py": (*TAP, "tests/bigin_feed/test_histories.py"),
    "tap_bigin/discovery/turns.py": TAP,
    "tap_bigin/lists/*.py": TAP,
    "tap_bigin/bulk/*.py": TAP,
    "tap_bigin/bookmarks.py": TAP,
    "tap_bigin/planning.py": TAP,
    "bigin_api/http/*.py": CLIENT,
    "bigin_api/bulk/*.py": CLIENT,
    "bigin_api/endpoints/*.py": CLIENT,
    "bigin_api/moments.py": CLIENT,
    "bigin_api/in_flight.py": CLIENT,
    "bigin_feed/log/*.py": FEED,
    "bigin_feed/sync_flow.py": FEED,
    "bigin_feed/notifications.py": FEED,
    "bigin_airbyte/states.py": AIRBYTE,
    "bigin_airbyte/writer.py": AIRBYTE,
}
"""Code that keeps records from being lost or doubled → the tests that hold it, its own doctests included.

Of two patterns the later one counts.
"""


def watched(root: Path, only: Iterable[str] = ()) -> dict[str, list[str]]:
    """Source files, each with the test files that may notice a fault in it; all, or those under ``only``."""
    wanted = tuple(only)
    found = {
        source: [*_with_doctests(root, source), *_matching(root, *tests)]
        for pattern, tests in NETS.items()
        for source in _matching(root, pattern)
        if not wanted or source.startswith(wanted)
    }
    return {source: tests for source, tests in found.items() if not source.endswith("__init__.py")}


def _with_doctests(root: Path, source: str) -> Iterator[str]:
    if ">>>" in (root / source).read_text("utf-8"):
        yield source


def _matching(root: Path, *patterns: str) -> Iterator[str]:
    for pattern in patterns:
        paths = sorted(root.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"No file matches {pattern}: the table in {__name__} is out of date.")
        yield from (path.relative_to(root).as_posix() for path in paths)
