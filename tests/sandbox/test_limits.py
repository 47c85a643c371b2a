"""Credits, concurrency, headers of every answer. FACTS 2."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

CONTACTS = {"params": {"fields": "id"}}


@pytest.mark.parametrize(
    ("method", "path", "sent", "price"),
    [
        ("GET", "/Contacts", {"params": {"fields": "id"}}, 1),
        ("GET", "/Contacts", {"params": {"fields": "id", "sort_by": "Modified_Time"}}, 1),
        ("GET", "/Contacts", {"params": {"fields": "id", "cvid": "{cvid}"}}, 3),
        ("POST", "/Contacts", {"json": {"data": [{"Last_Name": "A"}]}}, 1),
        ("POST", "/Contacts", {"json": {"data": [{"Last_Name": f"A{n}"} for n in range(11)]}}, 2),
        ("POST", "/Contacts/upsert", {"json": {"data": [{"Last_Name": f"A{n}"} for n in range(100)]}}, 10),
        ("POST", "/Contacts", {"data": b"no json"}, 1),
        ("GET", "/Nowhere", {"params": {"fields": "id"}}, 1),
    ],
)
def test_calls_have_their_price(sandbox, method, path, sent, price):
    """FACTS 2, Cost; 7.14: failed calls are paid for, too."""
    views = sandbox.api("GET", "/settings/custom_views", params={"module": "Contacts"}).json()
    params = {k: v.format(cvid=views["custom_views"][0]["id"]) for k, v in sent.get("params", {}).items()}
    before = sandbox.usage()["credits"]

    sandbox.api(method, path, **{**sent, "params": params})

    assert sandbox.usage()["credits"] - before == price


@pytest.mark.parametrize(("edition", "limit"), [("free", 5_000), ("express", 50_000 + 6 * 250)])
def test_an_edition_has_its_credits(sandbox, edition, limit):
    """FACTS 2: 5,000, or 50,000 and 250 for each of the six active users."""
    sandbox.reset(edition=edition)

    assert sandbox.usage()["credits_limit"] == limit


def _spend(sandbox, credits_):
    """By bulk jobs at 500 each, though of nothing, and the rest at ten a call."""
    for _ in range(credits_ // 500):
        sandbox.api("POST", "/write", base="/bigin/bulk/v2", json={})
    for _ in range(credits_ % 500 // 10):
        data = [{"id": "1"} for _ in range(100)]
        sandbox.api("PUT", "/Contacts", json={"data": data})


def test_what_is_left_shows_once_half_is_used(sandbox):
    """FACTS 2: X-API-CREDITS-REMAINING appears when half of the day's credits are used."""
    sandbox.reset(edition="free")
    _spend(sandbox, 2_490)
    before = sandbox.api("GET", "/Contacts", **CONTACTS)
    _spend(sandbox, 10)

    after = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert "X-API-CREDITS-REMAINING" not in before.headers
    assert after.headers["X-API-CREDITS-REMAINING"] == str(5_000 - 2_490 - 1 - 10 - 1)


def test_without_credits_every_call_is_429_until_the_day_has_passed(sandbox):
    """FACTS 2: a rolling 24 hours; the refusal carries no Retry-After and costs nothing."""
    sandbox.reset(edition="free")
    _spend(sandbox, 5_000)

    refused = sandbox.api("GET", "/Contacts", **CONTACTS)

    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert "Retry-After" not in refused.headers
    assert refused.headers["X-API-CREDITS-REMAINING"] == "0"
    assert sandbox.usage()["credits"] == 5_000
    sandbox.clock(advance=24 * 3600 + 60)
    sandbox._tokens.clear()
    assert sandbox.api("GET", "/Contacts", **CONTACTS).status_code == 200


def _at_once(sandbox, number, **sent):
    sandbox.token()
    signed = {"Authorization": f"Zoho-oauthtoken {sandbox.token()}"}

    def call(_number):
        url = f"{sandbox.url}/bigin/v2/Contacts"
        with requests.request(url=url, headers=signed, timeout=30, **sent) as answer:
            return answer.status_code

    with ThreadPoolExecutor(number) as pool:
        return sorted(pool.map(call, range(number)))


@pytest.mark.parametrize(("edition", "most"), [("free", 5), ("express", 10)])
def test_more_calls_at_once_than_the_edition_allows_are_429(sandbox, edition, most):
    """FACTS 2, Concurrency: 10 at once, Free 5; clears as soon as the others are done."""
    sandbox.reset(edition=edition, latency_ms=2_000)

    statuses = _at_once(sandbox, most + 3, method="GET", **CONTACTS)

    assert statuses == [200] * most + [429] * 3
    assert sandbox.usage()["most_in_flight"] == most + 1  # a refused one is gone at once
    assert _at_once(sandbox, 1, method="GET", **CONTACTS) == [200]


def test_the_date_is_of_the_sandboxs_own_clock(sandbox):
    """FACTS 1, 7.7: readers take the server's Date, so it must agree with Modified_Time."""
    sandbox.clock(set="2026-03-29T00:59:50Z", freeze=True)

    answer = requests.get(f"{sandbox.url}/bigin/v2/Contacts", timeout=9)

    told = parsedate_to_datetime(answer.headers["date"])
    assert told == datetime(2026, 3, 29, 0, 59, 50, tzinfo=timezone.utc)
    assert len(answer.raw.headers.getlist("date")) == 1


@pytest.mark.parametrize("path", ["/oauth/v2/token", "/bigin/v2/nope/nope/nope/nope"])
def test_every_kind_of_answer_has_a_date(sandbox, path):
    """FACTS 1: `date` is the server's clock."""
    sandbox.clock(set="2026-03-29T00:59:50Z", freeze=True)

    answer = requests.post(sandbox.url + path, timeout=9)

    assert answer.headers["date"] == "Sun, 29 Mar 2026 00:59:50 GMT"


def test_large_bodies_are_compressed_when_asked(sandbox):
    """read.md 2: gzip above some 1 kB, where the client takes it."""
    signed = {"Authorization": f"Zoho-oauthtoken {sandbox.token()}"}
    url = f"{sandbox.url}/bigin/v2/settings/modules"

    with requests.get(url, headers={**signed, "Accept-Encoding": "gzip"}, stream=True, timeout=9) as answer:
        packed = answer.raw.read(decode_content=False)
        encoding = answer.headers.get("content-encoding")
    plain = requests.get(url, headers={**signed, "Accept-Encoding": "identity"}, timeout=9)
    small = sandbox.api("GET", "/Contacts", params={"fields": "id", "per_page": 1}, headers=signed)

    assert encoding == "gzip"
    assert json.loads(gzip.decompress(packed)) == plain.json()
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in small.headers


def test_json_needs_no_content_type(sandbox):
    """FACTS 1: both official SDKs post JSON without one."""
    body = json.dumps({"data": [{"Last_Name": "Plain"}]}).encode()

    answer = sandbox.api("POST", "/Contacts", data=body, headers={"Content-Type": None})

    assert answer.status_code == 201


def test_usage_counts_by_endpoint(sandbox):
    """A test of a connector's thrift asks which calls it made."""
    contact = sandbox.dump("Contacts")[0]["id"]
    sandbox.api("GET", f"/Contacts/{contact}")
    sandbox.api("GET", "/Contacts/1")
    sandbox.api("GET", "/Accounts", params={"fields": "id"})

    usage = sandbox.usage()

    assert usage["by_endpoint"]["GET /Contacts/{id}"] == {"calls": 2, "credits": 2}
    assert (usage["calls"], usage["credits"], usage["token_requests"]) == (3, 3, 1)
    assert usage["statuses"] == {"200": 2, "204": 1}
