"""Which records wait for a job and which go by calls, and how each ends by what a job tells. No Bigin."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.rows import keep_end

from bigin_api import BulkJobFailed, BulkJobUnfinished, Field, Module, NotFound, RowError, RowResult
from target_bigin.bulk import writer
from target_bigin.bulk.job import Sent
from target_bigin.files.job_log import JobLog
from target_bigin.records.account import Account
from target_bigin.records.order import Order
from target_bigin.records.record import Record, Reject
from target_bigin.schema.keys import KeyPlan
from target_bigin.settings import StreamSettings
from target_bigin.writing.queue import Queue

FIELDS = {
    "Last_Name": Field("Last_Name", "text", "string", mandatory=True),
    "Email": Field("Email", "email", "string"),
    "Title": Field("Title", "text", "string"),
    "Phone": Field("Phone", "phone", "string"),
    **{f"F{n}": Field(f"F{n}", "text", "string") for n in range(200)},
}
OPEN = "left open by a bulk job and written by calls"


@pytest.fixture(autouse=True)
def small_jobs(monkeypatch):
    """A job takes four records and is worth its price from three on."""
    monkeypatch.setattr(writer, "MAX_RECORDS_PER_BULK_WRITE", 4)
    monkeypatch.setattr(writer, "WORTH_A_JOB", 3)


class Stream:
    """Records that wait in a queue, a writer that may take them by jobs, and what was done with each."""

    def __init__(self, run, *, way="bulk", result=lambda *_: {}, log=None, wait=None, **sent):
        self.run = run
        self.account = Account("people")
        self.queue = Queue(Order(run.tasks), run.tasks, merge=False)
        self.jobs, self.pumps, self.ended = [], [], {}
        run.settings.trigger, run.settings.batch_size = (), 100
        context = SimpleNamespace(
            stream="people",
            run=run,
            fields=FIELDS,
            settings=StreamSettings("Contacts", write_method=way),
            module=Module("Contacts"),
            account=self.account,
            client=SimpleNamespace(bulk_write=SimpleNamespace(wait=wait)),
        )

        def run_job(_context, sheet, records, _log):
            self.jobs.append((sheet.key, sheet.header, [each.number for each in records]))
            return Sent(**{"records": records, "results": result(sheet, records), **sent})

        self.writer = writer.BulkWriter(
            context,
            KeyPlan("check", ("Email",)),
            self.queue,
            SimpleNamespace(pump=lambda *, flush: self.pumps.append(flush)),
            log or JobLog(None),
            run_job=run_job,
        )

    def take(self, *records):
        for each in records:
            self.writer.choose(each)
            self.run.tasks.create_task(keep_end(self.queue, each, self.ended))
        return records

    def pump(self, *, flush):
        self.writer.pump(flush=flush)
        self.run.land()

    @property
    def sizes(self):
        return [len(numbers) for _, _, numbers in self.jobs]

    @property
    def for_calls(self):
        return self.queue.waiting - self.queue.for_bulk


def person(number, **more):
    body = {"Last_Name": "Berg", "Email": f"berg{number}@b.se", **more}
    return Record(number, "people", {}, body)


def people(count, **more):
    return [person(number, **more) for number in range(count)]


def all_added(sheet, records):
    return {sheet.form(each): RowResult({}, "ADDED", f"id{each.number}") for each in records}


@pytest.mark.parametrize("flush", [False, True])
def test_few_updates_beside_many_upserts_wait_for_company(run, flush):
    """As the one file that is asked for they would cost 500 credits, and the upserts as much again."""
    stream = Stream(run, result=all_added)
    updates = people(1)
    updates[0].operation, updates[0].id = "update", "1"

    stream.take(*updates, *(person(number) for number in range(1, 5)))
    stream.pump(flush=flush)

    assert [numbers for _, _, numbers in stream.jobs] == [[1, 2, 3, 4]]
    assert stream.queue.for_bulk == 1


@pytest.mark.parametrize(
    ("way", "count", "flush", "is_end", "sizes", "for_calls"),
    [
        ("auto", 3, False, False, [], 0),
        ("auto", 4, False, False, [4], 0),
        ("auto", 7, False, False, [4], 0),
        ("auto", 2, True, False, [], 2),
        ("auto", 3, True, False, [3], 0),
        ("auto", 9, True, True, [4, 4], 1),
        ("bulk", 3, True, False, [], 0),
        ("bulk", 3, False, True, [], 0),
        ("bulk", 1, True, True, [1], 0),
        ("bulk", 5, True, False, [4], 0),
        ("bulk", 9, True, True, [4, 4], 1),
        ("records", 9, True, True, [], 9),
    ],
)
def test_a_job_is_made_when_it_is_full_or_no_company_will_come(
    run, *, way, count, flush, is_end, sizes, for_calls
):
    """With ``auto`` a while is enough to wait; what was asked for as a job waits until the input has ended."""
    stream = Stream(run, way=way, result=all_added)
    stream.take(*people(count))
    if is_end:
        stream.writer.finish()

    while stream.writer.pump(flush=flush) or len(run.tasks):
        run.tasks.land(timeout=5)

    assert sorted(stream.sizes, reverse=True) == sizes
    assert stream.for_calls == for_calls
    assert stream.queue.for_bulk == count - sum(sizes) - for_calls
    assert set(stream.ended.values()) == ({"inserted"} if sizes else set())
    assert set(stream.pumps) == {flush}


def test_jobs_wait_for_a_place_in_flight(run):
    """Of what was cut into files no more are made at once than there is room for."""
    stream = Stream(run, result=all_added)
    stream.take(*people(16))
    stream.writer.finish()

    stream.writer.pump(flush=True)
    at_once = len(run.tasks)
    run.land()
    stream.pump(flush=False)

    assert (at_once, stream.sizes, stream.for_calls) == (2, [4, 4, 4, 4], 0)


def test_each_record_ends_as_its_row_says(run):
    """What did not fit waits for the next job; what the result does not settle is written by calls."""
    rows = {
        "berg0@b.se": RowResult({}, "ADDED", "7"),
        "berg1@b.se": RowResult({}, "SKIPPED", None, (RowError("INVALID_DATA", ("Title",)),)),
        "berg2@b.se": RowResult({}, "SKIPPED", None, (RowError("DUPLICATE_DATA"),)),
    }
    records = people(4)
    stream = Stream(run, result=lambda *_: rows, records=records[:3], left=records[3:])
    stream.take(*records)

    stream.pump(flush=False)

    why = Reject("rejected", "INVALID_DATA", "Bigin refused Title (bulk job).", "Title")
    assert stream.ended == {0: "inserted", 1: why}
    assert [each.id for each in records] == ["7", None, None, None]
    assert (stream.queue.take(9), stream.queue.take(9, by_bulk=True)) == (records[2:3], records[3:])
    assert stream.account.notes == {OPEN: 1}


def test_a_job_of_which_nothing_is_known_is_followed_by_calls(run, caplog):
    """That is told; the next records may go by a job all the same."""
    stream = Stream(run, way="auto", trouble="the file is too large")
    stream.take(*people(4))
    stream.pump(flush=False)

    assert (stream.for_calls, stream.ended, stream.account.notes) == (4, {}, {})
    assert "people: no result of a bulk job is known, so its records go by calls. the file is too large" in (
        caplog.text
    )
    assert stream.take(person(9))[0].by_bulk


def test_refused_jobs_are_made_no_more(run, caplog):
    """All that comes later goes by calls, what waits for a job as well."""
    stream = Stream(run, refusal="no scope")
    stream.take(*people(5))
    stream.writer.finish()

    stream.pump(flush=False)
    stream.pump(flush=True)

    assert (stream.sizes, stream.for_calls) == ([4], 5)
    assert not stream.take(person(9))[0].by_bulk
    assert "people: bulk jobs are refused, all goes by calls. no scope" in caplog.text


def test_where_blanks_erase_a_file_holds_those_of_the_same_fields(run):
    """The largest is the one that was asked for; the others would have to be worth a job of their own."""
    stream = Stream(run, result=all_added)
    clearing = [person(0, Title=None), *(person(n, Phone=None) for n in (1, 2)), person(3)]
    stream.take(*clearing)
    stream.writer.finish()

    stream.pump(flush=True)

    assert stream.jobs == [("Email", ["Email", "Last_Name", "Phone"], [1, 2])]
    assert stream.for_calls == 2


@pytest.mark.parametrize(
    ("operation", "body", "made"),
    [
        ("upsert", {"Title": "Dr"}, [("Email", ["Email", "Title", "Last_Name"], [1])]),
        ("upsert", {"Title": None}, []),
        ("upsert", {"Title": None, "Last_Name": "Ek"}, [("Email", ["Email", "Title", "Last_Name"], [1])]),
        ("update", {"Title": None}, [("id", ["id", "Email", "Title"], [1])]),
        ("upsert", {"Last_Name": "Ek", **dict.fromkeys(FIELDS.keys() - {"Last_Name"}, "x")}, []),
    ],
)
def test_a_file_maps_what_must_be_mapped_and_erases_nothing_by_that(run, operation, body, made):
    """An upsert wants the mandatory fields in its columns: blank there, they must not erase. 200 columns at most."""
    stream = Stream(run)
    stream.take(Record(1, "people", {}, {"Email": "a@b.se", **body}, operation, id="7"))
    stream.writer.finish()

    stream.pump(flush=True)

    assert stream.jobs == made
    assert stream.for_calls == 1


def test_what_no_file_can_hold_is_counted_and_goes_by_calls(run):
    """A value of a kind that no column takes, and a record without the key; a stream without jobs tells nothing."""
    with_tags, keyless = person(1, Tag=[{"name": "vip"}]), person(2, Email=None, Tag=[])
    stream, by_calls = Stream(run, way="auto"), Stream(run, way="records")

    stream.take(with_tags, keyless)
    by_calls.take(person(3, Tag=[]))

    assert (with_tags.by_bulk, keyless.by_bulk) == (False, False)
    assert stream.account.notes == {"by calls, for a bulk file cannot hold Tag": 1}
    assert by_calls.account.notes == {}


@pytest.mark.parametrize("ending", [None, BulkJobFailed("no", job_id="8"), NotFound("no")])
def test_nothing_is_written_before_a_former_job_has_ended(run, tmp_path, caplog, ending):
    """However it ended: after that it can overwrite nothing, and no run need ask for it again."""
    log = JobLog(tmp_path / "journal.jsonl")
    for job, module in (("8", "Contacts"), ("9", "Accounts")):
        log.note(job, module)
    asked = []

    def wait(job):
        asked.append(job)
        if ending:
            raise ending

    stream = Stream(run, way="auto", result=all_added, log=log, wait=wait)
    stream.take(*people(4))
    stream.writer.pump(flush=True)
    before = stream.queue.for_bulk, list(stream.pumps), len(run.tasks)
    run.land()
    stream.pump(flush=True)

    assert before == (4, [], 1)
    assert (asked, stream.sizes, stream.pumps) == (["8"], [4], [True])
    assert (log.unfinished("Contacts"), log.unfinished("Accounts")) == ([], ["9"])
    assert "people: waits for 1 bulk jobs that an earlier run made and did not see end." in caplog.text


def test_a_former_job_that_does_not_end_ends_the_run(run, tmp_path):
    """Its older values might overwrite what this run writes: it is waited for by the next one, too."""
    log = JobLog(tmp_path / "journal.jsonl")
    log.note("8", "Contacts")

    def wait(_job):
        raise BulkJobUnfinished("still at work", job_id="8")

    stream = Stream(run, log=log, wait=wait)
    stream.pump(flush=True)

    assert [str(each) for each in run.errors] == ["still at work"]
    assert (stream.pumps, log.unfinished("Contacts")) == ([], ["8"])


def test_a_job_that_was_asked_for_says_what_it_costs_and_what_calls_would(run, caplog):
    """Once what nobody knows about workflows, at each job its size; what is worth its price needs no word."""
    caplog.set_level("INFO")
    stream = Stream(run, result=all_added)
    stream.take(*people(4))
    stream.pump(flush=False)
    stream.take(*(person(n) for n in (8, 9)))
    stream.writer.finish()
    stream.pump(flush=True)
    later = Stream(run, result=all_added)
    later.take(person(1))
    later.writer.finish()
    later.pump(flush=True)

    said = [(each.levelname, each.getMessage()) for each in caplog.records]
    unsure = [each for each in said if "know no trigger" in each[1]]
    assert unsure == [said[0], said[2]]
    assert said[0][0] == "WARNING"
    assert said[1] == ("INFO", "people: a bulk job takes 4 records.")
    assert said[3][0] == "WARNING"
    assert "a bulk job takes 1 records for 500 credits" in said[3][1]
    assert "by calls they would cost 1." in said[3][1]
    assert len(said) == 4
