"""How a run ends: every end has one clear last line, and an exit code."""

from __future__ import annotations

import errno
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from singer_sdk.exceptions import ConfigValidationError, MapExpressionError, StreamMapConfigError

from bigin_api import BiginError, CreditBudgetReached
from tap_bigin.report import fault

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

    Reaching ``credit_budget`` before anything was read is none: no run would come further. A fault of ours
    shows where it is.
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
        # Nothing has been read: the next run would end here too.
        logger.error("%s No run would come further with it.", reached.message)  # noqa: TRY400
        sys.exit(FAILED)
    except BiginError as error:
        logger.error("%s", error.message)  # noqa: TRY400 -- one line, for a person
        sys.exit(FAILED)
    except (MapExpressionError, StreamMapConfigError) as error:
        logger.error("stream_maps: %s", error)  # noqa: TRY400
        sys.exit(FAILED)
    except ConfigValidationError as error:
        logger.error("Settings: %s.", "; ".join(error.errors))  # noqa: TRY400
        sys.exit(FAILED)
    except BrokenPipeError:
        logger.error("The target stopped reading.")  # noqa: TRY400
        sys.exit(FAILED)
    except Exception as error:
        logger.debug("A fault of tap-bigin:", exc_info=True)
        logger.error("Stopped. %s", _full(error) or fault(error).message)  # noqa: TRY400 -- for a person
        sys.exit(FAILED)


def _full(error: Exception) -> str | None:
    """What to say of a disk, or whatever else takes what is written, that is full; None for another error."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return None
    return f"{error.filename or 'stdout'} cannot be written ({error.strerror})."
