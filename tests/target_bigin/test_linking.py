"""A record that names others: what it is linked to, how long it waits for them, and what ends the waiting."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
from support.rows import Bigin, Run, row

from bigin_api import Field, PermissionDenied, WriteResult
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.id_map import IdMap
from target_bigin.links import resolver
from target_bigin.links.fields import put_id
from target_bigin.links.references import PendingLink
from target_bigin.links.resolver import LinkResolver, Waiting, WaitingRecords
from target_bigin.lookups.directory import Directory, Query
from target_bigin.records.record import Record, Reject
from target_bigin.settings import LookupSettings

REJECT, NULL = LookupSettings(), LookupSettings(on_missing="null", on_ambiguous="null")
CREATE = LookupSettings(match_on="Email", on_missing="create")
BY_EMAIL = Query("field", "ek", ("Contacts",), "Email")
BY_NAME = Query("field", "ek", ("Contacts",), "Last_Name")
BY_ID = Query("field", "6100000000000000009", ("Contacts",), "id")


def source(key):
    return Query("source", key)


class Linking:
    """Streams of a run that link by what a test says: ``record.raw`` has the links, by the field's name."""

    def __init__(self) -> None:
        self.run = Run()
        self.bigin = Bigin()
        self.updates = []
        self.answer = [WriteResult(succeeded=True)]
        self.bigin.records = SimpleNamespace(update=self._update, upsert=self._upsert)
        self.bigin.labelled = lambda _label: self.bigin
        self.bigin.metadata = SimpleNamespace(
            field=lambda _module, name: Field(name, is_unique=name == "Email")
        )
        self.run.client = self.bigin
        self.directory = Directory(self.run, IdMap())
        self.waiting = WaitingRecords()
        self.ended = {}

    def _update(self, module, bodies, *, trigger):
        self.updates.append((module, bodies, trigger))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def _upsert(self, _module, bodies, **_more):
        return [WriteResult(succeeded=True, id=f"made {number}") for number, _ in enumerate(bodies)]

    def stream(self, *, are_linked_to=False):
        context = SimpleNamespace(
            run=self.run,
            client=self.bigin,
            module=SimpleNamespace(api_name="Contacts"),
            source_key=lambda raw: raw.get("key"),
        )
        relations = {name: partial(self._links, name) for name in ("Boss", "Firm", "What_Id")}
        return LinkResolver(context, relations, self.directory, self.waiting, are_linked_to=are_linked_to)

    @staticmethod
    def _links(name, record, value):
        if isinstance(value, Reject):
            raise value
        queries, how, more = value
        yield PendingLink(name, queries, how, partial(put_id, record.body, name), shown="her", **more)

    def start(self, number, *queries, how=REJECT, stream=None, field="Boss", key=None, **more):
        """Begin a record with one link; ``ended`` says what its resolving gave."""
        record = Record(number, "people", {"key": key or str(number)}, {field: (queries, how, more)})
        self.run.tasks.create_task(self._resolve(record, stream or self.stream()))
        self.land()
        return record

    async def _resolve(self, record, stream):
        try:
            self.ended[record.number] = [link.field for link in await stream.resolve(record)]
        except Reject as reject:
            self.ended[record.number] = reject

    def land(self):
        self.run.land(self.directory.ask)
        assert self.run.errors == []

    def write(self, key, record_id):
        record = Record(99, "people", {"key": key}, {}, id=record_id)
        self.directory.publish(record, module="Contacts", source_key=key)
        self.land()

    def finish(self):
        self.waiting.finish()
        self.land()


@pytest.fixture
def linking():
    made = Linking()
    yield made
    made.run.pool.close()


def test_what_is_there_is_linked_at_once(linking):
    """By the first that finds it."""
    linking.bigin.rows = {"ek": [row("7", Email="ek", Last_Name="ek")]}

    record = linking.start(1, source("a"), BY_EMAIL, BY_NAME)

    assert (linking.ended, record.body) == ({1: []}, {"Boss": {"id": "7"}})
    assert linking.bigin.asked == ["Email in ('ek')"]


def test_a_record_waits_for_what_may_come(linking):
    """And goes on with it, once: what it does not wait for any more tells it nothing."""
    record = linking.start(1, source("a"), source("b"))
    assert (linking.ended, list(linking.waiting.unwritten)) == ({}, [1])

    linking.write("b", "7")

    assert (linking.ended, record.body) == ({1: []}, {"Boss": {"id": "7"}})
    assert (linking.waiting.unwritten, linking.directory.is_asked) == ({}, False)


NOWHERE = "Boss: 'her' was found nowhere (records copied from the source)."


@pytest.mark.parametrize(
    ("how", "more", "expected"),
    [
        (REJECT, {}, Reject("unmatched", "LOOKUP_NOT_FOUND", NOWHERE, "Boss")),
        (NULL, {}, {"Boss": None}),
        (NULL, {"must_be_there": True}, Reject("unmatched", "LOOKUP_NOT_FOUND", NOWHERE, "Boss")),
    ],
)
def test_what_never_comes_is_told_or_left_empty_at_the_end_of_the_input(linking, how, more, expected):
    """As the stream is set; a note without a parent is none."""
    record = linking.start(1, source("a"), how=how, **more)
    assert linking.ended == {}

    linking.finish()

    assert (linking.ended[1] or record.body) == expected


@pytest.mark.parametrize("query", [BY_ID, Query("user", "eva")])
def test_what_cannot_come_is_not_waited_for(linking, query):
    """No record of the pipe has an id that is known before, and users do not come by it."""
    linking.bigin.organization = SimpleNamespace(users=list)

    linking.start(1, query, how=NULL)

    assert linking.ended == {1: []}


def test_the_last_resort_is_asked_once_nothing_can_come_any_more(linking):
    """And what was found nowhere is asked for anew: somebody may have entered it meanwhile."""
    record = linking.start(1, source("a"), BY_EMAIL, last_resort=(BY_NAME,))
    linking.bigin.rows = {"last_name": [row("7", Last_Name="ek")]}

    linking.finish()

    assert (linking.ended, record.body) == ({1: []}, {"Boss": {"id": "7"}})
    assert linking.bigin.asked == ["Email in ('ek')", "Email in ('ek')", "Last_Name in ('ek')"]


def test_what_was_written_while_the_next_was_asked_for_is_linked(linking):
    """It was looked for too early, and would be left empty."""
    record = linking.start(1, source("a"), how=NULL, last_resort=(BY_NAME,))
    linking.bigin.meanwhile = lambda: linking.directory.id_map.remember("p", "Contacts", "a", "7")

    linking.finish()

    assert record.body == {"Boss": {"id": "7"}}


@pytest.mark.parametrize("more", [{}, {"must_be_there": True}])
@pytest.mark.parametrize("how", [REJECT, NULL])
def test_several_are_no_answer(linking, how, more):
    """Five of their ids help to find them."""
    linking.bigin.rows = {"ek": [row(str(n), Email="ek") for n in range(7)]}
    told = "Boss: 'her' means 7 records of Contacts (0, 1, 2, 3, 4)."

    record = linking.start(1, BY_EMAIL, how=how, **more)

    left_empty = how is NULL and not more
    refused = Reject("unmatched", "LOOKUP_AMBIGUOUS", told, "Boss")
    assert linking.ended[1] == ([] if left_empty else refused)
    assert not left_empty or record.body == {"Boss": None}


@pytest.mark.parametrize("comes", [True, False])
def test_what_is_found_nowhere_is_created_once_the_pipe_has_been_heard(linking, comes):
    """Unless the pipe brings it in the meantime."""
    record = linking.start(1, BY_EMAIL, how=CREATE)
    assert linking.ended == {}
    if comes:
        linking.directory.publish(
            Record(2, "p", {}, {"Email": "ek"}, id="7"), module="Contacts", source_key=None
        )

    linking.directory.create_now()
    linking.directory.create_now()
    linking.land()

    assert (linking.ended, record.body) == ({1: []}, {"Boss": {"id": "7" if comes else "made 0"}})


@pytest.mark.parametrize("queries", [(BY_EMAIL, BY_NAME), (source("a"),), (BY_ID,)])
def test_what_may_be_one_of_several_or_has_no_value_is_not_created(linking, queries):
    """None is guessed, and an id cannot be given to a record."""
    linking.start(1, *queries, how=CREATE)
    linking.finish()

    assert not linking.directory.create_now()
    assert linking.ended[1].code == "LOOKUP_NOT_FOUND"


def test_a_value_that_can_mean_no_record_is_told_with_its_field(linking):
    """Before anything is asked for."""
    record = Record(1, "people", {}, {"Firm": Reject("invalid", "NOT_AN_ID", "no")})

    linking.run.tasks.create_task(linking._resolve(record, linking.stream()))

    assert linking.ended == {1: Reject("invalid", "NOT_AN_ID", "Firm: no", "Firm")}


def test_the_one_who_waits_longest_is_decided_where_too_many_wait(linking, monkeypatch):
    """Or a run without parents would hold all its records in memory."""
    monkeypatch.setattr(resolver, "MOST_WAITING", 2)

    for number in range(1, 4):
        linking.start(number, source("a"), how=NULL)

    assert linking.ended == {1: []}


def test_nothing_is_decided_about_one_who_goes_on_already(linking, monkeypatch):
    """Woken a second time it would be sent on in the midst of its next wait."""
    monkeypatch.setattr(resolver, "MOST_WAITING", 1)
    linking.start(1, source("a"))

    async def turn():
        linking.directory.publish(Record(9, "p", {}, id="7"), module="Contacts", source_key="a")
        held = Waiting(Record(2, "p", {}), (), linking.stream(), Wait(linking.run.tasks))
        linking.waiting.hold(held)  # one too many, and the first of them has not gone on yet

    linking.run.tasks.create_task(turn())
    linking.land()

    assert linking.ended == {1: []}


def test_not_all_are_decided_at_once(linking, monkeypatch):
    """What they ask then and become takes memory; those who wait for somebody who waits come later."""
    monkeypatch.setattr(resolver, "DECIDED_AT_ONCE", 2)
    linked = linking.stream(are_linked_to=True)
    for number in range(1, 4):
        linking.start(number, source("a"), how=NULL, stream=linked)
    child = linking.start(4, source("1"), stream=linked)

    linking.finish()
    assert linking.ended == {1: [], 2: []}
    linking.write("1", "7")
    linking.finish()

    assert linking.ended == {1: [], 2: [], 3: [], 4: []}
    assert child.body == {"Boss": {"id": "7"}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([WriteResult(succeeded=True)], None),
        (
            [WriteResult(succeeded=False, code="INVALID_DATA", message="no", details={"api_name": "Boss"})],
            Reject("rejected", "INVALID_DATA", "the record was written, but not its link: no", "Boss"),
        ),
        (
            PermissionDenied("may not", code="NO_PERMISSION"),
            Reject("rejected", "NO_PERMISSION", "the record was written, but not its link: may not"),
        ),
    ],
)
def test_records_in_a_circle_are_written_first_and_linked_then(linking, answer, expected):
    """Nobody of them can be the first with its link."""
    linked = linking.stream(are_linked_to=True)
    first, second = (
        linking.start(number, source(other), stream=linked, field="What_Id")
        for number, other in ((1, "2"), (2, "1"))
    )
    links = [
        PendingLink("What_Id", (source(other),), REJECT, partial(put_id, record.body, "What_Id"))
        for record, other in ((first, "2"), (second, "1"))
    ]
    linking.finish()
    assert linking.ended == {1: ["What_Id"], 2: ["What_Id"]}
    assert first.body == second.body == {"What_Id": None}

    first.id, first.body["$se_module"], linking.answer, told = "11", "Deals", answer, []

    async def complete():
        try:
            told.append(await linked.complete(first, links[:1]))
        except Reject as reject:
            told.append(reject)

    linking.run.tasks.create_task(complete())
    linking.land()
    assert list(linking.waiting.written) == [1]
    linking.write("2", "12")

    assert told == [expected]
    assert linking.updates == [
        ("Contacts", [{"id": "11", "What_Id": {"id": "12"}, "$se_module": "Deals"}], ["workflow"])
    ]
    assert linking.waiting.written == {}


def test_the_half_of_a_circle_whose_other_half_was_refused_is_told(linking):
    """The record was written: it must not be taken for one that was not."""
    linked, told = linking.stream(are_linked_to=True), []
    links = [PendingLink(name, (source("a"),), REJECT, lambda _target: None) for name in ("Boss", "Firm")]

    async def complete(links):
        try:
            told.append(await linked.complete(Record(1, "people", {}), links))
        except Reject as reject:
            told.append(reject)

    linking.run.tasks.create_task(complete([]))
    linking.run.tasks.create_task(complete(links))
    linking.finish()

    message = "the record was written, but what it links to was not (Boss, Firm)."
    assert told == [None, Reject("unmatched", "LOOKUP_NOT_FOUND", message, "Boss")]
    assert linking.updates == []


@pytest.mark.parametrize(("are_linked_to", "more"), [(False, {}), (True, {"must_be_there": True})])
def test_what_waits_for_itself_and_cannot_be_linked_later_is_refused(linking, are_linked_to, more):
    """Nobody may look for records of its stream, or it is nothing without its parent."""
    stream = linking.stream(are_linked_to=are_linked_to)
    linking.start(1, source("1"), stream=stream, **more)

    linking.finish()

    assert linking.ended[1].code == "LOOKUP_NOT_FOUND"
