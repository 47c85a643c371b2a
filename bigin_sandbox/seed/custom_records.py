"""Records of the custom modules: the values of one record each, in the stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.seed import past, words
from bigin_sandbox.seed.custom import CHANNELS, FREQUENCIES, MEASURE_NAMES, RATINGS

if TYPE_CHECKING:
    from bigin_sandbox.seed.past import Moment
    from bigin_sandbox.seed.population import Population
    from bigin_sandbox.storage.store import Record


def subscription(people: Population, place: int, when: Moment) -> Record:
    """A record with a value of every custom data type."""
    bought = people.one_of("Products")
    file = {
        "id": people.next_id(),
        "File_Id__s": f"f{place:06d}",
        "File_Name__s": "contract.pdf",
        "Size__s": 1024,
    }
    return {
        "Name": f"Subscription {place + 1}",
        "Number": f"SUB-{place + 1:04d}",
        "Contract_Code": f"C-{people.number(100, 999)}-{place + 1}",
        "Contact": people.one_of("Contacts", 0.9),
        "Successor": people.one_of("Subscriptions", 0.1),
        "Account_Manager": {"id": people.pick(people.users)},
        "Products": [{"id": people.next_id(), "Products": bought}] if bought else None,
        "Frequency": people.pick(FREQUENCIES),
        "Channels": [CHANNELS[0], people.pick(CHANNELS[1:])] if people.chance(0.6) else None,
        "Seats": people.number(1, 50),
        "Meter_Reading": str(people.number(10**12, 9 * 10**17)),
        "Price": people.money(5, 200),
        "Weight": people.money(1, 20),
        "Discount": float(people.number(0, 30)),
        "Renews": people.chance(0.5) or None,
        "Starts_On": past.day(when.created),
        "Signed_At": past.text(when.created - past.DAY),
        "Billing_Email": f"billing{place}@example.com",
        "Hotline": people.phone(),
        "Portal": f"https://portal.example.com/{place}",
        "Remarks": people.pick(words.SENTENCES),
        "History": " ".join(words.SENTENCES) if people.chance(0.3) else None,
        "Terms": f"<p>{' '.join(words.SENTENCES * 4)}</p>",
        "Contract_Files": [file] if people.chance(0.5) else None,
        "Photos": [{**file, "File_Name__s": "site.png"}] if people.chance(0.3) else None,
        "Site_Position": {"latitude": people.money(-60, 60), "longitude": people.money(-170, 170)},
        "Margin": people.money(1, 40),
        "Credit_Score": people.number(1, 100),
    }


def survey(people: Population, place: int, when: Moment) -> Record:
    """A record with more than 50 fields."""
    random = people.rng.random
    measures = {name: round(random() * 100, 2) for name in MEASURE_NAMES}
    return {
        "Name": f"Survey {place + 1}",
        "Company": people.one_of("Accounts", 0.9),
        "Surveyed_On": past.day(when.created),
        "Rating": people.pick(RATINGS),
        "Remarks": people.pick(words.SENTENCES) if people.chance(0.5) else None,
        **measures,
    }


def payroll(people: Population, place: int, _when: Moment) -> Record:
    """A record that no token may see."""
    return {"Name": f"Salary {place + 1}", "Salary": people.money(2000, 9000)}


def register(people: Population, place: int, when: Moment) -> Record:
    """A record of a plain custom module."""
    return {
        "Name": f"Entry {place + 1}",
        "Contact": people.one_of("Contacts", 0.7),
        "Quantity": people.number(1, 500),
        "Value": people.money(1, 5000),
        "Checked": people.chance(0.5) or None,
        "Checked_At": past.text(when.modified),
        "Kind": people.pick(RATINGS),
        "Remarks": people.pick(words.SENTENCES) if people.chance(0.5) else None,
    }
