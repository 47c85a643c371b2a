"""A dry run and the run that it tells: what of them is to be the same, and an input with everything in it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from support.sandbox import Sandbox
from support.target import Message, TargetRun, record, records, schema

PEOPLE = schema("Contacts", "Last_Name", "Email", "Phone", "Account_Name", key=["Email"])
MADE = {"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name", "on_missing": "create"}}}}
DEAL = {"Sub_Pipeline": "Inbound", "Stage": "Qualification"}
NOWHERE = "6100000000099999999"
WRITES = ("POST", "PUT", "DELETE")


def written(sandbox: Sandbox) -> Counter[str]:
    """Credits of all calls that write, by endpoint."""
    return Counter(
        {
            name: each["credits"]
            for name, each in sandbox.usage()["by_endpoint"].items()
            if name.startswith(WRITES) and not name.endswith(("/coql", "/oauth/v2/token"))
        }
    )


def outcome(run: TargetRun) -> dict[str, Any]:
    """What of a run is to be the same."""
    return {
        stream: (
            +Counter(account.outcomes),
            Counter((kind, code, field) for (kind, code, field) in account.rejects.elements()),
        )
        for stream, account in run.accounts.items()
    }


def planned(run: TargetRun) -> int:
    """The price that a dry run told."""
    return sum(account.planned_credits for account in run.accounts.values())


def rich() -> list[Message]:
    """Everything at once: new, known, twice, without what is needed, in no form, taken, with companies."""
    good = [{"Email": f"n{n}@b.se", "Last_Name": f"N {n}", "Phone": "+46 8 123"} for n in range(130)]
    return [
        schema("Accounts", "Account_Name", "Website", key=["Account_Name"]),
        record("Accounts", Account_Name="Made 3 AG", Website="https://made.example"),
        record("Accounts", Account_Name="old ag", Website="no site"),
        record("Accounts", Account_Name="New AG", Website="new.example"),
        PEOPLE,
        *records("Contacts", good),
        *records("Contacts", [{**good[7], "Last_Name": "Twice"}, {**good[8], "Phone": "+46 9"}]),
        record("Contacts", Email="EK@b.se ", Last_Name="Ekman"),
        record("Contacts", Email="nobody@b.se"),
        record("Contacts", Email="no address", Last_Name="X"),
        record("Contacts", Email="x@b.se", Last_Name="X", Phone="call me!"),
        record("Contacts", Email="", Last_Name="Keyless"),
        *records(
            "Contacts",
            [
                {"Email": f"c{n}@b.se", "Last_Name": "C", "Account_Name": f"Made {n % 12} AG"}
                for n in range(20)
            ],
        ),
        record("Contacts", Email="old@b.se", Last_Name="C", Account_Name="Old AG"),
    ]
