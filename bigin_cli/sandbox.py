"""``bigin sandbox``: the command ``bigin-sandbox`` under this roof."""

from __future__ import annotations

import click

from bigin_cli.subcommand import passed_on
from bigin_sandbox.__main__ import main


@passed_on("sandbox", help="A local Bigin to try things on.")
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Hand the arguments on."""
    ctx.exit(main(list(arguments), name="bigin sandbox"))
