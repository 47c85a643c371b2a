"""Bulk Write: what is refused, of files, bodies and jobs."""

from __future__ import annotations

import pytest
from support.bulk_write import (
    BULK,
    body,
    create,
    packed,
    upload,
    uploaded,
)

NAMES = [{"api_name": "Last_Name", "index": 0}, {"api_name": "Email", "index": 1}]


pytestmark = pytest.mark.usefixtures("quick_jobs")


# uploading


def test_a_zip_is_kept(sandbox):
    """200, and the id that a job asks for."""
    answer = upload(sandbox, packed(people_csv="Last_Name\nBerg\n"))

    details = answer.json().pop("details")
    assert answer.status_code == 200
    assert details["file_id"].isdecimal()
    assert details["created_time"][-6:] in {"+01:00", "+02:00"}
    assert answer.json()["code"] == "FILE_UPLOAD_SUCCESS"


@pytest.mark.parametrize("headers", [{"feature": ""}, {"feature": "bulk-read"}, {"X-CRM-ORG": "1"}])
def test_wrong_headers_get_another_envelope(sandbox, headers):
    """One that no other call has."""
    answer = upload(sandbox, packed(people_csv="Last_Name\n"), **headers)

    assert answer.status_code == 400
    assert answer.json() == {
        "ERROR_CODE": 400,
        "ERROR_MESSAGE": "Bad Request",
        "x-error": "check if headers [feature, X-CRM-ORG] are present and valid",
    }


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"Last_Name\nBerg\n", "INVALID_FILE_FORMAT"), (b"x" * 100, "INVALID_FILE_FORMAT")],
)
def test_a_file_that_is_no_zip_is_refused_with_200(sandbox, content, code):
    """The status says good, the code says bad: judge by the code."""
    answer = upload(sandbox, content)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["code"]) == ("error", code)
    assert set(answer.json()["details"]) == {"created_time"}


def test_more_than_25_mb_are_refused_with_200(sandbox):
    """FILE_TOO_LARGE."""
    answer = upload(sandbox, packed(people_csv=b"x" * (25 * 1024 * 1024 + 1)))

    assert (answer.status_code, answer.json()["code"]) == (200, "FILE_TOO_LARGE")


def test_uploading_needs_a_scope_of_its_own(sandbox):
    """ZohoFiles.files.ALL."""
    answer = sandbox.api("POST", "/upload", refresh_token=sandbox.limited_refresh_token)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")


# refusals


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ({"operation": None}, "MISSING_REQUIRED_KEY"),
        ({"operation": "delete"}, "INVALID_DATA"),
        ({"resource": None}, "MISSING_REQUIRED_KEY"),
        ({"resource": []}, "MISSING_REQUIRED_KEY"),
        ({"resource": {}}, "INVALID_DATA"),
        ({"resource": [{}, {}]}, "LIMIT_EXCEEDED"),
        ({"callback": {"url": "hooks", "method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"callback": {"url": "https://hooks.example.org", "method": "get"}}, "INVALID_CALLBACK_METHOD"),
        ({"character_encoding": "klingon"}, "INVALID_FORMAT"),
    ],
)
def test_a_body_that_cannot_be_is_refused(sandbox, job, code):
    """400, flat."""
    whole = {**body(uploaded(sandbox, "Last_Name\nBerg\n"), "insert"), **job}

    answer = create(sandbox, {key: value for key, value in whole.items() if value is not None})

    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, "error")


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ({"type": None}, "MISSING_REQUIRED_KEY"),
        ({"module": None}, "MISSING_REQUIRED_KEY"),
        ({"file_id": None}, "MISSING_REQUIRED_KEY"),
        ({"file_id": "610"}, "INVALID_FILE_ID"),
        ({"module": "Nope"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Tasks"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Events"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Calls"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Notes"}, "MODULE_NOT_AVAILABLE"),
        ({"module": "Subscriptions"}, "MODULE_NOT_AVAILABLE"),
        ({"find_by": None}, "MANDATORY_NOT_FOUND"),
        ({"find_by": "Phone"}, "INVALID_FIELD"),
        ({"field_mappings": [{"index": 0}]}, "MISSING_REQUIRED_KEY"),
        ({"field_mappings": [{"api_name": "Last_Name"}]}, "MISSING_REQUIRED_KEY"),
        ({"field_mappings": [{"api_name": "ast_Name", "index": 0}]}, "INVALID_FIELD_NAME"),
        ({"field_mappings": [{"api_name": "Tag", "index": 0}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Record_Image", "index": 0}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Account_Name", "index": 0}]}, "MANDATORY_NOT_FOUND"),
        ({"field_mappings": [{"api_name": "Account_Name", "index": 0, "find_by": "Phone"}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Owner", "index": 0, "find_by": "email"}]}, "INVALID_FIELD"),
        ({"field_mappings": [{"api_name": "Email", "index": 0, "format": "dd"}]}, "INVALID_FORMAT"),
        ({"field_mappings": [{"api_name": "Last_Name", "index": "0"}]}, "INVALID_DATA"),
        ({"field_mappings": [*NAMES, NAMES[0]]}, "COEXISTENCE_NOT_ALLOWED"),
        ({"field_mappings": [NAMES[1]]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ({"field_mappings": [NAMES[0]]}, "MANDATORY_FIELDS_NOT_MAPPED"),
    ],
)
def test_a_resource_that_cannot_be_is_refused(sandbox, resource, code):
    """Keys and field names are looked at when the job is made."""
    good = {"find_by": "Email", **resource}
    module, file_id = (
        good.pop("module", "Contacts"),
        good.pop("file_id", uploaded(sandbox, "Last_Name\nBerg\n")),
    )
    whole = body(file_id, "upsert", module, **good)

    answer = create(sandbox, whole)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


def test_refusals_say_what_is_missing(sandbox):
    """In words of the platform."""
    file_id = uploaded(sandbox, "Last_Name\nBerg\n")

    no_index = create(sandbox, body(file_id, "insert", field_mappings=[{"api_name": "Last_Name"}])).json()
    no_module = create(sandbox, body(file_id, "insert", "asdf")).json()
    wrong = create(
        sandbox, body(file_id, "insert", field_mappings=[{"api_name": "ast_Name", "index": 0}])
    ).json()
    no_key = create(sandbox, body(file_id, "update")).json()

    assert no_index["message"] == "required key index for field Last_Name is not found in request body."
    assert no_module["message"] == "Requested module 'asdf' is not available."
    assert wrong["message"] == "invalid mapping. invalid api_name ast_Name."
    assert no_key["message"] == "Required key find_by is not available"


@pytest.mark.parametrize(
    "members", [{"a_csv": "Last_Name\n", "b_csv": "Last_Name\n"}, {"people_txt": "Last_Name\n"}, {}]
)
def test_a_zip_holds_one_csv(sandbox, members):
    """FILE_NOT_SUPPORTED, when the job is to be made."""
    file_id = upload(sandbox, packed(**members)).json()["details"]["file_id"]

    answer = create(sandbox, body(file_id, "insert"))

    assert (answer.status_code, answer.json()["code"]) == (400, "FILE_NOT_SUPPORTED")


def test_bulk_write_needs_a_scope_of_its_own(sandbox):
    """bulk.CREATE."""
    answer = sandbox.api("POST", "/write", base=BULK, json={}, refresh_token=sandbox.limited_refresh_token)

    assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
