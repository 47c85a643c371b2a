"""The command `bigin-sandbox`: `bigin-sandbox serve` starts a local Bigin."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from importlib.metadata import version
from typing import NoReturn

from bigin_sandbox.settings import CHOICES, SIZES, Settings

MOST_PORT = 65_535  # beyond it the system takes the rest of a division by 65,536, and says nothing
EXIT_CODES = "exit code: 0 told to stop, 1 it cannot be served, 2 wrong use"
NEEDED = ("starlette", "uvicorn", "httptools", "python_multipart")  # what the extra `sandbox` brings


def main(arguments: list[str] | None = None, *, name: str = "bigin-sandbox") -> int:
    """Run the command; gives its exit code."""
    parser = _parser(name)
    options = parser.parse_args(arguments)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        extra = "pip install 'bigin-singer[sandbox]'"
        print(f"{name}: {', '.join(missing)} not installed; {extra} brings it", file=sys.stderr)
        return 1
    from bigin_sandbox.http.server import serve  # noqa: PLC0415 - only now it is known to be installed

    try:
        settings = Settings().changed(
            {name: getattr(options, name) for name in _SETTINGS} | dict(getattr(options, "set", ()))
        )
    except ValueError as error:
        parser.error(f"--set: {error}")
    return serve(settings, host=options.host, port=options.port, db_path=options.db)


_SETTINGS = ("seed", "size", "edition", "latency_ms", "token_paging", "ims", "custom_modules")


class _Defaults(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults are told, and lines stay as they are written."""


class _Parser(argparse.ArgumentParser):
    """Wrong use is one line."""

    def error(self, message: str) -> NoReturn:
        end = "" if message.endswith(("?", ".")) else "."
        self.exit(2, f"{self.prog}: {message}{end} See `{self.prog} --help`.\n")


def _parser(name: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=name,
        description="A local Bigin to try things on.",
        epilog=f"example: {name} serve --size medium\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_version(parser, name)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve accounts server, API and uploads on one port",
        description="Serves a local Bigin: accounts server, API and uploads on one port. Credentials:\n"
        "sandbox-client, sandbox-secret, sandbox-refresh (an administrator) or sandbox-limited.",
        epilog=f"example: {name} serve --port 8585 --size medium --seed 7\n\n{EXIT_CODES}",
        formatter_class=_Defaults,
    )
    _add_version(serve, name)
    default = Settings()
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--port", type=_port, default=8585, help="port; 0 for a free one")
    serve.add_argument("--db", default=":memory:", metavar="FILE", help="SQLite file to keep the data in")
    serve.add_argument("--seed", type=_number, default=default.seed, help="which organisation to make up")
    serve.add_argument(
        "--size", type=_size, default=default.size, help=f"{', '.join(SIZES)}, or a number of records"
    )
    serve.add_argument(
        "--custom-modules", type=_number, default=default.custom_modules, help="so many more of them"
    )
    serve.add_argument(
        "--edition", choices=CHOICES["edition"], default=default.edition, help="sets the limits"
    )
    serve.add_argument("--latency-ms", type=_number, default=default.latency_ms, help="of every answer")
    serve.add_argument(
        "--token-paging",
        choices=CHOICES["token_paging"],
        default=default.token_paging,
        help="what a page_token means while people edit",
    )
    serve.add_argument(
        "--ims", choices=CHOICES["ims"], default=default.ims, help="does If-Modified-Since include its second"
    )
    serve.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=argparse.SUPPRESS,
        metavar="NAME=VALUE",
        help="any other setting, such as device_consent=approve; may be given several times",
    )
    return parser


def _add_version(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--version", action="version", version=f"{name} {version('bigin-singer')}")


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to {MOST_PORT}")
    return int(text)


def _size(text: str) -> str:
    if text not in SIZES and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(SIZES)} and no number")
    return text


if __name__ == "__main__":
    sys.exit(main())
