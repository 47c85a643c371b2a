"""Ids for what a record says: what Bigin is asked, what its rows mean, and what need not be asked again."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from support.rows import Bigin, row

from bigin_api import Field, SettingsError
from target_bigin.concurrency.tasks import Wait
from target_bigin.files.id_map import IdMap, Target
from target_bigin.lookups import by_value
from target_bigin.lookups.by_value import IdFinder, OwnKey, ids_of
from target_bigin.lookups.directory import Directory, Query
from target_bigin.lookups.own_id import SourceKeys
from target_bigin.records.account import Account
from target_bigin.records.forecast import Forecast
from target_bigin.records.record import Record, Reject
from target_bigin.schema.keys import KeyPlan
from target_bigin.settings import StreamSettings

NAME, EMAIL = Field("Last_Name"), Field("Email", "email", is_unique=True)
SEATS, TOLD = Field("Seats", "integer"), Field("Told", "boolean")
ORDER = Field("Order")  # a word of COQL's
UNFIT = (
    Field("Note", "textarea", "string"),
    Field("Tag", "text", "jsonarray"),
    Field("Firm", "text", "jsonobject"),
)


@pytest.mark.parametrize(
    ("fields", "asked", "rows", "where", "found"),
    [
        (
            [NAME],  # what it finds for one value alone is that value, however it compares
            {("ek",): ("'Ek'",)},
            [row("1", Last_Name="EK "), row("2", Last_Name="Ék")],
            "Last_Name in ('Ek')",
            {("ek",): ("1", "2")},
        ),
        (
            [ORDER],
            {("a",): ("'A'",), ("b",): ("'B'",)},
            [row("1", Order=" b "), row("2", Order="B")],
            "'Order' in ('A', 'B')",
            {("a",): (), ("b",): ("1", "2")},
        ),
        ([None], {("7",): ("7",), ("8",): ("8",)}, [row("8")], "id in (7, 8)", {("7",): (), ("8",): ("8",)}),
        (
            [NAME, SEATS],
            {("a", "1"): ("'A'", "1"), ("b", "2"): ("'B'", "2")},
            [
                row("1", Last_Name="b", Seats=2.0),
                row("2", Last_Name="a", Seats=2),
            ],  # the second was not asked for
            "(Last_Name in ('A', 'B') and Seats in (1, 2))",
            {("a", "1"): (), ("b", "2"): ("1",)},
        ),
        (
            [NAME, TOLD],
            {("a", "true"): ("'A'", "true"), ("b", "true"): ("'B'", "true")},
            [row("1", Last_Name="B", Told=True)],
            "(Last_Name in ('A', 'B') and Told = true)",
            {("a", "true"): (), ("b", "true"): ("1",)},
        ),
        ([TOLD], {("true",): ("true",)}, [row("1", Told=True)], "Told = true", {("true",): ("1",)}),
        (
            [TOLD],
            {("true",): ("true",), ("false",): ("false",)},
            [row("1", Told=True), row("2", Told=False)],
            None,
            {("true",): ("1",), ("false",): ("2",)},
        ),
    ],
)
def test_whose_values_they_are(fields, asked, rows, where, found):
    """One question for all of them, and each row to the value that it has."""
    names = ["id" if each is None else each.api_name for each in fields]
    bigin = Bigin(**{"": rows})

    assert ids_of(bigin, "Contacts", dict(zip(names, fields, strict=True)), asked) == found
    assert bigin.asked == [where]
    assert bigin.columns == [list(dict.fromkeys(("id", *names)))]


def test_rows_that_no_value_explains_have_the_others_asked_for_by_themselves():
    """Bigin may take more for the same than is known: whose row it is it says itself, one value at a time."""
    asked = {(name,): (f"'{name}'",) for name in ("ann", "bea", "cia")}
    bigin = Bigin(ann=[row("1", Last_Name="Ann")], cia=[row("3", Last_Name="Çia")])

    found = ids_of(bigin, "Contacts", {"Last_Name": NAME}, asked)

    assert found == {("ann",): ("1",), ("bea",): (), ("cia",): ("3",)}
    assert bigin.asked == [
        "Last_Name in ('ann', 'bea', 'cia')",
        "Last_Name in ('bea')",
        "Last_Name in ('cia')",
    ]


def test_a_row_that_one_of_several_fields_does_not_explain_is_enough_to_ask_again():
    """The other field has a value that was asked for."""
    asked = {("ann", "1"): ("'Ann'", "1"), ("bea", "2"): ("'Bea'", "2")}
    bigin = Bigin(ann=[row("1", Last_Name="Änn", Seats=1)])

    found = ids_of(bigin, "Contacts", {"Last_Name": NAME, "Seats": SEATS}, asked)

    assert found == {("ann", "1"): ("1",), ("bea", "2"): ()}
    assert len(bigin.asked) == 3


@pytest.fixture
def finder(run):
    """A finder of contacts by name, of which Bigin has one Ek."""
    bigin = Bigin(ek=[row("1", Last_Name="Ek")])
    found = IdFinder(bigin, run, module="Contacts", fields={"Last_Name": NAME})
    return SimpleNamespace(
        bigin=bigin, finder=found, find=lambda *names: run.results(*map(found.find, names), flush=found.flush)
    )


def test_a_value_is_asked_for_once_however_it_is_written(finder):
    """Also that nobody has it is an answer."""
    assert finder.finder.known("Ek") is None
    assert finder.find("Ek", " EK ", "nobody") == [("1",), ("1",), ()]
    assert [finder.finder.known(each) for each in ("ek", "Nobody", "Eva")] == [("1",), (), None]
    assert finder.find("eK", "NOBODY") == [("1",), ()]
    assert finder.bigin.asked == ["Last_Name in ('Ek', 'nobody')"]


def test_what_the_run_did_is_known_without_a_question(finder):
    """What it wrote, and that what it deleted must be asked for anew."""
    finder.finder.learn("Eva", record_id="7")
    assert finder.find("EVA") == [("7",)]
    finder.finder.forget("eva")
    assert finder.find("Eva") == [()]
    assert finder.bigin.asked == ["Last_Name in ('Eva')"]


@pytest.mark.parametrize(
    ("did", "ids", "questions"), [("learn", ("7",), 1), ("forget", ("1",), 2), ("other", ("1",), 1)]
)
def test_an_answer_on_its_way_knows_nothing_of_what_the_run_did_meanwhile(finder, did, ids, questions):
    """The record was made, or deleted, after Bigin had looked."""
    mine = finder.finder
    change = {
        "learn": lambda: mine.learn("ek", record_id="7"),
        "forget": lambda: mine.forget("ek"),
        "other": lambda: mine.learn("Eva", record_id="8"),
    }[did]
    changes = [change]
    finder.bigin.meanwhile = lambda: changes.pop()() if changes else None

    assert finder.find("Ek") == [ids]
    assert mine.known("Ek") == ids
    assert len(finder.bigin.asked) == questions


def test_only_the_values_that_were_used_last_are_kept(finder, monkeypatch):
    """Millions of them would not fit into memory."""
    monkeypatch.setattr(by_value, "KEPT", 2)
    for number, name in enumerate(("a", "b")):
        finder.finder.learn(name, record_id=str(number))
    finder.finder.known("a")
    finder.finder.learn("c", record_id="2")

    assert [finder.finder.known(each) for each in "abc"] == [("0",), None, ("2",)]


def test_a_dry_run_finds_what_it_would_have_written(run):
    """And not what it would have deleted."""
    run.forecast = Forecast()
    finder = IdFinder(
        Bigin(ek=[row("1", Last_Name="Ek")]), run, module="Contacts", fields={"Last_Name": NAME}
    )
    run.forecast.write("Contacts", "9", {"Last_Name": "eva"})
    run.forecast.gone.add("1")
    with run.forecast.lock:
        run.tasks.create_task(finder.find("Berg"))
        finder.flush()
        assert not run.tasks.land(timeout=0.1)  # whoever writes to it is let alone

    assert run.results(finder.find("Ek"), finder.find("Eva"), flush=finder.flush) == [(), ("9",)]
    assert run.forecast.searched == {"Last_Name"}


def context_of(run, bigin, **settings):
    """What a stream of contacts is made from, which are known by their id in the source."""
    return SimpleNamespace(
        run=run,
        client=bigin,
        fields={each.api_name: each for each in (NAME, EMAIL, SEATS)},
        module=SimpleNamespace(api_name="Contacts"),
        account=Account("people"),
        settings=StreamSettings("Contacts", **settings),
        source_key=lambda raw: raw.get("key"),
    )


class Turns:
    """Notes who waited for an earlier record of the same key, and what that one did."""

    def __init__(self) -> None:
        self.taken = 0
        self.earlier = lambda: None

    async def turn(self, _record):
        self.taken += 1
        self.earlier()


FIND, BOTH = KeyPlan("find", ("Email", "Last_Name")), KeyPlan("find", ("Email", "Last_Name"), all_of=True)
CHECK = KeyPlan("check", ("Email",))
NONE = KeyPlan("none")


@pytest.mark.parametrize(
    ("key", "deletes", "record", "expected"),
    [
        (FIND, "ignore", ("update", None, {"Email": "ek"}), ("1", "update", ["Email in ('ek')"])),
        (
            FIND,
            "ignore",
            ("upsert", None, {"Email": "ek", "Last_Name": "x"}),
            ("1", "update", ["Email in ('ek')"]),
        ),
        (
            FIND,
            "ignore",
            ("delete", None, {"Email": "no", "Last_Name": "ek"}),
            ("1", "delete", ["Email in ('no')", "Last_Name in ('ek')"]),
        ),
        (FIND, "ignore", ("upsert", None, {"Last_Name": "no"}), (None, "insert", ["Last_Name in ('no')"])),
        (FIND, "ignore", ("update", "5", {"Email": "ek"}), ("5", "update", [])),
        (FIND, "ignore", ("insert", None, {"Email": "ek"}), (None, "insert", [])),
        (
            BOTH,
            "ignore",
            ("update", None, {"Email": "ek", "Last_Name": "ek"}),
            ("1", "update", ["(Email in ('ek') and Last_Name in ('ek'))"]),
        ),
        (CHECK, "delete", ("upsert", None, {"Email": "ek"}), (None, "upsert", [])),
        (CHECK, "delete", ("delete", None, {"Email": "ek"}), ("1", "delete", ["Email in ('ek')"])),
        (CHECK, "ignore", ("upsert", None, {"Email": "ek"}), (None, "upsert", [])),
        (NONE, "delete", ("update", None, {}), (None, "update", [])),
    ],
)
def test_a_record_is_found_by_its_key_where_bigin_does_not_match_by_it(run, key, deletes, record, expected):
    """By the first field that finds any, once those before it with the same key have ended."""
    run.settings.deletes = deletes
    bigin, turns = Bigin(ek=[row("1", Email="ek", Last_Name="ek")]), Turns()
    own = OwnKey(context_of(run, bigin), turns, key)
    operation, record_id, body = record
    mine = Record(1, "people", {}, body, operation=operation, id=record_id)

    assert run.results(own.find(mine), flush=own.flush) == [None]
    assert (mine.id, mine.operation, bigin.asked) == expected
    assert turns.taken == bool(bigin.asked)


@pytest.mark.parametrize(
    ("key", "body", "reject"),
    [
        (
            FIND,
            {"Email": "no", "Last_Name": "x"},
            ("NOT_FOUND", "Email", "no record of Contacts has Email 'no' or Last_Name 'x'."),
        ),
        (FIND, {"Last_Name": "x"}, ("NOT_FOUND", "Last_Name", "no record of Contacts has Last_Name 'x'.")),
        (
            BOTH,
            {"Email": "no", "Last_Name": "x"},
            ("NOT_FOUND", "Email", "no record of Contacts has Email 'no' and Last_Name 'x'."),
        ),
        (FIND, {"Email": "two"}, ("SEVERAL_FOUND", "Email", "2 records of Contacts have Email 'two': 1, 2.")),
        (
            FIND,
            {"Email": "six"},
            ("SEVERAL_FOUND", "Email", "6 records of Contacts have Email 'six': 0, 1, 2, 3, 4 …."),
        ),
        (
            FIND,
            {"Email": "five"},
            ("SEVERAL_FOUND", "Email", "5 records of Contacts have Email 'five': 0, 1, 2, 3, 4."),
        ),
        *(
            (
                key,
                {},
                ("KEY_MISSING", None, "which record is deleted cannot be told: the stream recognises none."),
            )
            for key in (NONE, CHECK)  # deletions are ignored
        ),
    ],
)
def test_a_key_that_means_none_or_several_is_told(run, key, body, reject):
    """Never a guess."""
    bigin = Bigin(
        two=[row(str(n), Email="two") for n in (1, 2)],
        six=[row(str(n), Email="six") for n in range(6)],
        five=[row(str(n), Email="five") for n in range(5)],
    )
    own = OwnKey(context_of(run, bigin), Turns(), key)

    told = run.results(own.find(Record(1, "people", {}, body, operation="delete")), flush=own.flush)

    assert told == [Reject("unmatched", reject[0], reject[2], reject[1])]


@pytest.mark.parametrize("body", [{"Email": "ek"}, {"Last_Name": "ek"}])
@pytest.mark.parametrize(
    ("action", "record_id", "known"),
    [("inserted", "7", "7"), ("inserted", None, None), ("deleted", "1", None), ("updated", "7", "1")],
)
def test_what_was_written_is_known_by_its_key(run, body, action, record_id, known):
    """The next record of the key need not be looked for; what was deleted must not be found."""
    bigin = Bigin(ek=[row("1", Email="ek", Last_Name="ek")])
    own = OwnKey(context_of(run, bigin), Turns(), FIND)
    first, second = (Record(n, "people", {}, body, operation="update") for n in (1, 2))
    run.results(own.find(first), flush=own.flush)

    written = {name: value.upper() for name, value in body.items()}
    own.learn(Record(1, "people", {}, written, id=record_id), action)
    run.results(own.find(second), flush=own.flush)

    assert second.id == (known or "1")
    assert len(bigin.asked) == (1 if known else 2)


NOT_COPIED = Reject("unmatched", "KEY_NOT_FOUND", "no record was copied from the source under this key.")
NO_KEY = Reject("invalid", "KEY_MISSING", "no value in the stream's key properties.")


@pytest.fixture
def source(run):
    """``source(**settings)``: what a stream that copies knows, the record of key a among it."""

    def made(**settings):
        id_map, turns = IdMap(), Turns()
        id_map.remember("people", "Contacts", "a", "1")
        context = context_of(run, Bigin(), **{"ids": "source", **settings})
        return SimpleNamespace(
            keys=SourceKeys(context, Directory(run, id_map), turns),
            id_map=id_map,
            turns=turns,
            notes=context.account.notes,
        )

    return made


@pytest.mark.parametrize(
    ("raw", "said", "expected"),
    [
        ({"key": "a"}, ("upsert", {}), (None, "1", "update", 0)),
        ({"key": "a"}, ("delete", {}), (None, "1", "delete", 0)),
        ({"key": "b"}, ("upsert", {"Email": "x"}), (None, None, "upsert", 1)),
        ({"key": "b"}, ("upsert", {"Last_Name": "x"}), (None, None, "insert", 1)),
        ({"key": "b"}, ("delete", {}), ("unchanged", None, "delete", 1)),
        ({"key": "b"}, ("update", {}), (NOT_COPIED, None, "update", 1)),
        ({}, ("upsert", {}), (NO_KEY, None, "upsert", 0)),
    ],
)
def test_what_a_record_of_another_organisation_does_here(run, source, raw, said, expected):
    """What the id map knows is updated by its id; what it does not know is made, matched where that is safe."""
    mine, record = source(), Record(1, "people", raw, said[1], operation=said[0])

    (ended,) = run.results(mine.keys.find_id(record))

    assert (ended, record.id, record.operation, mine.turns.taken) == expected
    assert mine.notes == ({"deletions of records that were never copied": 1} if ended == "unchanged" else {})


def test_a_record_that_an_earlier_one_makes_is_updated(run, source):
    """Looked at before its turn it was not known yet."""
    mine, record = source(), Record(2, "people", {"key": "b"})
    mine.turns.earlier = lambda: mine.id_map.remember("people", "Contacts", "b", "2")

    assert run.results(mine.keys.find_id(record)) == [None]
    assert (record.id, record.operation) == ("2", "update")


def test_a_deals_name_matches_nothing(run, source):
    """It is a check field and not unique: an upsert by it would merge two deals into one."""
    mine = source(duplicate_check_fields=("Last_Name",))
    record = Record(1, "people", {"key": "b"}, {"Last_Name": "x"})

    run.results(mine.keys.find_id(record))

    assert record.operation == "insert"


def test_ids_of_this_organisation_are_not_looked_for(run, source):
    """The record's own key is no key of the map's."""
    mine, record = source(ids="bigin"), Record(1, "people", {"key": "a"})

    assert run.results(mine.keys.find_id(record)) == [None]
    assert (record.id, record.operation) == (None, "upsert")
    assert mine.keys.is_there(Record(1, "people", {"key": "b"}))


def test_what_was_written_or_deleted_is_in_the_id_map(source):
    """So a copy may be repeated."""
    mine = source()
    here, gone, keyless = (
        Record(n, "people", {"key": key} if key else {}, id="2") for n, key in enumerate(["b", "a", ""])
    )

    mine.keys.publish(here, "inserted")
    mine.keys.publish(gone, "deleted")
    mine.keys.publish(keyless, "deleted")

    assert mine.id_map.ids_of("people", "Contacts") == {"b": "2"}
    assert [mine.keys.is_there(each) for each in (here, gone, keyless)] == [True, False, True]


@pytest.fixture
def directory(run):
    """A directory of contacts by e-mail, name and seats, with a client that counts what is asked."""
    users = [{"id": "7", "email": "ann@b.se", "full_name": "Ann Ek"}]
    bigin = Bigin(ek=[row("1", Email="ek")], two=[row("2", Email="two"), row("3", Email="two")])
    bigin.users, bigin.listed = lambda: bigin.listed.append(1) or users, []
    bigin.organization = bigin
    described = {each.api_name: each for each in (NAME, EMAIL, SEATS, *UNFIT)}
    bigin.metadata = SimpleNamespace(
        field=lambda _module, name: described.get(name), fields=lambda _module: described.values()
    )
    bigin.labelled = {"Contacts": bigin}.get
    run.client = bigin
    found = Directory(run, IdMap())
    found.find_all = lambda *queries: run.results(
        *(found.find(each, client=bigin) for each in queries), flush=found.ask
    )
    found.bigin = bigin
    return found


def by(field, value, module="Contacts"):
    return Query("field", value, (module,), field)


def here(*ids, module="Contacts"):
    return tuple(Target(module, each) for each in ids)


def test_what_is_looked_for_is_asked_once_and_known_then(directory):
    """By whatever it is looked for; what the id map does not know is asked of nobody."""
    directory.id_map.remember("people", "Contacts", "a", "1")
    directory.id_map.remember("firms", "Accounts", "a", "9")
    queries = {
        by("Email", "EK"): here("1"),
        by("Email", "two"): here("2", "3"),
        by("Email", "no"): (),
        by("Seats", "many"): (),  # which no number is
        by("id", "x"): (),
        Query("user", "ANN ek"): here("7", module="users"),
        Query("user", "eva"): (),
        Query("source", "a"): (*here("1"), *here("9", module="Accounts")),
        Query("source", "a", ("Accounts",)): here("9", module="Accounts"),
        Query("source", "b"): (),
    }
    asked = [each for each in queries if each.kind == "user" or each.field == "Email"]
    assert [each for each in queries if directory.known(each) is None] == asked

    assert directory.find_all(*queries) == list(queries.values())

    assert [directory.known(each) for each in queries] == list(queries.values())
    assert directory.bigin.asked == ["Email in ('EK', 'two', 'no')"]
    assert directory.bigin.listed == [1]
    directory.prepare("Contacts", "Email", client=directory.bigin)  # for another stream
    assert [directory.known(each) for each in queries] == list(queries.values())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Emial", "'Emial' is no field of Contacts, did you mean 'Email'?"),
        ("Zip", "'Zip' is no field of Contacts."),
        ("Note", "'Note' of Contacts is a textarea, by which records cannot be told apart."),
        ("Tag", "'Tag' of Contacts is a text, by which records cannot be told apart."),
        ("Firm", "'Firm' of Contacts is a text, by which records cannot be told apart."),
    ],
)
def test_a_field_by_which_no_record_can_be_found_is_told(directory, name, told):
    """When the stream is opened, before anything of it is written."""
    with pytest.raises(SettingsError, match=f"^lookups: match_on {re.escape(told)}$"):
        directory.prepare("Contacts", name, client=directory.bigin)


def test_what_is_being_asked_is_not_known_yet(run, directory):
    """Neither users nor records; a number is asked for where its field takes one."""
    user, seats = Query("user", "eva"), by("Seats", "12")
    run.tasks.create_task(directory.find(user, client=directory.bigin))

    assert directory.known(user) is None
    assert directory.known(seats) is None
    assert directory.find_all(user, seats) == [(), ()]
    assert directory.known(user) == ()
    assert directory.bigin.asked == ["Seats in (12)"]


@pytest.mark.parametrize(
    ("query", "may_come"),
    [
        (by("Email", "x"), True),
        (by("id", "7"), False),
        (Query("user", "x"), False),
        (Query("source", "x"), True),
    ],
)
def test_users_and_ids_of_bigin_do_not_come_through_the_pipe(query, may_come):
    """Who looks for them need not wait."""
    assert query.may_come is may_come


def test_what_the_run_writes_is_known_and_told_to_whoever_waits_for_it(run, directory):
    """A unique value is its own; another one may be several records': whose, is for Bigin to say."""
    directory.find_all(by("Email", "new"), by("Last_Name", "new"), by("Email", "other"))
    waits = {
        each: Wait(run.tasks) for each in (by("Email", "NEW"), Query("source", "a"), by("Email", "other"))
    }
    for query, wait in waits.items():
        directory.watch(query, wait)
    left = Wait(run.tasks)
    directory.watch(by("Email", "new"), left)
    directory.unwatch(by("Email", "new"), left)

    record = Record(1, "people", {}, {"Email": "New", "Last_Name": "New", "Seats": None}, id="5")
    directory.publish(record, module="Contacts", source_key="a")

    assert [wait.is_done for wait in (*waits.values(), left)] == [True, True, False, False]
    assert directory.known(by("Email", "new")) == here("5") == directory.known(Query("source", "a"))
    assert directory.known(by("Last_Name", "new")) is None
    assert directory.known(by("Email", "other")) == ()
    assert directory.names(record, module="Contacts", source_key=None) == [
        ("field", "Contacts", "Email", "new"),
        ("field", "Contacts", "Last_Name", "new"),
    ]
    assert directory.names(record, module="Accounts", source_key="a") == [("source", "a")]
    directory.publish(record, module="Contacts", source_key=None)
    assert directory.id_map.ids_of("people", "Contacts") == {"a": "5"}


def test_what_was_found_nowhere_is_asked_for_once_more(directory):
    """Others write there, too; what was found is not doubted."""
    queries = [by("Email", "no"), by("Email", "ek")]
    directory.find_all(*queries)
    for query in (*queries, Query("source", "a"), Query("user", "eva")):
        directory.doubt(query)

    assert [directory.known(each) for each in queries] == [None, here("1")]


def test_a_directory_that_nobody_asks_need_not_be_told(run, directory):
    """Neither by those who look nor by those who wait."""
    assert not directory.is_asked
    directory.watch(Query("source", "a"), waits := Wait(run.tasks))
    assert directory.is_asked
    directory.unwatch(Query("source", "a"), waits)
    assert not directory.is_asked
    directory.prepare("Contacts", "Email", client=directory.bigin)
    assert directory.is_asked


def test_who_waits_to_create_goes_on_at_the_next_turn(run, directory):
    """And a turn that nobody waited for moves nothing."""
    assert not directory.create_now()
    run.tasks.create_task(directory.turn_to_create())
    assert directory.create_now()
    assert not directory.create_now()
