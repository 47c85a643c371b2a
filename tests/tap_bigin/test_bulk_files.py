"""The jobs of a pass and their rows: what is asked of Bigin, in which order, and where a run goes on."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from support.bulk_read import Made

from bigin_api import BulkJobFailed, BulkJobUnfinished, BulkReadJob, NotFound, PermissionDenied, ServerError
from tap_bigin.bookmarks import Jobs, Scan
from tap_bigin.bulk.bulk_scan import BulkScan
from tap_bigin.bulk.jobs import BulkFiles, BulkUnusable
from tap_bigin.bulk.links import BulkLinks
from tap_bigin.planning import Column, JobColumns

COLUMNS = JobColumns((Column("Last_Name", "text"), Column("Modified_Time", "datetime")))
HEADER = ("Id", "Last_Name", "Modified_Time")
TIME = "2026-05-14T09:00:00+00:00"
NO = PermissionDenied("no", code="NO_PERMISSION")
PAGE = 1_000


def _made(*ids: int, more: bool = False, told: int | None = None) -> Made:
    return Made(HEADER, [[str(each), f"N{each}", TIME] for each in ids], more_records=more, told=told)


class World:
    """A client whose jobs are done when they are waited for; an exception in a file's place is raised."""

    def __init__(self, *files: Any, failing: dict[str, Exception] | None = None) -> None:
        self.files = files
        self.failing = failing or {}
        self.asked: list[tuple[Any, ...]] = []
        self.bulk_read = SimpleNamespace(create=self._create, wait=self._wait, download=self._download)
        self.organization = SimpleNamespace(users=self._users)
        self.metadata = SimpleNamespace(layouts=self._layouts)
        self.records = SimpleNamespace(by_ids=self._by_ids)
        self.coql = SimpleNamespace(pages_by_id=self._pages_by_id)
        self.found: list[list[dict[str, Any]]] = []
        self.users: list[Any] = []
        self.rows: list[dict[str, Any]] = []

    def _note(self, what: str, *more: Any) -> None:
        self.asked.append((what, *more))
        if what in self.failing:
            raise self.failing[what]

    def _create(self, module: str, fields: Any, *, criteria: Any, page: int) -> BulkReadJob:
        self._note("create", module, fields, criteria, page)
        return BulkReadJob(str(page), "ADDED")

    def _wait(self, job: Any, *, expected_rows: int) -> BulkReadJob:
        job_id = job if isinstance(job, str) else job.id
        self._note("wait", job_id, expected_rows)
        made = self.files[int(job_id) - 1]
        told = len(made.rows) if made.told is None else made.told
        return BulkReadJob(job_id, "COMPLETED", count=told, more_records=made.more_records)

    def _download(self, job: BulkReadJob, into: Any) -> None:
        self._note("download", job.id)
        into.write(self.files[int(job.id) - 1].zipped())

    def _pages_by_id(self, _module: str, _columns: Any, *, where: str, on_lack: Any) -> Any:
        del on_lack
        self._note("coql", where)
        return iter(self.found)

    def _users(self) -> list[Any]:
        self._note("users")
        return self.users

    def _layouts(self, module: str) -> list[Any]:
        self._note("layouts", module)
        return [SimpleNamespace(id="9", name="Sales")]

    def _by_ids(self, module: str, ids: Any, fields: Any) -> list[dict[str, Any]]:
        self._note("by_ids", module, list(ids), fields)
        return [each for each in self.rows if each["id"] in ids]


def _files(world: World, jobs: Jobs | None = None, columns: JobColumns = COLUMNS) -> BulkFiles:
    links = BulkLinks(world, "Contacts", columns)  # type: ignore[arg-type]
    return BulkFiles(world, "Contacts", columns, jobs=jobs or Jobs(), links=links, criteria={"c": 1})  # type: ignore[arg-type]


def test_job_after_job_is_made_told_and_read():
    """Told before it is waited for: a run that is killed meanwhile has paid for it."""
    world = World(_made(1, 2, more=True), _made(3))
    files = _files(world, Jobs(counted=250_000))

    seen = [
        (files.jobs.ids, page and (page.ids, page.begins_file, page.records(skipped=1)))
        for page in files.pages()
    ]

    second = {"id": "2", "Last_Name": "N2", "Modified_Time": TIME}
    assert [each[1] and each[1][:2] for each in seen] == [None, (["1", "2"], True), None, (["3"], True)]
    assert [each[0] for each in seen] == [("1",), ("1",), ("1", "2"), ("1", "2")]
    assert seen[1][1][2] == [second]
    assert world.asked == [
        ("create", "Contacts", ["Last_Name", "Modified_Time"], {"c": 1}, 1),
        ("wait", "1", 200_000),
        ("download", "1"),
        ("create", "Contacts", ["Last_Name", "Modified_Time"], {"c": 1}, 2),
        ("wait", "2", 50_000),
        ("download", "2"),
    ]
    assert (files.promised, files.rest_is_left) == (3, False)


def test_jobs_that_an_earlier_run_made_are_asked_for_by_their_ids():
    """They are paid for."""
    world = World(_made(1, more=True), _made(told=0, more=True), _made(2))
    files = _files(world, Jobs(ids=("1", "2")))

    pages = [page and page.ids for page in files.pages()]

    assert pages == [["1"], None, ["2"]]
    assert [each[:2] for each in world.asked if each[0] != "create"] == [
        ("wait", "1"),
        ("download", "1"),
        ("wait", "2"),  # which tells that it has no rows
        ("wait", "3"),
        ("download", "3"),
    ]
    assert world.asked[-2] == ("wait", "3", 0)
    assert files.promised == 2


@pytest.mark.parametrize(
    ("counted", "ids", "rest_is_left"),
    [
        (200_100, (), True),
        (200_000, (), False),  # there are more than were counted: where they end nobody knows
        (400_100, (), False),
        (200_100, ("1", "2"), False),  # the second one is paid for
    ],
)
def test_what_is_little_beyond_the_last_full_job_is_read_by_key(counted, ids, rest_is_left):
    """Another job costs as much as 10,000 records."""
    world = World(_made(1, more=True), _made(2))
    files = _files(world, Jobs(ids=ids, counted=counted))

    pages = [page.ids for page in files.pages() if page]

    assert files.rest_is_left is rest_is_left
    assert pages == ([["1"]] if rest_is_left else [["1"], ["2"]])


def test_a_long_file_comes_in_pages():
    """Memory stays flat, whatever a file holds; where one begins tells what lies between two."""
    world = World(_made(*range(PAGE + 1)))

    pages = [page for page in _files(world).pages() if page]

    assert [(len(page.ids), page.begins_file, page.ids[-1]) for page in pages] == [
        (PAGE, True, "999"),
        (1, False, "1000"),
    ]


FAILED = BulkJobFailed("it failed", job_id="1", code="X")


@pytest.mark.parametrize(
    ("step", "error", "message", "code"),
    [
        ("create", NO, "Bulk Read refuses it. no", None),
        ("create", ServerError("broken"), "Bulk Read failed. broken", None),
        ("wait", NO, "no", "NO_PERMISSION"),
        ("wait", FAILED, "it failed", "X"),
        ("download", NO, "no", None),
    ],
)
def test_what_no_job_can_give_is_said(step, error, message, code):
    """The list can: it is for the caller to go over to it. Nothing is made a second time."""
    world = World(_made(1), failing={step: error})

    with pytest.raises(BulkUnusable) as raised:
        list(_files(world).pages())

    assert (raised.value.message, raised.value.code, raised.value.module) == (message, code, "Contacts")
    assert raised.value.__cause__ is error
    assert [each[0] for each in world.asked].count("create") == 1


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("wait", NotFound("gone")),
        ("download", NotFound("gone")),
        ("wait", BulkJobUnfinished("still at it", job_id="1")),
        ("wait", ServerError("broken")),
        ("download", ServerError("broken")),
    ],
)
def test_what_another_job_or_another_run_can_give_is_no_end_of_jobs(step, error):
    """One that is gone is made anew, one that is under way is asked for again."""
    with pytest.raises(type(error)) as raised:
        list(_files(World(_made(1), failing={step: error})).pages())

    assert raised.value is error


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Made(("Id", "Modified_Time"), [["1", TIME]]), "job 1: The file has no column 'Last_Name'."),
        (Made(HEADER, [["1", "N1"]]), "job 1: The CSV's row 2 has 2 columns, its header 3."),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_not_half_believed(made, message):
    """Told with the job, whose file somebody may look at."""
    with pytest.raises(BulkUnusable) as raised:
        list(_files(World(made)).pages())

    assert (raised.value.message, raised.value.module) == (message, "Contacts")


def test_a_column_that_has_no_value_of_its_type_in_a_long_page_is_not_half_believed():
    """Each of its rows would be asked for by its id."""
    seats = JobColumns((Column("Seats", "integer"),))
    world = World(Made(("Id", "Seats"), [[str(each), "many"] for each in range(101)]))
    (page,) = (page for page in _files(world, columns=seats).pages() if page)

    with pytest.raises(BulkUnusable, match=r"^No cell of a column is what it should be\.$"):
        page.records()


def test_a_file_without_a_line_has_no_rows():
    """What its job has told is looked for then."""
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("rows.csv", "")
    files = _files(World(SimpleNamespace(zipped=empty.getvalue, rows=[], told=3, more_records=False)))

    assert list(files.pages()) == [None]
    assert files.promised == 3


def test_a_job_that_does_not_tell_how_many_rows_it_has_is_read():
    """Only one that tells of none has no file."""
    world = World(_made(1, 2))
    world.bulk_read.wait = lambda job, **_: BulkReadJob(job.id, "COMPLETED", count=None)
    files = _files(world)

    assert [page and page.ids for page in files.pages()] == [None, ["1", "2"]]
    assert files.promised == 0


def test_a_disk_that_is_full_is_said_with_what_to_set(monkeypatch):
    """It is none of Bigin's."""
    world = World(_made(1), failing={"download": OSError(28, "No space left on device")})
    monkeypatch.setattr("tap_bigin.bulk.jobs.gettempdir", lambda: "/there")

    with pytest.raises(BulkUnusable) as raised:
        list(_files(world).pages())

    assert raised.value.message == (
        "job 1: its file cannot be kept in /there (No space left on device): set TMPDIR."
    )
    assert raised.value.module == "Contacts"


# Links


LINKED = JobColumns((Column("Created_By", "user"), Column("Owner", "owner"), Column("Pipeline", "layout")))
LINK_HEADER = ("Id", "Created_By", "Owner", "Pipeline")


def test_links_are_named_by_users_and_layouts_and_the_others_by_a_record_that_has_them():
    """A user who is gone is in no list; one record for each is asked for, all of them together."""
    rows = [["1", "7", "7", "9"], ["2", "6", "7", ""], ["3", "6", "5", "8"], ["4", "6", "5", ""]]
    world = World(Made(LINK_HEADER, rows))
    world.users = [{"id": 7, "full_name": "Ann", "email": "ann@example.org"}, {"full_name": "nobody"}]
    world.rows = [
        {"id": "2", "Created_By": {"id": "6", "name": "Bo"}, "Owner": {"id": "7", "name": "Ann"}},
        {"id": "3", "Owner": {"id": "5", "name": "Cy", "email": "cy@example.org"}, "Pipeline": None},
    ]

    (page,) = (page for page in _files(world, columns=LINKED).pages() if page)
    records = page.records()

    ann, gone = {"name": "Ann", "id": "7"}, {"name": None, "id": "8"}
    owner = {**ann, "email": "ann@example.org"}
    cy = {"name": "Cy", "id": "5", "email": "cy@example.org"}
    bo = {"name": "Bo", "id": "6"}
    assert records == [
        {"id": "1", "Created_By": ann, "Owner": owner, "Pipeline": {"name": "Sales", "id": "9"}},
        {"id": "2", "Created_By": bo, "Owner": owner, "Pipeline": None},
        {"id": "3", "Created_By": bo, "Owner": cy, "Pipeline": gone},
        {"id": "4", "Created_By": bo, "Owner": cy, "Pipeline": None},
    ]
    fields = ["Created_By", "Owner", "Pipeline"]
    assert [each for each in world.asked if each[0] in ("users", "layouts", "by_ids")] == [
        ("users",),
        ("layouts", "Contacts"),
        ("by_ids", "Contacts", ["2", "3"], fields),
    ]
    page.records()
    assert world.asked[-1][0] == "by_ids"
    assert [each[0] for each in world.asked].count("by_ids") == 1  # what nobody names stays as it is


@pytest.mark.parametrize(
    ("failing", "pipeline"),
    [
        ({"users": NO, "layouts": NO}, None),
        ({"users": ServerError("broken")}, "Sales"),
        ({"users": NO, "layouts": ServerError("broken")}, None),
    ],
)
def test_links_that_no_list_names_are_learnt_from_records(failing, pipeline):
    """The token may not list users, or cannot now."""
    world = World(Made(LINK_HEADER, [["1", "7", "7", "9"]]), failing=failing)
    world.rows = [{"id": "1", **{each: {"id": "7", "name": "Ann"} for each in ("Created_By", "Owner")}}]

    (page,) = (page for page in _files(world, columns=LINKED).pages() if page)

    assert page.records() == [
        {
            "id": "1",
            "Created_By": {"name": "Ann", "id": "7"},
            "Owner": {"name": "Ann", "id": "7"},
            "Pipeline": {"name": pipeline, "id": "9"},
        }
    ]


def test_what_no_column_needs_is_not_asked_for():
    """A credit each."""
    world = World()

    BulkLinks(world, "Contacts", COLUMNS)  # type: ignore[arg-type]

    assert world.asked == []


# Where a scan goes on


class Report:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.inform = self.warn = self.lacks = self.said.append


def _scan(world: World, scan: Scan, report: Report | None = None, **more: Any) -> list[tuple[list[Any], Any]]:
    pages = SimpleNamespace(by_ids=lambda ids: world._by_ids("Contacts", ids, "whole"))
    how = {
        "columns": COLUMNS,
        "pages": pages,
        "beside": None,
        "lookups": [],
        "report": report or Report(),
        **more,
    }
    return list(BulkScan(world, "Contacts", **how).pages(scan))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "criteria"),
    [
        (None, None),
        (
            datetime(2026, 5, 13, 9, tzinfo=timezone.utc),
            {
                "api_name": "Modified_Time",
                "comparator": "greater_equal",
                "value": "2026-05-13T09:00:00+00:00",
            },
        ),
    ],
)
def test_an_incremental_pass_asks_for_what_changed_since(since, criteria):
    """Without it a job would bring, and the pass write, the whole module."""
    world = World(_made(1))

    _scan(world, Scan("bulk", since=since))

    assert world.asked[0][3] == criteria


def test_each_page_says_where_the_scan_stands_after_it():
    """The jobs' ids and how many of their rows are written: all that the next run needs."""
    world = World(_made(*range(1, PAGE + 3), more=True), _made(5000))

    came = _scan(world, Scan("bulk", jobs=Jobs(counted=PAGE + 3), emitted=7))

    assert [len(ids) for ids, _ in came] == [0, PAGE, 2, 0, 1]
    assert [after.jobs for _, after in came] == [
        Jobs(("1",), 0, PAGE + 3),
        Jobs(("1",), PAGE, PAGE + 3),
        Jobs(("1",), PAGE + 2, PAGE + 3),
        Jobs(("1", "2"), PAGE + 2, PAGE + 3),
        Jobs(("1", "2"), PAGE + 3, PAGE + 3),
    ]
    assert [after.emitted for _, after in came] == [7, 7 + PAGE, 9 + PAGE, 9 + PAGE, 10 + PAGE]
    assert world.asked[-1] == ("coql", f"(id > {PAGE + 2} and id < 5000)")  # what slipped between the files


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(0, [PAGE, 2]), (1, [PAGE - 1, 2]), (PAGE - 1, [1, 2]), (PAGE, [2]), (PAGE + 1, [1]), (PAGE + 2, [])],
)
def test_a_scan_goes_on_after_the_last_row_that_was_written(rows, sizes):
    """None comes twice, and none is left out."""
    world = World(_made(*range(PAGE + 2)))

    came = _scan(world, Scan("bulk", jobs=Jobs(("1",), rows, PAGE + 2)))

    assert [len(ids) for ids, _ in came] == sizes
    assert [each["id"] for records, _ in came for each in records] == [
        str(each) for each in range(rows, PAGE + 2)
    ]
    assert not came or came[-1][1].jobs == Jobs(("1",), PAGE + 2, PAGE + 2)


def test_what_the_file_lacks_is_read_whole_and_counted_as_written():
    """Found by COQL, read by its ids; where the jobs stand does not change by it."""
    world = World(_made(1, 2, told=3))
    world.found, world.rows = [[{"id": "1"}, {"id": "5"}]], [{"id": "5", "Last_Name": "N5"}]

    *_, (records, after) = _scan(world, Scan("bulk", jobs=Jobs(counted=3)))

    assert records == [{"id": "5", "Last_Name": "N5"}]
    assert (after.emitted, after.jobs) == (3, Jobs(("1",), 2, 3))
    assert world.asked[-2:] == [("coql", "id is not null"), ("by_ids", "Contacts", ["5"], "whole")]


@pytest.mark.parametrize("short", [{"counted": 3}, {"told": 3}])
def test_where_coql_is_refused_and_rows_lack_no_job_can_give_the_stream(short):
    """By list it is whole."""
    world = World(_made(1, 2, told=short.get("told")), failing={"coql": NO})

    with pytest.raises(BulkUnusable) as raised:
        _scan(world, Scan("bulk", jobs=Jobs(counted=short.get("counted", 2))))

    assert raised.value.message == (
        f"the job gave 2 of {short.get('counted', 2)} records, and COQL may not be asked for the others. no"
    )
    assert raised.value.module == "Contacts"


def test_where_coql_is_refused_and_nothing_lacks_it_is_said_that_nothing_is_proven():
    """A lookup that is empty in no row may be one whose rows were left out."""
    world, report = World(_made(1, 2), failing={"coql": NO}), Report()

    _scan(world, Scan("bulk", jobs=Jobs(counted=2)), report, lookups=["Account_Name"])

    assert report.said == ["that the job left nothing out cannot be proven. no"]


def test_a_lookup_that_is_empty_in_some_row_is_in_no_doubt():
    """Such rows are not left out; it costs a credit to look for those of the others."""
    world, report = World(Made(HEADER, [["1", "", TIME], ["2", "N", TIME]])), Report()
    lookups = ["Last_Name", "Account_Name", "Modified_Time"]

    _scan(world, Scan("bulk", jobs=Jobs(counted=2)), report, lookups=lookups)

    assert report.said == []

    assert [each for each in world.asked if each[0] == "coql"] == [
        ("coql", "Account_Name is null"),
        ("coql", "Modified_Time is null"),
    ]


def test_what_was_found_of_a_lookup_explains_what_the_count_has():
    """No other record is missing then."""
    world = World(_made(1, 2))
    world.found, world.rows = [[{"id": "5"}]], [{"id": "5"}]

    _scan(world, Scan("bulk", jobs=Jobs(counted=3)), lookups=["Account_Name"])

    assert [each for each in world.asked if each[0] == "coql"] == [("coql", "Account_Name is null")]


def test_what_is_beyond_the_last_file_is_asked_for_by_key():
    """Another job costs as much as 10,000 records."""
    world = World(_made(1, 2, more=True))

    _scan(world, Scan("bulk", jobs=Jobs(counted=200_100)))

    assert next(each for each in world.asked if each[0] == "coql") == ("coql", "id > 2")


class Beside:
    """The list pages that give the fields no job gives."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.instants = SimpleNamespace(utc=lambda text: text)
        self._rows = rows

    def by_ids_in_turn(self, ids: list[str]) -> Any:
        for at in range(0, len(ids), 100):
            yield [each for each in self._rows if each["id"] in ids[at : at + 100]]


def test_fields_that_no_job_gives_join_the_rows_a_hundred_at_a_time():
    """A record that changed meanwhile is read whole, one that is gone is left out."""
    world = World(_made(*range(150)))
    others = [{"id": str(each), "Tag": each, "Modified_Time": TIME} for each in range(150) if each != 5]
    others[7]["Modified_Time"] = others[8]["Modified_Time"] = "2026-05-14T10:00:00+00:00"
    changed, left = others[7]["id"], others[8]["id"]
    world.rows = [{"id": changed, "Last_Name": "changed"}]

    _, (first, after), (second, at_end) = _scan(
        world, Scan("bulk", jobs=Jobs(counted=150)), beside=Beside(others)
    )

    given = {each["id"]: each for each in [*first, *second]}
    assert sorted(given, key=int) == [str(each) for each in range(150) if str(each) not in ("5", left)]
    assert given[changed] == {"id": changed, "Last_Name": "changed"}
    assert given["0"] == {"id": "0", "Last_Name": "N0", "Modified_Time": TIME, "Tag": 0}
    assert (after.jobs.rows, at_end.jobs.rows) == (100, 150)
    assert (len(first), len(second)) == (98, 50)
    assert [each[2] for each in world.asked if each[0] == "by_ids"] == [[changed, left], []]


def test_a_row_with_a_cell_that_only_the_list_can_tell_is_read_by_its_id():
    """One that is gone meanwhile is left out."""
    rows = [[str(each), "#ERROR" if each in (2, 3) else "7"] for each in range(1, 5)]
    world = World(Made(("Id", "Seats"), rows))
    world.rows = [{"id": "2", "Last_Name": "by list"}]
    columns = JobColumns((Column("Seats", "integer"),))

    _, (records, _) = _scan(world, Scan("bulk", jobs=Jobs(counted=3)), columns=columns)

    assert [each["id"] for each in records] == ["1", "2", "4"]
    assert records[1] == {"id": "2", "Last_Name": "by list"}
    assert ("by_ids", "Contacts", ["2", "3"], "whole") in world.asked
