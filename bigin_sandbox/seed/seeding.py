"""Fills an empty store: the description first, then records in the order of their links.

Written straight into the tables, for 200,000 records shall be there in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING

from bigin_sandbox.seed import activities, custom_records, past, sales, words
from bigin_sandbox.seed.custom import CLOSED_MODULE, WIDE_MODULE, extra_names
from bigin_sandbox.seed.organisation import describe
from bigin_sandbox.seed.population import Population
from bigin_sandbox.storage.database import CONTACTS_PRODUCTS
from bigin_sandbox.storage.store import Binned, Record, Store

if TYPE_CHECKING:
    from bigin_sandbox.seed.past import Moment
    from bigin_sandbox.settings import Settings

Make = Callable[[Population, int, "Moment"], Record]

# module -> share of the organisation's records, and what makes one; in the order in which they link
MODULES: dict[str, tuple[float, Make]] = {
    "Accounts": (0.10, sales.company),
    "Contacts": (0.24, sales.contact),
    "Products": (0.03, sales.product),
    "Pipelines": (0.16, sales.deal),
    "Tasks": (0.08, activities.task),
    "Events": (0.04, activities.event),
    "Calls": (0.05, activities.call),
    "Notes": (0.08, activities.note),
    "Attachments": (0.02, activities.attachment),
    "Subscriptions": (0.01, custom_records.subscription),
    WIDE_MODULE: (0.18, custom_records.survey),
    CLOSED_MODULE: (0.01, custom_records.payroll),
}
EXTRA_SHARE = 0.03  # of each plain custom module, before shares are made to add up
DELETED_SHARE = 0.03
DELETED_MODULES = ("Accounts", "Contacts", "Products", "Pipelines", "Tasks", "Events", "Calls")
TAGGED = 0.2
TIED = 0.3  # of the contacts, to a product
EMAILED_CONTACTS = 12  # the first has more e-mails than one answer holds


def seed_organisation(store: Store, settings: Settings) -> None:
    """Make the organisation that the settings ask for in an empty store."""
    describe(store, settings)
    if settings.records:
        _populate(store, settings)


def _populate(store: Store, settings: Settings) -> None:
    rng = Random(settings.seed)
    with store.transaction():
        _make_tags(store)
        people = Population(store, rng)
        store.drop_indexes()
        for module, number in sizes(settings).items():
            store.load(module, _records(people, module, number))
        _delete_some(store, people)
        store.skip_numbers("id", people.last_id)
        store.skip_numbers("Subscriptions.Number", len(people.ids["Subscriptions"]))
        _tie_products(store, people)
        _write_emails(store, people)
        _attach(store)
    store.build_indexes()


def sizes(settings: Settings) -> dict[str, int]:
    """How many records each module gets: together exactly as many as asked for."""
    shares = {name: share for name, (share, _) in MODULES.items()}
    shares |= dict.fromkeys(extra_names(settings.custom_modules), EXTRA_SHARE)
    whole = sum(shares.values())
    numbers = {name: int(settings.records * share / whole) for name, share in shares.items()}
    numbers["Contacts"] += settings.records - sum(numbers.values())
    return numbers


def _records(people: Population, module: str, number: int) -> Iterator[Record]:
    make = MODULES[module][1] if module in MODULES else custom_records.register
    ids = people.ids.setdefault(module, [])
    tags = people.tags[module]
    for place, when in enumerate(past.moments(people.rng, number)):
        values = {name: value for name, value in make(people, place, when).items() if value is not None}
        record = _stamped(people, values, when)
        if tags and people.chance(TAGGED):
            record["Tag"] = [{"id": people.pick(tags)["id"]}]
        ids.append(record["id"])
        if module == "Contacts" and "Account_Name" in record:
            people.companies_of[record["id"]] = record["Account_Name"]
        yield record


def _stamped(people: Population, values: Record, when: Moment) -> Record:
    created, modified = past.text(when.created), past.text(when.modified)
    return {
        "id": people.next_id(),
        **values,
        "Owner": {"id": people.pick(people.users)},
        "Created_By": {"id": people.pick(people.users)},
        "Modified_By": {"id": people.pick(people.users)},
        "Created_Time": created,
        "Modified_Time": modified,
    }


def _make_tags(store: Store) -> None:
    administrator = store.users()[0]["id"]
    for module in store.modules():
        name = module["api_name"]
        if store.field(name, "Tag"):
            store.tag_ids(name, [tag for tag, _ in words.TAGS], user_id=administrator)
            for tag, (_, colour) in zip(store.tags(name), words.TAGS, strict=True):
                tag["color_code"] = colour
                tag["created_time"] = tag["modified_time"] = past.text(past.FIRST)
            store.put_metadata("tags", store.tags(name), owner=name)


def _delete_some(store: Store, people: Population) -> None:
    """Entries of the recycle bin that never were among the counted records; every fourth was emptied out."""
    midnight = int(store.clock.now().timestamp()) // 86_400 * 86_400
    for module in DELETED_MODULES:
        number = max(2, int(len(people.ids[module]) * DELETED_SHARE))
        make = MODULES[module][1]
        entries = []
        for place, when in enumerate(past.moments(people.rng, number)):
            values = make(people, 10_000_000 + place, when)
            record = _stamped(people, {k: v for k, v in values.items() if v is not None}, when)
            gone = midnight - people.number(1, 40 * 24) * 3600
            kind = "permanent" if place % 4 == 3 else "recycle"
            entries.append(Binned(record, gone, kind, people.pick(people.users)))
        store.load_bin(module, entries)


def _tie_products(store: Store, people: Population) -> None:
    for contact in people.ids["Contacts"]:
        product = people.one_of("Products", TIED)
        if product:
            store.link(CONTACTS_PRODUCTS, contact, product["id"])


def _write_emails(store: Store, people: Population) -> None:
    for place, contact in enumerate(people.ids["Contacts"][:EMAILED_CONTACTS]):
        for number in range(23 if place == 0 else people.number(0, 4)):
            sent = past.FIRST + people.number(0, past.LAST - past.FIRST)
            store.add_email(contact, _email(people, number, sent))


def _email(people: Population, number: int, sent: int) -> Record:
    return {
        "message_id": f"{people.number(10**15, 10**16)}{number}",
        "subject": f"{people.pick(words.TASKS)} no. {number + 1}",
        "from": {"user_name": "Ann Ek", "email": "ann.ek@example.org"},
        "to": [{"user_name": None, "email": f"customer{number}@example.com"}],
        "cc": None,
        "time": past.text(sent),
        "sent": True,
        "read": people.chance(0.5),
        "has_attachment": False,
        "owner": {"id": people.pick(people.users)},
        "source": "crm",
        "status": [{"type": "sent"}],
        "content": f"<p>{people.pick(words.SENTENCES)}</p>",
    }


def _attach(store: Store) -> None:
    for attachment in store.iterate("Attachments"):
        store.keep_file(attachment["$file_id"], attachment["File_Name"], activities.ATTACHED)
