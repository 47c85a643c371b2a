"""Tasks, events and calls: what they relate to, how long, with whom. Source: FACTS 5; write.md 8."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.rules.refused import dependent_mismatch, expected_type, refused_value, too_many
from bigin_sandbox.rules.values import is_empty

Record = dict[str, Any]

DEALS_WORD = "Deals"  # what $se_module calls Pipelines, on v2 still: FACTS 5
MOST_PARTICIPANTS = 50  # write.md 2
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
