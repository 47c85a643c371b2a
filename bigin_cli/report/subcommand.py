"""The subcommand: reads the files that runs leave behind, writes the page."""

from __future__ import annotations

import glob
import gzip
import importlib.util
from datetime import datetime, timezone
from pathlib import Path

import click

from bigin_api import SettingsError
from bigin_api.run_files.api_log import Entry, LogReader
from bigin_api.run_files.run_report import read_report
from bigin_cli.report.feed import feed_lag
from bigin_cli.report.page import make_page, render
from bigin_cli.subcommand import Trouble, subcommand
from target_bigin.files.reject_lines import RejectLine, read_reject_lines

EXAMPLES = """
bigin report --log api.jsonl --runs 'runs/*.json' --rejects target-bigin-rejects.jsonl -o report.html
bigin report --runs runs/tap.json -o report.html
"""
INSTALL = "pip install 'bigin-singer[report]'"


@subcommand("report", examples=EXAMPLES)
@click.option("--log", metavar="FILE", help="An API log (the setting api_log_path); .gz is unpacked.")
@click.option(
    "--runs",
    metavar="FILE-OR-GLOB",
    multiple=True,
    help="Reports of runs (run_report_path); may be repeated, and be followed by more files.",
)
@click.argument("more_runs", metavar="[MORE RUNS]...", nargs=-1)
@click.option("--rejects", metavar="FILE", help="A reject log of target-bigin (rejects_path).")
@click.option(
    "--feed-log",
    metavar="URL",
    help="The feed's log, as an SQLAlchemy URL: how far it is, and the tap behind.",
)
@click.option("-o", "--output", metavar="FILE", required=True, help="The page to write.")
def command(
    *,
    log: str | None,
    runs: tuple[str, ...],
    more_runs: tuple[str, ...],
    rejects: str | None,
    feed_log: str | None,
    output: str,
) -> None:
    """Make one HTML page of what happened: what each stream did, what it cost, what failed, what to do.

    One file without a script: it opens from an e-mail, and prints. A file that is not there is told of;
    whichever of them are given are shown.
    """
    if not (log or runs or more_runs or rejects or feed_log):
        raise click.UsageError("Nothing to report on: give --log, --runs, --rejects or --feed-log.")
    if importlib.util.find_spec("jinja2") is None:
        raise Trouble(f"jinja2 is not installed; {INSTALL} brings it.")
    paths = [path for pattern in (*runs, *more_runs) for path in _matches(pattern)]
    reports, now = [read_report(path) for path in paths], datetime.now(timezone.utc)
    page = make_page(
        entries=_entries(Path(log)) if log else [],
        runs=reports,
        rejects=_rejects(Path(rejects)) if rejects else [],
        feed=feed_lag(feed_log, reports, now=now) if feed_log else None,
        sources=[
            *(Path(each).name for each in (log, rejects) if each),
            *(["the feed's log"] if feed_log else []),  # a URL may hold a password
            *(path.name for path in reversed(paths)),
        ],
        now=now,
    )
    target = Path(output)
    if target.is_dir():
        raise Trouble(f"{output} is a folder: name the file.")
    if target.exists() and not target.is_file():
        raise Trouble(f"{output} is a device or a pipe, no file.")  # it would be replaced
    if not target.resolve().parent.is_dir():
        raise Trouble(f"{output}: there is no folder {target.parent}.")
    _write(target.resolve(), render(page))
    click.echo(f"{output}: {page.verdict}")


def _write(path: Path, page: str) -> None:
    """Put the page in its place, whole or not at all, readable by whom the system lets read new files."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(page, "utf-8")
    temporary.replace(path)


def _matches(pattern: str) -> list[Path]:
    if Path(pattern).is_file():
        return [Path(pattern)]
    found = sorted(Path(each) for each in glob.glob(pattern, recursive=True))  # noqa: PTH207 -- may be absolute
    if not found:
        raise Trouble(f"--runs: no file is {pattern}.")
    return found


def _entries(path: Path) -> list[Entry]:
    reader = LogReader()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            entries = list(reader.read(lines))
    except (gzip.BadGzipFile, EOFError) as error:
        raise Trouble(f"--log {path} cannot be unpacked: {error}.") from None
    if not entries and reader.unreadable:
        raise Trouble(f"--log {path} holds no line of an API log.")
    return entries


def _rejects(path: Path) -> list[RejectLine]:
    """The lines; none where there is no log any more, since that is what a good day leaves."""
    if not path.exists():
        click.echo(
            f"bigin report: --rejects {path}: there is no such file, so no record was refused.", err=True
        )
        return []
    if not path.is_file():
        raise SettingsError(f"--rejects: {path} is no file.")
    return [each for each in read_reject_lines(path) if not each.dry_run]
