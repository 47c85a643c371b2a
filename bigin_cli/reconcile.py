"""``bigin reconcile``: the command ``bigin-reconcile`` under this roof."""

from __future__ import annotations

import click

from bigin_cli.subcommand import passed_on
from tap_bigin.reconcile.command import main


@passed_on("reconcile", help="Compare what a warehouse holds with the organisation.")
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Hand the arguments on."""
    ctx.exit(main(arguments, name="bigin reconcile"))
