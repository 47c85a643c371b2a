"""The sync flow: start a session, drain its queue, acknowledge; what is not acknowledged comes again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
from support.feed import Feed
from support.sandbox import Sandbox

from bigin_api import Client
from bigin_feed.log import Post
from bigin_feed.notifications import Told
from bigin_feed.sync_flow import MOST_SESSIONS, SyncFlow, SyncRefused


@pytest.fixture
def log(tmp_path, open_log):
    return open_log(f"sqlite:///{tmp_path / 'feed.sqlite'}")


@pytest.fixture
def flow(sandbox, log):
    """The flow of a device ``phone`` that has begun at the head."""
    with Client.from_settings(sandbox.settings_for()) as client:
        made = SyncFlow(log, client)
        assert made.start("phone") is None
        yield made


def tell(log, operation, *ids, module="Contacts", at="2026-05-14T10:00:00.000Z"):
    log.append([Post([Told("1", module, each, operation) for each in ids], at)])


def drain(flow, session):
    """All items of a session, and what failed."""
    items, failed = [], []
    while (page := flow.items(session["data"]["id"])) is not None:
        items += page["items"]
        failed += page["meta"]["failed_objects"]
    return items, failed


def test_a_new_device_begins_at_the_head(log, flow):
    """It reads everything by other means first; what was told before is not for it."""
    tell(log, "update", "1")

    assert flow.start("tablet") is None
    assert flow.start("phone") is not None


def test_records_come_as_they_are_now(sandbox, log, flow):
    """However often one changed, it comes once, in its freshest state, for one credit."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    tell(log, "insert", contact)
    tell(log, "update", contact)
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": contact, "data": {"Phone": "+47 1"}})

    session = flow.start("phone")
    items, failed = drain(flow, session)

    assert session["data"]["queues"][0]["data"] == {"name": "main", "pages": 1, "total_count": 1}
    ((item,), sync) = (items, items[0]["meta"]["sync"])
    assert (item["data"]["Last_Name"], item["data"]["Phone"]) == ("Berg", "+47 1")
    assert (item["meta"]["type"], sync["event_type"], sync["revision"]) == ("Contacts", "created", 2)
    assert failed == []
    assert sandbox.calls("GET /Contacts") == 1


def test_a_deletion_comes_as_an_id(sandbox, log, flow):
    """Told and gone: deleted. Told and still there, as when it was brought back: updated."""
    gone, back = (sandbox.create("Contacts", Last_Name=name) for name in ("Berg", "Ek"))
    sandbox.mutate({"op": "delete", "module": "Contacts", "id": gone})
    tell(log, "delete", gone, back)

    items, _ = drain(flow, flow.start("phone"))

    by_id = {item["data"]["id"]: item for item in items}
    assert by_id[gone]["data"] == {"id": gone}
    assert by_id[gone]["meta"]["sync"]["event_type"] == "deleted"
    assert by_id[back]["meta"]["sync"]["event_type"] == "updated"


@pytest.mark.parametrize("operation", ["update", "delete"])
@pytest.mark.parametrize("change", ["edit", "delete"])
def test_what_changes_between_the_calls_for_its_fields_comes_again(sandbox, log, flow, operation, change):
    """Else it came as half a record, or as one that was edited and undone at once."""
    changed, other = (each["id"] for each in sandbox.dump("Site_Surveys")[:2])
    sandbox.clock(advance=60)
    tell(log, operation, changed, other, module="Site_Surveys")
    wish = {"op": change, "module": "Site_Surveys", "id": changed, "data": {"Name": "Edited"}}
    sandbox.fault("GET /Site_Surveys", after=1, mutate=[wish])

    items, failed = drain(flow, flow.start("phone"))

    assert sandbox.calls("GET /Site_Surveys") == 2
    assert failed == [{"type": "Site_Surveys", "id": changed}]
    ((item,), (whole,)) = items, sandbox.api("GET", f"/Site_Surveys/{other}").json()["data"]
    assert item["data"] == {name: whole[name] for name in item["data"]}
    assert len(item["data"]) > 51

    again, failed = drain(flow, flow.start("phone"))
    told = next((each for each in again if each["data"]["id"] == changed), None)
    assert (told is None) == (change == "delete" and operation == "update")
    assert told is None or len(told["data"]) == (1 if change == "delete" else len(item["data"]))


def test_absence_alone_is_no_deletion(log, flow):
    """A record under approval is missing too: it is a failed object, and comes again."""
    tell(log, "update", "404")

    items, failed = drain(flow, flow.start("phone"))

    assert (items, failed) == ([], [{"type": "Contacts", "id": "404"}])
    assert flow.start("phone") is not None


def test_what_is_not_acknowledged_comes_again(sandbox, log, flow):
    """And what is acknowledged does not, unless it changed since it was handed out."""
    first, second, third = (sandbox.create("Contacts", Last_Name=f"Berg {n}") for n in range(3))
    tell(log, "update", first, second, third)
    items, _ = drain(flow, flow.start("phone"))
    tell(log, "update", third)  # after it was handed out

    keys = [item["meta"]["sync"]["ack_key"] for item in items if item["data"]["id"] in (first, third)]
    flow.start("phone")
    flow.acknowledge("phone", [*keys, "nonsense", "a-b-c"])

    again, _ = drain(flow, flow.start("phone"))
    assert {item["data"]["id"] for item in again} == {second, third}


def test_a_queue_is_handed_out_once_in_pages(sandbox, log, flow):
    """Two hundred and fifty records in three GETs, for a credit each."""
    ids = [
        each["id"]
        for each in sandbox.mutate(
            *({"op": "create", "module": "Contacts", "data": {"Last_Name": f"B{n}"}} for n in range(250))
        )
    ]
    tell(log, "insert", *ids)
    session = flow.start("phone")

    pages = [flow.items(session["data"]["id"]) for _ in range(4)]

    assert [page and (page["meta"]["count"], page["meta"]["count_left"]) for page in pages] == [
        (100, 150),
        (100, 50),
        (50, 0),
        None,
    ]
    assert sandbox.calls("GET /Contacts") == 3


def test_who_asks_at_the_same_time_is_handed_different_items(log, flow):
    """Else some would be handed out twice, and as many skipped."""
    both_read = threading.Barrier(2)

    class Items(list):
        def __getitem__(self, place):
            with suppress(threading.BrokenBarrierError):
                both_read.wait(0.2)
            return super().__getitem__(place)

    tell(log, "delete", *map(str, range(1, 151)))
    session_id = flow.start("phone")["data"]["id"]
    session = flow._sessions[session_id]
    session.items = Items(session.items)

    with ThreadPoolExecutor(2) as threads:
        pages = list(threads.map(flow.items, [session_id] * 2))

    handed = [item["data"]["id"] for page in pages for item in page["items"]]
    assert sorted(handed, key=int) == [str(number) for number in range(1, 151)]


def test_a_refused_module_fails_alone(sandbox, log, flow):
    """What the token may not read is told as failed; the others come."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    tell(log, "update", contact)
    tell(log, "update", "1", module="Nowhere")

    items, failed = drain(flow, flow.start("phone"))

    assert [item["data"]["id"] for item in items] == [contact]
    assert failed == [{"type": "Nowhere", "id": "1"}]


def test_a_hundred_sessions_are_open_and_no_more(log, flow):
    """The next is refused until one is drained or forgotten."""
    tell(log, "update", "404")
    sessions = [flow.start("phone") for _ in range(MOST_SESSIONS)]

    with pytest.raises(SyncRefused, match="too many sessions"):
        flow.start("phone")

    drain(flow, sessions[0])
    assert flow.start("phone") is not None


def test_a_device_that_was_away_for_too_long_is_told_so_once(log, flow):
    """What it missed was pruned: it must read everything anew; then it begins at the head."""
    tell(log, "update", "1")
    tell(log, "update", "2")
    log.prune(before="2027")

    with pytest.raises(SyncRefused, match="read everything anew"):
        flow.start("phone")
    assert flow.start("phone") is None


def test_what_is_old_and_not_acknowledged_comes_again_all_the_same(log, flow):
    """A record may be under approval for longer than rows are kept; the device was never away."""
    tell(log, "update", "404")
    flow.start("phone")
    log.prune(before="2027")

    assert drain(flow, flow.start("phone"))[1] == [{"type": "Contacts", "id": "404"}]


# over HTTP


@pytest.fixture(scope="module")
def feed(sandbox_process, tmp_path_factory):
    folder = tmp_path_factory.mktemp("feed")
    log_url = f"sqlite:///{folder / 'feed.sqlite'}"
    settings = Sandbox(sandbox_process.url).settings_for(feed_log=log_url, sync_token="bearer")
    feed = Feed(folder, settings)
    yield feed
    assert feed.stop() == 0


def call(feed, method, path, *, device="phone", token="bearer", header="X-Device-UUID", **arguments):
    headers = {header: device, "Authorization": f"Bearer {token}"}
    return requests.request(method, f"{feed.url}{path}", headers=headers, timeout=20, **arguments)


def test_the_whole_flow_over_http(sandbox, feed):
    """204, then 201, the queue by its link, 202, and 204 again."""
    assert call(feed, "POST", "/v2/sync/start").status_code == 204
    contact = sandbox.create("Contacts", Last_Name="Berg")
    feed.notify(ids=[contact])

    started = call(feed, "POST", "/v2/sync/start", header="X-Basecrm-Device-UUID")
    (queue,) = started.json()["data"]["queues"]
    page = call(feed, "GET", queue["meta"]["links"]["self"])
    keys = [item["meta"]["sync"]["ack_key"] for item in page.json()["items"]]
    empty = call(feed, "GET", queue["meta"]["links"]["self"])
    acknowledged = call(feed, "POST", "/v2/sync/ack", json={"data": {"ack_keys": keys}})

    assert (started.status_code, page.status_code, empty.status_code) == (201, 200, 204)
    assert started.json()["meta"] == {"type": "sync_session"}
    assert page.json()["items"][0]["data"]["Last_Name"] == "Berg"
    assert acknowledged.status_code == 202
    assert call(feed, "POST", "/v2/sync/start").status_code == 204


@pytest.mark.parametrize(
    ("how", "status"),
    [({"token": "wrong"}, 401), ({"token": ""}, 401), ({"device": ""}, 400)],
)
def test_who_may_not_is_refused(feed, how, status):
    """Nobody gets in without the bearer token; a device must name itself."""
    assert call(feed, "POST", "/v2/sync/start", **how).status_code == status


def test_keys_that_are_none_of_ours_are_let_be(open_log, url):
    """No database keeps every text: what it would refuse cost the keys beside it."""
    with open_log(url) as log:
        flow = SyncFlow(log, None)
        flow.start("phone")
        tell(log, "update", "7")
        flow.start("phone")

        flow.acknowledge(
            "phone",
            ["Con\0tacts-7-1", "-7-1", "Contacts-7-1x", "Contacts-7", f"Contacts-7-{log.state().head}"],
        )

        assert flow.start("phone") is None


@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": {"ack_keys": [1]}}', b'{"data": []}'])
def test_an_acknowledgement_of_another_form_is_refused(feed, body):
    """400."""
    assert call(feed, "POST", "/v2/sync/ack", data=body).status_code == 400


def test_an_unknown_session_is_not_found(feed):
    """404: the receiver was started anew, so the device starts a session anew."""
    assert call(feed, "GET", "/v2/sync/guess/queues/main").status_code == 404
