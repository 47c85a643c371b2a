"""Inputs and settings by chance, with the mistakes that people make, and a Bigin that knows some of them.

world = World(sandbox, random.Random(seed))
world.messages, world.settings      a run of the target over them, told first and then done
"""

from __future__ import annotations

import random
from typing import Any

from support.sandbox import Sandbox
from support.target import Message, records, schema, state

NOWHERE = "6100000000099999999"
FOREIGN = "4876{:015d}"
Row = dict[str, Any]


class World:
    """An organisation, and a run that is to write to it. ``earlier``: what a run before this one brought."""

    def __init__(self, sandbox: Sandbox, chance: random.Random, folder: Any) -> None:
        self._sandbox = sandbox
        self._chance = chance
        self.settings_of_earlier: Row = {}  # where that run's were others
        sandbox.reset(size="empty")
        self._fill()
        self.settings: Row = {
            "max_retries": 1,
            "max_rejects": chance.choice([0, 999]),
            "batch_size": chance.choice([2, 7, 100]),
            "null_values": chance.choice(["skip", "write"]),
            "deletes": chance.choice(["ignore", "delete"]),
            "streams": {},
        }
        if chance.random() < 0.3:
            self.settings["unchanged_cache_path"] = str(folder / "written.sqlite")
        if chance.random() < 0.1:
            self.settings["trigger"] = ["workflow"]
        if chance.random() < 0.1:  # one call after the other, or the end of a budget is for chance to say
            self.settings |= {"credit_budget": chance.randint(12, 40), "max_concurrent_requests": 1}
        if chance.random() < 0.3:
            self.settings["journal_path"] = str(folder / "journal.jsonl")
        self.is_copy = chance.random() < 0.25
        if self.is_copy or chance.random() < 0.2:
            self.settings["id_map_path"] = str(folder / "ids.jsonl")
        makers = {
            "Accounts": self._accounts,
            "more_accounts": self._more_accounts,
            "Contacts": self._contacts,
            "Products": self._products,
            "Pipelines": self._deals,
            "Tasks": self._tasks,
            "Calls": self._calls,
            "Events": self._events,
            "Notes": self._notes,
            "Subscriptions": self._subscriptions,
            "contacts_products": self._links,
            "pipelines_associated_products": self._rows,
            "deleted_records": self._deletions,
        }
        self.messages: list[Message] = []
        chosen = chance.sample(sorted(makers), chance.randint(1, 4))
        if "contacts_products" in chosen:
            chosen = [each for each in chosen if each not in ("Contacts", "deleted_records")]
        for name in (each for each in makers if each in chosen):
            self.messages += makers[name]()
            if chance.random() < 0.2:
                self.messages.append({"type": "ACTIVATE_VERSION", "stream": name, "version": 7})
            self.messages.append(state(name))
        if self.is_copy:
            self.settings["streams"]["*"] = {"ids": "source"}
        self.earlier = self.messages if chance.random() < 0.3 else []

    # the organisation

    def _fill(self) -> None:
        create, chance = self._sandbox.create, self._chance
        self.users = [
            str(each["id"])
            for each in self._sandbox.api("GET", "/users", params={"type": "AllUsers"}).json()["users"]
        ]
        self._is_phone_unique = chance.random() < 0.3
        if self._is_phone_unique:
            for module, name in (("Contacts", "Phone"), ("Products", "Product_Code")):
                self._sandbox.change_metadata(
                    {
                        "op": "set_field",
                        "module": module,
                        "field": name,
                        "data": {"unique": {"casesensitive": "0"}},
                    }
                )
        self.companies = [create("Accounts", Account_Name=f"Old {n} AG") for n in range(4)]
        people = [
            {
                "Last_Name": f"Ek {n}",
                "Email": f"ek{n}@b.se",
                "Phone": f"+46 80{n}",
                "Account_Name": {"id": each},
            }
            for n, each in enumerate(self.companies)
        ]
        self.people = self._written("Contacts", people)
        self.products = [create("Products", Product_Name=f"Lamp {n}", Product_Code=f"L{n}") for n in range(4)]
        deal = {"Sub_Pipeline": "Inbound", "Stage": "Qualification"}
        lines = [{"Product": {"id": self.products[0]}, "Quantity": 1}]
        deals = [{**deal, "Deal_Name": f"Roof {n}", "Associated_Products": lines} for n in range(3)]
        self.deals = self._written("Pipelines", deals)
        self.tasks = [create("Tasks", Subject=f"Call {n}") for n in range(4)]
        create("Contacts", Last_Name="Twin", Email="twin@b.se", Phone="+46 99")
        create("Contacts", Last_Name="Twin", Phone="+46 98")
        self._sandbox.mutate({"op": "delete", "module": "Accounts", "id": self.companies[3]})
        self._sandbox.clock(advance=3600)

    def _written(self, module: str, rows: list[Row]) -> list[str]:
        answer = self._sandbox.api("POST", f"/{module}", json={"data": rows, "trigger": []}).json()
        return [each["details"]["id"] for each in answer["data"]]

    # rows

    def _some(self, make: Any, few: int = 1, many: int = 14) -> list[Row]:
        return [make(n) for n in range(self._chance.randint(few, many))]

    def _maybe(self, row: Row, name: str, *values: Any, often: float = 0.25) -> None:
        if self._chance.random() < often:
            row[name] = self._chance.choice(values)

    def _stream(self, name: str, rows: list[Row], *, key: list[str], **settings: Any) -> list[Message]:
        chance = self._chance
        own: Row = {each: value for each, value in settings.items() if value is not None}
        if chance.random() < 0.25:
            own["tags"] = chance.choice([["vip"], ["vip", "b"], [f"t{n}" for n in range(10)], ["x" * 26]])
        self.settings["streams"][name] = own
        ids = {
            "Accounts": self.companies,
            "Contacts": self.people,
            "Products": self.products,
            "Tasks": self.tasks,
        }
        by_id = not self.is_copy and name in ids and chance.random() < 0.25
        for place, row in enumerate(rows):
            if self.is_copy:
                row["id"] = FOREIGN.format(chance.randint(1, 20) if chance.random() < 0.2 else place + 1)
            elif by_id:
                row["id"] = chance.choice([*ids[name], NOWHERE, "17", None])
            if chance.random() < 0.05:
                row["_sdc_deleted_at"] = "2026-05-14T09:53:58Z"
        if self.is_copy or by_id:
            key = ["id"]
        names = {each: None for row in rows for each in row}
        return [schema(name, *names, key=key), *records(name, rows)]

    def _lookup(self, match_on: str) -> Row | None:
        how = self._chance.choice([None, "reject", "create", "null"])
        return how and {
            "match_on": match_on,
            "on_missing": how,
            "on_ambiguous": self._chance.choice(["reject", "null"]),
        }

    def _accounts(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Account_Name": f"{self._chance.choice(['New', 'Old', 'old'])} {n % 9} AG"}
            self._maybe(row, "Website", "https://a.example", "no site", None)
            self._maybe(row, "Phone", "+46 8", "call me!", "", "1" * 60)
            self._maybe(row, "Owner", *self.users, NOWHERE, "nobody@b.se")
            self._maybe(row, "Account_Name", None, "", "A" * 201, often=0.08)
            return row

        many = self._chance.choice([14, 14, 14, 130])
        rows = self._some(row, many=many)
        return self._stream("Accounts", rows, key=["Account_Name"], **self._operation(bulk=True))

    def _more_accounts(self) -> list[Message]:
        rows = [
            {"Account_Name": f"New {n} AG", "Phone": f"+46 {n}"} for n in range(self._chance.randint(1, 9))
        ]
        return self._stream("more_accounts", rows, key=["Account_Name"], module="Accounts")

    def _operation(self, *, bulk: bool = False, **more: Any) -> Row:
        chance = self._chance
        found: Row = {"operation": chance.choice([None, None, "insert", "update", "delete"]), **more}
        if found["operation"] == "insert":
            found.pop("external_key", None)
        if found["operation"] == "delete":
            found["allow_mass_delete"] = chance.choice([True, None])
        if bulk and chance.random() < 0.15:
            found["write_method"] = chance.choice(["bulk", "auto"])
        return found

    def _contacts(self) -> list[Message]:
        chance = self._chance
        lookup = self._lookup("Account_Name")

        def row(n: int) -> Row:
            row: Row = {"Email": f"{chance.choice(['n', 'ek', 'EK'])}{n % 9}@b.se", "Last_Name": f"N {n}"}
            self._maybe(row, "Email", None, "no address", "twin@b.se", "a@b.se;c@d.se", often=0.15)
            self._maybe(row, "Last_Name", None, "", "L" * 81, "Twin", often=0.15)
            self._maybe(row, "Phone", "+46 800", "+46 7", "?", "+46 99")
            names = ["Old 1 AG", "Old 3 AG", "Made AG", "made ag", "Made 2 AG"]
            self._maybe(
                row,
                "Account_Name",
                *(names if lookup else (*self.companies, {"id": NOWHERE}, "AG")),
                often=0.5,
            )
            self._maybe(row, "Owner", *self.users, {"id": NOWHERE}, "sandbox@example.com", often=0.15)
            self._maybe(row, "Tag", ["a"], [f"t{m}" for m in range(11)], ["y" * 26], often=0.1)
            self._maybe(row, "Home_Phone", "#", often=0.1)
            return row

        more: Row = {"lookups": {"Account_Name": lookup} if lookup else None}
        key = chance.choice([["Email"], ["Email"], ["Last_Name"], ["Email", "Last_Name"]])
        how = chance.choice(["key", "external", "check", "check"])
        if how == "external" or key == ["Last_Name"]:
            more["external_key"] = chance.choice(["Last_Name", "Phone"])
        elif how == "check" and key == ["Email"]:
            own = ["Phone", "Email"] if self._is_phone_unique else ["Email"]
            more["duplicate_check_fields"] = chance.sample(own, chance.randint(1, len(own)))
        more["truncate"] = chance.choice([True, None])
        return self._stream(
            "Contacts", self._some(row, many=20), key=key, **self._operation(bulk=True, **more)
        )

    def _products(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Product_Name": f"{self._chance.choice(['Lamp', 'Desk'])} {n % 7}"}
            self._maybe(row, "Product_Code", "L1", "L2", "D1", "C" * 41)
            self._maybe(row, "Unit_Price", 9.5, "x", 10**17, "12,5")
            return row

        return self._stream("Products", self._some(row), key=["Product_Name"], **self._operation())

    def _deals(self) -> list[Message]:
        chance = self._chance
        stages = [
            ("Inbound", "Qualification"),
            ("Inbound", "Demo"),
            ("Nowhere", "Qualification"),
            ("Referrals", "Live"),
            (None, "Negotiation"),
            (None, "Proposal"),
            ("Outbound", None),
        ]
        by_name = chance.random() < 0.5

        def row(n: int) -> Row:
            sub, stage = chance.choice([*stages[:1] * 4, *stages])
            row: Row = {"Deal_Name": f"{chance.choice(['Roof', 'Wall'])} {n % 6}"}
            row |= {each: value for each, value in (("Sub_Pipeline", sub), ("Stage", stage)) if value}
            links = [f"Lamp {n % 6}", "Nothing"] if by_name else [*self.products, NOWHERE, {"id": NOWHERE}]
            lines = [
                {"Product": chance.choice(links), **({"Quantity": 2} if chance.random() < 0.8 else {})}
                for _ in range(chance.randint(0, 2))
            ]
            self._maybe(row, "Associated_Products", lines, often=0.5)
            self._maybe(row, "Contact_Name", *self.people, NOWHERE)
            self._maybe(row, "Amount", 12, "1.000,5", None)
            self._maybe(row, "Secondary_Contacts", [{"id": self.people[0]}], [{"id": NOWHERE}], often=0.15)
            return row

        more: Row = {"replace_rows": chance.choice([True, None])}
        if by_name:
            more["lookups"] = {"Associated_Products": {"match_on": "Product_Name"}}
        more["external_key"] = chance.choice(["Deal_Name", None])
        return self._stream("Pipelines", self._some(row), key=["Deal_Name"], **self._operation(**more))

    def _tasks(self) -> list[Message]:
        lookup = self._lookup("Last_Name")

        def row(n: int) -> Row:
            row: Row = {"Subject": f"{self._chance.choice(['Call', 'Mail'])} {n % 7}"}
            self._maybe(row, "Subject", None, "", often=0.1)
            self._maybe(row, "Due_Date", "2026-05-14", "soon")
            who = ["Twin", "Ek 1", "Nobody"] if lookup else [*self.people, NOWHERE]
            self._maybe(row, "Who_Id", *who)
            if self._chance.random() < 0.4:
                row["What_Id"] = self._chance.choice(
                    [self.companies[0], self.companies[3], self.deals[0], NOWHERE]
                )
                self._maybe(row, "$se_module", "Accounts", "Deals", often=0.8)
            self._maybe(row, "Recurring_Activity", {"RRULE": "FREQ=DAILY;INTERVAL=1;COUNT=3"}, often=0.1)
            return row

        more: Row = {"external_key": "Subject", "lookups": {"Who_Id": lookup} if lookup else None}
        return self._stream("Tasks", self._some(row), key=["Subject"], **self._operation(**more))

    def _calls(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {
                "Subject": f"Call {n}",
                "Call_Type": "Outbound",
                "Call_Start_Time": "2026-05-14T09:53:58Z",
                "Call_Duration": self._chance.choice(["05:00", "05:00", "00:00", "5 min", 5]),
            }
            self._maybe(row, "Call_Type", None, often=0.1)
            return row

        return self._stream("Calls", self._some(row), key=["Subject"], operation="insert")

    def _events(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {
                "Event_Title": f"Visit {n}",
                "Start_DateTime": "2026-05-14T09:00:00Z",
                "End_DateTime": "2026-05-14T10:00:00Z",
            }
            guest = {"type": "email", "participant": "a@b.se"}
            self._maybe(
                row,
                "Participants",
                [guest],
                [guest] * 51,
                [{"type": "contact", "participant": self.people[0]}],
            )
            self._maybe(row, "End_DateTime", None, "later", often=0.1)
            self._maybe(row, "Remind_At", "2026-05-14T08:45:00Z", often=0.2)
            self._maybe(row, "Recurring_Activity", {"RRULE": "FREQ=DAILY;INTERVAL=1;COUNT=3"}, often=0.1)
            return row

        return self._stream("Events", self._some(row), key=["Event_Title"], operation="insert")

    def _notes(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Note_Title": f"T {n}", "Note_Content": f"Text {n}"}
            row["Parent_Id"] = self._chance.choice(
                [*self.people, self.companies[0], self.companies[3], NOWHERE]
            )
            self._maybe(row, "$se_module", "Contacts", "Accounts", often=0.7)
            self._maybe(row, "Note_Content", None, often=0.1)
            return row

        return self._stream("Notes", self._some(row), key=["Note_Title"], operation="insert")

    def _subscriptions(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Name": f"S {n}", "Contract_Code": f"C{n % 8}"}
            self._maybe(row, "Contact", *self.people, NOWHERE)
            self._maybe(row, "Account_Manager", *self.users, NOWHERE)
            self._maybe(row, "Billing_Email", "a@b.se", "a@b")
            self._maybe(row, "Portal", "a.example", "a b")
            self._maybe(row, "Products", [{"id": self.products[0]}], [self.products[1], NOWHERE])
            self._maybe(
                row, "Successor", {"id": FOREIGN.format(self._chance.randint(1, 9))}, often=0.4 * self.is_copy
            )
            self._maybe(row, "Name", None, often=0.1)
            return row

        return self._stream("Subscriptions", self._some(row), key=["Contract_Code"], **self._operation())

    def _links(self) -> list[Message]:
        """A parent that is not there is a server error; of two at once nobody knows whether Bigin is down."""
        chance = self._chance
        rows = [
            {"parent_id": chance.choice(self.people[:3]), "id": chance.choice([*self.products, NOWHERE])}
            for _ in range(chance.randint(1, 6))
        ]
        if chance.random() < 0.3:
            rows.append({"parent_id": NOWHERE, "id": self.products[0]})
        return [schema("contacts_products", key=["parent_id", "id"]), *records("contacts_products", rows)]

    def _rows(self) -> list[Message]:
        chance, name = self._chance, "pipelines_associated_products"
        rows = [
            {
                "parent_id": chance.choice([*self.deals, NOWHERE]),
                "id": f"610000000009{n:07d}",
                "Product": {"id": chance.choice([*self.products, NOWHERE])},
                **({"Quantity": chance.choice([1, 3])} if chance.random() < 0.8 else {}),
            }
            for n in range(chance.randint(1, 8))
        ]
        self.settings["streams"][name] = {"replace_rows": chance.choice([True, False])}
        return [schema(name, "Product", "Quantity", key=["parent_id", "id"]), *records(name, rows)]

    def _deletions(self) -> list[Message]:
        chance = self._chance
        rows = [
            chance.choice(
                [
                    {"module": "Tasks", "id": chance.choice([*self.tasks, NOWHERE])},
                    {"module": "Accounts", "id": chance.choice(self.companies)},
                    {"module": "Contacts", "id": chance.choice(self.people)},
                ]
            )
            for _ in range(chance.randint(1, 4))
        ]
        self.settings["streams"]["deleted_records"] = {"allow_mass_delete": chance.choice([True, False])}
        return [schema("deleted_records", key=["module", "id"]), *records("deleted_records", rows)]
