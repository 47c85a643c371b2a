"""How a command ends: one clear line last, and an exit code that tells the truth."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError

from bigin_api.errors import BiginError, CreditBudgetReached, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
AFTER_SIGNAL = 128  # plus the signal's number, as shells count


class Terminated(BaseException):
    """A signal asked the run to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = AFTER_SIGNAL + signal_number


@contextmanager
def clear_ending(logger: logging.Logger) -> Iterator[None]:
    """Turn what ends a run into its last line and its exit code.

    Reaching ``credit_budget`` is a good end; a fault of ours shows where it is before the last line.
    """
    try:
        yield
    except (click.exceptions.Exit, click.ClickException):
        raise
    except Terminated as ended:
        logger.warning("Ended by a signal; the state says where the next run goes on.")
        logging.shutdown()
        # Threads may wait a minute for an answer that nobody needs any more.
        os._exit(ended.exit_code)
    except CreditBudgetReached as reached:
        logger.warning("%s", reached.message)
        sys.exit(0)
    except BiginError as error:
        logger.error("%s", error.message)  # noqa: TRY400 -- one line, for a person
        sys.exit(FAILED)
    except ConfigValidationError as error:
        logger.error("Settings: %s.", "; ".join(error.errors))  # noqa: TRY400
        sys.exit(FAILED)
    except BrokenPipeError:
        logger.error("The target stopped reading.")  # noqa: TRY400
        sys.exit(FAILED)
    except Exception as error:
        logger.exception("A fault of tap-bigin:")
        logger.error("Stopped by a fault of tap-bigin, shown above: %r.", error)  # noqa: TRY400
        sys.exit(FAILED)


def read_json(text: str, what: str) -> Any:
    """A file's content. Raises SettingsError that names the file and the place."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{what}: not JSON: {error}.") from None


def read_settings_file(path: str) -> dict[str, Any]:
    """A file of settings. Raises SettingsError for one that is missing or no JSON object."""
    try:
        settings = read_json(Path(path).read_text(encoding="utf-8"), path)
    except OSError as error:
        raise SettingsError(f"--config: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--config: {path} is not UTF-8 text.") from None
    if not isinstance(settings, dict):
        raise SettingsError(f"--config: {path} holds no JSON object but a {type(settings).__name__}.")
    return settings
