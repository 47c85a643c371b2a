"""``bigin auth``: from a client ID to a tested file of settings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bigin_api import BiginError, Client, ClientSettings
from bigin_api.access.grants import Accounts, Grant
from bigin_api.access.scopes import EVERY_MODULE, PURPOSES, Purpose, scopes_for
from bigin_api.settings import DATA_CENTERS
from bigin_api.settings.files import read_settings
from bigin_cli.settings.file import check_writable, write_settings
from bigin_cli.subcommand import Trouble, subcommand

EXAMPLES = """
bigin auth --client-id 1000.… --config tap.json
bigin auth --for write --modules Contacts,Pipelines --config target.json
bigin auth --code 1000.… --data-center eu
"""
PLUGINS: Mapping[Purpose, str] = {"read": "tap-bigin", "write": "target-bigin"}
NAMES = ("client_id", "client_secret", "refresh_token", "data_center")
ADDRESSES = ("accounts_url", "api_url")  # of a proxy or a sandbox
NEVER_GRANTED = "-"  # stands for the refresh token while the other settings are checked


@subcommand("auth", examples=EXAMPLES)
@click.option(
    "--for", "purpose", type=click.Choice(PURPOSES), default="read", show_default=True, help="What it is for."
)
@click.option("--modules", help="Only these, by api_name and comma: asks for fewer rights. Default: all.")
@click.option(
    "--client-id", envvar="BIGIN_CLIENT_ID", show_envvar=True, help="Of the client in the API console."
)
@click.option(
    "--client-secret",
    envvar="BIGIN_CLIENT_SECRET",
    show_envvar=True,
    help="Of the same client. Other users of a machine see a command's arguments: better leave it out and be "
    "asked, or use the variable.",
)
@click.option("--code", help="A self client's grant code, instead of a confirmation in the browser.")
@click.option(
    "--data-center",
    type=click.Choice(list(DATA_CENTERS), case_sensitive=False),
    help="Where to ask first; the flow in the browser finds out where the account lives.  [default: us]",
)
@click.option("--accounts-url", help="Replaces the accounts server, for the sandbox or a proxy.")
@click.option("--api-url", help="Replaces the API's host, for the sandbox or a proxy.")
@click.option("--config", metavar="FILE", default="config.json", show_default=True, help="The file to write.")
def command(
    purpose: Purpose, modules: str | None, code: str | None, config: str, **given: str | None
) -> None:
    """Get credentials, check them with one call, and write them into a file of settings.

    Shows an address and a code: confirm it in any browser, on this machine or another. The client is one of
    the type "non-browser application" of the API console (api-console.zoho.com and its siblings); with
    --code it is a self client. The file keeps its other settings and is readable by you alone. Nothing
    secret is printed.
    """
    settings = _settings(config, given)
    check_writable(config)
    scopes = scopes_for(purpose, [each for each in (modules or "").split(",") if each.strip()])
    with _accounts(settings) as accounts:
        grant = accounts.redeem(code) if code else _by_device(accounts, scopes, purpose)
    settings |= {"refresh_token": grant.refresh_token, "data_center": grant.data_center}
    write_settings(config, settings)  # before the check: a consent must not be lost to a call that fails
    who = _check(settings, config)
    click.echo(f"{config}: credentials for {who}, data center {grant.data_center}, readable by you alone.")
    click.echo("A client keeps 20 refresh tokens per user: the 21st ends the oldest, wherever it is in use.")
    _tell_next(purpose, config, settings)


def _settings(config: str, given: Mapping[str, str | None]) -> dict[str, Any]:
    """The file's settings with what was given, or is asked for. Raises SettingsError."""
    settings = read_settings(config) if Path(config).exists() else {}
    settings |= {name: value.strip() for name, value in given.items() if value and value.strip()}
    for name, label in (("client_id", "Client ID"), ("client_secret", "Client secret")):
        if not settings.get(name):
            settings[name] = _asked_for(name, label)
    # Checks all of them; no token is needed for that.
    ClientSettings.from_mapping({**settings, "refresh_token": NEVER_GRANTED})
    return settings


def _asked_for(name: str, label: str) -> str:
    if not sys.stdin.isatty():
        option = f"--{name.replace('_', '-')}"
        raise click.UsageError(f"{label} is missing: give {option} or BIGIN_{name.upper()}.")
    return str(click.prompt(label, hide_input=name == "client_secret", err=True)).strip()


def _accounts(settings: Mapping[str, Any]) -> Accounts:
    return Accounts(
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
        data_center=str(settings.get("data_center") or "us").lower(),
        accounts_url=settings.get("accounts_url"),
        allow_http=settings.get("allow_http") is True,
    )


def _by_device(accounts: Accounts, scopes: tuple[str, ...], purpose: Purpose) -> Grant:
    """Show the code and wait until it is confirmed."""
    shown = accounts.begin(scopes)
    click.echo(f"Asks for: {', '.join(scopes)}")
    if purpose != "write" and EVERY_MODULE in scopes:
        click.echo(
            f"{EVERY_MODULE} may write, too: no scope only reads every module. --modules asks for less."
        )
    click.echo(f"Open {shown.verification_url}")
    minutes = f"{shown.patience / 60:.0f} minutes"
    click.echo(f"and confirm the code {shown.user_code} as a user of Bigin, within {minutes}.")
    click.echo("Waiting …")
    sys.stdout.flush()  # on a pipe, too, somebody waits for it
    return accounts.wait(shown)


def _check(settings: Mapping[str, Any], config: str) -> str:
    """Whose account it is. Raises Trouble if the new credentials do not work."""
    with Client.from_settings({**settings, "api_log_path": None, "max_retries": 2}) as client:
        try:
            organization = client.organization.get()
        except BiginError as error:
            raise Trouble(f"{config} is written, but its check failed: {error.message}") from None
    return str(organization.get("company_name") or "an organisation without a name")


def _tell_next(purpose: Purpose, config: str, settings: Mapping[str, Any]) -> None:
    file = shlex.quote(config)
    if purpose not in PLUGINS:
        click.echo(f"Next: bigin feed serve --config {file}")
        return
    plugin = PLUGINS[purpose]
    click.echo(f"Next: bigin doctor --config {file} --for {'tap' if purpose == 'read' else 'target'}")
    click.echo("With Meltano:")
    names = [*NAMES, *(name for name in ADDRESSES if settings.get(name))]
    click.echo(f"  for name in {' '.join(names)}; do")
    reads = "import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])"
    click.echo(f"    meltano config set {plugin} $name \"$(python3 -c '{reads}' {file} $name)\"")
    click.echo("  done")
