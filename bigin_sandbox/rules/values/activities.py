"""Tasks, events and calls: what they relate to, how long, with whom. Source: FACTS 5; write.md 8."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bigin_sandbox.clock import parse_instant, to_text
from bigin_sandbox.rules.values.values import is_empty
from bigin_sandbox.rules.writing.refused import dependent_mismatch, expected_type, refused_value, too_many

Record = dict[str, Any]

DEALS_WORD = "Deals"  # what $se_module calls Pipelines, on v2 still: FACTS 5
MOST_PARTICIPANTS = 50  # write.md 2
COMPLETED = "Completed"
PERIODS = ("minutes", "hours", "days", "weeks")
MOST_UNITS = 10_000
PARTICIPANT_TYPES = ("contact", "user", "email")


def module_named(word: Any) -> Any:
    """The module that `$se_module` or `$related_module` means.

    >>> module_named("Deals"), module_named("Pipelines"), module_named("Accounts")
    ('Pipelines', 'Pipelines', 'Accounts')
    """
    return "Pipelines" if word == DEALS_WORD else word


def with_one_spelling(sent: Record) -> Record:
    """`Related_To` + `$related_module` said as `What_Id` + `$se_module`, or, for a contact, as `Who_Id`.

    >>> with_one_spelling({"Related_To": {"id": "7"}, "$related_module": "Contacts"})
    {'Who_Id': {'id': '7'}}
    >>> with_one_spelling({"Related_To": {"id": "8"}, "$related_module": "Deals"})
    {'What_Id': {'id': '8'}, '$se_module': 'Deals'}
    """
    if "Related_To" not in sent:
        return sent
    related = sent["Related_To"]
    rest = {name: value for name, value in sent.items() if name not in {"Related_To", "$related_module"}}
    if sent.get("$related_module") == "Contacts":
        return {**rest, "Who_Id": related}
    word = {"$se_module": sent["$related_module"]} if "$related_module" in sent else {}
    return {**rest, "What_Id": related, **word}


def check_duration(values: Record, *, path: str) -> None:
    """A call of no length is refused."""
    duration = values.get("Call_Duration")
    if duration is not None and not duration.replace(":", "").strip("0"):
        message = "Call Duration can not be zero."
        raise dependent_mismatch("Call_Type", "Call_Duration", path, message)


def closing(values: Record, existing: Record, now: str) -> Record:
    """A task is closed at the moment it is completed, and open again when it is not (read.md 4)."""
    if "Status" not in values or values["Status"] == existing.get("Status"):
        return {}
    return {"Closed_Time": now if values["Status"] == COMPLETED else None}


def reminder(sent: Any, start: Any, *, at: str) -> str:
    """When the first of the sent reminders rings, in the stored form; its `time` of day is not looked at.

    >>> reminder([{"unit": 15, "period": "minutes"}], "2026-05-14T09:00:00+02:00", at="$.data[0].Remind_At")
    '2026-05-14T06:45:00Z'
    """
    first = sent[0] if isinstance(sent, list) and sent else None
    if not isinstance(first, dict):
        raise expected_type("jsonarray", "Remind_At", at)
    unit, period = first.get("unit"), first.get("period")
    instant = parse_instant(start) if isinstance(start, str) else None
    if not isinstance(unit, int) or not 0 <= unit <= MOST_UNITS or period not in PERIODS or instant is None:
        raise refused_value("Remind_At", at)
    return to_text(instant - timedelta(**{period: unit}))


def accepted_participants(sent: Any, *, path: str) -> list[Record]:
    """At most 50 `{"type": "contact" | "user" | "email", "participant": …}`; an e-mail also under `Email`."""
    at = f"{path}.Participants"
    if not isinstance(sent, list):
        raise expected_type("jsonarray", "Participants", at)
    if len(sent) > MOST_PARTICIPANTS:
        message = "Only 50 participants can be added to an event."
        raise too_many(MOST_PARTICIPANTS, "Participants", path, message)
    return [_participant(entry, f"{at}[{place}]") for place, entry in enumerate(sent)]


def _participant(sent: Any, at: str) -> Record:
    if not isinstance(sent, dict):
        raise expected_type("jsonobject", "Participants", at)
    if sent.get("type") not in PARTICIPANT_TYPES:
        raise refused_value("type", f"{at}.type", supported_values=list(PARTICIPANT_TYPES))
    participant = sent.get("participant") or (sent.get("Email") if sent["type"] == "email" else None)
    if is_empty(participant) or not isinstance(participant, str):
        raise expected_type("text", "participant", f"{at}.participant")
    return {**sent, "participant": participant}
