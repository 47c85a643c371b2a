"""Attachments, files of file fields, photos: multipart in, bytes out. FACTS 5; write.md 9."""

from __future__ import annotations

import pytest
from support.writing import codes, insert, read

NOBODY = "6100000000000999999"
LEASE = {"file": ("lease.txt", b"12 months")}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.fixture
def contact(sandbox):
    """A contact's id."""
    return insert(sandbox, "Contacts", Last_Name="Berg")


def test_an_attachment_is_uploaded_listed_and_downloaded(sandbox, contact):
    """200, with the details of an insert."""
    answer = sandbox.api("POST", f"/Contacts/{contact}/Attachments", files=LEASE)

    assert answer.status_code == 200
    (entry,) = answer.json()["data"]
    assert entry["message"] == "attachment uploaded successfully"
    assert list(entry["details"]) == ["Modified_Time", "Modified_By", "Created_Time", "id", "Created_By"]
    path = f"/Contacts/{contact}/Attachments"
    (listed,) = sandbox.api("GET", path, params={"fields": "File_Name,Size"}).json()["data"]
    assert listed == {"id": entry["details"]["id"], "File_Name": "lease.txt", "Size": "9"}
    assert sandbox.api("GET", f"{path}/{listed['id']}").content == b"12 months"


def test_an_attachment_may_be_a_link(sandbox, contact):
    """By its address, with a title or without; it has no bytes to download."""
    link = {"attachmentUrl": "https://example.org/lease", "title": "The lease"}

    answer = sandbox.api("POST", f"/Contacts/{contact}/Attachments", data=link)
    wrong = sandbox.api("POST", f"/Contacts/{contact}/Attachments", data={"attachmentUrl": "lease"})

    attachment_id = answer.json()["data"][0]["details"]["id"]
    assert read(sandbox, "Attachments", attachment_id)["File_Name"] == "The lease"
    assert sandbox.api("GET", f"/Contacts/{contact}/Attachments/{attachment_id}").status_code == 400
    assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_DATA")


def test_an_attachment_is_deleted_at_its_record_only(sandbox, contact):
    """One by its address, several by ids; another record's is not found."""
    path = f"/Contacts/{contact}/Attachments"
    one, two = (sandbox.api("POST", path, files=LEASE).json()["data"][0]["details"]["id"] for _ in range(2))
    other = insert(sandbox, "Contacts", Last_Name="Ek")

    elsewhere = sandbox.api("DELETE", f"/Contacts/{other}/Attachments/{one}")
    first = sandbox.api("DELETE", f"{path}/{one}")
    several = sandbox.api("DELETE", path, params={"ids": f"{one},{two}"})

    assert (elsewhere.status_code, codes(elsewhere.json()["data"])) == (400, ["INVALID_DATA"])
    assert (first.status_code, first.json()["data"][0]["message"]) == (200, "record deleted")
    assert (several.status_code, codes(several.json()["data"])) == (207, ["INVALID_DATA", "SUCCESS"])
    assert sandbox.count("Attachments") == 0


@pytest.mark.parametrize(
    ("path", "files", "code"),
    [
        ("/Contacts/{contact}/Attachments", None, "INVALID_DATA"),
        ("/Contacts/{contact}/Attachments", [("file", ("a", b"1")), ("file", ("b", b"2"))], "INVALID_DATA"),
        (f"/Contacts/{NOBODY}/Attachments", LEASE, "INVALID_DATA"),
        ("/Calls/{contact}/Attachments", LEASE, "INVALID_DATA"),
        (
            "/Contacts/{contact}/Attachments",
            {"file": ("big.bin", bytes(20 * 1024 * 1024 + 1))},
            "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
        ),
    ],
)
def test_an_upload_that_cannot_be_is_refused(sandbox, contact, path, files, code):
    """No file, two files, nobody's record, a module without attachments, more than 20 MB."""
    answer = sandbox.api("POST", path.format(contact=contact), files=files)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert sandbox.count("Attachments") == 0


def test_several_files_are_uploaded_in_one_call(sandbox):
    """Each gets an id; the message is spelt as Bigin spells it."""
    parts = [("file", ("a.txt", b"one")), ("file", ("b.txt", b"two"))]

    answer = sandbox.api("POST", "/files", files=parts)

    entries = answer.json()["data"]
    assert [entry["details"]["name"] for entry in entries] == ["a.txt", "b.txt"]
    assert entries[0]["message"] == "a.txt uploaded Succeessfully"
    kept = [sandbox.api("GET", "/files", params={"id": entry["details"]["id"]}).content for entry in entries]
    assert kept == [b"one", b"two"]


def test_a_photo_is_set_shown_and_removed(sandbox, contact):
    """Its answers are flat, without `data`."""
    path = f"/Contacts/{contact}/photo"
    assert sandbox.api("GET", path).status_code == 204

    uploaded = sandbox.api("POST", path, files={"file": ("me.png", b"\x89PNG")})
    shown = sandbox.api("GET", path)
    image = read(sandbox, "Contacts", contact)["Record_Image"]
    deleted = sandbox.api("DELETE", path)

    assert uploaded.json() == {
        "code": "SUCCESS",
        "details": {},
        "message": "photo uploaded successfully",
        "status": "success",
    }
    assert (shown.content, image is None) == (b"\x89PNG", False)
    assert deleted.json()["message"] == "Photo deleted"
    assert sandbox.api("GET", path).status_code == 204
    assert sandbox.api("DELETE", path).status_code == 400


def test_a_photo_of_nobody_is_refused(sandbox):
    """And so is one of a record that has no such field."""
    deal = insert(sandbox, "Pipelines", Deal_Name="Lamps", Sub_Pipeline="Inbound", Stage="Proposal")

    for path in (f"/Contacts/{NOBODY}/photo", f"/Pipelines/{deal}/photo"):
        answer = sandbox.api("POST", path, files={"file": ("me.png", b"\x89PNG")})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
