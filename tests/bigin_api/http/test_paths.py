"""Names and ids in addresses: none leads to another place than it says, and a list has no more than was given."""

import io

import pytest
from support.scripted import Answer

from bigin_api import BiginError, BulkReadJob, BulkWriteJob, Client, InvalidRequest, ServerError

ODD = ["17/actions/delete", "17?ids=18", "17#x", "17%2F18", "../Accounts", "a b", "Größe", r"a\b", "a;b=1"]
QUOTED = ["17%2Factions%2Fdelete", "17%3Fids%3D18", "17%23x", "17%252F18", "..%2FAccounts", "a%20b", "Gr%C3%B6%C3%9Fe", "a%5Cb", "a%3Bb%3D1"]  # fmt: skip
CALLS = {
    "/X": lambda client, odd: client.records.page(odd, ["id"]),
    "/Contacts/X": lambda client, odd: client.records.get("Contacts", odd),
    "/X/17": lambda client, odd: client.records.get(odd, "17"),
    "/X/actions/count": lambda client, odd: client.records.count(odd),
    "/X/deleted": lambda client, odd: client.records.deleted(odd),
    "/X?wf_trigger": lambda client, odd: client.records.delete(odd, ["17"]),
    "/X?insert": lambda client, odd: client.records.insert(odd, [{}]),
    "/X?update": lambda client, odd: client.records.update(odd, [{}]),
    "/X/upsert": lambda client, odd: client.records.upsert(odd, [{}]),
    "/X/17/Notes": lambda client, odd: client.related.page(odd, "17", "Notes", ["id"]),
    "/Contacts/X/Notes": lambda client, odd: client.related.page("Contacts", odd, "Notes", ["id"]),
    "/Contacts/17/X": lambda client, odd: client.related.page("Contacts", "17", odd, ["id"]),
    "/Contacts/X/Emails": lambda client, odd: client.related.emails("Contacts", odd),
    "/X/17/Emails": lambda client, odd: client.related.emails(odd, "17"),
    "/Contacts/X/Products/1": lambda client, odd: client.related.link("Contacts", odd, "Products", "1"),
    "/Contacts/17/Products/X": lambda client, odd: client.related.link("Contacts", "17", "Products", odd),
    "/X/actions/add_tags": lambda client, odd: client.tags.add(odd, ["17"], ["vip"]),
    "/X/actions/remove_tags": lambda client, odd: client.tags.remove(odd, ["17"], ["vip"]),
    "/read/X": lambda client, odd: client.bulk_read.status(odd),
    "/read/X/result": lambda client, odd: client.bulk_read.download(BulkReadJob(odd, "COMPLETED"), io.BytesIO()),
    "/write/X": lambda client, odd: client.bulk_write.status(odd),
}  # fmt: skip


def outcome(client: Client, call: str, odd: str) -> BiginError | None:
    try:
        CALLS[call](client, odd)
    except BiginError as error:
        return error
    return None


@pytest.mark.parametrize("call", CALLS)
def test_a_name_or_an_id_stays_one_part_of_the_path(server, client, call):
    """A record's id may come from anybody's spreadsheet: it must not choose what is called."""
    for odd in ODD:
        server.answers.append(Answer(400, b"{}"))
        outcome(client, call, odd)

    expected = [call.partition("?")[0].replace("X", quoted) for quoted in QUOTED]
    asked = [
        each.path.partition("?")[0].removeprefix("/bigin").removeprefix("/bulk") for each in server.asked
    ]
    assert asked == [f"/v2{path}" for path in expected]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("odd", ["", ".", ".."])
def test_what_would_vanish_from_a_path_is_refused(server, client, call, odd):
    """An empty id made a list of a record; two dots go up, whatever they are quoted as."""
    error = outcome(client, call, odd)

    assert isinstance(error, InvalidRequest)
    assert server.asked == []


@pytest.mark.parametrize("odd", ["17,18", ""])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, odd: client.records.delete("Contacts", ["1", odd]),
        lambda client, odd: client.records.page("Contacts", ["id"], ids=[odd]),
        lambda client, odd: client.records.page("Contacts", ["id", odd]),
        lambda client, odd: client.records.get("Contacts", "1", [odd]),
        lambda client, odd: client.related.page("Contacts", "1", "Notes", [odd]),
        lambda client, odd: client.tags.remove("Contacts", [odd], ["vip"]),
        lambda client, odd: client.tags.remove("Contacts", ["1"], [odd]),
    ],
    ids=["delete", "ids", "fields", "get", "related", "ids of tags", "names of tags"],
)
def test_one_of_a_list_is_never_taken_for_two(server, client, call, odd):
    """An id with a comma deleted two records, a tag with a comma was taken for two tags."""
    with pytest.raises(InvalidRequest, match="cannot stand in a list"):
        call(client, odd)

    assert server.asked == []


def test_half_a_character_in_a_name_is_no_traceback(server, client):
    """No name of Bigin's has one, so what is asked for instead is not found."""
    client.records.get("Contacts", "\ud800")

    assert server.asked[0].path == "/bigin/v2/Contacts/%3F"


@pytest.mark.parametrize("address", ["https://[x", "https://[::1", "//evil.org/x", "https://a@download.zoho.com/x",
                                     r"https://HOST\.zoho.com/x", "ftp://download.zoho.com/x"])  # fmt: skip
def test_a_results_address_that_is_none_is_refused(server, client, address):
    """It comes from an answer: neither a traceback nor a token for whoever wrote it."""
    with pytest.raises(InvalidRequest):
        client.bulk_write.download(BulkWriteJob("1", "COMPLETED", download_url=address), io.BytesIO())

    assert server.asked == []


@pytest.mark.parametrize("raw", [{"resource": 7, "result": {"download_url": [1]}}, {"resource": {"code": "X"}},
                                 {"resource": [{"code": {}}], "result": 7, "created_time": []}])  # fmt: skip
def test_a_job_described_in_another_shape_is_a_job(raw):
    """What is not as expected counts as absent."""
    assert BulkWriteJob.from_json({"id": "1", **raw}) == BulkWriteJob("1", "ADDED")


@pytest.mark.parametrize(
    "org", [{"zgid": "1\r\nX-Evil: 1"}, {"zgid": "☃"}, {"zgid": "\uff11"}, {"zgid": [1]}, {}, None, "org"]
)
def test_an_organisation_whose_number_no_header_can_carry_has_none(server, client, org):
    """It is sent with each upload, and the library would end in a traceback."""
    server.answers.append(Answer.of({"org": [org]}))

    with pytest.raises(ServerError, match="no zgid"):
        client.bulk_write.upload(io.BytesIO(b"PK"), "x.zip")
