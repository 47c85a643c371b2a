"""What Bulk Read gives is what the list gives: the same records, type by type."""

from __future__ import annotations

import pytest
from support.bulk_read import ReadJobs
from support.rewriting import OtherBigin
from support.tap import run_tap

SEVEN = ["Accounts", "Calls", "Contacts", "Events", "Pipelines", "Products", "Tasks"]


def field(api_name, data_type, json_type="string", **more):
    return {"api_name": api_name, "data_type": data_type, "json_type": json_type, "length": None, **more}


def choices(*values):
    return {"pick_list_values": [{"actual_value": value, "display_value": value} for value in values]}


def to(module):
    return {"lookup": {"module": {"api_name": module}}}


FIELDS = [
    field("Code", "text"),
    field("Second_Email", "email"),
    field("Hotline", "phone"),
    field("Portal", "website"),
    field("Remarks", "textarea", textarea={"type": "small"}),
    field("Terms", "textarea", textarea={"type": "rich_text"}),
    field("Level", "picklist", **choices("Gold", "Silver")),
    field("Channels", "multiselectpicklist", "jsonarray", **choices("E-mail", "Phone", "Post")),
    field("Torn", "multiselectpicklist", "jsonarray", **choices("A; or B", "C")),
    field("Seats", "integer", "integer"),
    field("Reading", "bigint"),
    field("Weight", "double", "double"),
    field("Price", "currency", "double"),
    field("Discount", "percent", "double"),
    field("Renews", "boolean", "boolean"),
    field("Starts_On", "date"),
    field("Signed_At", "datetime"),
    field("Manager", "userlookup", "jsonobject"),
    field("Mentor", "lookup", "jsonobject", **to("Contacts")),
    field("Sponsor", "lookup", "jsonobject", **to("Accounts")),
    field("Number", "autonumber", auto_number={"prefix": "C-", "suffix": "", "start_number": "1"}),
    field(
        "Total",
        "formula",
        "double",
        formula={"return_type": "double", "expression": "${Contacts.Price}*${Contacts.Seats}"},
    ),
    field("Files", "fileupload", "jsonarray"),
    field("Pictures", "imageupload", "jsonarray"),
    field("Position", "geolocation", "jsonobject"),
]
FILLED = {
    "Code": 'A "quoted", text\nof two lines; 大阪 👍',
    "Second_Email": "second@example.com",
    "Hotline": "+46 8 1",
    "Portal": "https://example.com/?a=1,2",
    "Remarks": "first line\r\nsecond, line",
    "Terms": "<b>" + "x" * 700 + "</b>",
    "Level": "Gold",
    "Channels": ["E-mail", "Post"],
    "Torn": ["A; or B"],
    "Seats": 12,
    "Reading": "123456789012345678",
    "Weight": 0.125,
    "Price": 1999.99,
    "Discount": 20,
    "Renews": True,
    "Starts_On": "2024-02-29",
    "Signed_At": "2026-03-29T00:59:59Z",
    "Files": [{"File_Id__s": "f1", "File_Name__s": "offer.txt", "Size__s": "21"}],
    "Position": {"latitude": 59.3, "longitude": 18.1},
    "Tag": [{"name": "vip"}],
}


def with_every_data_type(sandbox):
    """Contacts with a field of each type; one record has them all, one has zeros, the others none."""
    sandbox.change_metadata(*({"op": "add_field", "module": "Contacts", "field": each} for each in FIELDS))
    others = [each["id"] for each in sandbox.dump("Contacts")[:2]]
    company = sandbox.dump("Accounts")[0]["id"]
    user = sandbox.api("GET", "/users").json()["users"][0]["id"]
    links = {"Manager": {"id": user}, "Mentor": {"id": others[0]}, "Sponsor": {"id": company}}
    sandbox.create("Contacts", Last_Name="Full", **FILLED, **links)
    sandbox.create(
        "Contacts", Last_Name="Zero", Seats=0, Weight=-0.5, Price=0, Discount=0.0, Renews=False, Reading="0"
    )


def test_every_data_type_reads_the_same_by_list_and_by_bulk(sandbox):
    """A warehouse must not see another value because the module grew and was read by a job."""
    with_every_data_type(sandbox)

    listed = run_tap(sandbox, modules=["Contacts"], extraction_method="list")
    bulk = run_tap(sandbox, modules=["Contacts"], extraction_method="bulk")

    assert sandbox.calls("POST /bulk/read") == 1
    assert bulk.latest("Contacts") == listed.latest("Contacts")
    filled = next(each for each in bulk.records["Contacts"] if each["Last_Name"] == "Full")
    assert filled.keys() >= FILLED.keys()
    assert filled["Channels"] == ["E-mail", "Post"]
    (plan,) = bulk.said("read by Bulk Read")
    left = plan.split(" for ")[-1].split(":")[0].split(", ")
    assert set(left) == {"Tag", "Record_Image", "Torn", "Sponsor", "Files", "Pictures", "Position"}
    bulk.validate()


def test_users_that_may_not_be_listed_are_named_by_records_that_have_them(sandbox):
    """A file has their ids alone; where the token may not read the users, a record of each is asked for."""
    with_every_data_type(sandbox)
    sandbox.fault("GET /users", status=403, times=9)

    listed = run_tap(sandbox, modules=["Contacts"], extraction_method="list")
    bulk = run_tap(sandbox, modules=["Contacts"], extraction_method="bulk")

    assert sandbox.calls("POST /bulk/read") == 1
    assert bulk.latest("Contacts") == listed.latest("Contacts")
    assert len({each["Manager"] is None for each in bulk.records["Contacts"]}) == 2  # not all have one


def test_flat_lookups_read_the_same_by_list_and_by_bulk(sandbox):
    """Links as plain ids, too."""
    with_every_data_type(sandbox)

    listed = run_tap(sandbox, modules=["Contacts"], extraction_method="list", lookups="id")
    bulk = run_tap(sandbox, modules=["Contacts"], extraction_method="bulk", lookups="id")

    assert bulk.latest("Contacts") == listed.latest("Contacts")
    bulk.validate()


def test_seven_modules_read_the_same_by_list_and_by_bulk(sandbox):
    """Each of the modules that Bulk Read knows, with all the fields that it has out of the box."""
    listed = run_tap(sandbox, modules=SEVEN, extraction_method="list")
    bulk = run_tap(sandbox, modules=SEVEN, extraction_method="bulk")

    assert sandbox.calls("POST /bulk/read") == len(SEVEN)
    for module in SEVEN:
        assert bulk.latest(module) == listed.latest(module)
        assert listed.ids(module)
    bulk.validate()


@pytest.mark.parametrize(("name", "bad"), [("Seats", "#ERROR"), ("Price", "1,234.50"), ("Renews", "maybe")])
def test_a_cell_that_is_no_value_costs_its_own_row(sandbox, name, bad):
    """One formula that fails cost the file, and the price of the list for all the others."""
    with_every_data_type(sandbox)
    other = OtherBigin(sandbox)

    def spoil(header, rows):
        rows[3][header.index(name)] = bad
        return rows

    ReadJobs(other, sandbox).arrange = spoil

    bulk = run_tap(other, modules=["Contacts"], extraction_method="bulk")
    asked = sandbox.calls("GET /Contacts")
    other.close()
    listed = run_tap(sandbox, modules=["Contacts"], extraction_method="list")

    assert bulk.code == 0
    assert bulk.latest("Contacts") == listed.latest("Contacts")
    assert asked < 5


def test_an_amount_of_many_digits_is_the_same_by_list_and_by_bulk(sandbox):
    """A float has sixteen digits, Bigin's currencies more."""
    with_every_data_type(sandbox)
    other = OtherBigin(sandbox)
    digits = "9007199254740993.125"
    victim = sandbox.dump("Contacts")[3]["id"]

    def long(header, rows):
        next(row for row in rows if row[0] == victim)[header.index("Price")] = digits
        return rows

    ReadJobs(other, sandbox).arrange = long
    other.changing(
        "/Contacts",
        lambda _, answer: setattr(
            answer, "body", answer.body.replace(b'"Price":7.125', b'"Price":' + digits.encode())
        ),
    )
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": victim, "data": {"Price": 7.125}})

    runs = [run_tap(other, modules=["Contacts"], extraction_method=how) for how in ("list", "bulk")]

    other.close()
    assert [f'"Price":{digits}' in run.stdout for run in runs] == [True, True]
