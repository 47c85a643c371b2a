"""``bigin retry``: a reject log fed back to target-bigin."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click
from singer_sdk.exceptions import ConfigValidationError

from bigin_cli.settings.file import config_option
from bigin_cli.settings.project import settings_of
from bigin_cli.subcommand import Trouble, subcommand
from target_bigin.retry import NEVER_UNASKED, Outcome
from target_bigin.retry import retry as feed_back
from target_bigin.target import TargetBigin

if TYPE_CHECKING:
    from target_bigin.files.reject_lines import RejectLine

EXAMPLES = """
bigin retry target-bigin-rejects.jsonl --config target.json
bigin retry target-bigin-rejects.jsonl --config target.json --only INVALID_DATA
"""
EXIT_CODES = (
    "0 all that was sent is written, 1 something was refused again or the run ended early, 2 wrong use"
)


@subcommand("retry", examples=EXAMPLES, exit_codes=EXIT_CODES)
@click.argument("rejects", metavar="REJECTS")
@config_option("target-bigin")
@click.option("--only", metavar="CODE", multiple=True, help="Only the rejects of this code; may be repeated.")
def command(rejects: str, config: str | None, only: tuple[str, ...]) -> None:
    """Send the records of a reject log again, when the cause is mended.

    REJECTS is moved aside first. What is written is dropped from it; what is refused again stays, with its
    new reason, and so does what is not sent. A record of which a later row was written since is left out:
    sent again, it would overwrite what is newer. Lines of a dry run are dropped unsent. Three codes are sent
    only where --only names them: FATE_UNKNOWN, since such a record may be in Bigin already;
    UNREADABLE_VALUE, whose line has null for a value that was lost; STREAM_MAP, since no stream map is
    applied again.
    """
    path = Path(rejects)
    try:
        outcome = feed_back(path, settings_of(TargetBigin, config), only=only)
    except ConfigValidationError as error:
        raise Trouble(f"Settings: {'; '.join(error.errors)}") from None
    _tell(outcome, path)
    if only and not outcome.sent:
        raise Trouble(_no_such_code(outcome.lines, only))
    if outcome.failure is not None:
        raise Trouble(f"The run ended early: {outcome.failure}")
    if outcome.rejected:
        raise Trouble(f"{len(outcome.rejected)} records were refused again; {path} says why.")


def _tell(outcome: Outcome, path: Path) -> None:
    lines = outcome.lines
    for stream in dict.fromkeys(lines[place].stream for place in outcome.sent):
        counts = {
            "written": outcome.written,
            "refused again": outcome.rejected,
            "not settled": outcome.open,
        }
        told = [
            f"{sum(lines[place].stream == stream for place in places):,} {what}"
            for what, places in counts.items()
            if what != "not settled" or places
        ]
        click.echo(f"{stream}: {', '.join(told)}")
        reasons = Counter(
            _reason(lines[place]) for place in outcome.rejected if lines[place].stream == stream
        )
        for reason, count in reasons.most_common():
            click.echo(f"  {count:,} {reason}")
    if outcome.replaced:
        click.echo(f"{len(outcome.replaced):,} left out: a later row of theirs is written.")
    if outcome.left:
        codes = Counter(lines[place].code for place in outcome.left)
        listed = ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
        click.echo(f"{len(outcome.left):,} not sent: {listed}.")
        for code in (each for each in NEVER_UNASKED if each in codes):
            click.echo(f"  {code}: {NEVER_UNASKED[code]}, then name it with --only {code}.")
    if outcome.dry_run_lines:
        click.echo(f"{outcome.dry_run_lines:,} of dry runs dropped: they were not to be written.")
    stay = len(lines) - len(outcome.written)
    click.echo(f"{path}: {stay:,} lines stay." if stay else f"{path}: nothing is left, the file is gone.")


def _reason(line: RejectLine) -> str:
    field = f" {line.field}" if line.field else ""
    return f"{line.code}{field}: {line.message}"


def _no_such_code(lines: list[RejectLine], only: tuple[str, ...]) -> str:
    codes = sorted({line.code for line in lines})
    alike = get_close_matches(only[0].upper(), codes, n=1)
    hint = f", did you mean {alike[0]}?" if alike else f"; it has {', '.join(codes) or 'none'}."
    return f"No line that can be sent has the code {only[0]!r}{hint}"
