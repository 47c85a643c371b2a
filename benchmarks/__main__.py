"""``python -m benchmarks [NAME …]``: run all benchmarks, or those named, and print one table."""

from __future__ import annotations

import sys

from benchmarks import feed, freshness, tap, tap_killed, tap_memory, target

BENCHMARKS = {
    "tap-start": tap.starts,
    "tap-cpu": tap.cpu,
    "tap-wall": tap.side_by_side,
    "tap-memory": tap_memory.memory,
    "tap-killed": tap_killed.killed,
    "target-cpu": target.cpu,
    "target-wall": target.side_by_side,
    "target-memory": target.memory,
    "feed-posts": feed.posts,
    "feed-freshness": freshness.freshness,
}


def main(names: list[str]) -> int:
    """Run them. A missed bar is shown, and never fails the run: machines are noisy."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"Unknown: {', '.join(unknown)}. There are {', '.join(BENCHMARKS)}.")
        return 2
    for name, benchmark in BENCHMARKS.items():
        if not names or name in names:
            for row in benchmark():
                print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
