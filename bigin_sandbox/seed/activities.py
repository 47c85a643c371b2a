"""Tasks, events, calls, notes, attachments: the values of one record each, in the stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.seed import past, words

if TYPE_CHECKING:
    from bigin_sandbox.seed.past import Moment
    from bigin_sandbox.seed.population import Population
    from bigin_sandbox.storage.store import Record

ATTACHED = b"Offer, as discussed.\n"


def _about(people: Population) -> Record:
    """What an activity is about: a person, and perhaps a deal or a company."""
    module = people.pick(("Pipelines", "Accounts"))
    what = people.one_of(module, 0.6)
    return {"Who_Id": people.one_of("Contacts", 0.8), "What_Id": what, "$se_module": module if what else None}


def task(people: Population, _place: int, when: Moment) -> Record:
    """Something to do, some of it again and again."""
    done = people.chance(0.4)
    remind = f"FREQ=NONE;ACTION=POPUP;TRIGGER=DATE-TIME:{past.day(when.created)}T09:00:00+01:00"
    return {
        "Subject": people.pick(words.TASKS),
        "Due_Date": past.day(when.created + people.number(1, 40) * past.DAY),
        "Status": "Completed" if done else people.pick(("Not Started", "In Progress", "Deferred")),
        "Priority": people.pick(("High", "Normal", "Low")),
        "Closed_Time": past.text(when.modified) if done else None,
        "Remind_At": {"ALARM": remind} if people.chance(0.2) else None,
        "Recurring_Activity": {"RRULE": "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO"} if people.chance(0.05) else None,
        **_about(people),
    }


def event(people: Population, _place: int, when: Moment) -> Record:
    """A meeting, with the people who come."""
    start = when.created + people.number(1, 60) * past.DAY // 2
    about = _about(people)
    guest = {"type": "email", "participant": f"guest{people.number(1, 99)}@example.com", "invited": False}
    return {
        "Event_Title": people.pick(words.EVENTS),
        "Start_DateTime": past.text(start),
        "End_DateTime": past.text(start + people.number(1, 4) * past.HOUR),
        "All_day": people.chance(0.1) or None,
        "Venue": people.pick(words.PLACES)[0] if people.chance(0.5) else None,
        "Participants": [{**guest, "id": people.next_id(), "status": "not_known"}]
        if people.chance(0.5)
        else None,
        "Remind_At": past.text(start - past.HOUR) if people.chance(0.3) else None,
        "Recurring_Activity": {"RRULE": "FREQ=MONTHLY;INTERVAL=1"} if people.chance(0.05) else None,
        **about,
    }


def call(people: Population, _place: int, when: Moment) -> Record:
    """A telephone call."""
    return {
        "Subject": f"{people.pick(('Outgoing', 'Incoming'))} call about {people.pick(words.TASKS).lower()}",
        "Call_Type": people.pick(("Inbound", "Outbound", "Missed")),
        "Call_Start_Time": past.text(when.created),
        "Call_Duration": f"{people.number(0, 40):02d}:{people.number(1, 59):02d}",
        "Call_Purpose": people.pick(("Prospecting", "Negotiation", "Demo")),
        "Call_Status": "Attended Dialled" if people.chance(0.5) else None,
        **_about(people),
    }


def _parent(people: Population) -> Record:
    module = people.pick(("Contacts", "Accounts", "Pipelines"))
    link = people.one_of(module)
    return {"Parent_Id": link, "$se_module": module if link else None}


def note(people: Population, place: int, _when: Moment) -> Record:
    """What somebody wrote down about a contact, a company or a deal."""
    return {
        "Note_Title": f"Note {place + 1}" if people.chance(0.7) else None,
        "Note_Content": people.pick(words.SENTENCES),
        **_parent(people),
    }


def attachment(people: Population, place: int, _when: Moment) -> Record:
    """The description of a file; `$file_id` names its bytes."""
    return {
        "File_Name": f"offer-{place + 1}.txt",
        "Size": str(len(ATTACHED)),
        "$file_id": people.next_id(),
        "$type": "Attachment",
        **_parent(people),
    }
