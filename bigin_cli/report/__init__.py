"""``bigin report``: what happened, as one page that opens from an e-mail and prints."""

from bigin_cli.report.subcommand import command

__all__ = ["command"]
