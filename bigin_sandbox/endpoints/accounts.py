"""The accounts server: `/oauth/v2/token`. Its errors come in HTTP 200. Source: FACTS 1, read.md 1."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.http.answers import Answer, json_answer
from bigin_sandbox.http.calls import AccessToken, ApiCall, Route
from bigin_sandbox.rules.access.tokens import CLIENT_ID, CLIENT_SECRET, LIFETIME, Tokens

THROTTLED = {
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


def request_token(call: ApiCall) -> Answer:
    """An access token for a refresh token or for a one-time code; form, multipart or query alike."""
    given = {**call.params, **{name: value for name, value in call.form.items() if isinstance(value, str)}}
    if given.get("client_id") != CLIENT_ID:
        return _error("invalid_client")
    if given.get("client_secret") != CLIENT_SECRET:
        return _error("invalid_client_secret")
    if given.get("grant_type") == "refresh_token":
        return _refresh(call, given.get("refresh_token", ""))
    if given.get("grant_type") == "authorization_code":
        return _redeem(call, given.get("code", ""))
    return _error("invalid_request")


def revoke_token(call: ApiCall) -> Answer:
    """End a refresh token with all its access tokens."""
    value = call.params.get("token") or call.form.get("token")
    if call.context.part(Tokens).grants.pop(str(value), None) is None:
        return _error("invalid_token")
    return json_answer({"status": "success"})


def _refresh(call: ApiCall, refresh_token: str) -> Answer:
    tokens = call.context.part(Tokens)
    if refresh_token not in tokens.grants:
        return _error("invalid_code")
    token = tokens.issue(refresh_token)
    return json_answer(THROTTLED, 400) if token is None else json_answer(_granted(call, token))


def _redeem(call: ApiCall, code: str) -> Answer:
    tokens = call.context.part(Tokens)
    refresh_token = tokens.codes.pop(code, None)  # a code serves once
    if refresh_token is None:
        return _error("invalid_code")
    token = tokens.issue(refresh_token)
    if token is None:
        return json_answer(THROTTLED, 400)
    return json_answer({**_granted(call, token), "refresh_token": refresh_token})


def _granted(call: ApiCall, token: AccessToken) -> dict[str, Any]:
    return {
        "access_token": token.value,
        "scope": call.context.part(Tokens).grants[token.refresh_token].scope,
        "api_domain": call.base_url,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
    }


def _error(word: str) -> Answer:
    return json_answer({"error": word})


ROUTES = [
    Route("POST", "/oauth/v2/token", request_token, base="", needs_token=False),
    Route("POST", "/oauth/v2/token/revoke", revoke_token, base="", needs_token=False),
]
