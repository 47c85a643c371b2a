"""What a warehouse prints of its ids and times, in every form that loaders and databases use."""

from __future__ import annotations

import pytest

from bigin_api import SettingsError
from tap_bigin.reconcile.comparison import read_held, seconds

NOON = 1_778_752_438  # 2026-05-14T09:53:58Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-14T09:53:58Z",
        "2026-05-14 09:53:58",  # DuckDB's TIMESTAMP, in UTC as it was loaded
        "2026-05-14 09:53:58.000",
        "2026-05-14 09:53:58+00",  # Postgres and DuckDB with a zone
        "2026-05-14 11:53:58+02",
        "2026-05-14 15:23:58+05:30",
        "2026-05-14T15:23:58.123456+0530",
        "2026-05-14T05:53:58-04:00",
        "2026-05-14 09:53:58 UTC",
    ],
)
def test_moment_is_read_in_every_form(text):
    """DuckDB and Postgres print one instant in many ways; a wrong reading would call all records stale."""
    assert seconds(text) == NOON


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01 00:00:00", "1778752438", "2026-05-14"])
def test_what_is_no_moment_is_refused(text):
    """A guess would be worse than an error."""
    with pytest.raises(ValueError, match=r"."):
        seconds(text)


def test_columns_come_in_any_order_and_case():
    """Loaders fold the case of names."""
    held = read_held(["modified_time,ID,Stream,extra", "2026-05-14 09:53:58,7,contacts,x", ",8,contacts,x"])

    assert held == {"contacts": {7: NOON, 8: None}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["id,Modified_Time"], "stream"),
        ([], "stream, id, modified_time"),
        (["stream,id,Modified_Time", "Contacts,seven,2026-05-14"], "line 2"),
        (["stream,id,Modified_Time", "Contacts,7,2026-05-14 09:53:58", "Contacts,8"], "line 3"),
    ],
)
def test_unreadable_file_is_refused_with_its_line(lines, message):
    """A row that is skipped would be reported as missing."""
    with pytest.raises(SettingsError, match=message):
        read_held(lines)
