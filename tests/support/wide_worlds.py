"""Wider worlds than ``dry_worlds``: streams that mix, links among what comes, values that change hands.

world = WideWorld(sandbox, random.Random(seed), tmp_path)
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from support.dry_worlds import FOREIGN, NOWHERE, Row, World
from support.sandbox import Sandbox
from support.target import Message, record, schema, state

GONE = "2026-05-14T09:53:58Z"
OPERATIONS = (*[None] * 7, "insert", "upsert", "update", "delete")


class WideWorld(World):
    """An organisation and a run as ``World``'s. ``earlier`` may be other records, and end early."""

    def __init__(self, sandbox: Sandbox, chance: random.Random, folder: Any) -> None:
        self._sandbox, self._chance = sandbox, chance
        sandbox.reset(size="empty")
        self._fill()
        self._fill_more()
        self.is_copy = self._often(0.3)
        self.settings: Row = {
            "max_retries": 1,
            "max_rejects": chance.choice([0, 3, 999]),
            "batch_size": chance.choice([2, 5, 20, 20, 100, 100]),
            "null_values": chance.choice(["skip", "write"]),
            "deletes": chance.choice(["ignore", "delete", "delete"]),
            "default_operation": chance.choice([*["upsert"] * 6, "insert", "insert", "update"]),
            "streams": {},
        }
        files = {"unchanged_cache_path": 0.4, "journal_path": 0.5, "id_map_path": 1 if self.is_copy else 0.5}
        self.settings |= {name: str(folder / name) for name, often in files.items() if self._often(often)}
        if self._often(0.1):
            self.settings["write_method"] = chance.choice(["bulk", "auto"])
        if self._often(0.1):
            self.settings["trigger"] = ["workflow", "blueprint"]
        if self._often(0.12):
            self.settings |= {"credit_budget": chance.randint(10, 50), "max_concurrent_requests": 1}
        makers = [
            self._companies,
            self._people,
            self._more_people,
            self._goods,
            self._contracts,
            self._surveys,
            self._pipeline,
            self._to_do,
            self._visits,
            self._calls_by_id,
            self._remarks,
            self._rows_of_any,
            self._gone,
        ]
        chosen = chance.sample(makers, chance.randint(1, 5))
        streams = [make() for make in makers if make in chosen]
        if self.is_copy:
            self.settings["streams"]["*"] = {"ids": "source"}
        self.messages = self._mixed(streams)
        self.earlier = self._before() if self._often(0.5) else []
        self.settings_of_earlier = {}
        if self._often(0.4):  # it ended early
            self.settings_of_earlier = {"credit_budget": chance.randint(6, 30), "max_concurrent_requests": 1}

    # the organisation

    def _fill_more(self) -> None:
        self._sandbox.forget_tokens()
        create = self._sandbox.create
        self.contracts = [create("Subscriptions", Name=f"S {n}", Contract_Code=f"C{n}") for n in range(3)]
        self.calls = [
            create(
                "Calls",
                Subject=f"Ring {n}",
                Call_Type="Outbound",
                Call_Start_Time="2026-05-14T09:53:58Z",
                Call_Duration="05:00",
            )
            for n in range(3)
        ]
        self.notes = self._written(
            "Notes",
            [
                {"Note_Content": f"Said {n}", "Parent_Id": each, "se_module": "Contacts"}
                for n, each in enumerate(self.people[:3])
            ],
        )
        self._written("Contacts", [{"Last_Name": "Tagged", "Email": "tagged@b.se", "Tag": self._tags(9)}])
        layouts = self._sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()
        self.layouts = [each["id"] for each in layouts["layouts"]]
        if self._often(0.08):
            closed = self._chance.choice(["Contacts", "Accounts", "Pipelines", "Tasks"])
            right = self._chance.choice(["creatable", "editable", "deletable"])
            self._sandbox.change_metadata({"op": "set_module", "module": closed, "data": {right: False}})
        self._sandbox.clock(advance=3600)

    # messages

    def _mixed(self, streams: list[list[Message]]) -> list[Message]:
        """One after the other, or side by side, as taps write them."""
        chance = self._chance
        waiting = [deque(each) for each in streams]
        if self._often(0.3):
            chance.shuffle(waiting)
        mixed: list[Message] = []
        stay = chance.choice([0.0, 0.9, 1.0])  # how likely the next message is of the same stream
        while waiting:
            mixed.append(waiting[0].popleft())
            waiting = [each for each in waiting if each]
            if self._often(0.03):
                mixed.append(state(len(mixed)))
            if not self._often(stay):
                chance.shuffle(waiting)
        return [*mixed, state("end")]

    def _before(self) -> list[Message]:
        """The same, a part of it, or a part of it with other values, of a version before."""
        chance = self._chance
        part = chance.choice([1.0, 0.6])
        changed = self._often(0.4)
        found: list[Message] = []
        for each in self.messages:
            if each["type"] == "ACTIVATE_VERSION":
                found.append({**each, "version": chance.choice([6, 7])})
            elif each["type"] != "RECORD":
                found.append(each)
            elif self._often(part):
                row = dict(each["record"])
                if changed and "Description" in row:
                    row["Description"] = "as it was"
                found.append({**each, "record": row})
        return found

    def _often(self, often: float) -> bool:
        return self._chance.random() < often

    def _tags(self, many: int) -> list[Row]:
        return [{"name": f"tag {n}"} for n in range(many)]

    def _put(self, row: Row, often: float, **values: Any) -> None:
        """Each of the values by chance: a list is what to choose from."""
        for name, choices in values.items():
            self._maybe(row, name, *choices, often=often)

    def _came(
        self, name: str, rows: list[Row], key: list[str], *, ids: Any = (), **own: Any
    ) -> list[Message]:
        """The messages of a stream. With ``ids`` its records may be known by those."""
        chance = self._chance
        self.settings["streams"][name] = self._set(own)
        by_id = bool(ids) and not self.is_copy and self._often(0.35)
        gone = chance.choice([0.0, 0.1, 0.3])
        for place, row in enumerate(rows):
            if self.is_copy:
                row["id"] = FOREIGN.format(chance.randint(1, 12) if self._often(0.2) else place + 1)
            elif by_id:
                row["id"] = chance.choice([*ids * 4, NOWHERE, "17", None])
            if self._often(gone):
                row["_sdc_deleted_at"] = GONE
        key = ["id"] if self.is_copy or by_id else key
        names = {each: None for row in rows for each in row}
        described = schema(name, *names, key=key)
        found = [described]
        for each in rows:
            found.append(record(name, **each))
            if self._often(0.02):
                found.append(described)
        if self._often(0.5):
            found.append({"type": "ACTIVATE_VERSION", "stream": name, "version": 7})
        return found

    def _set(self, own: Row) -> Row:
        chance = self._chance
        own.setdefault("operation", chance.choice(OPERATIONS))
        own = {each: value for each, value in own.items() if value is not None}
        if own.get("operation", self.settings["default_operation"]) == "insert":
            own.pop("external_key", None)
        if self._often(0.2):
            own["tags"] = chance.choice([["vip"], ["Tag 1", "new"], [f"t{n}" for n in range(10)], ["x" * 26]])
        if self._often(0.15):
            own["truncate"] = True
        if self._often(0.5):
            own["allow_mass_delete"] = True
        return own

    def _look(self, *match_on: str) -> Row:
        return {
            "match_on": self._chance.choice(match_on),
            "on_missing": self._chance.choice(["reject", "create", "null"]),
            "on_ambiguous": self._chance.choice(["reject", "null"]),
        }

    def _linked(self, *ids: str) -> Any:
        """A link to one of these, to what another stream may bring, or to nothing."""
        chance = self._chance
        if self.is_copy:
            return {"id": FOREIGN.format(chance.randint(1, 14))}
        each = chance.choice([*ids * 4, NOWHERE])
        return chance.choice([each, {"id": each}])

    def _company(self) -> str:
        chance = self._chance
        return f"{chance.choice(['New', 'Old', 'old', ' New'])} {chance.randint(0, 5)} AG"

    def _mail(self) -> Any:
        chance = self._chance
        return chance.choice(
            [f"n{chance.randint(0, 6)}@b.se", f"ek{chance.randint(0, 3)}@b.se", "TAGGED@b.se "]
        )

    # streams

    def _companies(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Account_Name": self._company(), "Description": f"as told {n % 3}"}
            self._put(row, 0.2, Phone=["+46 8", "?", None, ""], Website=["a.example", "no site", None])
            self._put(row, 0.2, Owner=[*self.users, "nobody@b.se", "sandbox@example.com", None])
            self._put(row, 0.1, Tag=[[], ["a", "b"], "a;b", None, 7], Billing_City=["Lund", "L" * 300])
            self._put(row, 0.05, Account_Name=[None, "", "A" * 201])
            return row

        more: Row = {"lookups": {"Owner": {"on_missing": "null"}}} if self._often(0.3) else {}
        more["write_method"] = self._chance.choice([None, None, None, "bulk", "auto"])
        rows = self._some(row, many=self._chance.choice([12, 12, 60]))
        return self._came("Accounts", rows, ["Account_Name"], ids=self.companies, **more)

    def _person(self, n: int) -> Row:
        row: Row = {"Email": self._mail(), "Last_Name": f"N {n % 8}"}
        self._put(
            row, 0.3, Phone=["+46 800", "+46 801", "+46 7", "+46 99", None, "?"], Description=[f"d {n}"]
        )
        self._put(row, 0.1, Email=[None, "", "twin@b.se", "no address"], Last_Name=["", None, "L" * 81])
        self._put(row, 0.1, Email_Opt_Out=[True, "no", "perhaps"], Tag=[["a"], [], None, self._tags(11)])
        self._put(row, 0.1, Owner=[*self.users, "sandbox@example.com", NOWHERE], Mobile=["+46 5", "#"])
        return row

    def _people(self) -> list[Message]:
        chance = self._chance
        by_name = not self.is_copy and self._often(0.6)

        def row(n: int) -> Row:
            row = self._person(n)
            if self._often(0.5):
                row["Account_Name"] = self._company() if by_name else self._linked(*self.companies)
            return row

        more: Row = {"lookups": {"Account_Name": self._look("Account_Name")}} if by_name else {}
        key = chance.choice([["Email"], ["Email"], ["Last_Name"], ["Phone"], ["Email", "Last_Name"]])
        if key == ["Last_Name"]:
            more["external_key"] = "Last_Name"
        elif key == ["Phone"] and not self._is_phone_unique:
            more["external_key"] = "Phone"
        elif self._often(0.3):
            unique = ["Email", "Phone"] if self._is_phone_unique else ["Email"]
            more["duplicate_check_fields"] = chance.sample(unique, chance.randint(1, len(unique)))
        more["write_method"] = chance.choice([None, None, None, "bulk", "auto"])
        return self._came("Contacts", self._some(row, many=25), key, ids=self.people, **more)

    def _more_people(self) -> list[Message]:
        more: Row = {"module": "Contacts", "external_key": self._chance.choice([None, "Mobile", "Email"])}
        rows = self._some(self._person, many=10)
        return self._came("more_people", rows, ["Email"], ids=self.people, **more)

    def _goods(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Product_Name": f"{self._chance.choice(['Lamp', 'lamp', 'Desk'])} {n % 6}"}
            self._put(row, 0.3, Product_Code=["L0", "L1", "D1", None], Product_Active=[True, "0", "maybe"])
            self._put(row, 0.2, Unit_Price=[9.5, "9.50", "x", 1e16, None], Product_Category=["Any", None])
            return row

        more: Row = {"write_method": self._chance.choice([None, None, "bulk"])}
        return self._came("Products", self._some(row), ["Product_Name"], ids=self.products, **more)

    def _contracts(self) -> list[Message]:
        by_code = self._often(0.5)

        def row(n: int) -> Row:
            row: Row = {"Name": f"S {n}", "Contract_Code": f"{self._chance.choice('cC')}{n % 6}"}
            self._put(
                row, 0.15, Channels=[["a", "b"], "a;b", [], None, "a"], Seats=[3, "3", "3.5", 2**40, None]
            )
            self._put(row, 0.15, Price=["1,5", 7, "x"], Discount=[5, "5%"], Renews=["yes", None, 0])
            self._put(
                row, 0.15, Starts_On=["2026-05-14", "14.5.2026", "soon"], Signed_At=[GONE, "2026-05-14"]
            )
            self._put(
                row, 0.15, Billing_Email=["a@b.se", "a@b"], Portal=["a.example", "a b"], Hotline=["+1", "?"]
            )
            self._put(row, 0.1, Frequency=["Monthly", "M" * 130], Remarks=["r" * 40_000, "fine", None])
            self._put(row, 0.1, Meter_Reading=["12", 12, "x", 10**18], Weight=[1.25, "1e3"], Name=[None, ""])
            self._put(row, 0.1, Account_Manager=[*self.users, NOWHERE, "sandbox@example.com"])
            if self._often(0.3):
                row["Contact"] = self._linked(*self.people)
            if self._often(0.3):
                row["Products"] = [self._linked(*self.products) for _ in range(self._chance.randint(0, 3))]
            if self._often(0.4):
                other = f"C{self._chance.randint(0, 7)}"
                row["Successor"] = other if by_code else self._linked(*self.contracts)
            return row

        more: Row = {"replace_rows": self._chance.choice([True, None])}
        if by_code:
            more["lookups"] = {"Successor": self._look("Contract_Code")}
        return self._came("Subscriptions", self._some(row), ["Contract_Code"], ids=self.contracts, **more)

    def _surveys(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Name": f"At {n % 4}"}
            self._put(row, 0.4, Company=[self._company()], Rating=["good"], Measure_01=[1, "1.5", "x"])
            return row

        lookups = {"Company": self._look("Account_Name", "Phone")}
        key = self._chance.choice([None, "Name"])
        return self._came("Site_Surveys", self._some(row), ["Name"], lookups=lookups, external_key=key)

    def _pipeline(self) -> list[Message]:
        chance = self._chance
        by_name = not self.is_copy and self._often(0.4)
        stages = ["Qualification", "Demo", "Live", "Negotiation", "Proposal", "Kick-off"]

        def line() -> Row:
            row: Row = {
                "Product": f"Lamp {chance.randint(0, 6)}" if by_name else self._linked(*self.products)
            }
            self._put(row, 0.8, Quantity=[1, 2, "3", "x"])
            self._put(row, 0.1, List_Price=[5, "x"], id=[NOWHERE], _delete=[None])
            return row

        def row(n: int) -> Row:
            row: Row = {"Deal_Name": f"{chance.choice(['Roof', 'Wall'])} {n % 5}"}
            if self._often(0.8):
                row |= {"Sub_Pipeline": "Inbound", "Stage": "Qualification"}
            self._put(row, 0.2, Stage=stages, Sub_Pipeline=["Inbound", "Outbound", "Referrals", "Nowhere"])
            self._put(
                row, 0.2, Pipeline=[*self.layouts, NOWHERE, "Sales Pipeline", "Partner Onboarding", None]
            )
            self._put(row, 0.2, Amount=[12, "1.000,5", None], Closing_Date=["2026-05-14", None, "soon"])
            if self._often(0.3):
                row["Associated_Products"] = [line() for _ in range(chance.randint(0, 3))]
            if self._often(0.25):
                row["Contact_Name"] = self._linked(*self.people)
            if self._often(0.25):
                row["Account_Name"] = self._linked(*self.companies)
            if self._often(0.2):
                row["Secondary_Contacts"] = [self._linked(*self.people) for _ in range(chance.randint(0, 3))]
            return row

        more: Row = {
            "replace_rows": chance.choice([True, None]),
            "external_key": chance.choice(["Deal_Name", None]),
        }
        if by_name:
            more["lookups"] = {"Associated_Products": self._look("Product_Name")}
        if self._often(0.15):
            more["write_method"] = "bulk"
        return self._came("Pipelines", self._some(row), ["Deal_Name"], ids=self.deals, **more)

    def _about(self, row: Row) -> None:
        if self._often(0.3):
            row["Who_Id"] = self._linked(*self.people)
        if self._often(0.4):
            row["What_Id"] = self._linked(self.companies[0], self.companies[3], self.deals[0])
            self._put(row, 0.8, **{"$se_module": ["Accounts", "Deals", "Pipelines", "Contacts", "Nowhere"]})

    def _to_do(self) -> list[Message]:
        by_name = not self.is_copy and self._often(0.4)

        def row(n: int) -> Row:
            row: Row = {"Subject": f"{self._chance.choice(['Call', 'Mail'])} {n % 5}"}
            self._put(row, 0.2, Due_Date=["2026-05-14", "soon", None], Status=["Open"], Subject=[None, ""])
            self._put(row, 0.1, Recurring_Activity=[{"RRULE": "FREQ=DAILY;INTERVAL=1;COUNT=3"}], Tag=[["a"]])
            self._about(row)
            if by_name:
                self._put(row, 0.5, Who_Id=["Twin", "N 1", "Ek 1", "Nobody", None])
            return row

        more: Row = {"external_key": self._chance.choice(["Subject", None])}
        if by_name:
            more["lookups"] = {"Who_Id": self._look("Last_Name", "Email")}
        return self._came("Tasks", self._some(row), ["Subject"], ids=self.tasks, **more)

    def _visits(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Event_Title": f"Visit {n % 5}", "Start_DateTime": GONE, "End_DateTime": GONE}
            nobody = {"type": "person", "participant": "x"}
            guests = [{"type": "contact", "participant": each} for each in (*self.people[:2], NOWHERE)]
            self._put(
                row,
                0.3,
                Participants=[guests[:1], guests, [], [{"type": "email", "participant": "a@b.se"}], [nobody]],
            )
            self._put(row, 0.1, End_DateTime=[None, "later", "2026-05-13"], All_day=[True], Venue=["V" * 300])
            self._put(row, 0.1, Recurring_Activity=[{"RRULE": "FREQ=DAILY;INTERVAL=1;COUNT=3"}])
            reminders = [[{"unit": 15, "period": "minutes"}], [{"unit": 2, "period": "days"}], GONE]
            self._put(row, 0.2, Remind_At=reminders)
            self._about(row)
            return row

        return self._came("Events", self._some(row, many=8), ["Event_Title"], external_key="Event_Title")

    def _calls_by_id(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Subject": f"Ring {n % 4}"}
            self._put(row, 0.7, Call_Type=["Outbound", "Inbound"], Call_Start_Time=[GONE])
            self._put(row, 0.7, Call_Duration=["05:00", "00:00", "1:2", "61:00"])
            return row

        return self._came(
            "Calls", self._some(row, many=8), ["Subject"], ids=self.calls, external_key="Subject"
        )

    def _remarks(self) -> list[Message]:
        def row(n: int) -> Row:
            row: Row = {"Note_Title": f"T {n}", "Note_Content": f"Text {n}"}
            self._put(row, 0.1, Note_Content=[None, ""], Owner=self.users)
            if self._often(0.8):
                row["Parent_Id"] = self._linked(*self.people, self.companies[0], self.companies[3])
                self._put(row, 0.6, **{"$se_module": ["Contacts", "Accounts", "Nowhere"]})
            return row

        how = self._chance.choice(["insert", "insert", "update", "delete"])
        return self._came("Notes", self._some(row, many=8), ["Note_Title"], ids=self.notes, operation=how)

    def _rows_of_any(self) -> list[Message]:
        chance = self._chance
        name, parents, linked = chance.choice(
            [
                ("pipelines_associated_products", self.deals, self.products),
                ("pipelines_secondary_contacts", self.deals, self.people),
                ("subscriptions_products", self.contracts, self.products),
            ]
        )
        rows = []
        for n in range(chance.randint(1, 8)):
            row: Row = {"parent_id": chance.choice([*parents, NOWHERE]), "id": f"610000000009{n:07d}"}
            if self.is_copy:
                row["parent_id"] = FOREIGN.format(chance.randint(1, 9))
            each = self._linked(*linked)
            if name == "pipelines_associated_products":
                row["Product"] = each
                self._put(row, 0.8, Quantity=[1, 3])
            else:
                row["id"] = each["id"] if isinstance(each, dict) else each
            self._put(row, 0.1, _sdc_deleted_at=[GONE])
            rows.append(row)
        self.settings["streams"][name] = {"replace_rows": chance.choice([True, False])}
        names = {each: None for row in rows for each in row}
        found = [schema(name, *names, key=["parent_id", "id"]), *(record(name, **each) for each in rows)]
        if self._often(0.2):
            found.append({"type": "ACTIVATE_VERSION", "stream": name, "version": 7})
        return found

    def _gone(self) -> list[Message]:
        chance = self._chance
        ids = {
            "Tasks": self.tasks,
            "Accounts": self.companies,
            "Contacts": self.people,
            "Pipelines": self.deals,
            "Notes": self.notes,
            "Nowhere": self.tasks,
        }

        def row(_: int) -> Row:
            module = chance.choice(list(ids))
            row: Row = {"module": module, "id": chance.choice([*ids[module], NOWHERE, "x"])}
            if self.is_copy and self._often(0.7):
                row["id"] = FOREIGN.format(chance.randint(1, 9))
            self._put(row, 0.15, type=["restored", "recycle"])
            return row

        name = "deleted_records"
        self.settings["streams"][name] = {"allow_mass_delete": chance.choice([True, False])}
        rows = self._some(row, many=6)
        return [schema(name, "type", key=["module", "id"]), *(record(name, **each) for each in rows)]
