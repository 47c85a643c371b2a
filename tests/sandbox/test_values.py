"""What each data type takes, refuses, and gives back. FACTS 3 and 5 ("Values"); write.md 7."""

from __future__ import annotations

import pytest
from support.writing import insert, read, refusal, send

NOBODY = "6100000000000999999"
HISTORY = "a" * 32_000


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        ("Name", "Ünïcode ✓ 日本", "Ünïcode ✓ 日本"),
        ("Frequency", "Monthly", "Monthly"),
        ("Frequency", "Whenever", "Whenever"),  # a pick list stores any text
        ("Channels", ["Phone", "Pigeon"], ["Phone", "Pigeon"]),
        ("Seats", 999_999_999, 999_999_999),
        ("Seats", -7, -7),
        ("Seats", 0, 0),
        ("Meter_Reading", "123456789012345678", "123456789012345678"),
        ("Price", 1200.5, 1200.5),
        ("Price", 1200, 1200),
        ("Weight", 0.125, 0.13),  # kept to decimal_place digits
        ("Discount", 12.5, 12.5),
        ("Renews", True, True),
        ("Renews", False, False),
        ("Starts_On", "2028-02-29", "2028-02-29"),
        ("Signed_At", "2026-05-14T12:53:58+05:30", "2026-05-14T09:23:58+02:00"),
        ("Signed_At", "2026-01-14T12:53:58Z", "2026-01-14T13:53:58+01:00"),
        ("Billing_Email", "Ann.Ek+bills@example.co.uk", "Ann.Ek+bills@example.co.uk"),
        ("Hotline", "+46 (0)8-555 01 00 ext.2", "+46 (0)8-555 01 00 ext.2"),
        ("Portal", "https://example.org:8080/a?b=c#d", "https://example.org:8080/a?b=c#d"),
        ("Portal", "www.example.org", "www.example.org"),
        ("History", HISTORY, HISTORY),
        ("Remarks", 'two\nlines, "quoted"', 'two\nlines, "quoted"'),
        ("Site_Position", {"lat": 59.3, "lon": 18.1}, {"lat": 59.3, "lon": 18.1}),  # a type nobody knows
    ],
)
def test_a_value_that_fits_is_read_back(sandbox, field, sent, stored):
    """In the user's zone where it is an instant."""
    record_id = insert(sandbox, "Subscriptions", **{"Name": "S", field: sent})

    assert read(sandbox, "Subscriptions", record_id)[field] == stored


@pytest.mark.parametrize(
    ("field", "sent", "expected"),
    [
        ("Name", 7, "text"),
        ("Frequency", 7, "text"),
        ("Frequency", ["Monthly"], "text"),
        ("Channels", "Phone", "jsonarray"),
        ("Channels", [7], "jsonarray"),
        ("Seats", "7", "integer"),
        ("Seats", 7.5, "integer"),
        ("Seats", True, "integer"),
        ("Meter_Reading", 123456789, "bigint"),
        ("Meter_Reading", "12x", "bigint"),
        ("Price", "9.50", "double"),
        ("Weight", False, "double"),
        ("Discount", "12%", "double"),
        ("Renews", "true", "boolean"),
        ("Renews", 1, "boolean"),
        ("Starts_On", "14.05.2026", "date"),
        ("Starts_On", "2026-02-30", "date"),
        ("Starts_On", "2026-05-14T00:00:00Z", "date"),
        ("Starts_On", 20260514, "date"),
        ("Signed_At", "2026-05-14", "datetime"),
        ("Signed_At", "2026-05-14T12:53:58", "datetime"),
        ("Signed_At", "2026-05-14T12:53:58.500+03:00", "datetime"),
        ("Signed_At", 1778752438, "datetime"),
        ("Billing_Email", "ann@", "email"),
        ("Billing_Email", "ann ek@example.org", "email"),
        ("Hotline", "call me!", "phone"),
        ("Portal", "not a site", "website"),
        ("Contact", NOBODY, "jsonobject"),
        ("Contact", "Berg", "jsonobject"),
        ("Contract_Files", "a.txt", "jsonarray"),
        ("Products", {"id": NOBODY}, "jsonarray"),
        ("Site_Position", "59.3 N", "geolocation"),
        ("Tag", "vip", "jsonarray"),
    ],
)
def test_a_value_of_another_type_is_refused_with_what_was_expected(sandbox, field, sent, expected):
    """Strings for numbers and numbers for strings: nothing is guessed."""
    entry = refusal(sandbox, "Subscriptions", **{"Name": "S", field: sent})

    assert (entry["code"], entry["message"]) == ("INVALID_DATA", "invalid data")
    assert entry["details"] == {
        "expected_data_type": expected,
        "api_name": field,
        "json_path": f"$.data[0].{field}",
    }
    assert sandbox.count("Subscriptions") == 0


@pytest.mark.parametrize(
    ("field", "sent", "maximum"),
    [
        ("Name", "a" * 256, 255),
        ("Contract_Code", "a" * 51, 50),
        ("Remarks", "a" * 2001, 2000),
        ("History", "a" * 32_001, 32_000),
        ("Billing_Email", "a" * 90 + "@example.org", 100),
        ("Hotline", "1" * 31, 30),
        ("Seats", 1_000_000_000, 9),
        ("Meter_Reading", "1" * 19, 18),
        ("Price", 10**16, 16),
        ("Discount", 123_456, 5),
    ],
)
def test_a_value_that_is_too_long_is_refused_and_never_cut(sandbox, field, sent, maximum):
    """As long as the metadata's `length` says."""
    entry = refusal(sandbox, "Subscriptions", **{"Name": "S", field: sent})

    assert entry["code"] == "INVALID_DATA"
    assert entry["details"] == {
        "maximum_length": maximum,
        "api_name": field,
        "json_path": f"$.data[0].{field}",
    }


@pytest.mark.parametrize("nothing", [None, "", "   "])
@pytest.mark.parametrize(
    ("field", "value", "empty"),
    [
        ("Remarks", "text", None),
        ("Seats", 7, None),
        ("Renews", True, False),
        ("Channels", ["Phone"], None),
        ("Starts_On", "2026-05-14", None),
        ("Tag", [{"name": "vip"}], []),
    ],
)
def test_null_and_blank_text_empty_a_field(sandbox, field, value, empty, nothing):
    """Every kind of field, whatever its type."""
    record_id = insert(sandbox, "Subscriptions", **{"Name": "S", field: value})

    status, _ = send(sandbox, "PUT", "/Subscriptions", {"id": record_id, field: nothing})

    assert status == 200
    assert read(sandbox, "Subscriptions", record_id)[field] == empty


def test_an_array_replaces_a_multiselect_unless_the_record_says_append(sandbox):
    """`$append_values` stands inside the record."""
    record_id = insert(sandbox, "Subscriptions", Name="S", Channels=["Phone", "Post"])

    def write(channels, **switches):
        send(sandbox, "PUT", "/Subscriptions", {"id": record_id, "Channels": channels, **switches})
        return read(sandbox, "Subscriptions", record_id)["Channels"]

    assert write(["Post", "Portal"], **{"$append_values": {"Channels": True}}) == ["Phone", "Post", "Portal"]
    assert write(["Post"], **{"$append_values": {"Frequency": True}}) == ["Post"]
    assert write(["E-mail"]) == ["E-mail"]


def test_a_lookup_links_by_id_and_null_unlinks(sandbox):
    """It reads back with the name that the linked record has now."""
    contact = insert(sandbox, "Contacts", First_Name="Eva", Last_Name="Berg")
    record_id = insert(sandbox, "Subscriptions", Name="S", Contact={"id": contact, "name": "Nobody"})

    assert read(sandbox, "Subscriptions", record_id)["Contact"] == {"name": "Eva Berg", "id": contact}
    send(sandbox, "PUT", "/Subscriptions", {"id": record_id, "Contact": None})
    assert read(sandbox, "Subscriptions", record_id)["Contact"] is None


def test_a_lookup_to_nobody_or_to_another_module_is_refused(sandbox):
    """A company's id is no contact's."""
    company = insert(sandbox, "Accounts", Account_Name="Acme")

    for linked in ({"id": NOBODY}, {"id": company}, {"name": "Berg"}, {}):
        entry = refusal(sandbox, "Subscriptions", Name="S", Contact=linked)
        assert entry["code"] == "INVALID_DATA"
        assert entry["details"]["api_name"] == "Contact"


@pytest.mark.parametrize("module", ["Contacts", "Pipelines"])
def test_a_company_may_be_given_by_its_plain_id(sandbox, module):
    """Seen in published integrations."""
    company = insert(sandbox, "Accounts", Account_Name="Acme")
    extra = {"Last_Name": "Berg"} if module == "Contacts" else _deal()

    record_id = insert(sandbox, module, Account_Name=company, **extra)

    assert read(sandbox, module, record_id)["Account_Name"] == {"name": "Acme", "id": company}


@pytest.mark.parametrize("shape", ["ACME ", {"name": "acme"}])
def test_a_contact_that_names_a_company_is_linked_to_it(sandbox, shape):
    """The company of that name, case and blanks aside."""
    company = insert(sandbox, "Accounts", Account_Name="Acme")

    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Account_Name=shape)

    assert read(sandbox, "Contacts", record_id)["Account_Name"]["id"] == company
    assert sandbox.count("Accounts") == 1


def test_a_contact_that_names_an_unknown_company_creates_it(sandbox):
    """Silently, and once."""
    people = [{"Last_Name": name, "Account_Name": "1848 Brewery"} for name in ("Berg", "Ek")]

    send(sandbox, "POST", "/Contacts", *people)

    (company,) = sandbox.dump("Accounts")
    linked = {contact["Account_Name"]["id"] for contact in sandbox.dump("Contacts")}
    assert (company["Account_Name"], linked) == ("1848 Brewery", {company["id"]})


def test_a_refused_contact_leaves_no_company_or_tag_behind(sandbox):
    """What is created along the way comes after every check."""
    insert(sandbox, "Contacts", Last_Name="Berg", Email="eva@example.org")

    refusal(
        sandbox,
        "Contacts",
        Last_Name="Ek",
        Email="eva@example.org",
        Account_Name="Acme",
        Tag=[{"name": "new"}],
    )

    assert sandbox.count("Accounts") == 0
    assert sandbox.api("GET", "/settings/tags", params={"module": "Contacts"}).status_code == 204


def test_a_deal_names_no_company(sandbox):
    """By name is for contacts alone."""
    entry = refusal(sandbox, "Pipelines", Account_Name={"name": "Acme"}, **_deal())

    assert entry["details"]["api_name"] == "Account_Name"
    assert sandbox.count("Accounts") == 0


def test_owner_is_given_by_id_and_not_by_email(sandbox):
    """Neither an e-mail, nor a person who left, nor nobody."""
    users = sandbox.api("GET", "/users").json()["users"]
    gone = next(user for user in users if user["status"] != "active")

    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Owner=users[1]["id"])

    assert read(sandbox, "Contacts", record_id)["Owner"]["id"] == users[1]["id"]
    for owner in ({"email": users[1]["email"]}, {"id": gone["id"]}, {"id": NOBODY}):
        entry = refusal(sandbox, "Contacts", Last_Name="Berg", Owner=owner)
        assert (entry["details"]["api_name"], entry["message"]) == ("Owner", "Non Subordinate User Found")
    assert refusal(sandbox, "Contacts", Last_Name="Berg", Owner=None)["code"] == "INVALID_DATA"


def test_a_user_field_takes_a_user(sandbox):
    """A field of people, not the owner."""
    luis = sandbox.api("GET", "/users").json()["users"][1]

    record_id = insert(sandbox, "Subscriptions", Name="S", Account_Manager={"id": luis["id"]})

    assert read(sandbox, "Subscriptions", record_id)["Account_Manager"]["name"] == "Luis Ortega"


def test_multi_select_lookup_rows_are_appended_and_deleted_by_their_own_id(sandbox):
    """Each link has an id of its own."""
    one, two = (insert(sandbox, "Products", Product_Name=name) for name in ("Lamp", "Bulb"))
    record_id = insert(sandbox, "Subscriptions", Name="S", Products=[{"Products": {"id": one}}])
    send(sandbox, "PUT", "/Subscriptions", {"id": record_id, "Products": [{"Products": {"id": two}}]})
    rows = read(sandbox, "Subscriptions", record_id)["Products"]

    send(
        sandbox,
        "PUT",
        "/Subscriptions",
        {"id": record_id, "Products": [{"id": rows[0]["id"], "_delete": None}]},
    )

    assert [row["Products"] for row in rows] == [{"name": "Lamp", "id": one}, {"name": "Bulb", "id": two}]
    assert read(sandbox, "Subscriptions", record_id)["Products"] == rows[1:]


def test_a_file_field_takes_the_id_of_an_uploaded_file(sandbox):
    """Uploaded first, named second."""
    uploaded = sandbox.api("POST", "/files", files={"file": ("lease.txt", b"12 months")}).json()["data"][0]

    record_id = insert(
        sandbox, "Subscriptions", Name="S", Contract_Files=[{"File_Id__s": uploaded["details"]["id"]}]
    )

    (row,) = read(sandbox, "Subscriptions", record_id)["Contract_Files"]
    assert (row["File_Name__s"], row["Size__s"]) == ("lease.txt", "9")
    assert (
        refusal(sandbox, "Subscriptions", Name="S", Contract_Files=[{"File_Id__s": "1"}])["code"]
        == "INVALID_DATA"
    )


def test_a_layout_is_named_by_an_id_that_exists(sandbox):
    """With fields that are in it, nothing is dropped."""
    layout = sandbox.api("GET", "/settings/layouts", params={"module": "Contacts"}).json()["layouts"][0]

    record_id = insert(sandbox, "Contacts", Last_Name="Berg", Title="Chief", Layout={"id": layout["id"]})

    assert read(sandbox, "Contacts", record_id)["Title"] == "Chief"
    entry = refusal(sandbox, "Contacts", Last_Name="Berg", Layout={"id": NOBODY})
    assert (entry["code"], entry["details"]["api_name"]) == ("INVALID_DATA", "Layout")


def _deal():
    return {"Deal_Name": "Lamps", "Sub_Pipeline": "Inbound", "Stage": "Proposal"}
