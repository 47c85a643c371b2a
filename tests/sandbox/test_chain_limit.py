"""The end of a chain of page tokens. FACTS 4: at most 100,000 records."""

from __future__ import annotations

from bigin_sandbox.endpoints.records import list_records
from bigin_sandbox.http.answers import Refusal
from bigin_sandbox.http.calls import AccessToken, ApiCall
from bigin_sandbox.rules.reading.paging import PageTokens, Position
from bigin_sandbox.sandbox import Sandbox
from bigin_sandbox.settings import Settings


def _call(sandbox, **params):
    user = sandbox.store.users()[0]["id"]
    token = AccessToken("t", user, frozenset(), "r", 0.0, 9e9)
    return ApiCall(
        context=sandbox.context,
        method="GET",
        path="/bigin/v2/Contacts",
        url="http://here/bigin/v2/Contacts",
        path_params={"module": "Contacts"},
        params={"fields": "id", **params},
        headers={},
        content=b"",
        form={},
        token=token,
    )


def test_a_chain_ends_at_100000_records():
    """FACTS 4: the page that would go beyond is PAGINATION_LIMIT_EXCEEDED, the one before is answered."""
    sandbox = Sandbox(Settings(size="small", token_paging="offset"))
    tokens = sandbox.context.part(PageTokens)
    last = tokens.give(_call(sandbox), Position(99_800))
    beyond = tokens.give(_call(sandbox), Position(100_000))

    answered = list_records(_call(sandbox, page_token=last))
    try:
        list_records(_call(sandbox, page_token=beyond))
    except Refusal as refusal:
        refused = refusal

    assert answered.status == 204
    assert (refused.code, refused.details) == ("PAGINATION_LIMIT_EXCEEDED", {"limit": 100_000})
    sandbox.store.close()
