"""What each question to Bigin is on the wire and on the bill: the whole call, as Bigin's pages have it."""

import io
from datetime import datetime, timedelta, timezone

import pytest

from bigin_api import (
    BulkRead,
    BulkReadJob,
    BulkWrite,
    BulkWriteJob,
    Coql,
    FieldMapping,
    Metadata,
    Organization,
    Records,
    Related,
    Tags,
)

MOMENT = datetime(2026, 5, 14, 12, 53, 58, 999_999, timezone(timedelta(hours=3)))
SINCE = {"If-Modified-Since": "2026-05-14T09:53:58+00:00"}
CRITERIA = {"api_name": "Email", "comparator": "equal", "value": "a@example.org"}
FILE = io.BytesIO()
ROWS = [{"Last_Name": f"N{number}"} for number in range(11)]
IDS = [str(number) for number in range(51)]
JOINED = ",".join(IDS)


class Asked(Exception):  # noqa: N818
    """The call that was made, which is not answered."""


class Sender:
    def send(self, call):
        raise Asked(call)

    def download(self, call, into):
        assert into is FILE
        raise Asked(call)


def bulk_write(to):
    return BulkWrite(to, org_id=lambda: "6100")


def call(method, path, params=None, **more):
    plain = {
        "json": None,
        "headers": {},
        "upload": None,
        "api": "rest",
        "host": None,
        "module": None,
        "label": "",
    }
    price = {"credits": 1, "records": 0, "repeatable": True, "answers_records": False, "urgent": False}
    return {"method": method, "path": path, "params": params or {}, **plain, **price, **more}


def contacts(method, path, params=None, **more):
    return call(method, path, params, module="Contacts", **more)


def setting(what, module="Contacts"):
    params = {"module": module} if module else {}
    return call("GET", f"/settings/{what}", params, endpoint="settings", module=module, label="metadata")


CALLS = {
    "page": (
        lambda to: Records(to).page("Contacts", ["A", "B"]),
        contacts("GET", "/Contacts", {"fields": "A,B", "per_page": "200"}, endpoint="list"),
    ),
    "page, with all there is": (
        lambda to: Records(to).page(
            "Contacts",
            ["A"],
            page=2,
            page_token="t",
            per_page=100,
            sort_by="id",
            sort_order="asc",
            modified_since=MOMENT,
            ids=["7", "8"],
            approved="both",
        ),
        contacts(
            "GET",
            "/Contacts",
            {"fields": "A", "per_page": "100", "page": "2", "page_token": "t", "sort_by": "id"}
            | {"sort_order": "asc", "ids": "7,8", "approved": "both"},
            headers=SINCE,
            endpoint="list",
        ),
    ),
    "page of a view": (
        lambda to: Records(to).page("Contacts", ["A"], cvid="7"),
        contacts(
            "GET", "/Contacts", {"fields": "A", "per_page": "200", "cvid": "7"}, endpoint="list", credits=3
        ),
    ),
    "get": (lambda to: Records(to).get("Contacts", "7"), contacts("GET", "/Contacts/7", endpoint="record")),
    "get, some fields": (
        lambda to: Records(to).get("Contacts", "7", ["A", "B"]),
        contacts("GET", "/Contacts/7", {"fields": "A,B"}, endpoint="record"),
    ),
    "count": (
        lambda to: Records(to).count("Contacts"),
        contacts("GET", "/Contacts/actions/count", endpoint="count"),
    ),
    "count, some": (
        lambda to: Records(to).count("Contacts", criteria="(A:equals:b)"),
        contacts("GET", "/Contacts/actions/count", {"criteria": "(A:equals:b)"}, endpoint="count"),
    ),
    "deleted": (
        lambda to: Records(to).deleted("Contacts"),
        contacts(
            "GET", "/Contacts/deleted", {"type": "all", "page": "1", "per_page": "200"}, endpoint="deleted"
        ),
    ),
    "deleted, further": (
        lambda to: Records(to).deleted("Contacts", page=2, per_page=50, modified_since=MOMENT),
        contacts(
            "GET",
            "/Contacts/deleted",
            {"type": "all", "page": "2", "per_page": "50"},
            headers=SINCE,
            endpoint="deleted",
        ),
    ),
    "insert": (
        lambda to: Records(to).insert("Contacts", ROWS),
        contacts(
            "POST",
            "/Contacts",
            json={"data": ROWS, "trigger": []},
            endpoint="insert",
            credits=2,
            records=11,
            repeatable=False,
            answers_records=True,
        ),
    ),
    "insert, with all automation": (
        lambda to: Records(to).insert("Contacts", ROWS[:1], trigger=None),
        contacts(
            "POST",
            "/Contacts",
            json={"data": ROWS[:1]},
            endpoint="insert",
            records=1,
            repeatable=False,
            answers_records=True,
        ),
    ),
    "update": (
        lambda to: Records(to).update("Contacts", ROWS, trigger=["workflow"]),
        contacts(
            "PUT",
            "/Contacts",
            json={"data": ROWS, "trigger": ["workflow"]},
            endpoint="update",
            credits=2,
            records=11,
            answers_records=True,
        ),
    ),
    "update of what appends": (
        lambda to: Records(to).update("Contacts", ROWS[:1], repeatable=False),
        contacts(
            "PUT",
            "/Contacts",
            json={"data": ROWS[:1], "trigger": []},
            endpoint="update",
            records=1,
            repeatable=False,
            answers_records=True,
        ),
    ),
    "upsert": (
        lambda to: Records(to).upsert("Contacts", ROWS, duplicate_check_fields=["Email"]),
        contacts(
            "POST",
            "/Contacts/upsert",
            json={"data": ROWS, "duplicate_check_fields": ["Email"], "trigger": []},
            endpoint="upsert",
            credits=2,
            records=11,
            answers_records=True,
        ),
    ),
    "upsert of what may not match": (
        lambda to: Records(to).upsert("Contacts", ROWS[:1], trigger=None, repeatable=False),
        contacts(
            "POST",
            "/Contacts/upsert",
            json={"data": ROWS[:1]},
            endpoint="upsert",
            records=1,
            repeatable=False,
            answers_records=True,
        ),
    ),
    "delete": (
        lambda to: Records(to).delete("Contacts", ["7", "8"]),
        contacts(
            "DELETE",
            "/Contacts",
            {"ids": "7,8", "wf_trigger": "false"},
            endpoint="delete",
            records=2,
            answers_records=True,
        ),
    ),
    "delete, with workflows": (
        lambda to: Records(to).delete("Contacts", ["7"], fire_workflows=True),
        contacts(
            "DELETE",
            "/Contacts",
            {"ids": "7", "wf_trigger": "true"},
            endpoint="delete",
            records=1,
            answers_records=True,
        ),
    ),
    "related": (
        lambda to: Related(to).page("Contacts", "7", "Notes", ["A"]),
        contacts("GET", "/Contacts/7/Notes", {"fields": "A", "per_page": "200"}, endpoint="related"),
    ),
    "emails": (
        lambda to: Related(to).emails("Contacts", "7", index="10"),
        contacts("GET", "/Contacts/7/Emails", {"index": "10"}, endpoint="related"),
    ),
    "link": (
        lambda to: Related(to).link("Contacts", "7", "Products", "8"),
        contacts(
            "PUT",
            "/Contacts/7/Products/8",
            json={"data": [{}]},
            endpoint="related",
            records=1,
            answers_records=True,
        ),
    ),
    "tags": (
        lambda to: Tags(to).of_module("Contacts"),
        contacts("GET", "/settings/tags", {"module": "Contacts"}, endpoint="settings"),
    ),
    "tags, added": (
        lambda to: Tags(to).add("Contacts", IDS, ["a", "b"]),
        contacts(
            "POST",
            "/Contacts/actions/add_tags",
            json={"tags": [{"name": "a"}, {"name": "b"}], "ids": IDS, "over_write": False},
            endpoint="tags",
            credits=2,
            records=51,
            answers_records=True,
        ),
    ),
    "tags, taken away": (
        lambda to: Tags(to).remove("Contacts", IDS, ["a", "b"]),
        contacts(
            "POST",
            "/Contacts/actions/remove_tags",
            {"ids": JOINED, "tag_names": "a,b"},
            endpoint="tags",
            credits=2,
            records=51,
            answers_records=True,
        ),
    ),
    "organization": (lambda to: Organization(to).get(), call("GET", "/org", endpoint="settings")),
    "users": (
        lambda to: list(Organization(to).users()),
        call("GET", "/users", {"type": "AllUsers", "page": "1", "per_page": "200"}, endpoint="settings"),
    ),
    "modules": (lambda to: Metadata(to).modules(), setting("modules", None)),
    "fields": (lambda to: Metadata(to).fields("Contacts"), setting("fields")),
    "layouts": (lambda to: Metadata(to).layouts("Contacts"), setting("layouts")),
    "custom views": (lambda to: Metadata(to).custom_views("Contacts"), setting("custom_views")),
    "related lists": (lambda to: Metadata(to).related_lists("Contacts"), setting("related_lists")),
    "roles": (lambda to: Metadata(to).roles(), setting("roles", None)),
    "profiles": (lambda to: Metadata(to).profiles(), setting("profiles", None)),
    "COQL": (
        lambda to: Coql(to).query("select id from Contacts where id > 0", module="Contacts"),
        contacts(
            "POST", "/coql", json={"select_query": "select id from Contacts where id > 0"}, endpoint="coql"
        ),
    ),
    "COQL by id": (
        lambda to: next(Coql(to).pages_by_id("Contacts", ["id", "A"], where="A = 'b'", after_id="7")),
        contacts(
            "POST",
            "/coql",
            json={
                "select_query": "select id, A from Contacts where (A = 'b' and id > 7) order by id asc limit 200"
            },
            endpoint="coql",
        ),
    ),
    "bulk read": (
        lambda to: BulkRead(to).create("Contacts", None),
        contacts(
            "POST",
            "/read",
            json={"query": {"module": "Contacts", "page": 1}, "file_type": "csv"},
            api="bulk",
            endpoint="bulk_read",
            credits=50,
            repeatable=False,
        ),
    ),
    "bulk read, some": (
        lambda to: BulkRead(to).create("Contacts", ["A"], criteria=CRITERIA, page=2),
        contacts(
            "POST",
            "/read",
            json={
                "query": {"module": "Contacts", "page": 2, "fields": ["A"], "criteria": CRITERIA},
                "file_type": "csv",
            },
            api="bulk",
            endpoint="bulk_read",
            credits=50,
            repeatable=False,
        ),
    ),
    "bulk read, status": (
        lambda to: BulkRead(to).status("7"),
        call("GET", "/read/7", api="bulk", endpoint="bulk_read_status"),
    ),
    "bulk read, result": (
        lambda to: BulkRead(to).download(BulkReadJob("7", "COMPLETED", module="Contacts"), FILE),
        contacts("GET", "/read/7/result", api="bulk", endpoint="bulk_read_result"),
    ),
    "bulk read, result by id": (
        lambda to: BulkRead(to).download("7", FILE),
        call("GET", "/read/7/result", api="bulk", endpoint="bulk_read_result"),
    ),
    "bulk write, upload": (
        lambda to: bulk_write(to).upload(FILE, "contacts.zip"),
        call(
            "POST",
            "/upload",
            headers={"feature": "bulk-write", "X-CRM-ORG": "6100"},
            upload=("contacts.zip", FILE, "application/zip"),
            api="upload",
            endpoint="bulk_write_upload",
        ),
    ),
    "bulk write": (
        lambda to: bulk_write(to).create(
            "Contacts",
            "f",
            [
                FieldMapping("Email", 0),
                FieldMapping("Account_Name", 1, find_by="id"),
                FieldMapping("Birthday", 2, format="yyyy-MM-dd"),
                FieldMapping("Lead_Source", default_value="Web"),
            ],
            operation="upsert",
            find_by="Email",
            records=9,
        ),
        contacts(
            "POST",
            "/write",
            json={
                "operation": "upsert",
                "character_encoding": "UTF-8",
                "ignore_empty": True,
                "resource": [
                    {
                        "type": "data",
                        "module": "Contacts",
                        "file_id": "f",
                        "ignore_empty": True,
                        "find_by": "Email",
                        "field_mappings": [
                            {"api_name": "Email", "index": 0},
                            {"api_name": "Account_Name", "index": 1, "find_by": "id"},
                            {"api_name": "Birthday", "index": 2, "format": "yyyy-MM-dd"},
                            {"api_name": "Lead_Source", "default_value": {"value": "Web"}},
                        ],
                    }
                ],
            },
            api="bulk",
            endpoint="bulk_write",
            credits=500,
            records=9,
            repeatable=False,
        ),
    ),
    "bulk write, plain": (
        lambda to: bulk_write(to).create("Contacts", "f", [], operation="insert", ignore_empty=False),
        contacts(
            "POST",
            "/write",
            json={
                "operation": "insert",
                "character_encoding": "UTF-8",
                "ignore_empty": False,
                "resource": [
                    {
                        "type": "data",
                        "module": "Contacts",
                        "file_id": "f",
                        "ignore_empty": False,
                        "field_mappings": [],
                    }
                ],
            },
            api="bulk",
            endpoint="bulk_write",
            credits=500,
            repeatable=False,
        ),
    ),
    "bulk write, status": (
        lambda to: bulk_write(to).status("7"),
        call("GET", "/write/7", api="bulk", endpoint="bulk_write_status"),
    ),
    "bulk write, result": (
        lambda to: bulk_write(to).download(
            BulkWriteJob("7", "COMPLETED", "Contacts", download_url="https://a.example/v7/x.zip?s=a%20b&t=1"),
            FILE,
        ),
        contacts(
            "GET",
            "/v7/x.zip",
            {"s": "a b", "t": "1"},
            api="root",
            host="https://a.example",
            endpoint="bulk_write_result",
        ),
    ),
    "bulk write, result at a relative address": (
        lambda to: bulk_write(to).download(BulkWriteJob("7", "COMPLETED", download_url="v7/x.zip"), FILE),
        call("GET", "/v7/x.zip", api="root", endpoint="bulk_write_result"),
    ),
}


@pytest.mark.parametrize(("ask", "expected"), CALLS.values(), ids=CALLS.keys())
def test_a_call_is_what_the_api_documents(ask, expected):
    """Its price is what the budget counts on, its repeatability what keeps twins away."""
    with pytest.raises(Asked) as asked:
        ask(Sender())

    assert vars(asked.value.args[0]) == expected
