"""The command ``bigin``: the table of its subcommands. Each is imported when it is used, not before.

A subcommand's file holds a click command named ``command``. A BiginError that it lets through ends the
run with one line and exit code 1; a missing extra ends it with the command that installs the extra.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from bigin_api import BiginError
from bigin_api.run_files.standard_streams import keep_descriptors, require_stdout
from bigin_cli.subcommand import Group, Trouble


@dataclass(frozen=True)
class Subcommand:
    """Where a subcommand stands (``module:command``), what it is for, and the extra that it may need."""

    place: str
    help: str
    extra: str | None = None

    @property
    def exists(self) -> bool:
        """True if its module is part of this installation."""
        return importlib.util.find_spec(self.place.partition(":")[0]) is not None

    def load(self) -> click.Command:
        """Import the subcommand. Raises ModuleNotFoundError where its extra is missing."""
        module, _, name = self.place.partition(":")
        found: click.Command = getattr(importlib.import_module(module), name)
        return found


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "auth": Subcommand("bigin_cli.auth:command", "Get a refresh token and write it to a config file."),
    "doctor": Subcommand("bigin_cli.doctor:command", "Say what a configured run would fail on."),
    "plan": Subcommand("bigin_cli.plan:command", "Say what a run would cost before it is made."),
    "log": Subcommand("bigin_cli.log:command", "Look into the log of API calls."),
    "report": Subcommand("bigin_cli.report:command", "Write one HTML page about runs.", extra="report"),
    "retry": Subcommand("bigin_cli.retry:command", "Write rejected records again."),
    "reconcile": Subcommand("bigin_cli.reconcile:command", "Compare a warehouse with the organisation."),
    "feed": Subcommand("bigin_cli.feed:command", "Be told of changes within seconds.", extra="feed"),
    "sandbox": Subcommand("bigin_cli.sandbox:command", "Serve a local Bigin.", extra="sandbox"),
}


class LazyGroup(Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """The subcommands of this installation, in the order of the table."""
        return [name for name, each in SUBCOMMANDS.items() if each.exists]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, None where there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            return SUBCOMMANDS[cmd_name].load()
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

    def rows(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The subcommands from the table, so that help imports none of them."""
        return [(name, SUBCOMMANDS[name].help) for name in self.list_commands(ctx)]

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand. What a person can act on becomes one line."""
        try:
            return super().invoke(ctx)
        except BiginError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as missing:
            raise _extra_missing(ctx.invoked_subcommand or "", missing) from missing


def _extra_missing(name: str, missing: ModuleNotFoundError) -> Exception:
    """One line with the install command; the error itself for a module that no extra brings."""
    extra = SUBCOMMANDS[name].extra if name in SUBCOMMANDS else None
    if extra is None or (missing.name or "").startswith("bigin_"):
        return missing
    return click.ClickException(
        f"bigin {name}: {missing.name} is not installed; pip install 'bigin-singer[{extra}]' brings it."
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
