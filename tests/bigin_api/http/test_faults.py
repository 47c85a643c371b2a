"""The whole client against a Bigin in trouble: what is repeated, what is not, and what it cost."""

import json
import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bigin_api import (
    AuthError,
    ClientClosed,
    ConnectionFailed,
    CreditBudgetReached,
    RateLimited,
    ServerError,
)

NAME = ["Last_Name"]
TURNED_AWAY = {401, 429}  # the sandbox charges for neither; whether Bigin does is not known


def people(number: int) -> list[dict[str, str]]:
    return [{"Last_Name": f"N{n}", "Email": f"n{n}@example.org"} for n in range(number)]


def attempts(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


FAULTS = {
    "drop": {"drop": True},
    "truncate": {"truncate": True},
    "lost answer": {"lose_response": True},
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_page_is_read_in_spite_of_it(bigin, sandbox, fault):
    """A read comes to the same when it is sent again."""
    sandbox.fault("GET /Contacts", times=2, **fault)

    page = bigin.records.page("Contacts", NAME)

    assert len(page.records) == sandbox.count("Contacts")
    assert sandbox.calls("GET /Contacts") == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_insert_is_sent_once(bigin, sandbox, fault):
    """Whether it was written is for the caller to find out: at most one copy may ever exist."""
    before = sandbox.count("Contacts")
    sandbox.fault("POST /Contacts", **fault)

    with pytest.raises((ServerError, ConnectionFailed)) as raised:
        bigin.records.insert("Contacts", people(10))

    assert raised.value.may_have_happened
    assert sandbox.calls("POST /Contacts") == 1
    assert sandbox.count("Contacts") - before in (0, 10)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_an_upsert_is_sent_again_and_doubles_nothing(bigin, sandbox, fault):
    """On a unique field with a value a repeat says update."""
    before = sandbox.count("Contacts")
    sandbox.fault("POST /Contacts/upsert", **fault)

    results = bigin.records.upsert("Contacts", people(10), duplicate_check_fields=["Email"])

    assert all(each.succeeded for each in results)
    assert sandbox.count("Contacts") - before == 10


def test_an_insert_that_was_turned_away_is_sent_again(bigin, sandbox):
    """429 comes before any work."""
    before = sandbox.count("Contacts")
    sandbox.fault("POST /Contacts", status=429, times=3)

    results = bigin.records.insert("Contacts", people(100))

    assert all(each.succeeded for each in results)
    assert sandbox.count("Contacts") - before == 100


def test_an_insert_outlives_its_token(bigin, sandbox):
    """401 comes before any work: the call goes out again with another token, once."""
    bigin.records.count("Contacts")
    before = sandbox.count("Contacts")
    sandbox.expire_tokens()

    results = bigin.records.insert("Contacts", people(3))

    assert all(each.succeeded for each in results)
    assert sandbox.count("Contacts") - before == 3
    assert sandbox.usage()["token_requests"] == 2


def test_an_insert_outlives_an_accounts_server_that_stumbles(bigin, sandbox):
    """The insert had not left when its token could not be had."""
    before = sandbox.count("Contacts")
    sandbox.fault("POST /oauth/*", drop=True)
    sandbox.fault("POST /oauth/*", status=502)
    sandbox.fault("POST /oauth/*", truncate=True)

    results = bigin.records.insert("Contacts", people(3))

    assert all(each.succeeded for each in results)
    assert sandbox.count("Contacts") - before == 3


def test_many_threads_outlive_their_token_with_one_refresh(sandbox, connect):
    """An hour into the run ten calls are in flight when the token ends."""
    client = connect(sandbox.url, **sandbox.settings_for(max_concurrent_requests=10))
    client.records.count("Contacts")
    sandbox.expire_tokens()

    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(lambda _: client.records.page("Contacts", NAME), range(60)))

    assert {len(page.records) for page in pages} == {sandbox.count("Contacts")}
    assert sandbox.usage()["token_requests"] == 2


def test_a_429_storm_passes(sandbox, connect):
    """More threads than the edition allows calls: all get through, and the gate has learnt."""
    sandbox.reset(edition="free", latency_ms=20)
    client = connect(sandbox.url, **sandbox.settings_for(max_concurrent_requests=10, max_retries=30))

    def read(_number):
        client.records.page("Contacts", NAME)
        return client._gate.allowed  # it grows again once the storm is over

    with ThreadPoolExecutor(30) as pool:
        allowed = list(pool.map(read, range(120)))

    assert len(allowed) == 120
    assert sandbox.usage()["statuses"]["429"] > 0
    assert min(allowed) < 10


def test_with_the_default_number_of_calls_there_is_no_storm(sandbox, connect):
    """5 at once is safe on every edition; an answer takes longer than a busy machine needs to ask five times."""
    sandbox.reset(edition="free", latency_ms=250)
    client = connect(sandbox.url, **sandbox.settings_for())

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda _: client.records.page("Contacts", NAME), range(30)))

    assert sandbox.usage()["most_in_flight"] == 5
    assert "429" not in sandbox.usage()["statuses"]


def test_a_storm_that_does_not_end_is_said(bigin, sandbox):
    """After the last try a person reads that it was the limit, and not the network."""
    sandbox.fault("GET /Contacts", status=429, times=None)

    with pytest.raises(RateLimited, match="Too many calls at once, or the day's credits"):
        bigin.records.page("Contacts", NAME)

    assert sandbox.calls("GET /Contacts") == 9


def test_spent_credits_end_the_call_at_once(sandbox, connect):
    """They come back over a day: eight tries with backoff would only take a nap before the same end."""
    sandbox.reset(edition="free")
    client = connect(sandbox.url, **sandbox.settings_for())
    for _ in range(10):
        sandbox.api("POST", "/bulk/v2/write", base="/bigin", json={})
    tries = sandbox.usage()["calls"]

    with pytest.raises(RateLimited, match="used up"):
        client.records.page("Contacts", NAME)

    assert sandbox.usage()["calls"] == tries + 1
    assert client.spent().remaining == 0


def test_what_remains_is_known_from_half_of_the_day_on(sandbox, connect):
    """The end of the run tells it, so that nobody is surprised in the afternoon."""
    sandbox.reset(edition="free")
    client = connect(sandbox.url, **sandbox.settings_for())
    client.records.count("Contacts")
    assert client.spent().remaining is None
    for _ in range(5):
        sandbox.api("POST", "/bulk/v2/write", base="/bigin", json={})

    client.records.count("Contacts")

    assert client.spent().remaining == sandbox.usage()["credits_remaining"]


def test_a_delay_beyond_the_timeout_is_a_lost_answer(sandbox, connect):
    """The work is done all the same: an insert must not be sent again."""
    client = connect(sandbox.url, **sandbox.settings_for(request_timeout=1))
    before = sandbox.count("Contacts")
    sandbox.fault("POST /Contacts", delay_ms=1500)

    with pytest.raises(ConnectionFailed, match="did not answer in time") as raised:
        client.records.insert("Contacts", people(1))

    assert raised.value.may_have_happened
    for _ in range(200):
        if sandbox.usage()["calls"]:  # counted when it ends
            break
        time.sleep(0.05)
    assert sandbox.count("Contacts") - before == 1


def test_the_budget_ends_the_run_before_the_call(sandbox, connect):
    """What would cost too much is not sent: the budget is never overspent."""
    client = connect(sandbox.url, **sandbox.settings_for(credit_budget=12))
    client.records.insert("Contacts", people(100))
    client.records.count("Contacts")

    with pytest.raises(CreditBudgetReached):
        client.records.insert("Contacts", people(20))

    assert sandbox.usage()["credits"] == client.spent().credits == 11


def test_refused_tokens_end_the_run_with_what_to_check(bigin, sandbox):
    """A token of another data center is refused however fresh it is."""
    sandbox.fault("GET /Contacts", status=401, times=None)

    with pytest.raises(AuthError, match="Check data_center first"):
        bigin.records.page("Contacts", NAME)

    assert sandbox.calls("GET /Contacts") == 2


def test_no_fault_leaves_a_place_in_the_gate(sandbox, connect):
    """A place lost to each failure would slow the night's run down until it stands still."""
    client = connect(sandbox.url, **sandbox.settings_for(max_retries=0))
    for fault in FAULTS.values():
        sandbox.fault("GET /Contacts", **fault)
    sandbox.fault("GET /Contacts", status=401, times=2)
    sandbox.fault("GET /Contacts", status=403)

    with ThreadPoolExecutor(10) as pool:
        tries = [pool.submit(client.records.page, "Contacts", NAME) for _ in range(30)]
        failed = sum(each.exception() is not None for each in tries)

    assert 7 <= failed <= 9
    assert client._gate.inside == 0


def test_closing_ends_what_waits(bigin, sandbox):
    """SIGTERM: no new call goes out, and none is waited for."""
    bigin.close()

    with pytest.raises(ClientClosed):
        bigin.records.page("Contacts", NAME)
    with pytest.raises(ClientClosed):
        bigin.pause(3600)

    assert sandbox.usage()["calls"] == 0


def test_a_retry_is_told_with_its_reason(bigin, sandbox, caplog):
    """A run that stands still for a minute says why; a stumble is no news at seven in the morning."""
    sandbox.fault("GET /Contacts", status=502, times=3)

    with caplog.at_level(logging.INFO):
        bigin.records.page("Contacts", NAME)

    said = [each for each in caplog.records if "Trying again" in each.message]
    assert [each.levelname for each in said] == ["INFO", "INFO", "WARNING"]
    assert said[0].message.startswith("Contacts: GET /Contacts: HTTP 502 with ")
    assert said[0].message.endswith("Trying again in 0.0 s (attempt 1 failed).")


def test_calls_are_counted_under_the_stream_that_made_them(bigin):
    """Credits by stream: that is what a person can change."""
    people_ = bigin.labelled("people")

    people_.records.page("Contacts", NAME)
    people_.coql.query("select id from Contacts where id > 0")
    bigin.records.count("Accounts")

    spent = bigin.spent()
    assert spent.by_label == {"people": 2, "Accounts": 1}
    assert spent.by_endpoint == {"list": 1, "coql": 1, "count": 1}


def test_the_meter_is_right_after_a_storm_of_everything(sandbox, connect, tmp_path):
    """Every attempt is charged once, whatever became of it, and the log has a line for each."""
    sandbox.settings(latency_ms=2)
    path = tmp_path / "api.jsonl"
    client = connect(
        sandbox.url,
        **sandbox.settings_for(max_concurrent_requests=10, max_retries=30, api_log_path=str(path)),
    )
    for fault in FAULTS.values():
        sandbox.fault("GET /Contacts", times=5, **fault)
        sandbox.fault("POST /Contacts/upsert", times=2, **fault)
    sandbox.fault("* /Contacts*", status=429, times=10)
    sandbox.fault("POST /coql", delay_ms=30, times=5)

    def work(number: int) -> None:
        if number == 40:
            sandbox.expire_tokens()
        if number % 3 == 0:
            client.records.upsert("Contacts", people(25), duplicate_check_fields=["Email"])
        elif number % 3 == 1:
            client.records.page("Contacts", NAME)
        else:
            client.coql.query("select id from Contacts where id > 0")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(90)))

    lines, bill = attempts(path), sandbox.usage()
    turned_away = [line for line in lines if line["status"] == 401]
    assert client.spent().calls == len(lines) == bill["calls"]
    assert client.spent().credits == sum(line["credits"] for line in lines)
    assert client.spent().credits - sum(line["credits"] for line in turned_away) == bill["credits"]
    assert turned_away
    answered = Counter(str(line["status"]) for line in lines if line["status"])
    assert answered["429"] == bill["statuses"]["429"] == 10
    assert answered["500"] == bill["statuses"]["500"]


def test_the_log_of_a_run_holds_no_secret(sandbox, connect, tmp_path, caplog):
    """Neither the file nor what is said at any level."""
    path = tmp_path / "api.jsonl"
    client = connect(sandbox.url, **sandbox.settings_for(api_log_path=str(path)))
    sandbox.fault("POST /oauth/*", status=502)
    sandbox.fault("GET /Contacts", drop=True)
    with caplog.at_level(logging.DEBUG):
        client.records.page("Contacts", NAME)
        client.records.insert("Contacts", [{"Last_Name": "Zetterberg"}])
        token = client._tokens.current().value

    said = caplog.text + path.read_text(encoding="utf-8")
    for secret in (sandbox.client_secret, sandbox.refresh_token, token, "Zetterberg"):
        assert secret not in said
