"""The accounts server for programs without a browser: `/oauth/v3/device/…`. Source: FACTS 6a.

Under `/dc/eu/…` and its like the same accounts server answers as that location's; without, as the one in
the United States. Errors come in HTTP 200.
"""

from __future__ import annotations

from bigin_sandbox.endpoints.accounts import THROTTLED, form_of, granted
from bigin_sandbox.http.answers import Answer, json_answer
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.devices import WHERE_IT_BEGINS, Devices
from bigin_sandbox.rules.access.tokens import CLIENT_ID, CLIENT_SECRET, Tokens


def request_code(call: ApiCall) -> Answer:
    """A code for the person and one for the program; `interval` and `expires_in` are milliseconds."""
    given = form_of(call)
    if given.get("client_id") != CLIENT_ID:
        return json_answer({"error": "invalid_client"})
    if given.get("grant_type") != "device_request" or not given.get("scope"):
        return json_answer({"error": "invalid_request"})
    device = call.context.part(Devices).begin(
        given["scope"], is_offline=given.get("access_type") == "offline"
    )
    settings = call.context.settings
    return json_answer(
        {
            "user_code": device.user_code,
            "device_code": device.device_code,
            "verification_url": f"{call.base_url}/oauth/v3/device",
            "interval": settings.device_interval_ms,
            "expires_in": settings.device_code_ms,
        }
    )


def request_device_token(call: ApiCall) -> Answer:
    """The tokens once a person has said yes; until then, `authorization_pending`."""
    given = form_of(call)
    if given.get("client_id") != CLIENT_ID:
        return json_answer({"error": "invalid_client"})
    if given.get("client_secret") != CLIENT_SECRET:
        return json_answer({"error": "invalid_client_secret"})
    if given.get("grant_type") != "device_token":
        return json_answer({"error": "invalid_request"})
    devices = call.context.part(Devices)
    location = call.path_params.get("location", WHERE_IT_BEGINS)
    poll = devices.poll(given.get("code", ""), location)
    if poll.device is None:
        return json_answer(poll.error)
    refresh_token = devices.consent(poll.device)
    token = call.context.part(Tokens).issue(refresh_token)
    if token is None:
        return json_answer(THROTTLED, 400)
    more = {"refresh_token": refresh_token} if poll.device.is_offline else {}
    return json_answer({**granted(call, token), **more})


def open_page(call: ApiCall) -> Answer:
    """The page that a person opens; `?user_code=` says yes without another click."""
    user_code = call.params.get("user_code")
    text = "Open this page with ?user_code=, which says yes."
    if user_code:
        try:
            call.context.part(Devices).answer("approve", user_code=user_code, user=0)
            text = f"{user_code} may now use the organisation."
        except LookupError:
            text = f"Nobody waits with the code {user_code}."
    return Answer(content=f"<html><body>{text}</body></html>".encode(), content_type="text/html")


_DEVICE = "/oauth/v3/device"
ROUTES = [
    Route("GET", _DEVICE, open_page, base="", needs_token=False),
    *(
        Route("POST", f"{prefix}{_DEVICE}/{word}", endpoint, base="", needs_token=False)
        for prefix in ("", "/dc/{location}")
        for word, endpoint in (("code", request_code), ("token", request_device_token))
    ),
]
