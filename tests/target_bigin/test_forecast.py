"""What a dry run would have done by now: who would have a value, and whom a company would take along."""

from __future__ import annotations

import pytest

from target_bigin.records.forecast import Forecast


@pytest.mark.parametrize(
    ("forms", "found", "holders"),
    [
        ({"Email": "a"}, ["ann", "bea", "gone", "other"], ("ann", "other")),  # as Bigin still says
        ({"Email": "b"}, [], ("bea",)),
        ({"Email": "b"}, ["bea"], ("bea",)),
        ({"Email": "a", "Last_Name": "ek"}, [], ("ann",)),
        ({"Email": "a", "Last_Name": "berg"}, ["ann", "other"], ("other",)),
        ({"Email": "b", "Last_Name": "berg"}, [], ()),
        ({"Email": "b", "Last_Name": "berg"}, ["bea"], ("bea",)),
        ({"Phone": "1"}, ["ann"], ()),
    ],
)
def test_who_would_have_a_value(forms, found, holders):
    """What Bigin says, without those who would have gone or got another value, and with those who got this."""
    forecast = Forecast()
    forecast.write("Contacts", "ann", {"Email": "a", "Last_Name": "ek", "Phone": "1"})
    forecast.write("Contacts", "ann", {"Phone": None})
    forecast.write("Contacts", "bea", {"Email": "a"})
    forecast.write("Contacts", "bea", {"Email": "b"})
    forecast.write("Accounts", "acme", {"Email": "a"})
    forecast.gone.add("gone")

    assert forecast.amended("Contacts", forms, found) == holders


class Held(dict):
    """Looked through by one alone: a thread that writes meanwhile would end it."""

    def __init__(self, forecast, **values):
        super().__init__(values)
        self._lock = forecast.lock

    def items(self):
        assert self._lock._is_owned()
        return super().items()


def test_whom_companies_would_take_along():
    """Who moved to another company stays, who moved here goes, and who would be gone counts no more."""
    forecast = Forecast()
    forecast.companies = Held(forecast, came="acme", left="other", free=None, gone="acme")
    forecast.gone.add("gone")

    assert forecast.contacts_of(["acme", "old"], ["left", "free", "stayed", "gone"]) == {"came", "stayed"}
