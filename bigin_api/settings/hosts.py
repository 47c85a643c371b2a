"""Where Bigin lives: the hosts of each data center, and the addresses that a token may go to. Pure.

Two parsers read one odd address in two ways, and a token would go to the wrong host: so an address is
matched as a whole, and one with a backslash, userinfo or control characters is none.
Source of the hosts: multi-dc page, bulk-write upload page (Bigin v2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from bigin_api.errors import SettingsError

_ADDRESS = re.compile(
    r"(https?)://((?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?"
    r"(?:/[\w.~!$&'()*+,;=:%/-]*)?",
    re.ASCII | re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """What a token is sent to."""

    scheme: str
    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True for this machine itself: nobody on the way can listen."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def is_zoho(self) -> bool:
        """True for a host of Zoho's over https."""
        return self.scheme == "https" and self.host.endswith(tuple(f".{each}" for each in ZOHO_DOMAINS))


def origin(address: str) -> Origin | None:
    r"""The origin of an address, None for anything but a plain http(s) address without a query.

    >>> origin("https://WWW.zohoapis.eu/x")
    Origin(scheme='https', host='www.zohoapis.eu', port=443)
    >>> origin("https://example.org\\.zoho.com"), origin("https://zoho.com@example.org")
    (None, None)
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    scheme, host, port = found[1].lower(), found[2].lower().rstrip("."), found[3]
    number = int(port) if port else _PORTS[scheme]
    return Origin(scheme, host, number) if 0 < number < 1 << 16 else None


@dataclass(frozen=True)
class Hosts:
    """Where a location keeps its accounts server, its API and its uploads.

    ``api_url`` is None where the accounts server's answer is to tell; ``default_api_url`` is for an
    answer that does not.
    """

    accounts_url: str
    default_api_url: str
    content_url: str
    api_url: str | None = None

    @classmethod
    def of_zoho(cls, suffix: str, *, accounts: str = "zoho") -> Hosts:
        """Those of the data center whose addresses end so.

        >>> Hosts.of_zoho("eu").accounts_url
        'https://accounts.zoho.eu'
        """
        return cls(
            f"https://accounts.{accounts}.{suffix}",
            f"https://www.zohoapis.{suffix}",
            f"https://content.zohoapis.{suffix}",
        )

    def may_have_token(self, address: str) -> bool:
        """True for Zoho's own hosts and for those that the user set: no token goes anywhere else."""
        asked = origin(address)
        own = (origin(each) for each in (self.api_url, self.accounts_url) if each)
        return asked is not None and (asked.is_zoho or asked in own)


DATA_CENTERS = {
    "us": Hosts.of_zoho("com"),
    "eu": Hosts.of_zoho("eu"),
    "in": Hosts.of_zoho("in"),
    "au": Hosts.of_zoho("com.au"),
    "cn": Hosts.of_zoho("com.cn"),
    "jp": Hosts.of_zoho("jp"),
    "sa": Hosts.of_zoho("sa"),
    "ca": Hosts.of_zoho("ca", accounts="zohocloud"),
}
ZOHO_DOMAINS = frozenset(
    address.partition(".")[2]
    for hosts in DATA_CENTERS.values()
    for address in (hosts.accounts_url, hosts.default_api_url, hosts.content_url)
)
"""``zoho.eu``, ``zohoapis.eu`` and so on: those of the table, and no other that sounds like them."""


def data_center(name: str) -> Hosts:
    """The hosts of a location such as ``eu``. Raises SettingsError for an unknown one."""
    try:
        return DATA_CENTERS[name.strip().lower()]
    except KeyError:
        known = ", ".join(DATA_CENTERS)
        raise SettingsError(f"data_center: {name!r} is not one of {known}.") from None


def is_zoho(url: str) -> bool:
    """True for an https address of Zoho's, so that a token may go there.

    >>> is_zoho("https://download-accl.zoho.com/x"), is_zoho("https://zoho.com.example.org/x")
    (True, False)
    """
    found = origin(url)
    return found is not None and found.is_zoho
