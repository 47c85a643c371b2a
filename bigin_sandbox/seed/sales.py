"""Companies, people, products, deals: the values of one record each, in the stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.seed import past, words
from bigin_sandbox.seed.standard import TEAM_PIPELINES

if TYPE_CHECKING:
    from bigin_sandbox.seed.past import Moment
    from bigin_sandbox.seed.population import Population
    from bigin_sandbox.storage.store import Record


def company(people: Population, place: int, _when: Moment) -> Record:
    """A company of a name that no other has."""
    heads, tails = words.COMPANY_HEADS, words.COMPANY_TAILS
    name = f"{heads[place % len(heads)]} {tails[place // len(heads) % len(tails)]}"
    rounds = place // (len(heads) * len(tails))
    name += f" {people.pick(words.COMPANY_FORMS)}" + (f" {rounds + 1}" if rounds else "")
    city, state, code, country = people.pick(words.PLACES)
    return {
        "Account_Name": name,
        "Phone": people.phone(),
        "Website": f"https://{name.split()[0].lower()}{place}.example.com" if people.chance(0.7) else None,
        "Description": people.pick(words.SENTENCES) if people.chance(0.4) else None,
        "Billing_Street": f"{people.number(1, 90)} {people.pick(words.STREETS)}",
        "Billing_City": city,
        "Billing_State": state,
        "Billing_Code": code,
        "Billing_Country": country,
    }


def contact(people: Population, place: int, _when: Moment) -> Record:
    """A person, in most cases of a company."""
    first, last = people.pick(words.FIRST_NAMES), people.pick(words.LAST_NAMES)
    city, state, code, country = people.pick(words.PLACES)
    return {
        "First_Name": first if people.chance(0.95) else None,
        "Last_Name": last,
        "Account_Name": people.one_of("Accounts", 0.85),
        "Email": f"{_plain(first)}.{_plain(last)}{place}@example.com" if people.chance(0.92) else None,
        "Title": people.pick(words.TITLES) if people.chance(0.6) else None,
        "Phone": people.phone() if people.chance(0.8) else None,
        "Mobile": people.phone() if people.chance(0.3) else None,
        "Mailing_Street": f"{people.number(1, 90)} {people.pick(words.STREETS)}",
        "Mailing_City": city,
        "Mailing_State": state,
        "Mailing_Zip": code,
        "Mailing_Country": country,
        "Description": people.pick(words.SENTENCES) if people.chance(0.3) else None,
        "Email_Opt_Out": True if people.chance(0.1) else None,
        "Record_Creation_Source_ID__s": "0",
    }


def product(people: Population, place: int, _when: Moment) -> Record:
    """A product of a name that no other has."""
    return {
        "Product_Name": f"{people.pick(words.COMPANY_HEADS)} {people.pick(words.PRODUCT_KINDS)} {place + 1}",
        "Product_Code": f"P-{place + 1:05d}",
        "Product_Category": people.pick(("Hardware", "Software", "Training", "Support")),
        "Product_Active": people.chance(0.8) or None,
        "Unit_Price": people.money(5, 900),
        "Description": people.pick(words.SENTENCES) if people.chance(0.3) else None,
    }


def deal(people: Population, place: int, when: Moment) -> Record:
    """A deal in a stage of its sub-pipeline of its Team Pipeline."""
    team = "Sales Pipeline" if people.chance(0.75) else "Partner Onboarding"
    sub_pipeline = people.pick(tuple(TEAM_PIPELINES[team]))
    contact_link = people.one_of("Contacts", 0.9)
    company_link = people.companies_of.get(contact_link["id"]) if contact_link else None
    second = people.one_of("Contacts", 0.2)
    return {
        "Deal_Name": f"{people.pick(words.PRODUCT_KINDS)}s for {people.pick(words.LAST_NAMES)} {place + 1}",
        "Pipeline": {"id": people.team_pipelines[team]},
        "Sub_Pipeline": sub_pipeline,
        "Stage": people.pick(TEAM_PIPELINES[team][sub_pipeline]),
        "Amount": people.money(200, 60_000) if people.chance(0.9) else None,
        "Closing_Date": past.day(when.created + people.number(5, 200) * past.DAY),
        "Account_Name": company_link or people.one_of("Accounts", 0.5),
        "Contact_Name": contact_link,
        "Secondary_Contacts": [{"id": people.next_id(), "Secondary_Contacts": second}] if second else None,
        "Associated_Products": _sold(people, when) if people.chance(0.5) else None,
        "Description": people.pick(words.SENTENCES) if people.chance(0.3) else None,
        "Record_Creation_Source_ID__s": "0",
    }


def _sold(people: Population, when: Moment) -> list[Record] | None:
    rows = []
    for _ in range(people.number(1, 3)):
        sold = people.one_of("Products")
        if sold:
            row = {"id": people.next_id(), "Product": sold, "Quantity": float(people.number(1, 9))}
            rows.append(row | {"List_Price": people.money(5, 900), "Discount": None, **_made(when)})
    return rows or None


def _made(when: Moment) -> Record:
    return {"Created_Time": past.text(when.created), "Modified_Time": past.text(when.modified)}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalpha()) or "x"
