"""/actions/watch: opening, listing, changing and ending channels."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support.channels import WATCH, channel, listed, now, wait, watch


def expiry_of(answer):
    (entry,) = answer.json()["watch"]
    return datetime.fromisoformat(entry["details"]["events"][0]["channel_expiry"])


# opening


def test_a_channel_is_opened(sandbox):
    """201, and an event for each module, whose resource_uri says v1 even on v2."""
    answer = watch(sandbox, "POST", channel(events=["Contacts.create", "Contacts.edit", "Pipelines.all"]))

    assert answer.status_code == 201
    (entry,) = answer.json()["watch"]
    assert (entry["code"], entry["status"]) == ("SUCCESS", "success")
    assert entry["message"] == "Successfully subscribed for actions-watch of the given module"
    contacts, pipelines = entry["details"]["events"]
    assert contacts["resource_uri"] == f"{sandbox.url}/bigin/v1/Contacts"
    assert (contacts["resource_name"], pipelines["resource_name"]) == ("Contacts", "Pipelines")
    assert (contacts["channel_id"], pipelines["channel_id"]) == ("10000", "10000")


@pytest.mark.parametrize("hours", [None, 25, 24 * 7])
def test_no_expiry_or_one_too_far_is_silently_two_hours(sandbox, hours):
    """The wish is not refused: the answer must be read."""
    sandbox.clock(set="2026-05-14T10:00:00Z", freeze=True)
    wish = {} if hours is None else {"channel_expiry": (now(sandbox) + timedelta(hours=hours)).isoformat()}

    answer = watch(sandbox, "POST", channel(**wish))

    assert expiry_of(answer) - now(sandbox) == timedelta(hours=2)


@pytest.mark.parametrize("hours", [1, 23, 24])
def test_an_expiry_within_a_day_is_taken(sandbox, hours):
    """At most one day ahead, told in the user's offset."""
    sandbox.clock(set="2026-05-14T10:00:00Z", freeze=True)
    wish = (now(sandbox) + timedelta(hours=hours)).isoformat()

    answer = watch(sandbox, "POST", channel(channel_expiry=wish))

    assert expiry_of(answer) - now(sandbox) == timedelta(hours=hours)
    assert expiry_of(answer).utcoffset() == timedelta(hours=2)


def test_opening_the_same_channel_again_renews_it(sandbox):
    """POST of a live channel is the way to keep it alive."""
    watch(sandbox, "POST", channel())
    wait(sandbox, 7000)

    answer = watch(sandbox, "POST", channel(events=["Pipelines.all"]))

    assert answer.status_code == 201
    wait(sandbox, 7000)
    assert [item["resource_name"] for item in listed(sandbox)] == ["Pipelines"]


@pytest.mark.parametrize(
    ("change", "code", "details"),
    [
        (
            {"channel_id": None},
            "MANDATORY_NOT_FOUND",
            {"api_name": "channel_id", "json_path": "$.watch[0].channel_id"},
        ),
        ({"events": None}, "MANDATORY_NOT_FOUND", {"api_name": "events", "json_path": "$.watch[0].events"}),
        ({"events": []}, "MANDATORY_NOT_FOUND", {"api_name": "events", "json_path": "$.watch[0].events"}),
        (
            {"notify_url": None},
            "MANDATORY_NOT_FOUND",
            {"api_name": "notify_url", "json_path": "$.watch[0].notify_url"},
        ),
        (
            {"channel_id": "ten"},
            "INVALID_DATA",
            {"expected_data_type": "bigint", "api_name": "channel_id", "json_path": "$.watch[0].channel_id"},
        ),
        ({"events": ["Notes.all"]}, "INVALID_DATA", {"api_name": "events", "json_path": "$.watch[0].events"}),
        (
            {"events": ["Contacts.read"]},
            "INVALID_DATA",
            {"api_name": "events", "json_path": "$.watch[0].events"},
        ),
        ({"events": ["Contacts"]}, "INVALID_DATA", {"api_name": "events", "json_path": "$.watch[0].events"}),
        (
            {"notify_url": "hook"},
            "INVALID_DATA",
            {"api_name": "notify_url", "json_path": "$.watch[0].notify_url"},
        ),
        (
            {"token": "x" * 51},
            "INVALID_DATA",
            {"api_name": "token", "json_path": "$.watch[0].token", "maximum_length": 50},
        ),
        (
            {"channel_expiry": "2099-01-01T00:00:00.000+00:00"},
            "INVALID_DATA",
            {
                "api_name": "channel_expiry",
                "json_path": "$.watch[0].channel_expiry",
                "expected_data_type": "datetime",
            },
        ),
        (
            {"channel_expiry": "2020-01-01T00:00:00+00:00"},
            "INVALID_DATA",
            {
                "api_name": "channel_expiry",
                "json_path": "$.watch[0].channel_expiry",
                "expected_data_type": "datetime",
            },
        ),
    ],
)
def test_a_channel_that_does_not_fit_is_refused(sandbox, change, code, details):
    """400 with the place, and no channel."""
    answer = watch(sandbox, "POST", channel(**change))

    (entry,) = answer.json()["watch"]
    assert (answer.status_code, entry["code"], entry["details"]) == (400, code, details)
    assert sandbox.api("GET", WATCH).status_code == 204


def test_one_bad_channel_does_not_touch_the_others(sandbox):
    """207: each entry has its own fate."""
    answer = watch(sandbox, "POST", channel(), channel(channel_id=None), channel(channel_id=10001))

    assert answer.status_code == 207
    assert [entry["status"] for entry in answer.json()["watch"]] == ["success", "error", "success"]
    assert answer.json()["watch"][1]["details"]["json_path"] == "$.watch[1].channel_id"
    assert [item["channel_id"] for item in listed(sandbox)] == ["10000", "10001"]


def test_more_than_a_hundred_channels_are_refused(sandbox):
    """The whole call, and none is opened."""
    answer = watch(sandbox, "POST", *(channel(channel_id=str(number)) for number in range(101)))

    assert (answer.status_code, answer.json()["code"]) == (400, "LIMIT_EXCEEDED")
    assert listed(sandbox) == []


@pytest.mark.parametrize("body", [{}, {"watch": []}, {"watch": {}}])
def test_a_body_without_channels_is_refused(sandbox, body):
    """400."""
    assert sandbox.api("POST", WATCH, json=body).status_code == 400


# listing


def test_channels_are_listed_by_module(sandbox):
    """Every key of an item, and the info beside them."""
    watch(sandbox, "POST", channel(events=["Contacts.all", "Pipelines.edit"], token="secret"))

    body = sandbox.api("GET", WATCH).json()

    assert body["info"] == {"per_page": 200, "count": 2, "page": 1, "more_records": False}
    item = body["watch"][0]
    assert item.pop("channel_expiry")[-6:] in {"+01:00", "+02:00"}
    assert item.pop("resource_id").isdecimal()
    assert item == {
        "notify_on_related_action": False,
        "return_affected_field_values": False,
        "notify_url": "http://127.0.0.1:9/hook",
        "fields": None,
        "events": ["Contacts.all"],
        "token": "secret",
        "resource_uri": f"{sandbox.url}/bigin/v1/Contacts",
        "resource_name": "Contacts",
        "channel_id": "10000",
    }


def test_the_list_is_filtered_and_paged(sandbox):
    """By channel and module; 204 where nothing is left."""
    watch(sandbox, "POST", channel(events=["Contacts.all", "Tasks.all"]), channel(channel_id="2"))

    assert len(listed(sandbox, channel_id="10000")) == 2
    assert [item["channel_id"] for item in listed(sandbox, module="Contacts")] == ["10000", "2"]
    page = sandbox.api("GET", WATCH, params={"page": 1, "per_page": 2}).json()
    assert page["info"] == {"per_page": 2, "count": 2, "page": 1, "more_records": True}
    assert sandbox.api("GET", WATCH, params={"channel_id": "3"}).status_code == 204


def test_an_expired_channel_vanishes(sandbox):
    """After two hours nobody is told any more, and nothing says so."""
    watch(sandbox, "POST", channel())

    wait(sandbox, 2 * 3600 + 1)

    assert sandbox.api("GET", WATCH).status_code == 204


# changing and ending


def test_overwriting_drops_what_is_not_sent(sandbox):
    """PUT: token and flags are gone if they are left out."""
    watch(sandbox, "POST", channel(token="secret", return_affected_field_values=True))

    answer = watch(sandbox, "PUT", channel(events=["Tasks.edit"]))

    assert answer.status_code == 200
    assert answer.json()["watch"][0]["message"] == "Successfully updated the subscribe details"
    (item,) = listed(sandbox)
    assert (item["events"], item["token"], item["return_affected_field_values"]) == (
        ["Tasks.edit"],
        None,
        False,
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changing_an_unknown_channel_is_refused(sandbox, method):
    """NOT_SUBSCRIBED."""
    answer = watch(sandbox, method, channel())

    assert (answer.status_code, answer.json()["watch"][0]["code"]) == (400, "NOT_SUBSCRIBED")


def test_single_events_are_dropped_when_asked_so(sandbox):
    """PATCH with `_delete_events`."""
    watch(sandbox, "POST", channel(events=["Contacts.create", "Contacts.edit", "Tasks.all"]))

    answer = watch(
        sandbox, "PATCH", {"channel_id": "10000", "events": ["Contacts.edit"], "_delete_events": True}
    )

    assert answer.status_code == 200
    assert answer.json()["watch"][0]["message"] == "Successfully removed the subscribe details"
    assert [item["events"] for item in listed(sandbox)] == [["Contacts.create"], ["Tasks.all"]]


@pytest.mark.parametrize("flag", [{}, {"_delete_events": False}])
def test_without_the_flag_nothing_is_dropped_and_success_is_told(sandbox, flag):
    """The trap: PATCH answers SUCCESS and does nothing."""
    watch(sandbox, "POST", channel(events=["Contacts.create", "Contacts.edit"]))

    answer = watch(sandbox, "PATCH", {"channel_id": "10000", "events": ["Contacts.edit"], **flag})

    assert answer.json()["watch"][0]["code"] == "SUCCESS"
    assert listed(sandbox)[0]["events"] == ["Contacts.create", "Contacts.edit"]


def test_a_channel_without_events_is_ended(sandbox):
    """The last event takes the channel along."""
    watch(sandbox, "POST", channel(events=["Contacts.create", "Contacts.edit"]))

    watch(sandbox, "PATCH", {"channel_id": "10000", "events": ["Contacts.all"], "_delete_events": True})

    assert listed(sandbox) == []


def test_ending_a_channel_answers_an_entry_for_each_module(sandbox):
    """DELETE by query."""
    watch(sandbox, "POST", channel(events=["Contacts.all", "Tasks.edit"]))

    answer = sandbox.api("DELETE", WATCH, params={"channel_ids": "10000"})

    assert answer.status_code == 200
    entries = answer.json()["watch"]
    assert [set(entry["details"]) for entry in entries] == [{"resource_uri", "resource_id", "channel_id"}] * 2
    assert {entry["message"] for entry in entries} == {"Successfully un-subscribed from actions-watch"}
    assert listed(sandbox) == []


def test_ending_an_unknown_channel_is_202_and_an_error(sandbox):
    """Seen live: the status code says accepted, the entry says error."""
    answer = sandbox.api("DELETE", WATCH, params={"channel_ids": "404"})

    (entry,) = answer.json()["watch"]
    assert (answer.status_code, entry["code"], entry["status"]) == (202, "NOT_SUBSCRIBED", "error")
    assert "channel_id" not in entry["details"]


def test_ending_needs_to_be_told_what(sandbox):
    """REQUIRED_PARAM_MISSING."""
    answer = sandbox.api("DELETE", WATCH)

    assert (answer.status_code, answer.json()["code"]) == (400, "REQUIRED_PARAM_MISSING")


def test_channels_need_a_scope_of_their_own(sandbox):
    """A token for records alone may not watch."""
    answer = sandbox.api("GET", WATCH, refresh_token=sandbox.limited_refresh_token)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
