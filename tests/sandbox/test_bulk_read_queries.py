"""Bulk Read: which rows a query asks for, and what is refused."""

from __future__ import annotations

import pytest
from support.read_jobs import BULK, create, made, rows_of, status

pytestmark = pytest.mark.usefixtures("quick_jobs")


# criteria

PEOPLE = [
    {"Last_Name": "Berg", "Email": "berg@example.org", "Email_Opt_Out": True},
    {"Last_Name": "Bergman", "Phone": "123"},
    {"Last_Name": "Hill"},
]


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ({"api_name": "Last_Name", "comparator": "equal", "value": "berg"}, ["Berg"]),
        ({"field": {"api_name": "Last_Name"}, "comparator": "equal", "value": "Berg"}, ["Berg"]),
        ({"api_name": "Last_Name", "comparator": "not_equal", "value": "Berg"}, ["Bergman", "Hill"]),
        ({"api_name": "Last_Name", "comparator": "in", "value": ["Berg", "Hill"]}, ["Berg", "Hill"]),
        ({"api_name": "Last_Name", "comparator": "not_in", "value": ["Berg", "Hill"]}, ["Bergman"]),
        ({"api_name": "Last_Name", "comparator": "contains", "value": "erg"}, ["Berg", "Bergman"]),
        ({"api_name": "Last_Name", "comparator": "not_contains", "value": "erg"}, ["Hill"]),
        ({"api_name": "Last_Name", "comparator": "starts_with", "value": "Ber"}, ["Berg", "Bergman"]),
        ({"api_name": "Last_Name", "comparator": "ends_with", "value": "man"}, ["Bergman"]),
        ({"api_name": "Email", "comparator": "equal", "value": "${EMPTY}"}, ["Bergman", "Hill"]),
        ({"api_name": "Email", "comparator": "not_equal", "value": "${EMPTY}"}, ["Berg"]),
        ({"api_name": "Email_Opt_Out", "comparator": "equal", "value": True}, ["Berg"]),
        ({"api_name": "Email_Opt_Out", "comparator": "equal", "value": "false"}, ["Bergman", "Hill"]),
        (
            {"api_name": "Account_Name", "comparator": "equal", "value": "${EMPTY}"},
            ["Berg", "Bergman", "Hill"],
        ),
        (
            {
                "group": [
                    {"api_name": "Last_Name", "comparator": "contains", "value": "erg"},
                    {"api_name": "Phone", "comparator": "equal", "value": "123"},
                ],
                "group_operator": "and",
            },
            ["Bergman"],
        ),
        (
            {
                "group": [
                    {"api_name": "Last_Name", "comparator": "equal", "value": "Hill"},
                    {
                        "group": [
                            {"api_name": "Last_Name", "comparator": "equal", "value": "Berg"},
                            {"api_name": "Email", "comparator": "not_equal", "value": "${EMPTY}"},
                        ],
                        "group_operator": "and",
                    },
                ],
                "group_operator": "or",
            },
            ["Berg", "Hill"],
        ),
    ],
)
def test_criteria_mean_what_they_say(sandbox, leaf, expected):
    """In Bigin's flat form, and with `field` as the sister API has it."""
    first, *_ = [sandbox.create("Contacts", **person) for person in PEOPLE]
    only_ours = {"api_name": "id", "comparator": "greater_equal", "value": first}
    criteria = {"group": [leaf, only_ours], "group_operator": "and"}

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": ["Last_Name"], "criteria": criteria})

    assert [row["Last_Name"] for row in rows] == expected


@pytest.mark.parametrize(
    ("comparator", "value", "found"),
    [
        ("greater_equal", "2026-05-14T11:53:58+02:00", True),
        ("greater_than", "2026-05-14T11:53:58+02:00", False),
        ("less_equal", "2026-05-14T09:53:58+00:00", True),
        ("between", ["2026-05-14T09:53:00+00:00", "2026-05-14T09:54:00+00:00"], True),
        ("not_between", ["2026-05-14T09:53:00+00:00", "2026-05-14T09:54:00+00:00"], False),
    ],
)
def test_datetimes_compare_as_instants(sandbox, comparator, value, found):
    """An incremental job asks for what was modified since."""
    sandbox.clock(set="2026-05-14T09:53:58Z", freeze=True)
    contact = sandbox.create("Contacts", Last_Name="Berg")
    criteria = {
        "group": [
            {"api_name": "Modified_Time", "comparator": comparator, "value": value},
            {"api_name": "id", "comparator": "equal", "value": contact},
        ],
        "group_operator": "and",
    }

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": [], "criteria": criteria})

    assert [row["Id"] for row in rows] == [contact] * found


def test_a_custom_view_narrows_a_job(sandbox):
    """`cvid` adds its conditions to the criteria."""
    views = sandbox.api("GET", "/settings/custom_views?module=Contacts").json()["custom_views"]
    opted_out = next(view["id"] for view in views if view["name"] == "Opted Out")

    rows, _ = rows_of(sandbox, {"module": "Contacts", "fields": [], "cvid": opted_out})

    expected = [record["id"] for record in sandbox.dump("Contacts") if record["Email_Opt_Out"]]
    assert [row["Id"] for row in rows] == expected


def test_criteria_are_told_again_in_bigins_own_form(sandbox):
    """Whatever the caller sent, the job's status says `module` as a string and `api_name` in each leaf."""
    nested = {
        "module": {"api_name": "Contacts"},
        "criteria": {"group": [{"field": {"api_name": "Email"}, "comparator": "equal", "value": "a@b.c"}]},
    }

    entry = status(sandbox, made(create(sandbox, nested)))

    leaf = {"api_name": "Email", "comparator": "equal", "value": "a@b.c"}
    assert entry["query"] == {"module": "Contacts", "page": 1, "criteria": {"group": [leaf]}}


# refusals


def leaf(api_name, comparator, value):
    return {
        "module": "Contacts",
        "criteria": {"api_name": api_name, "comparator": comparator, "value": value},
    }


def many_leaves(number):
    part = {"api_name": "Email", "comparator": "equal", "value": "a@b.c"}
    return {"module": "Contacts", "criteria": {"group": [part] * number, "group_operator": "or"}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fields": ["Email"]}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Nope"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Deals"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Notes"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Attachments"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Subscriptions"}, "MODULE_NOT_SUPPORTED"),
        ({"module": "Contacts", "fields": ["Nope"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["email"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["Account_Name.Nope"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": "Contacts", "fields": ["Tag"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Contacts", "fields": ["Record_Image"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Pipelines", "fields": ["Associated_Products"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": "Pipelines", "fields": ["Secondary_Contacts"]}, "FIELD_NOT_SUPPORTED"),
        (
            {"module": "Pipelines", "fields": ["Contact_Name.Phone", "Account_Name.Phone", "Owner.email"]},
            "JOIN_LIMIT_EXCEEDED",
        ),
        ({"module": "Contacts", "page": 0}, "PAGE_NOT_SUPPORTED"),
        ({"module": "Contacts", "page": "1"}, "PAGE_NOT_SUPPORTED"),
        ({"module": "Contacts", "page": 501}, "PAGE_RANGE_EXCEEDED"),
        ({"module": "Contacts", "cvid": "1"}, "CVID_NOT_SUPPORTED"),
        (leaf("Nope", "equal", "x"), "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
        (leaf("Tag", "equal", "x"), "FIELD_IN_CRITERIA_NOT_SUPPORTED"),
        (leaf("Description", "contains", "x"), "FIELD_IN_CRITERIA_NOT_SUPPORTED"),
        (leaf("Email", "like", "x"), "INVALID_CRITERIA"),
        (leaf(None, "equal", "x"), "INVALID_CRITERIA"),
        ({"module": "Contacts", "criteria": "Email = x"}, "INVALID_CRITERIA"),
        ({"module": "Contacts", "criteria": {"group": []}}, "INVALID_CRITERIA"),
        (leaf("Email", "greater_than", "x"), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email_Opt_Out", "not_equal", True), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "in", "x"), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "equal", ["x"]), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "contains", "${EMPTY}"), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (
            leaf("Modified_Time", "between", ["2026-01-01T00:00:00+00:00"]),
            "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            leaf("Modified_Time", "equal", "2026-01-01T00:00:00Z"),
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            leaf("Modified_Time", "equal", "2026-01-01T00:00:00.5+00:00"),
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (leaf("Account_Name", "equal", "Nordlys"), "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (leaf("Email", "equal", "x" * 256), "VALUE_LIMIT_EXCEEDED_IN_CRITERIA"),
        (many_leaves(26), "CRITERIA_LIMIT_EXCEEDED"),
        (
            {
                "module": "Contacts",
                "criteria": {"group": [{"api_name": "Email"}], "group_operator": "xor"},
            },
            "GROUP_OPERATOR_NOT_SUPPORTED",
        ),
        (
            {
                "module": "Contacts",
                "criteria": {"group": [{"api_name": "Email"}], "api_name": "Email", "comparator": "equal"},
            },
            "AMBIGUOUS_CRITERIA",
        ),
    ],
)
def test_a_query_that_cannot_be_is_refused(sandbox, query, code):
    """400, flat, when the job is to be made; the 50 credits are gone all the same."""
    answer = create(sandbox, query)

    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, "error")


def test_refusals_tell_what_would_do(sandbox):
    """Module and field, the comparators that fit, the highest page."""
    unknown = create(sandbox, {"module": "Contacts", "fields": ["Nope"]}).json()
    wrong = create(sandbox, leaf("Email_Opt_Out", "in", ["x"])).json()
    far = create(sandbox, {"module": "Contacts", "page": 501}).json()

    assert unknown["details"] == {"api_name": "Nope", "module": "Contacts"}
    assert wrong["details"] == {"api_name": "Email_Opt_Out", "comparator": "in", "supported": ["equal"]}
    assert far["details"] == {"max_limit": 500}


def test_25_conditions_are_allowed(sandbox):
    """The limit itself."""
    assert create(sandbox, many_leaves(25)).status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"file_type": "xls"}, "JOB_NOT_SUPPORTED"),
        ({"file_type": "ics"}, "JOB_NOT_SUPPORTED"),
        ({"callback": {"url": "hooks", "method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"url": "https://hooks.example.org/x", "method": "get"}}, "INVALID_CALLBACK_METHOD"),
    ],
)
def test_what_stands_beside_the_query_is_checked(sandbox, body, code):
    """File type and callback."""
    answer = create(sandbox, {"module": "Contacts"}, **body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_calendar_takes_no_fields(sandbox):
    """QUERY_NOT_SUPPORTED."""
    answer = create(sandbox, {"module": "Events", "fields": ["Event_Title"]}, file_type="ics")

    assert (answer.status_code, answer.json()["code"]) == (400, "QUERY_NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("content", "headers", "status_code", "code"),
    [
        (b'{"query": {"module": "Contacts"}}', {}, 415, "MEDIA_TYPE_NOT_SUPPORTED"),
        (b"", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_IS_EMPTY"),
        (b"{", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
        (b"[]", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
        (b"{}", {"Content-Type": "application/json"}, 400, "REQUEST_BODY_NOT_READABLE"),
    ],
)
def test_a_body_that_is_none_is_refused(sandbox, content, headers, status_code, code):
    """Bulk addresses, other than all others, ask for a Content-Type."""
    answer = sandbox.api("POST", "/read", base=BULK, data=content, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status_code, code)


def test_bulk_needs_a_scope_of_its_own(sandbox):
    """A token that may read every module may not read it in bulk."""
    answer = sandbox.api(
        "POST",
        "/read",
        base=BULK,
        json={"query": {"module": "Contacts"}},
        refresh_token=sandbox.limited_refresh_token,
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
