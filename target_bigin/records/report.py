"""The end of the run in a few lines. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from bigin_api import Spent
from bigin_api.run_files.run_report import Rejects, RunReport, StreamRun
from target_bigin.records.account import Account
from target_bigin.records.record import Action

_OUTCOMES: tuple[Action, ...] = ("inserted", "updated", "deleted", "merged", "unchanged")
_ALWAYS = frozenset(("inserted", "updated", "unchanged"))


def report(
    accounts: Iterable[Account], spent: Spent, *, seconds: float, of_the_run: Spent | None = None
) -> list[str]:
    """Lines: one a stream, one a kind of reject with its first example, one for the whole run.

    ``of_the_run``: of a dry run, what the run itself would take.
    """
    lines = []
    for account in accounts:
        lines.append(_stream_line(account, spent, dry_run=of_the_run is not None))
        lines.extend(f"  {note}: {count}" for note, count in sorted(account.notes.items()))
        lines.extend(_reject_lines(account))
    remaining = f", {spent.remaining} remain today" if spent.remaining is not None else ""
    lines.append(f"Run: {spent.calls} calls, {spent.credits} credits{remaining}, {seconds:.1f} s.")
    if of_the_run is not None:
        lines.append(
            f"[nothing was written] The run itself would take {of_the_run.calls} calls and "
            f"{of_the_run.credits} credits, with all that it asks."
        )
    return lines


def run_report(accounts: Iterable[Account], spent: Spent, *, of_the_run: Spent | None) -> RunReport:
    """The same for ``run_report_path``."""
    dry_run = of_the_run is not None
    streams = [_stream_run(account, spent, dry_run=dry_run) for account in accounts]
    return RunReport(
        program="target-bigin",
        calls=spent.calls,
        credits=spent.credits,
        credits_remaining=spent.remaining,
        credits_by_endpoint=dict(spent.by_endpoint),
        dry_run=dry_run,
        of_the_run={"calls": of_the_run.calls, "credits": of_the_run.credits} if of_the_run else None,
        streams=streams,
    )


def _stream_run(account: Account, spent: Spent, *, dry_run: bool) -> StreamRun:
    rejects = []
    for (kind, code, field), count in account.rejects.most_common():
        example = account.examples[kind, code, field][1].message
        rejects.append(Rejects(kind=kind, code=code, field=field, count=count, example=example))
    return StreamRun(
        stream=account.stream,
        module=account.module,
        records=account.read,
        outcomes={outcome: account.outcomes[outcome] for outcome in _OUTCOMES if account.outcomes[outcome]},
        rejected=account.rejected,
        rejects=rejects,
        calls=spent.calls_by_label.get(account.stream, 0),
        credits=spent.by_label.get(account.stream, 0),
        planned_credits=account.planned_credits if dry_run else None,
        seconds=round(max(0.0, account.ended - account.begun), 1),
    )


def _stream_line(account: Account, spent: Spent, *, dry_run: bool) -> str:
    counts = [f"read {account.read}"]
    counts += [
        f"{outcome} {account.outcomes[outcome]}"
        for outcome in _OUTCOMES
        if account.outcomes[outcome] or outcome in _ALWAYS
    ]
    counts.append(f"rejected {account.rejected}")
    unsettled = account.read - account.settled
    if unsettled:
        counts.append(f"not settled {unsettled}")
    run = _stream_run(account, spent, dry_run=dry_run)
    where = f"{account.stream} → {account.module}" if account.module else account.stream
    line = f"{where}: {', '.join(counts)}; {run.calls} calls, {run.credits} credits, {run.seconds} s."
    if dry_run:
        return f"[nothing was written] {line} Writing would have cost {run.planned_credits} credits."
    return line


def _reject_lines(account: Account) -> list[str]:
    lines = []
    for key, count in account.rejects.most_common():
        kind, code, field = key
        number, example = account.examples[key]
        where = f" {field}" if field else ""
        lines.append(f"  {count} {kind}: {code}{where}, first in record {number}: {example.message}")
    return lines
