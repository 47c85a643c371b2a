"""Lists and single records: parameters, empty answers, values. FACTS 3 and 4."""

from __future__ import annotations

import re
from datetime import datetime

import pytest


def _list(sandbox, module, **params):
    return sandbox.api("GET", f"/{module}", params={"fields": "id", **params})


def test_a_list_gives_the_fields_asked_for_and_id(sandbox):
    """FACTS 4: only those and `id`, no `$` key unless named; `info` as seen live."""
    answer = _list(sandbox, "Contacts", fields="Last_Name,Email,$approval_state", per_page=3).json()

    assert all(set(record) == {"id", "Last_Name", "Email", "$approval_state"} for record in answer["data"])
    assert set(answer["info"]) == {
        *("per_page", "count", "page", "sort_by", "sort_order", "more_records"),
        *("next_page_token", "previous_page_token", "page_token_expiry"),
    }


def test_a_name_that_the_module_lacks_is_just_absent(sandbox):
    """FACTS 4: no error, so a misspelt field is silently not read."""
    answer = _list(sandbox, "Contacts", fields="Last_Name,Lastname,email", per_page=1)

    assert answer.status_code == 200
    assert set(answer.json()["data"][0]) == {"id", "Last_Name"}


@pytest.mark.parametrize(
    ("params", "code", "details"),
    [
        ({"fields": ""}, "REQUIRED_PARAM_MISSING", {"param_name": "fields"}),
        ({"fields": ",".join(["id"] * 51)}, "LIMIT_EXCEEDED", {"param_name": "fields", "limit": 50}),
        ({"per_page": 201}, "INVALID_DATA", {"param_name": "per_page", "maximum_length": 200}),
        ({"page": "x"}, "INVALID_DATA", {"param_name": "page", "expected_data_type": "integer"}),
        ({"sort_by": "Last_Name"}, "INVALID_DATA", {"param_name": "sort_by"}),
        ({"sort_order": "up"}, "PATTERN_NOT_MATCHED", {"param_name": "sort_order"}),
        ({"ids": ",".join("1" for _ in range(101))}, "LIMIT_EXCEEDED", {"param_name": "ids", "limit": 100}),
        ({"cvid": "1"}, "INVALID_DATA", {"param_name": "cvid"}),
        (
            {"cvid": "1", "sort_by": "id"},
            "AMBIGUITY_DURING_PROCESSING",
            {"ambiguity_due_to": [{"param_name": "cvid"}, {"param_name": "sort_by"}]},
        ),
    ],
)
def test_wrong_parameters_are_named(sandbox, params, code, details):
    """FACTS 4: `fields` is required, at most 50; the other parameters have their codes."""
    answer = _list(sandbox, "Contacts", **params)

    body = answer.json()
    assert (answer.status_code, body["code"], body["details"]) == (400, code, details)
    assert body["status"] == "error"


def test_fifty_fields_are_allowed(sandbox):
    """FACTS 4: at most 50 names."""
    names = [f"Measure_{number:02d}" for number in range(1, 51)]

    record = _list(sandbox, "Site_Surveys", fields=",".join(names)).json()["data"][0]

    assert set(record) == {"id", *names}


def test_the_default_order_is_newest_id_first(sandbox):
    """FACTS 4, 7.16: id desc; COQL is the other way round."""
    answer = _list(sandbox, "Contacts").json()

    ids = [int(record["id"]) for record in answer["data"]]
    assert ids == sorted(ids, reverse=True)
    assert (answer["info"]["sort_by"], answer["info"]["sort_order"]) == ("id", "desc")
    assert min(ids) > 2**53


@pytest.mark.parametrize("sort_by", ["Created_Time", "Modified_Time"])
def test_lists_sort_by_time(sandbox, sort_by):
    """FACTS 4: by instant, not by text: daylight saving changes the offset within one answer."""
    answer = _list(sandbox, "Contacts", fields=sort_by, sort_by=sort_by, sort_order="asc").json()

    texts = [record[sort_by] for record in answer["data"]]
    instants = [datetime.fromisoformat(text) for text in texts]
    assert instants == sorted(instants)
    assert {text[-6:] for text in texts} == {"+01:00", "+02:00"}


def test_another_user_sees_other_offsets(sandbox):
    """FACTS 3: the offset is that of the token's user, two users see two texts for one instant."""
    record = sandbox.dump("Contacts")[0]
    path = f"/Contacts/{record['id']}"

    mine = sandbox.api("GET", path).json()["data"][0]["Modified_Time"]
    theirs = sandbox.api("GET", path, refresh_token="sandbox-limited").json()["data"][0]["Modified_Time"]

    assert mine != theirs
    instants = {datetime.fromisoformat(text) for text in (mine, theirs)}
    assert instants == {datetime.fromisoformat(record["Modified_Time"])}


def test_an_empty_list_is_204_without_a_body(sandbox):
    """FACTS 4, 7.1: whoever parses JSON there falls over."""
    sandbox.reset(size="empty")

    answer = _list(sandbox, "Contacts")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("record_id", ["1", "6100000000000999999", "9" * 30])
def test_an_unknown_record_is_204(sandbox, record_id):
    """FACTS 4: never 404."""
    answer = sandbox.api("GET", f"/Contacts/{record_id}")

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_record_is_read_in_its_own_module_only(sandbox):
    """FACTS 4: an id of another module is unknown here."""
    company = sandbox.dump("Accounts")[0]["id"]

    assert sandbox.api("GET", f"/Contacts/{company}").status_code == 204


def test_an_id_that_is_no_number_is_refused(sandbox):
    """read.md 5.2: resource_path_index 1."""
    answer = sandbox.api("GET", "/Contacts/abc")

    assert (answer.status_code, answer.json()["details"]) == (400, {"resource_path_index": 1})


def test_a_single_record_comes_whole(sandbox):
    """FACTS 4: without `fields` everything and some 18 `$` keys, no `info`."""
    contact = sandbox.dump("Contacts")[0]["id"]

    body = sandbox.api("GET", f"/Contacts/{contact}").json()
    few = sandbox.api("GET", f"/Contacts/{contact}", params={"fields": "Email"}).json()

    record = body["data"][0]
    assert set(body) == {"data"}
    assert len([key for key in record if key.startswith("$")]) >= 18
    assert {"First_Name", "Last_Name", "Full_Name", "Tag", "Owner"} <= set(record)
    assert set(few["data"][0]) == {"id", "Email"}


def test_subforms_and_multiselect_lookups_are_in_the_single_record_only(sandbox):
    """FACTS 3 [Z]: arrays, never in lists."""
    fields = "Deal_Name,Associated_Products,Secondary_Contacts"
    deals = sandbox.dump("Pipelines")
    deal = next(deal for deal in deals if deal["Associated_Products"])
    other = next(deal for deal in deals if deal["Secondary_Contacts"])

    listed = _list(sandbox, "Pipelines", fields=fields).json()["data"]
    row = sandbox.api("GET", f"/Pipelines/{deal['id']}").json()["data"][0]["Associated_Products"][0]
    link = sandbox.api("GET", f"/Pipelines/{other['id']}").json()["data"][0]["Secondary_Contacts"][0]

    assert all(set(record) == {"id", "Deal_Name"} for record in listed)
    assert {"id", "Product", "Quantity", "List_Price"} <= set(row)
    assert set(row["Product"]) == {"name", "id"}
    assert set(link) == {"id", "Secondary_Contacts"}


def test_rich_text_is_cut_in_lists(sandbox):
    """FACTS 3 [Z], 7.23: to 500 characters, or to 500 UTF-16 units of which two emoji take four."""
    whole = sandbox.dump("Subscriptions")[0]

    by_units = _list(sandbox, "Subscriptions", fields="Terms", ids=whole["id"]).json()["data"][0]
    sandbox.settings(rich_text_cut="characters")
    listed = _list(sandbox, "Subscriptions", fields="Terms", ids=whole["id"]).json()["data"][0]
    single = sandbox.api("GET", f"/Subscriptions/{whole['id']}").json()["data"][0]

    assert whole["Terms"][:500].count("👍") == 2
    assert listed["Terms"] == whole["Terms"][:500]
    assert by_units["Terms"] == whole["Terms"][:498]
    assert single["Terms"] == whole["Terms"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("👍" * 250, "👍" * 250),
        ("👍" * 251, "👍" * 250),
        ("a" + "👍" * 250, "a" + "👍" * 249 + "?"),
        ("a" * 499 + "ü" + "b", "a" * 499 + "ü"),
        ("a" * 500, "a" * 500),
        (None, None),
    ],
)
def test_an_emoji_counts_two_at_the_cut(sandbox, text, shown):
    """FACTS 7.23 [A]: as Java counts; a cut between the halves of an emoji leaves a question mark."""
    sandbox.settings(rich_text_cut="utf16")
    record_id = sandbox.create("Subscriptions", Name="S", Terms=text)

    listed = _list(sandbox, "Subscriptions", fields="Terms", ids=record_id).json()["data"][0]

    assert listed["Terms"] == shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Number", r"SUB-\d{4}"),
        ("Meter_Reading", r"\d{12,18}"),
        ("Starts_On", r"\d{4}-\d\d-\d\d"),
        ("Signed_At", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00"),
        ("Price", float),
        ("Seats", int),
        ("Discount", float),
        ("Total", float),
        ("Renews", bool),
        ("Channels", (list, type(None))),
        ("Site_Position", dict),
        ("Account_Manager", {"name", "id"}),
        ("Contact", {"name", "id"}),
        ("Owner", {"name", "id", "email"}),
    ],
)
def test_values_have_the_json_of_their_data_type(sandbox, name, expected):
    """FACTS 3, Data types and their JSON: bigint and autonumber are strings, owners carry an e-mail."""
    sandbox.reset(size="medium")
    records = _list(sandbox, "Subscriptions", fields=name).json()["data"]
    value = next(record[name] for record in records if record[name] is not None)

    if isinstance(expected, str):
        assert re.fullmatch(expected, value)
    elif isinstance(expected, set):
        assert set(value) == expected
    else:
        assert isinstance(value, expected)


def test_a_formula_follows_its_fields(sandbox):
    """FACTS 7.9: computed when read, so that nothing tells that it changed."""
    subscription = sandbox.dump("Subscriptions")[0]

    total = round(subscription["Price"] * subscription["Seats"], 2)

    assert subscription["Total"] == total


def test_what_is_unset_is_null_but_for_booleans_and_tags(sandbox):
    """FACTS 3: unset = null; an untouched boolean reads false; Tag is an empty array."""
    contact = sandbox.create("Contacts", Last_Name="Bare")

    record = sandbox.api("GET", f"/Contacts/{contact}").json()["data"][0]

    values = (record["Email"], record["Email_Opt_Out"], record["Tag"], record["Account_Name"])
    assert values == (None, False, [], None)


def test_a_renamed_company_shows_at_once(sandbox):
    """FACTS 7.9: the contact shows the new name, its Modified_Time stays."""
    contact = next(contact for contact in sandbox.dump("Contacts") if contact["Account_Name"])
    company = contact["Account_Name"]["id"]

    sandbox.mutate({"op": "edit", "module": "Accounts", "id": company, "data": {"Account_Name": "Renamed"}})

    after = next(one for one in sandbox.dump("Contacts") if one["id"] == contact["id"])
    assert after["Account_Name"] == {"name": "Renamed", "id": company}
    assert after["Modified_Time"] == contact["Modified_Time"]


def test_activities_move_last_activity_time_alone(sandbox):
    """FACTS 3: Last_Activity_Time moves without Modified_Time."""
    contact = sandbox.dump("Contacts")[0]

    sandbox.mutate(
        {"op": "create", "module": "Tasks", "data": {"Subject": "Call", "Who_Id": {"id": contact["id"]}}}
    )

    after = sandbox.dump("Contacts")[0]
    assert after["Modified_Time"] == contact["Modified_Time"]
    assert after["Last_Activity_Time"] > contact["Last_Activity_Time"]


def test_ids_choose_records(sandbox):
    """FACTS 4: comma-separated; ids that do not exist are just not there."""
    wanted = [contact["id"] for contact in sandbox.dump("Contacts")[:3]]

    found = _list(sandbox, "Contacts", ids=",".join([*wanted, "1"])).json()["data"]

    assert sorted(record["id"] for record in found) == sorted(wanted)


@pytest.mark.parametrize(("approved", "status"), [("true", 200), ("both", 200), ("false", 204)])
def test_every_record_is_approved(sandbox, approved, status):
    """FACTS 4: `approved` is still taken on v2."""
    assert _list(sandbox, "Contacts", approved=approved).status_code == status


def test_a_team_pipeline_has_its_own_deals(sandbox):
    """FACTS 4: pipeline_id; an id that is no Team Pipeline is refused."""
    deals = sandbox.dump("Pipelines")
    pipeline = deals[0]["Pipeline"]["id"]

    found = _list(sandbox, "Pipelines", pipeline_id=pipeline).json()["data"]

    expected = [deal["id"] for deal in deals if deal["Pipeline"]["id"] == pipeline]
    assert sorted(record["id"] for record in found) == expected
    assert len(expected) < len(deals)
    assert _list(sandbox, "Pipelines", pipeline_id="1").status_code == 400


def test_a_custom_view_chooses_records(sandbox):
    """FACTS 4: cvid; here the contacts without a company, in pages."""
    views = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
    cvid = next(view["id"] for view in views["custom_views"] if view["name"] == "Without Company")
    expected = [one["id"] for one in sandbox.dump("Contacts") if one["Account_Name"] is None]

    first = _list(sandbox, "Contacts", cvid=cvid, per_page=2).json()
    token = first["info"]["next_page_token"]
    second = _list(sandbox, "Contacts", cvid=cvid, per_page=2, page_token=token).json()

    found = [record["id"] for record in [*first["data"], *second["data"]]]
    assert found == sorted(expected, reverse=True)[:4]


def test_the_count_lags(sandbox):
    """FACTS 4 [Z]: 1 to 10 minutes; good for planning, not for proof."""
    before = sandbox.api("GET", "/Contacts/actions/count").json()
    sandbox.create("Contacts", Last_Name="Late")
    gone = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})
    sandbox.create("Contacts", Last_Name="Later")

    at_once = sandbox.api("GET", "/Contacts/actions/count").json()
    sandbox.clock(advance=90)
    later = sandbox.api("GET", "/Contacts/actions/count").json()

    assert (at_once["count"], later["count"]) == (before["count"], before["count"] + 1)


def test_the_count_takes_criteria_and_views(sandbox):
    """FACTS 4: also with `criteria`, `cvid`; not with both."""
    views = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
    cvid = next(view["id"] for view in views["custom_views"] if view["name"] == "Without Company")
    contacts = sandbox.dump("Contacts")
    path, criteria = "/Contacts/actions/count", f"(Last_Name:equals:{contacts[0]['Last_Name']})"

    by_view = sandbox.api("GET", path, params={"cvid": cvid}).json()
    by_criteria = sandbox.api("GET", path, params={"criteria": criteria}).json()
    both = sandbox.api("GET", path, params={"cvid": cvid, "criteria": criteria})

    assert by_view["count"] == len([one for one in contacts if one["Account_Name"] is None])
    assert 1 <= by_criteria["count"] < len(contacts)
    assert (both.status_code, both.json()["code"]) == (400, "AMBIGUITY_DURING_PROCESSING")
