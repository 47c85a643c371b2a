"""How a refresh token is got: by the device flow, or for a grant code of a self client.

Source: device flow of the accounts server, self client page. Its errors come as HTTP 200 with an ``error``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bigin_api.errors import AuthError, ConnectionFailed, ServerError
from bigin_api.http.replies import is_busy
from bigin_api.http.transport import Transport
from bigin_api.json_values import read_json
from bigin_api.settings import DATA_CENTERS, read_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

LEAST_INTERVAL = 1.0  # seconds between two looks, whatever the server says
SLOW_INTERVAL = 30.0  # after `slow_down`
LEAST_PATIENCE = 60.0  # seconds for a person to type the code
MILLISECONDS = 1000  # `interval` and `expires_in` are milliseconds, though named like seconds

_ADVICE = {
    "invalid_client": "the client is unknown there. Check the client ID and --data-center; its type must be "
    "a non-browser application for the device flow, a self client for --code",
    "invalid_client_secret": "the client secret does not fit: it may differ per data center",
    "invalid_code": "the code was used before, is too old (ten minutes at most) or of another data center: "
    "make a new one",
    "invalid_scope": "the accounts server does not know one of the scopes; name the modules with --modules",
    "access_denied": "consent was refused, or too many codes were asked for: try again in ten minutes",
    "expired": "the code was not confirmed in time: run the command again",
    "unauthorized_client": "this client may not use this flow: create a non-browser application, or use "
    "--code with a self client",
}


@dataclass(frozen=True)
class DeviceCode:
    """What a person has to do, and how long to wait for it, in seconds."""

    user_code: str
    verification_url: str
    device_code: str = field(repr=False)
    interval: float
    patience: float


@dataclass(frozen=True)
class Grant:
    """What was granted, and in which data center."""

    refresh_token: str = field(repr=False)
    data_center: str
    scope: str | None = None


class Accounts:
    """The accounts server that grants tokens to a client.

    ``accounts_url`` stands for the server of every data center: the sandbox, or a proxy. If it sends to
    another data center again and again, that one is asked under ``/dc/<location>`` of it.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        data_center: str = "us",
        accounts_url: str | None = None,
        allow_http: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data_center = data_center
        self._client_id = client_id
        self._client_secret = client_secret
        given = {"accounts_url": accounts_url}
        self._accounts_url = read_address(given, "accounts_url", allow_http=allow_http)
        self._place = ""  # of a data center, below an accounts_url that stands for all
        self._sleep = sleep
        self._now = now
        self._transport = Transport(timeout=30, connections=1, user_agent="bigin-singer")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._transport.close()

    @property
    def url(self) -> str:
        """The server asked at present."""
        if self._accounts_url is not None:
            return f"{self._accounts_url}{self._place}"
        return DATA_CENTERS[self.data_center].accounts_url

    def redeem(self, code: str) -> Grant:
        """The refresh token for a self client's grant code. Raises AuthError."""
        answer = self._ask(
            "/oauth/v2/token",
            grant_type="authorization_code",
            client_id=self._client_id,
            client_secret=self._client_secret,
            code=code,
        )
        return self._granted(answer)

    def begin(self, scopes: Sequence[str]) -> DeviceCode:
        """A code for a person to confirm in a browser. Raises AuthError."""
        answer = self._ask(
            "/oauth/v3/device/code",
            client_id=self._client_id,
            grant_type="device_request",
            scope=",".join(scopes),
            access_type="offline",
            prompt="consent",
        )
        if "device_code" not in answer or "user_code" not in answer:
            raise self._refused(answer)
        # The address that has the code in it already spares a person the typing.
        names = ("verification_uri_complete", "verification_url", "verification_uri")
        shown = next((str(answer[name]) for name in names if answer.get(name)), f"{self.url}/device")
        return DeviceCode(
            user_code=_printable(str(answer["user_code"])),
            verification_url=_printable(shown),
            device_code=str(answer["device_code"]),
            interval=min(max(LEAST_INTERVAL, _seconds(answer.get("interval"))), SLOW_INTERVAL),
            patience=max(LEAST_PATIENCE, _seconds(answer.get("expires_in"))),
        )

    def wait(self, code: DeviceCode) -> Grant:
        """The refresh token, once a person has confirmed the code. Raises AuthError.

        If that person's account lives in another data center, the server says which: it is asked from
        then on, and ``data_center`` names it.
        """
        interval, deadline = code.interval, self._now() + code.patience
        while self._now() < deadline:
            self._sleep(interval)
            answer = self._poll(code)
            error = answer.get("error")
            if error is None:
                return self._granted(answer)
            if error == "slow_down":
                interval = SLOW_INTERVAL
            elif error == "other_dc":
                self._move(answer)
            elif error != "authorization_pending":
                raise self._refused(answer)
        raise self._refused({"error": "expired"})

    def _poll(self, code: DeviceCode) -> Mapping[str, Any]:
        try:
            return self._ask(
                "/oauth/v3/device/token",
                client_id=self._client_id,
                client_secret=self._client_secret,
                grant_type="device_token",
                code=code.device_code,
            )
        except (ConnectionFailed, ServerError):
            return {"error": "authorization_pending"}  # a network that blinks must not cost the consent

    def _move(self, answer: Mapping[str, Any]) -> None:
        """Go on in the data center of the person who consented, if our own table has it."""
        location = str(answer.get("user_location") or "").strip().lower()
        if location not in DATA_CENTERS:
            # Not what the answer may hold as an address: the secret would go to a stranger.
            raise AuthError(
                f"{self.url}: the account lives in the data center {location!r}, which is unknown here."
            )
        if self._accounts_url is not None and self.data_center == location and not self._place:
            self._place = f"/dc/{location}"  # one server for all, and it tells them apart by the address
        self.data_center = location

    def _ask(self, path: str, **form: str) -> Mapping[str, Any]:
        received = self._transport.send("POST", f"{self.url}{path}", form=form)
        answer = read_json(received.body)
        if is_busy(received.status) or not isinstance(answer, Mapping):
            raise ServerError(
                f"{self.url}: HTTP {received.status} without an answer in JSON. Is it the accounts server?",
                status=received.status,
            )
        return answer

    def _granted(self, answer: Mapping[str, Any]) -> Grant:
        if answer.get("error"):
            raise self._refused(answer)
        refresh_token = answer.get("refresh_token")
        if not isinstance(refresh_token, str) or not refresh_token:
            raise AuthError(
                f"{self.url} granted no refresh token: the consent was not for offline access. Run it again; "
                "a code must be one of a self client."
            )
        scope = answer.get("scope")
        return Grant(refresh_token, self.data_center, scope if isinstance(scope, str) else None)

    def _refused(self, answer: Mapping[str, Any]) -> AuthError:
        code = str(answer.get("error") or "no code in the answer")
        advice = _ADVICE.get(
            code.lower().replace(" ", "_"), "check client ID, client secret and --data-center"
        )
        return AuthError(f"{self.url} refused ({code}): {advice}.", code=code)


def _seconds(milliseconds: Any) -> float:
    return milliseconds / MILLISECONDS if isinstance(milliseconds, int | float) else 0.0


def _printable(text: str) -> str:
    """What a terminal may be given: an answer could hold what moves its cursor."""
    return "".join(each for each in text if each.isprintable())
