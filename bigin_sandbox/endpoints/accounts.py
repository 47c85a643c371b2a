"""The accounts server: `/oauth/v2/token`. Its errors come in HTTP 200. Source: FACTS 1, read.md 1."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.http.answers import Answer, json_answer
from bigin_sandbox.http.calls import AccessToken, ApiCall, Route
from bigin_sandbox.rules.access.devices import LOCATIONS, WHERE_IT_BEGINS
from bigin_sandbox.rules.access.tokens import CLIENT_ID, CLIENT_SECRET, LIFETIME, Tokens

THROTTLED = {
    "error_description": "You have made too many requests continuously. Please try again after some time.",
    "error": "Access Denied",
    "status": "failure",
}


def request_token(call: ApiCall) -> Answer:
    """An access token for a refresh token or for a one-time code; form, multipart or query alike."""
    given = form_of(call)
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


def server_info(call: ApiCall) -> Answer:
    """Location -> accounts server, without a login; here all are this one, by other addresses."""
    locations = {location: f"{call.base_url}/dc/{location}" for location in LOCATIONS}
    return json_answer({"result": "success", "locations": {**locations, WHERE_IT_BEGINS: call.base_url}})


def form_of(call: ApiCall) -> dict[str, str]:
    """What a caller says: query and form, urlencoded or multipart."""
    return {**call.params, **{name: value for name, value in call.form.items() if isinstance(value, str)}}


def _refresh(call: ApiCall, refresh_token: str) -> Answer:
    tokens = call.context.part(Tokens)
    if refresh_token not in tokens.grants or not _is_at_home(call):
        return _error("invalid_code")
    token = tokens.issue(refresh_token)
    return json_answer(THROTTLED, 400) if token is None else json_answer(granted(call, token))


def _redeem(call: ApiCall, code: str) -> Answer:
    tokens = call.context.part(Tokens)
    refresh_token = tokens.redeem(code) if _is_at_home(call) else None
    if refresh_token is None:
        return _error("invalid_code")
    token = tokens.issue(refresh_token)
    if token is None:
        return json_answer(THROTTLED, 400)
    return json_answer({**granted(call, token), "refresh_token": refresh_token})


def _is_at_home(call: ApiCall) -> bool:
    """Whether the organisation is known to the data center asked; without one in the address, to any."""
    home = call.context.settings.location
    return call.path_params.get("location", home) == home


def granted(call: ApiCall, token: AccessToken) -> dict[str, Any]:
    """The body that gives a token."""
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
    Route("GET", "/oauth/serverinfo", server_info, base="", needs_token=False),
    Route("POST", "/dc/{location}/oauth/v2/token", request_token, base="", needs_token=False),
    Route("POST", "/oauth/v2/token", request_token, base="", needs_token=False),
    Route("POST", "/oauth/v2/token/revoke", revoke_token, base="", needs_token=False),
]
