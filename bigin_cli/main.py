"""The command ``bigin``: the table of its subcommands. Each is imported when it is used, not before.

A subcommand's file has its name and holds a click command named ``command``. A missing extra ends the run
with the command that installs the extra.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from bigin_api import BiginError
from bigin_api.run_files.standard_streams import keep_descriptors, require_stdout
from bigin_cli.subcommand import Group, Trouble

SUBCOMMANDS: Mapping[str, str] = {
    "auth": "Get a refresh token and write it to a config file.",
    "doctor": "Say what a configured run would fail on.",
    "plan": "Say what a run would cost before it is made.",
    "log": "Look into the log of API calls.",
    "report": "Write one HTML page about runs.",
    "retry": "Write rejected records again.",
    "reconcile": "Compare a warehouse with the organisation.",
    "feed": "Be told of changes within seconds.",
    "sandbox": "Serve a local Bigin.",
}
"""What each is for."""

EXTRAS = ("report", "feed", "sandbox")  # what subcommands of these names need is an extra of the same name


def load(name: str) -> click.Command:
    """Import a subcommand. Raises ModuleNotFoundError where its extra is missing."""
    found: click.Command = importlib.import_module(f"bigin_cli.{name}").command
    return found


class LazyGroup(Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """The subcommands, in the order of the table."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's
        """The subcommand, None where there is none of that name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        try:
            return load(cmd_name)
        except ModuleNotFoundError as missing:
            raise _extra_missing(cmd_name, missing) from missing

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the options before the subcommand: a wrong one is one line."""
        keep_descriptors()
        try:
            require_stdout()
            return super().make_context(*args, **more)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Trouble(f"stdout cannot be written ({error.strerror}).") from None
        except BiginError as error:
            raise Trouble(error.message) from None

    def rows(self, ctx: click.Context) -> list[tuple[str, str]]:  # noqa: ARG002 -- click's
        """The subcommands from the table, so that help imports none of them."""
        return list(SUBCOMMANDS.items())

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            raise _extra_missing(ctx.invoked_subcommand or "", missing) from missing


def _extra_missing(name: str, missing: ModuleNotFoundError) -> Exception:
    """One line with the install command; the error itself for a module that no extra brings."""
    if name not in EXTRAS or (missing.name or "").startswith("bigin_"):
        return missing
    return click.ClickException(
        f"bigin {name}: {missing.name} is not installed; pip install 'bigin-singer[{name}]' brings it."
    )


EXAMPLES = """
bigin auth --config tap.json
bigin doctor --config tap.json
bigin plan --config tap.json
bigin log --help
"""


@click.command(cls=LazyGroup, examples=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Bigin by Zoho CRM from the command line: set up, check, price, watch, prove."""
