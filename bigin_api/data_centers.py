"""The hosts of each data center (multi-dc page, Bigin v2; content hosts: bulk-write upload page)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from bigin_api.errors import SettingsError


@dataclass(frozen=True)
class DataCenter:
    """Where one location keeps its accounts server, its API and its uploads."""

    accounts_url: str
    api_url: str
    content_url: str


def _zoho(suffix: str) -> DataCenter:
    return DataCenter(
        accounts_url=f"https://accounts.zoho.{suffix}",
        api_url=f"https://www.zohoapis.{suffix}",
        content_url=f"https://content.zohoapis.{suffix}",
    )


DATA_CENTERS = {
    "us": _zoho("com"),
    "eu": _zoho("eu"),
    "in": _zoho("in"),
    "au": _zoho("com.au"),
    "cn": _zoho("com.cn"),
    "jp": _zoho("jp"),
    "sa": _zoho("sa"),
    # Canada has two families of hosts: zohocloud.ca for accounts, zohoapis.ca for the API.
    "ca": DataCenter(
        "https://accounts.zohocloud.ca", "https://www.zohoapis.ca", "https://content.zohoapis.ca"
    ),
}


ZOHO_DOMAINS = tuple(
    f"{domain}.{suffix}"
    for suffix in ("com", "eu", "in", "com.au", "com.cn", "jp", "sa", "ca")
    for domain in ("zoho", "zohoapis", "zohocloud")
)


def is_zoho(url: str) -> bool:
    """Whether an address is an https one of Zoho's, so that a token may go there.

    >>> is_zoho("https://download-accl.zoho.com/x"), is_zoho("https://zoho.com.example.org/x")
    (True, False)
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" and host.endswith(tuple(f".{domain}" for domain in ZOHO_DOMAINS))


def data_center(name: str) -> DataCenter:
    """The hosts of a location such as ``eu``. Raises SettingsError for an unknown one."""
    try:
        return DATA_CENTERS[name.strip().lower()]
    except KeyError:
        known = ", ".join(DATA_CENTERS)
        raise SettingsError(f"data_center: {name!r} is not one of {known}.") from None
