"""What a run may delete: how the brake counts it, and what a stream's new version leaves out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.rows import row

from bigin_api import BiginError, PermissionDenied, WriteResult
from bigin_api.models import Module
from target_bigin.deletions.brake import Brakes, contacts_of
from target_bigin.deletions.versions import OldVersions
from target_bigin.files.id_map import IdMap
from target_bigin.records.account import Account
from target_bigin.records.record import Record, Reject
from target_bigin.settings import StreamSettings


class Organisation:
    """So many records a module; the contacts of companies, and whose the notes are, page by page."""

    def __init__(self, contacts=None, notes=((),), **counts):
        self.counts = counts
        self.contacts = contacts or {}
        self.notes = notes
        self.asked = []
        self.records = self.coql = self

    def count(self, module):
        self.asked.append(module)
        if isinstance(self.counts[module], Exception):
            raise self.counts[module]
        return self.counts[module]

    def pages_by_id(self, module, columns, *, where):
        assert (module, columns) == ("Contacts", ["id"])
        self.asked.append(where)
        yield from ([row(each)] for company, ids in self.contacts.items() if company in where for each in ids)

    def page(self, module, fields, *, page_token):
        assert (module, fields) == ("Notes", ["Parent_Id"])
        number = int(page_token or 0)
        parents = self.notes[number]
        self.asked.append(f"notes {number}")
        if isinstance(parents, Exception):
            raise parents
        last = number + 1 == len(self.notes)
        return SimpleNamespace(
            records=[{"Parent_Id": each} for each in parents],
            next_page_token=None if last else str(number + 1),
            more_records=not last,
        )


@pytest.fixture
def braked(run):
    """``braked(organisation, *(module, id))``: how each deletion of a run ended, None for let go."""

    def decided(organisation, *deletions, stream="people"):
        run.client = organisation
        brakes, told, order = Brakes(run), [], []

        async def delete(number, module, known_by):
            is_id = isinstance(known_by, str)
            known = {"id": known_by} if is_id else {"locks": (("Email", known_by),)}
            record = Record(number, stream, {}, **known)
            try:
                told.append(await brakes.allow(record, module))
            except Reject as reject:
                told.append(reject)
            order.append(number)

        for number, (module, record_id) in enumerate(deletions):
            run.tasks.create_task(delete(number, module, record_id))
        assert told == []  # until it is known how many they are
        brakes.finish()
        run.land()
        assert run.errors == []
        assert order == sorted(order)
        return told

    return decided


def contacts(count):
    return [("Contacts", str(number)) for number in range(count)]


def too_many(deletions, records, module, because=""):
    told = (
        f"people would delete {deletions} of the {records} records of {module}{because}, more than a quarter: "
        "nothing was deleted. If that is meant, set allow_mass_delete for the stream."
    )
    return Reject("invalid", "MASS_DELETE", told)


@pytest.mark.parametrize(
    ("records", "deletions", "refused"),
    [
        (8, contacts(2), None),
        (8, contacts(3), too_many(3, 8, "Contacts")),
        (8, contacts(2) * 3, None),  # the same ones
        (3, contacts(1), None),
        (4, [("Contacts", None)] * 2, None),  # of one key
        (8, [("Contacts", None), ("Contacts", 1), ("Contacts", 2)], too_many(3, 8, "Contacts")),
        (
            PermissionDenied("may not", code="NO_PERMISSION"),
            contacts(1),
            Reject("rejected", "NO_PERMISSION", "may not"),
        ),
        (PermissionDenied("may not"), contacts(1), Reject("rejected", "NO_COUNT", "may not")),
    ],
)
def test_deletions_go_together_or_not_at_all(braked, caplog, records, deletions, refused):
    """Each record counts once; what cannot be counted is not deleted. That they are too many is said once."""
    organisation = Organisation(Contacts=records)

    assert braked(organisation, *deletions) == [refused] * len(deletions)

    assert organisation.asked == ["Contacts"]
    said = [each.getMessage() for each in caplog.records]
    assert said == ([refused.message] if refused and refused.code == "MASS_DELETE" else [])


COMPANY = ("Accounts", "100")
WITH = " with 1 Accounts"


@pytest.mark.parametrize(
    ("contacts", "notes", "refused", "asked"),
    [
        ([], [()], None, []),
        (["1"], [()], None, ["Contacts"]),
        (["1", "2", "3"], [()], too_many(3, 8, "Contacts", WITH), ["Contacts"]),
        ([], [[{"id": "100"}, None, "100"], [{"id": "101"}]], None, ["Notes"]),
        ([], [[{"id": "100"}], [{"id": "100"}]], too_many(2, 4, "Notes", WITH), ["Notes"]),
        ([], [[{"id": "100"}], PermissionDenied("no")], None, ["Notes"]),
    ],
)
def test_a_company_counts_with_what_it_takes_along(braked, contacts, notes, refused, asked):
    """Its contacts and its notes go with it; what this token may not see is not counted."""
    organisation = Organisation({"100": contacts}, notes, Accounts=9, Contacts=8, Notes=4)

    assert braked(organisation, COMPANY) == [refused]
    assert [each for each in organisation.asked if each in ("Contacts", "Notes")] == asked


def test_of_companies_that_stay_nothing_is_counted(braked):
    """Nor of one that is known by a key alone, of which nobody can tell what is its own."""
    full, unknown = Organisation(Accounts=8), Organisation(Accounts=8)

    braked(full, *[("Accounts", str(number)) for number in range(3)])
    braked(unknown, ("Accounts", None))

    assert full.asked == ["Accounts"]
    assert unknown.asked == ["Accounts", "notes 0"]


def test_what_one_question_lets_go_counts_at_the_next(run):
    """Two streams that each delete a quarter delete half; and what is gone counts as if it were there."""
    run.client = organisation = Organisation(Contacts=8)
    brakes, told = Brakes(run), []

    async def ask(*ids):
        told.append(await brakes.too_many("Contacts", ids, stream="people"))
        organisation.counts["Contacts"] -= 0 if told[-1] else len(ids)

    for ids in ("12", "34", ""):
        run.tasks.create_task(ask(*ids))
    run.land()

    assert told == [None, too_many(4, 8, "Contacts"), None]


def test_a_question_that_is_refused_lets_the_next_one_be_put(run):
    """It waited for its turn for ever."""
    run.client = organisation = Organisation(Contacts=PermissionDenied("no"))
    brakes, told = Brakes(run), []

    async def ask():
        try:
            told.append(await brakes.too_many("Contacts", ["1"], stream="people"))
        except PermissionDenied:
            told.append("refused")
            organisation.counts["Contacts"] = 8

    for _ in range(2):
        run.tasks.create_task(ask())
    run.land()

    assert told == ["refused", None]


def test_contacts_are_asked_for_fifty_companies_at_a_time():
    """More values COQL does not take."""
    organisation = Organisation({"7": ["1", "2"], "59": ["3"]})
    companies = [str(number) for number in range(10, 61)]

    assert contacts_of(organisation, ["7", *companies], None) == {"1", "2", "3"}
    assert organisation.asked == [
        f"Account_Name in ({', '.join(['7', *companies[:49]])})",
        f"Account_Name in ({', '.join(companies[49:])})",
    ]


class Versions:
    """A stream that wrote these records under version 1, each by its key, and what is deleted of them."""

    def __init__(self, run, path, written, *, may_be_empty=False, refused=(), answers=None, version=1):
        self.run, self.deleted, self.answers = run, [], answers or {}
        self.id_map = IdMap(path, read_only=True)
        for stream, key, record_id in written:
            self.id_map.remember(stream, "Contacts", key, record_id)
        if version is not None:
            self.id_map.remember_version("people", version)
        self.account = Account("people")
        self.brakes = SimpleNamespace(too_many=self._too_many)
        self.counted, self.refused = [], refused
        context = SimpleNamespace(
            stream="people",
            module=Module("Contacts"),
            settings=StreamSettings("Contacts", allow_mass_delete=may_be_empty),
            account=self.account,
            run=run,
            client=SimpleNamespace(records=SimpleNamespace(delete=self._delete)),
            source_key=lambda raw: raw.get("key"),
        )
        self.versions = OldVersions(context, self.id_map, self.brakes)

    async def _too_many(self, module, ids, *, stream):
        self.counted.append((module, ids, stream))
        return too_many(1, 2, module) if self.refused else None

    def _delete(self, module, ids, *, fire_workflows):
        assert (module, fire_workflows) == ("Contacts", True)
        self.deleted.append(ids)
        for each in ids:
            if isinstance(self.answers.get(each), Exception):
                raise self.answers[each]
        return [self.answers.get(each, WriteResult(succeeded=True)) for each in ids]

    def finish(self, *keys, version=2):
        for number, key in enumerate(keys):
            self.versions.note(Record(number, "people", {"key": key}))
        if version is not None:
            self.versions.activate(version)
        self.versions.finish()
        self.run.land()
        return self.deleted


THREE = [("people", key, str(number)) for number, key in enumerate("abc", start=1)]


@pytest.fixture
def versions(run, tmp_path):
    return lambda written=THREE, **more: Versions(run, tmp_path / "ids.jsonl", written, **more)


@pytest.mark.parametrize(
    ("written", "brought", "deleted"),
    [
        (THREE, "ab", [["3"]]),
        (THREE, "abc", []),
        ([*THREE, ("people", "d", "3")], "ab", [["3"]]),  # two rows became one record
        ([*THREE, ("people", "d", "3")], "abd", []),
        ([*THREE, ("shop", "c", "3")], "ab", []),
        ([*THREE, ("people", "new", "3")], ["a", "b", "new"], []),  # under a new key
        (THREE, ["a", None], [["2", "3"]]),
    ],
)
def test_what_a_new_version_leaves_out_is_deleted(versions, written, brought, deleted):
    """Unless something still stands for it; and it is forgotten, so that no later version asks for it again."""
    mine = versions(written)

    assert mine.finish(*brought) == deleted
    gone = {each for call in deleted for each in call}
    assert set(mine.id_map.ids_of("people", "Contacts").values()) == {each for _, _, each in written} - gone
    assert mine.id_map.version("people") == 2
    assert mine.counted == [("Contacts", call, "people") for call in deleted]
    keys = sum(stream == "people" and each in gone for stream, _, each in written)
    assert mine.account.notes == ({"deleted, for the stream's new version lacks them": keys} if keys else {})


@pytest.mark.parametrize(("before", "active", "then"), [(None, 1, 1), (2, 2, 2), (3, 2, 3), (1, None, 1)])
def test_what_is_no_newer_version_deletes_nothing(versions, before, active, then):
    """The first one says nothing of what came before it, an older one knows less."""
    mine = versions(version=before)

    assert mine.finish("a", version=active) == []
    assert mine.id_map.version("people") == then


def test_a_version_that_goes_on_after_its_message_deletes_nothing(versions):
    """The message was not the stream's last word; and each is the last word once."""
    mine = versions()
    mine.versions.activate(2)
    assert mine.finish("a", version=None) == []
    assert mine.finish(version=2) == [["2", "3"]]
    mine.id_map.remember("people", "Contacts", "b", "2")
    assert mine.finish(version=None) == [["2", "3"]]


def test_an_older_version_after_a_newer_one_is_ignored(versions, caplog):
    """Both may come in one run; the newer one holds."""
    mine = versions()
    mine.versions.note(Record(1, "people", {"key": "a"}))
    mine.versions.activate(3)

    assert mine.finish(version=2) == [["2", "3"]]
    assert caplog.messages == ["people: ACTIVATE_VERSION 2 is ignored: 3 was active already."]
    assert mine.id_map.version("people") == 3


@pytest.mark.parametrize("brought", [[], [None]])
@pytest.mark.parametrize(("may_be_empty", "deleted"), [(False, []), (True, [["1", "2", "3"]])])
def test_a_version_without_records_is_believed_where_all_may_go(versions, brought, may_be_empty, deleted):
    """Then nothing is counted either; a record without its key tells of none."""
    mine = versions(may_be_empty=may_be_empty)

    assert mine.finish(*brought) == deleted
    assert mine.counted == []
    assert mine.id_map.version("people") == (2 if deleted else 1)


def test_too_many_of_them_end_the_run_and_the_version_is_not_complete(versions, run):
    """The next run may be allowed to."""
    mine = versions(refused=True)

    assert mine.finish("a") == []
    assert [(type(each), str(each)) for each in run.errors] == [
        (BiginError, too_many(1, 2, "Contacts").message)
    ]
    assert mine.id_map.version("people") == 1
    assert mine.account.notes == {"deletions of old versions that were too many": 2}


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        (WriteResult(succeeded=True), False),
        (WriteResult(succeeded=False, code="INVALID_DATA", message="gone"), False),
        (WriteResult(succeeded=False, code="NO_PERMISSION", message="no"), True),
        (PermissionDenied("no"), True),
    ],
)
def test_what_was_not_deleted_stays_known(versions, answer, is_known, caplog):
    """The next version asks for it again; what somebody else has deleted is done."""
    mine = versions(answers={"3": answer})

    assert mine.finish("a", "b")[0] == ["3"]
    assert ("c" in mine.id_map.ids_of("people", "Contacts")) is is_known
    assert caplog.messages == (["people: c was not deleted: no"] if is_known else [])
    assert mine.id_map.version("people") == 2


def test_without_an_id_map_nothing_is_deleted(run, caplog):
    """Nobody knows what this stream wrote before."""
    mine = Versions(run, None, THREE)

    assert mine.finish("a") == []
    assert "without id_map_path" in caplog.messages[0]
