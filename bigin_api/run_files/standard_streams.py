"""Standard streams that whoever started the program has closed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bigin_api.errors import SettingsError

MOST_STANDARD = 2  # the descriptor of stderr


def keep_descriptors() -> None:
    """Have something at 0, 1 and 2: else the next connection is there, and gets what is meant for them.

    Without a stderr nothing is said, which stops nothing. Without a stdout ``sys.stdout`` stays None.
    """
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= MOST_STANDARD:  # the lowest that is free
        pass
    os.close(lowest)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 -- until the process ends


def require_stdout() -> None:
    """Raises SettingsError if there is none: what the program is for would go nowhere."""
    if sys.stdout is None:
        raise SettingsError("stdout is closed: nobody would get what is written there.")
